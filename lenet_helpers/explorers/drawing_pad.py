"""Draw a digit and see what a network makes of it: the ink is prepared as MNIST's was, then classified."""

from dataclasses import dataclass, field

import ipywidgets as w
import numpy as np
import torch

from ..figures.canvas import COLOURS, SIGNED, bare, figure, label
from ..figures.plots import mosaic
from ..modes import evaluation_mode
from ..summary import device_of, run_with_hooks
from ..tuning import kept_digits, own_digits
from ..wording import _, sentences
from .kit.base import Explorer
from .kit.canvas_view import Grid
from .kit.sheet_view import Part, Sheet

SIDE, INK = own_digits.FIELD, 56  # pixels: the network's image, the pad
WIDTH, HEIGHT = 860, 370  # pixels: the picture below the pad
# Boxes as matplotlib has them: left, bottom, width, height, as fractions of the picture.
BARS = (0.64, 0.56, 0.35, 0.36)


def _step(i):
    return 0.01 + 0.19 * i, 0.52, 0.17, 0.38


def _layer(i, n):
    return 0.01 + i * 0.98 / n, 0.01, 0.9 / n, 0.34


def _in_pixels(left, bottom, width, height):
    """The same box from the upper left corner [pixels]."""
    return [left * WIDTH, (1 - bottom - height) * HEIGHT, width * WIDTH, height * HEIGHT]


@dataclass
class PadState:
    """What is drawn, how it is prepared and who looks at it. `ink`: (56, 56) in [0, 1]; `scale`: from
    [0, 1] to what the network was trained on; `file`: where digits are kept; `meant`: which class the
    drawing is to be kept as.
    """

    model: torch.nn.Module
    scale: object
    class_names: tuple
    file: str
    normalise: bool = True
    centre: bool = True
    meant: int = 0
    ink: np.ndarray = field(default_factory=lambda: np.zeros((INK, INK), dtype=np.float32), repr=False)
    judged: dict = field(default_factory=dict, repr=False)  # right answers worked out before
    seen: dict = field(default_factory=dict, repr=False)  # what the network made of the drawing, by drawing

    @property
    def blank(self):
        """Whether nothing is drawn."""
        return not self.ink.any()

    @property
    def image(self):
        """The drawing as the network gets it, (28, 28) in [0, 1]."""
        if self.blank:
            return np.zeros((SIDE, SIDE), dtype=np.float32)
        return own_digits.prepared(self.ink, normalise=self.normalise, centre=self.centre)

    @property
    def steps(self):
        """From the drawing to that image: what is used of it, the same made small, the image."""
        if self.blank:
            return self.ink, self.image, self.image
        used = own_digits.cropped(self.ink) if self.normalise else self.ink
        return used, own_digits.fitted(used, own_digits.BOX if self.normalise else SIDE), self.image

    def answers(self, images):
        """Softmax over the classes of images (n, 28, 28) in [0, 1]: (n, classes)."""
        inputs = self.scale(torch.as_tensor(images).reshape(-1, 1, SIDE, SIDE))
        with evaluation_mode(self.model), torch.inference_mode():
            return self.model(inputs.to(device_of(self.model))).softmax(1).cpu().numpy()

    def look(self):
        """(softmax over the classes, what each layer answered), from one pass of the drawing."""
        key = (self.ink.tobytes(), self.normalise, self.centre)
        if key not in self.seen:
            found = {}
            image = self.scale(torch.from_numpy(self.image)[None, None]).to(device_of(self.model))
            output = run_with_hooks(
                self.model, image, lambda name, _layer, output: found.update({name: output[0].cpu().numpy()})
            )
            self.seen = {key: (output.softmax(1)[0].cpu().numpy(), found)}
        return self.seen[key]

    @property
    def probabilities(self):
        """Of the drawing, (classes,); None of a blank pad."""
        return None if self.blank else self.look()[0]

    @property
    def maps(self):
        """What every layer but the last answers to the image: name → (maps, height, width); a dense layer's
        outputs are maps of one pixel. Zeros where nothing is drawn.
        """
        layers = [n for n, m in self.model.named_modules() if n and not list(m.children())][:-1]
        found = self.look()[1] if layers else {}
        return {
            name: maps.reshape(len(maps), *(maps.shape[1:] or (1, 1))) * (not self.blank)
            for name, maps in found.items()
            if name in layers
        }

    def keep(self):
        """Add the drawing to the file."""
        kept_digits.keep(self.file, self.ink, self.meant)
        self.judged.clear()

    def score(self):
        """(right, n): how many of the digits in the file the network reads, prepared as is set now."""
        key = (self.normalise, self.centre)
        if key not in self.judged:
            images, labels = kept_digits.as_set(self.file, normalise=self.normalise, centre=self.centre)
            right = int((self.answers(images).argmax(1) == labels.numpy()).sum()) if len(labels) else 0
            self.judged[key] = right, len(labels)
        return self.judged[key]


def _tiles(maps):
    """Maps in one picture, as wide as high or a little wider."""
    small = maps.shape[1:] == (1, 1)
    return mosaic(maps, 12 if small else int(np.ceil(np.sqrt(len(maps)))), gap=0 if small else 1)


