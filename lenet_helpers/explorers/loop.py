"""Chapter 3.3: one step of training, line by line, followed at a single weight."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from ..data import Split
from ..figures.canvas import COLOURS, GREY, bare, figure, label
from ..figures.plots import mosaic
from ..models import LeNet
from ..modes import first_weights
from ..wording import N_, _, pgettext, sentences
from .kit.base import Explorer
from .kit.fitting import require_digits

LINES = (
    "for images, labels in batches(...):",
    "    loss = F.cross_entropy(model(images), labels)",
    "    optimizer.zero_grad()",
    "    loss.backward()",
    "    optimizer.step()",
)
STAGES = (
    N_("a batch is drawn"),
    N_("predicted and compared"),
    N_("old gradients cleared"),
    N_("gradients computed"),
    N_("weights moved"),
)
WHERE = (0, 0, 2, 2)  # the weight that is watched: conv1, kernel 0, its middle
SHOWN = 12  # images of the batch that are drawn


@dataclass
class LoopState:
    """A LeNet in training, stopped after any line of the loop.

    `stage` counts the lines of LINES that the current step has behind it, less one.
    Batches are taken in an order drawn once; a new `batch_size` or `learning_rate` counts from the
    next line on. With `forget` the gradients are never cleared.
    """

    split: Split
    batch_size: int = 32
    learning_rate: float = 0.1
    forget: bool = False
    stage: int = 0
    step: int = 0  # steps finished
    start: int = 0  # position of the batch's first image
    own: list = field(default_factory=list)  # the weight's gradient from each batch alone
    used: list = field(default_factory=list)  # what .grad held when the weights were moved
    loss: float | None = None
    before: float | None = None  # the weight before the last step

    def __post_init__(self):
        with first_weights(0):
            self.model = LeNet()
        # The split itself is sorted by class, and a batch of zeros alone teaches little.
        self._order = torch.randperm(len(self.split), generator=torch.Generator().manual_seed(0))
        self._graph = None

    @property
    def batch(self):
        """The images and labels of this step."""
        return self.split[self._order[self.start : self.start + self.batch_size]]

    @property
    def weight(self):
        """The watched weight's value."""
        return float(self.model.conv1.weight.detach()[WHERE])

    @property
    def gradient(self):
        """What `.grad` holds for the watched weight; None while there is none."""
        grad = self.model.conv1.weight.grad
        return None if grad is None else float(grad[WHERE])

    def advance(self):
        """Run the next line of the loop."""
        self.stage = (self.stage + 1) % len(LINES)
        (self._draw, self._compare, self._clear, self._backward, self._move)[self.stage]()

    def finish_step(self):
        """Run the lines up to the end of this step, or of the next one where this has ended."""
        self.advance()
        while self.stage != len(LINES) - 1:
            self.advance()

    def _draw(self):
        self.start += self.batch_size
        if self.start + self.batch_size > len(self.split):
            self.start = 0
        self.loss = None

    def _compare(self):
        batch = self.batch
        self._graph = F.cross_entropy(self.model(batch.images), batch.labels)
        self.loss = self._graph.item()

    def _clear(self):
        if not self.forget:
            self.model.zero_grad()

    def _backward(self):
        before = self.gradient or 0.0
        self._graph.backward()
        self.own.append(self.gradient - before)

    def _move(self):
        self.before = self.weight
        self.used.append(self.gradient)
        with torch.no_grad():
            for p in self.model.parameters():
                p -= self.learning_rate * p.grad
        self.step += 1


