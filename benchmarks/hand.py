"""How long a move of a control takes, for every interactive figure of the course.

    OMP_NUM_THREADS=1 python -m benchmarks.hand
    OMP_NUM_THREADS=1 python -m benchmarks.hand --browser      # the whole way, in a real JupyterLab

Each control is driven over its range; what is counted is this process's own CPU time from the new value to
the new picture, as milliseconds: the median of all moves that drew one, and the worst. The browser's part is
in the other table, `hand_browser`. A figure opened for the first time pays for what it loads once: the first
round of moves is not counted.
"""

import statistics
import sys
import time
from dataclasses import replace

import ipywidgets as w
import numpy as np
import torch

from lenet_helpers import explorers, load_dataset
from lenet_helpers.analysis import probabilities
from lenet_helpers.explorers.drawing_pad import INK
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.training import TrainConfig, train

LIMIT = 100  # milliseconds


def records(digits):
    """The records of a short run, for figures that draw one."""
    few = replace(digits, train=digits.train[:256], validation=digits.validation[:100])
    return list(train(new_model(LeNetConfig(), 0), few, TrainConfig(learning_rate=0.02, epochs=3)))


def every_explorer(digits):
    """name → a function that makes the figure, for all that are not trained in."""
    unit = digits.to_unit(digits.train.images)
    models = [new_model(LeNetConfig(), 0), new_model(LeNetConfig(), 1)]
    held = digits.validation
    return {
        "FirstExplorer": explorers.FirstExplorer,
        "PermutationExplorer": lambda: explorers.PermutationExplorer(digits),
        "ConvolutionExplorer": explorers.ConvolutionExplorer,
        "KernelGallery": lambda: explorers.KernelGallery(digits),
        "SizeExplorer": explorers.SizeExplorer,
        "FairCountExplorer": explorers.FairCountExplorer,
        "EquivarianceExplorer": lambda: explorers.EquivarianceExplorer(digits),
        "ChannelsExplorer": lambda: explorers.ChannelsExplorer(unit[0]),
        "PoolingExplorer": explorers.PoolingExplorer,
        "LedgerExplorer": explorers.LedgerExplorer,
        "ReceptiveFieldExplorer": lambda: explorers.ReceptiveFieldExplorer(unit[:200]),
        "C3Explorer": explorers.C3Explorer,
        "MixtureExplorer": explorers.MixtureExplorer,
        "ActivationExplorer": lambda: explorers.ActivationExplorer(digits.train),
        "NoiseExplorer": explorers.NoiseExplorer,
        "GalleryExplorer": lambda: explorers.GalleryExplorer(digits),
        "PixelExplorer": lambda: explorers.PixelExplorer(digits),
        "LoopExplorer": lambda: explorers.LoopExplorer(digits),
        "CurvesExplorer": lambda: explorers.CurvesExplorer(records(digits), batches_per_epoch=94),
        "ConfusionExplorer": lambda: explorers.ConfusionExplorer(
            probabilities(models[0], held.images), held, digits.class_names
        ),
        "FeatureMapExplorer": lambda: explorers.FeatureMapExplorer(zip("01", models), held),
        "ClinicExplorer": explorers.ClinicExplorer,
        "DigitPad": lambda: explorers.DigitPad(models[0], digits),
    }


def ends(control):
    """Values to drive a control to: both ends and the middle, or every option."""
    if isinstance(control, w.IntSlider):
        return [control.min, control.max, (control.min + control.max) // 2]
    if isinstance(control, w.FloatSlider):
        return [control.min, control.max, (control.min + control.max) / 2]
    if isinstance(control, w.Dropdown):
        return [option[1] if isinstance(option, tuple) else option for option in control.options]
    return [True, False] if isinstance(control, w.Checkbox) else []


def moves(explorer):
    """CPU milliseconds of every move of every control that drew a new picture, after a first round."""
    if explorer.prediction:
        explorer.prediction.skip.click()
    drawn, refresh = [], explorer.refresh
    explorer.refresh = lambda: (drawn.append(1), refresh())
    costs = []
    for control in list(explorer.controls.values()):
        before = getattr(control, "value", None)
        for turn in range(3):
            for value in ends(control):
                drawn.clear()
                started = time.process_time()
                control.value = value
                if turn and drawn:
                    costs.append(1000 * (time.process_time() - started))
        if ends(control):
            control.value = before
    if not costs:  # nothing to move but a canvas: a press is what draws
        for _again in range(10):
            started = time.process_time()
            explorer.refresh()
            costs.append(1000 * (time.process_time() - started))
    del explorer.refresh
    return costs


def strokes(pad):
    """CPU milliseconds from ink to picture while a stroke grows, the first time left out."""
    ink, costs = np.zeros((INK, INK), dtype=np.uint8), []
    for row in range(8, INK - 8):
        ink[row : row + 4, 26:30] = 255
        started = time.process_time()
        pad.pad.greys = ink.tobytes()
        costs.append(1000 * (time.process_time() - started))
    return costs[1:]


def main():
    torch.set_num_threads(1)
    made = every_explorer(load_dataset())
    missing = set(explorers.__all__) - set(made) - {"TrainingDashboard", "TuningLab"}
    if missing:
        sys.exit(f"not measured: {', '.join(sorted(missing))}")
    print(f"{'figure':24} {'moves':>6} {'median':>8} {'worst':>8}   [ms of CPU, one thread]")
    slow = []
    for name, make in made.items():
        costs = moves(make())
        print(f"{name:24} {len(costs):6} {statistics.median(costs):8.0f} {max(costs):8.0f}", flush=True)
        if statistics.median(costs) >= LIMIT:
            slow.append(name)
    costs = strokes(made["DigitPad"]())
    print(f"{'stroke to picture':24} {len(costs):6} {statistics.median(costs):8.0f} {max(costs):8.0f}")
    print(f"{len(made)} figures; median of {LIMIT} ms or more: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--browser"]:
        from .hand_browser import main
    main()