class DigitPad(Explorer):
    """Draw with the mouse, a finger, a pen or the keyboard; below it each step to what the network gets,
    what it says, and what its layers answer.
    """

    name = "pad"

    def __init__(self, model, dataset, file="my-digits.json"):
        """`model`: trained on `dataset`, whose scaling of pixels its images then need. `file`: where the
        digits that you keep are stored, on this computer.
        """
        super().__init__(PadState(model, dataset.from_unit, tuple(dataset.class_names), file))

    def build(self):
        self.pad = Grid(
            rows=INK,
            columns=INK,
            cell=4,
            brush=2.2,
            wiped_by=".lenet-pad-blank",
            name=_("Drawing pad: draw with the pointer; arrow keys move, space or Shift with an arrow inks"),
        )
        self.pad.observe(lambda change: self._guarded(lambda: self._take(change["new"])), "greys")
        self.controls["pad"] = self.pad
        self.eraser = w.ToggleButton(description=_("Rubber"), icon="eraser", layout=w.Layout(width="auto"))
        self.link = w.jsdlink((self.eraser, "value"), (self.pad, "erases"))  # in the page, without the kernel
        self.eraser.add_class("lenet-pad-eraser")
        self.controls["eraser"] = self.eraser
        self.blank = self.button("blank", _("Blank page"), self._wipe)
        self.switch("normalise", _("cut out and scaled to 20×20"))
        self.switch("centre", _("centred by mass"))
        self.choice("meant", _("meant as"), [(n, i) for i, n in enumerate(self.state.class_names)])
        self.button("keep", _("Keep this digit"), self.state.keep)
        self._build_figure()
        # While there is a kernel, the same from small arrays, in time with the hand.
        self.stage = self.sheet = Sheet(
            width=WIDTH,
            height=HEIGHT,
            axis=_("probability [%]"),
            names=list(self.state.class_names),
            place=_in_pixels(*BARS),
        )

    def arrange(self, controls):
        """The pad, and beside it everything else."""
        pad, *others = controls.values()
        beside = w.VBox(others, layout=w.Layout(grid_gap="4px 0"))
        box = w.HBox([pad, beside], layout=w.Layout(grid_gap="0 16px"))
        box.add_class("lenet-wide")
        panel = w.Box([box])
        panel.add_class("lenet-panel")
        return panel

    def _build_figure(self):
        """Three steps and the bars above, a picture for each layer below."""
        self.figure, unused = figure(width=WIDTH / 100, height=HEIGHT / 100, layout=None)
        unused.remove()
        self.steps = []
        self.step_names = _("used of the drawing"), _("made small"), _("what the network gets")
        for i, name in enumerate(self.step_names):
            ax = self.figure.add_axes(_step(i))
            bare(ax, name)
            ax.title.set_fontsize(10)
            self.steps.append(ax.imshow(np.zeros((SIDE, SIDE)), cmap="gray", vmin=0, vmax=1))
        said = self.figure.add_axes(BARS)
        names = self.state.class_names
        self.bars = said.bar(range(len(names)), [0] * len(names), color=COLOURS["blue"], edgecolor="black")
        said.set_xticks(range(len(names)), names)
        said.set_ylim(0, 100)
        label(said, y=_("probability [%]"), grid=False)
        said.set_yticks((0, 50, 100))
        self.layers, maps = {}, self.state.maps
        for i, (name, each) in enumerate(maps.items()):
            ax = self.figure.add_axes(_layer(i, len(maps)))
            bare(ax, f"{name}, {len(each)}")
            ax.title.set_fontsize(10)
            self.layers[name] = ax.imshow(_tiles(each), cmap=SIGNED, interpolation="nearest")
        for artist in (*self.steps, *self.layers.values()):
            artist.axes.set_axis_off()  # nothing of the axes is drawn again

    def _take(self, greys):
        if len(greys) == INK * INK:
            self.state.ink = np.frombuffer(greys, np.uint8).reshape(INK, INK).astype(np.float32) / 255

    def _wipe(self):
        self.pad.greys = bytes(INK * INK)

    def draw_stage(self):
        chances, maps = self.state.probabilities, self.state.maps
        parts = [
            Part(name, picture, _in_pixels(*_step(i)))
            for i, (name, picture) in enumerate(zip(self.step_names, self.state.steps))
        ]
        parts += [
            Part(f"{name}, {len(each)}", _tiles(each), _in_pixels(*_layer(i, len(maps))), signed=True)
            for i, (name, each) in enumerate(maps.items())
        ]
        with self.sheet.hold_sync():  # in one message
            self.sheet.show(parts, [] if chances is None else chances)
            self.sheet.name = self.sentence()

    def draw(self):
        for artist, picture in zip(self.steps, self.state.steps):
            height, width = picture.shape
            artist.set_data(picture)
            artist.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))
        chances = self.state.probabilities
        for i, bar in enumerate(self.bars):
            bar.set_height(0 if chances is None else 100 * chances[i])
        for name, maps in self.state.maps.items():
            limit = float(np.abs(maps).max()) or 1.0
            self.layers[name].set_data(_tiles(maps))
            self.layers[name].set_clim(-limit, limit)

    def sentence(self):
        chances = self.state.probabilities
        if chances is None:
            said = _("The pad is blank: draw a digit.")
        else:
            best = int(chances.argmax())
            said = _("The network says {name}, with a probability of {share:.0f} %.").format(
                name=self.state.class_names[best], share=100 * chances[best]
            )
        right, n = self.state.score()
        if not n:
            return said
        kept = _("Digits kept in {file}: {n}; prepared in this way, {right} of them are read.")
        return sentences(said, kept.format(file=self.state.file, n=n, right=right))
