"""The interactive figures: the only part of the course's package that needs ipywidgets.

    from lenet_helpers.explorers import ConvolutionExplorer

Each is made when first asked for, so that a chapter loads only its own. `base` says how
to add one; its name then goes into the table below.
"""

import importlib

_WHERE = {
    "FirstExplorer": "first",
    "PermutationExplorer": "permutation",
    "ConvolutionExplorer": "convolution",
    "KernelGallery": "kernels",
    "SizeExplorer": "sizes",
    "FairCountExplorer": "fair_count",
    "EquivarianceExplorer": "equivariance",
    "ChannelsExplorer": "channels",
    "PoolingExplorer": "pooling",
    "LedgerExplorer": "ledger",
    "ReceptiveFieldExplorer": "receptive",
    "C3Explorer": "c3_table",
    "MixtureExplorer": "mixture",
    "ActivationExplorer": "activations",
    "TrainingDashboard": "dashboard",
    "TuningLab": "tuning_lab",
    "NoiseExplorer": "noise",
    "GalleryExplorer": "gallery",
    "PixelExplorer": "pixels",
    "LoopExplorer": "loop",
    "CurvesExplorer": "curves",
    "ConfusionExplorer": "confusion",
    "FeatureMapExplorer": "feature_maps",
    "ClinicExplorer": "clinic",
    "DigitPad": "drawing_pad",
}

__all__ = list(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)


def __dir__():
    return __all__
