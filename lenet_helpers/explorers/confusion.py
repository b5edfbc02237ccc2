"""Chapter 3.5: the confusion matrix, and the images behind each of its cells."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from matplotlib.patches import Rectangle

from .. import analysis
from ..data import Split
from ..figures.canvas import COLOURS, bare, figure
from ..wording import _, pgettext, sentences
from .kit.base import Explorer

SHOWN = 12
ANY = -1


@dataclass
class ConfusionState:
    """Predictions on a split and one cell of their confusion matrix.

    `probabilities`: (n, classes); `true`, `predicted`: classes counted from 0, or ANY,
    which leaves the choice to the most frequent mistake.
    """

    probabilities: torch.Tensor
    split: Split
    class_names: tuple
    true: int = ANY
    predicted: int = ANY

    @cached_property
    def counts(self):
        """(classes, classes): row the true class, column the predicted one."""
        return analysis.confusion(self.probabilities, self.split.labels)

    @cached_property
    def worst(self):
        """(true, predicted, times) of the most frequent mistake."""
        return analysis.most_confused(self.counts)

    @property
    def chosen(self):
        """(true, predicted) of the cell looked at; where a class is ANY, the most frequent mistake."""
        if ANY not in (self.true, self.predicted):
            return self.true, self.predicted
        mistakes = np.zeros_like(self.counts)
        rows = slice(None) if self.true == ANY else self.true
        columns = slice(None) if self.predicted == ANY else self.predicted
        mistakes[rows, columns] = (
            self.counts[rows, columns] + 1
        )  # + 1: a class without mistakes is still that class
        return analysis.most_confused(mistakes)[:2]

    def rivals(self, n=3):
        """Up to `n` other mistakes, (true, predicted), each less frequent than the worst; frequent ones
        first.
        """
        mistakes = self.counts.copy()
        np.fill_diagonal(mistakes, -1)
        # A tie with the worst would be a second right answer.
        fewer = [
            i
            for i in np.argsort(-mistakes, axis=None, kind="stable")
            if 0 <= mistakes.flat[i] < self.worst[2]
        ]
        return [divmod(int(i), len(mistakes)) for i in fewer[:: max(1, len(fewer) // (4 * n))][:n]]

    @property
    def cell(self):
        """Positions of the images in the chosen cell, most confident first."""
        true, predicted = self.chosen
        guesses = self.probabilities.argmax(1)
        inside = torch.nonzero((self.split.labels == true) & (guesses == predicted)).flatten()
        return inside[self.probabilities[inside, predicted].argsort(descending=True, stable=True)]


class ConfusionExplorer(Explorer):
    """The matrix on the left, the digits of one cell on the right."""

    name = "confusion"

    def __init__(self, probabilities, split, class_names):
        super().__init__(ConfusionState(probabilities, split, tuple(class_names)))

    def build(self):
        state, n = self.state, len(self.state.class_names)
        self.figure, _unused = figure(width=8.4, height=3.9, layout=None)
        self.figure.clear()
        ax = self.figure.add_axes((0.1, 0.14, 0.42, 0.78))
        self.matrix = ax.imshow(np.zeros((n, n)), cmap="Blues", vmin=0, vmax=max(1, state.worst[2]))
        ax.set_xticks(
            range(n),
            state.class_names,
            rotation=0 if n <= 10 and max(map(len, state.class_names)) < 3 else 90,
            fontsize=9,
        )
        ax.set_yticks(range(n), state.class_names, fontsize=9)
        ax.tick_params(length=0)
        ax.set_xlabel(pgettext("class", "predicted"))
        ax.set_ylabel(pgettext("class", "true"))
        self.numbers = [
            [ax.text(x, y, "", ha="center", va="center", fontsize=8) for x in range(n)] for y in range(n)
        ]
        self.frame = ax.add_patch(
            Rectangle((0, 0), 1, 1, fill=False, edgecolor=COLOURS["vermillion"], linewidth=3)
        )
        self.tiles, self.titles = [], []
        for i in range(SHOWN):
            row, column = divmod(i, 4)
            tile = self.figure.add_axes((0.57 + 0.105 * column, 0.66 - 0.3 * row, 0.1, 0.22))
            bare(tile, " ")
            self.tiles.append(tile.imshow(np.zeros((28, 28)), cmap="gray"))
            self.titles.append(tile.title)
        names = [(_("any: the most frequent mistake"), ANY)] + [
            (name, i) for i, name in enumerate(state.class_names)
        ]
        self.choice("true", _("true class"), names)
        self.choice("predicted", _("predicted class"), names)
        self._ask()

    def _ask(self):
        state = self.state
        true, predicted, times = state.worst
        if not times:
            return  # no mistakes, nothing to predict

        def name(pair):
            return _("{true} taken for {predicted}").format(
                true=state.class_names[pair[0]], predicted=state.class_names[pair[1]]
            )

        # In the order of the classes: the place in the list must not give the answer away.
        self.ask(
            _("Which of these mistakes is the most frequent?"),
            {pair: name(pair) for pair in sorted([(true, predicted), *state.rivals()])},
            answer=(true, predicted),
        )

    def draw(self):
        state = self.state
        mistakes = state.counts.copy()
        np.fill_diagonal(mistakes, 0)
        self.matrix.set_data(mistakes if self.revealed else np.zeros_like(mistakes))
        for y, row in enumerate(self.numbers):
            for x, text in enumerate(row):
                count = state.counts[y, x]
                text.set_text(str(count) if count and (self.revealed or x == y) else "")
                text.set_color(
                    "white" if x != y and self.revealed and count > 0.6 * state.worst[2] else "black"
                )
                text.set_fontweight("bold" if x == y else "normal")
        true, predicted = state.chosen
        # Before the prediction only the diagonal is open, and no frame points at the answer.
        open_now = self.revealed or (ANY not in (state.true, state.predicted) and true == predicted)
        self.frame.set_visible(open_now)
        self.frame.set_bounds(predicted - 0.5, true - 0.5, 1, 1)
        cell = state.cell[:SHOWN] if open_now else []
        for i, (tile, title) in enumerate(zip(self.tiles, self.titles)):
            tile.set_visible(i < len(cell))
            title.set_text("")
            if i < len(cell):
                image = state.split.images[cell[i]].mean(0).numpy()
                tile.set_data(image)
                tile.set_clim(image.min(), image.max())
                title.set_text(f"{float(state.probabilities[cell[i], predicted]):.0%}")

    def sentence(self):
        state = self.state
        right, n = int(state.counts.trace()), int(state.counts.sum())
        text = _("{right} of {n} images are on the diagonal.").format(right=right, n=n)
        if not self.revealed:
            return text
        true, predicted = state.chosen
        names = dict(
            true=state.class_names[true],
            predicted=state.class_names[predicted],
            count=int(state.counts[true, predicted]),
        )
        more = _(
            "True class {true}, predicted {predicted}: {count} images, most confident first, each under"
            " the probability given to {predicted}."
        )
        return sentences(text, more.format(**names))
