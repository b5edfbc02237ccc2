"""Chapter 3.6: kernels and feature maps, epoch by epoch."""

from dataclasses import dataclass

import numpy as np

from .. import analysis
from ..data import Split
from ..figures.canvas import SIGNED, bare, figure
from ..figures.plots import mosaic
from ..wording import _
from .kit.base import Explorer


@dataclass
class FeatureMapState:
    """Networks saved while training, and what is looked at.

    `snapshots`: (label, model) pairs, the label saying after how many epochs; `moment`,
    `index`: positions in `snapshots` and in the split's images; `layer`: a layer's name.
    """

    snapshots: list
    split: Split
    moment: int = 0
    layer: str = "conv1"
    index: int = 0

    @property
    def model(self):
        """The network at the chosen moment."""
        return self.snapshots[self.moment][1]

    @property
    def layers(self):
        """Names of the layers that answer with maps."""
        return list(analysis.feature_maps(self.model, self.split.images[0]))

    @property
    def kernels(self):
        """conv1's kernels, (maps, height, width), of the first input channel."""
        return self.model.conv1.weight.detach()[:, 0].numpy()

    @property
    def maps(self):
        """What the chosen layer answers to the image, (maps, height, width), before the activation."""
        return analysis.feature_maps(self.model, self.split.images[self.index], [self.layer])[self.layer]


class FeatureMapExplorer(Explorer):
    """The image, conv1's kernels and one layer's maps; sliders for epoch, layer and image."""

    name = "feature-maps"

    def __init__(self, snapshots, split):
        super().__init__(FeatureMapState(list(snapshots), split))
        self.controls["moment"].value = len(self.state.snapshots) - 1

    def build(self):
        state = self.state
        self.figure, _unused = figure(width=8.4, height=3.4, layout=None)
        self.figure.clear()
        image = self.figure.add_axes((0.01, 0.1, 0.24, 0.74))
        kernels = self.figure.add_axes((0.27, 0.1, 0.24, 0.74))
        maps = self.figure.add_axes((0.54, 0.1, 0.36, 0.74))
        bar = self.figure.add_axes((0.92, 0.15, 0.015, 0.64))
        for ax in (image, kernels, maps):
            bare(ax, " ")
        self.titles = [ax.title for ax in (image, kernels, maps)]
        self.shown = image.imshow(np.zeros((28, 28)), cmap="gray")
        self.kernels = kernels.imshow(np.zeros((3, 3)), cmap=SIGNED, interpolation="nearest")
        self.maps = maps.imshow(np.zeros((3, 3)), cmap=SIGNED, interpolation="nearest")
        self.figure.colorbar(self.maps, cax=bar)
        self.slider("moment", _("after epoch (position in the list)"), 0, len(state.snapshots) - 1)
        self.choice("layer", _("layer"), state.layers)
        self.slider("index", _("image"), 0, min(199, len(state.split) - 1))
        self.ask(
            _("After training, the kernels of the first layer look most like …"),
            {
                "pieces": _("pieces of digits"),
                "edges": _("edges and strokes of one direction, and some noise"),
                "means": _("the mean image of a class"),
            },
            answer="edges",
        )

    def draw(self):
        state = self.state
        moment = state.moment if self.revealed else 0
        label = state.snapshots[moment][0]
        then = FeatureMapState(state.snapshots, state.split, moment, state.layer, state.index)
        self._fill(self.shown, state.split.images[state.index].mean(0).numpy(), signed=False)
        self._fill(self.kernels, mosaic(then.kernels, 2))
        self._fill(self.maps, mosaic(then.maps, 3 if len(then.maps) <= 9 else 4))
        self.titles[0].set_text(_("image {i}").format(i=state.index))
        self.titles[1].set_text(_("conv1's kernels, epoch {e}").format(e=label))
        self.titles[2].set_text(_("{layer}, epoch {e}").format(layer=state.layer, e=label))

    def _fill(self, artist, values, *, signed=True):
        height, width = values.shape
        artist.set_data(values)
        artist.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))
        limit = float(np.nanmax(np.abs(values))) or 1.0
        (
            artist.set_clim(-limit, limit)
            if signed
            else artist.set_clim(float(values.min()), float(values.max()))
        )

    def sentence(self):
        state = self.state
        if not self.revealed:
            return _(
                "Before training: conv1's kernels and the maps of {layer} for image {i}, all from random"
                " weights."
            ).format(layer=state.layer, i=state.index)
        maps = state.maps
        strongest = int(np.abs(maps).reshape(len(maps), -1).max(1).argmax())
        return _(
            "At epoch {e}, {layer} answers to image {i} with {n} maps of {h}×{w}; the strongest response,"
            " {value:.2f}, is in map {k}, counted from 0. Orange is positive, purple negative."
        ).format(
            e=state.snapshots[state.moment][0],
            layer=state.layer,
            i=state.index,
            n=len(maps),
            h=maps.shape[1],
            w=maps.shape[2],
            value=float(maps[strongest].flat[np.abs(maps[strongest]).argmax()]),
            k=strongest,
        )