class LoopExplorer(Explorer):
    """The batch, the line that runs, and one weight with its gradient, step after step."""

    name = "loop"

    def __init__(self, dataset):
        require_digits(dataset.train.images, "LoopExplorer", dataset.train.labels)
        state = LoopState(dataset.train)
        state.finish_step()  # what it did to the weight waits for the prediction
        super().__init__(state)

    def build(self):
        self.figure, _unused = figure(width=9.4, height=3.5, layout=None)
        self.figure.clear()
        pictures = self.figure.add_axes((0.01, 0.08, 0.2, 0.78))
        bare(pictures, _("first images of the batch"))
        self.pictures = pictures.imshow(np.zeros((112, 84)), cmap="gray", vmin=-0.5, vmax=2.8)
        code = self.figure.add_axes((0.215, 0.08, 0.45, 0.78))
        bare(code, _("the loop"))
        code.set(xlim=(0, 1), ylim=(len(LINES) - 0.3, -0.7))
        self.lines = [
            code.text(0.05, i, line, family="monospace", fontsize=9, va="center")
            for i, line in enumerate(LINES)
        ]
        (self.arrow,) = code.plot([0.015], [0], ">", color=COLOURS["vermillion"], markersize=9)
        self.bars = self.figure.add_axes((0.755, 0.18, 0.235, 0.66))
        label(self.bars, x=_("step"), title=_("gradient of the weight"))
        (self.own,) = self.bars.plot(
            [], [], "o", color=COLOURS["blue"], markersize=8, label=_("of this batch")
        )
        (self.used,) = self.bars.plot(
            [],
            [],
            "s",
            color=COLOURS["vermillion"],
            markerfacecolor="none",
            markersize=11,
            label=_("in .grad at the step"),
        )
        self.bars.axhline(0, color=GREY, linewidth=1)
        self.unknown = self.bars.text(0.5, 0.6, "", transform=self.bars.transAxes, ha="center", fontsize=16)
        self.bars.legend(fontsize=8, loc="upper left")
        self.button("advance", _("Run the next line"), self.state.advance)
        self.button("finish", _("Run to the end of the step"), self.state.finish_step)
        self.slider("batch_size", _("batch size"), 1, 256, continuous_update=False)
        self.slider("learning_rate", _("learning rate"), 0.01, 1.0, 0.01, continuous_update=False)
        self.switch("forget", _("forget zero_grad()"))
        self.ask(
            _("The gradient of a weight is positive. The step makes the weight …"),
            {
                "larger": _("larger"),
                "smaller": _("smaller"),
                "either": _("larger or smaller: it depends on the loss"),
            },
            answer="smaller",
        )

    def draw(self):
        state = self.state
        tiles = np.full((SHOWN, 28, 28), -0.5)
        images = state.batch.images[:SHOWN, 0].numpy()
        tiles[: len(images)] = images[:, :28, :28]
        self.pictures.set_data(mosaic(tiles, 3, gap=0))
        for i, text in enumerate(self.lines):
            skipped = i == 2 and state.forget
            text.set_color(GREY if skipped else COLOURS["vermillion"] if i == state.stage else "black")
            text.set_text(("    # " + LINES[i].strip()) if skipped else LINES[i])
        self.arrow.set_ydata([state.stage])
        steps = np.arange(1, len(state.own) + 1)[-12:]
        for dots in (self.own, self.used):
            dots.set_visible(self.revealed)
        self.unknown.set_text("" if self.revealed else "?")
        self.own.set_data(steps, state.own[-12:])
        self.used.set_data(np.arange(1, len(state.used) + 1)[-12:], state.used[-12:])
        values = state.own[-12:] + state.used[-12:] + [0.0]
        low, high = min(values), max(values)
        room = 0.25 * (high - low) or 0.01
        self.bars.set(
            xlim=(max(0, len(state.own) - 12) + 0.5, max(4, len(state.own)) + 0.5),
            ylim=(low - room, high + 2 * room),
        )

    def sentence(self):
        state = self.state
        parts = [
            _("Step {n}, {stage}.").format(
                n=state.step + (state.stage < len(LINES) - 1), stage=_(STAGES[state.stage])
            )
        ]
        if state.loss is not None:
            parts.append(_("Loss of the batch: {loss:.3f} nats per image.").format(loss=state.loss))
        if not self.revealed:
            parts.append(_("What the step does to one weight waits for your prediction."))
            return sentences(*parts)
        gradient = pgettext("gradient", "none yet") if state.gradient is None else f"{state.gradient:.6f}"
        parts.append(
            _("The middle weight of kernel 0: value {w:.6f}, .grad {g}.").format(w=state.weight, g=gradient)
        )
        if state.stage == len(LINES) - 1:
            parts.append(
                _("Just now: {before:.6f} − {rate:g} × ({g:.6f}) = {after:.6f}.").format(
                    before=state.before, rate=state.learning_rate, g=state.gradient, after=state.weight
                )
            )
        if state.forget and len(state.used) > 1:
            parts.append(_(".grad is the sum of all gradients since they were last cleared."))
        return sentences(*parts)
