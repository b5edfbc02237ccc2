"""Could this be luck? Twenty runs of one configuration, and what their differences look like."""

from dataclasses import dataclass, field

import numpy as np

from ..figures.canvas import AT_THE_TOP, COLOURS, GREY, figure, label
from ..results import stored_result
from ..tuning.evidence import luck, unpack
from ..wording import _, sentences
from .kit.base import Explorer


@dataclass
class NoiseState:
    """Which images (columns) each of some runs (rows) of ONE configuration gets right.

    claim: a difference somebody found [percentage points]. seeds_each: how many runs
    each side of that comparison had. images: how many validation images.
    """

    correct: np.ndarray
    claim: float = 0.3
    seeds_each: int = 1
    images: int = 1000
    known: dict = field(default_factory=dict, repr=False)  # differences worked out before

    @property
    def accuracies(self):
        """Accuracy of every run on all the images."""
        return self.correct.mean(axis=1)

    def differences(self):
        """Differences [points] between groups of runs that differ in nothing but luck, (4000,)."""
        key = (self.seeds_each, self.images)
        if key not in self.known:
            self.known[key] = 100 * luck(self.correct, seeds_each=self.seeds_each, images=self.images)
        return self.known[key]

    def share(self, differences):
        """Share of them at least as large as the claim, either way."""
        return float((np.abs(differences) >= self.claim - 1e-9).mean())


class NoiseExplorer(Explorer):
    """Set what was claimed, from how many seeds and images; see how often luck alone does as well.

    `results`: an array (seeds, images) of booleans of your own runs; by default the stored
    one that `python -m benchmarks.noise` made.
    """

    name = "noise"

    def __init__(self, results=None):
        if results is None:
            stored = stored_result("noise")
            results = unpack(stored["correct"], stored["images"])
        super().__init__(NoiseState(np.asarray(results), images=results.shape[1]))

    def build(self):
        runs, images = self.state.correct.shape
        self.figure, (self.dots, self.bars) = figure(
            1, 2, width=9.2, height=3.2, layout=None, width_ratios=(1, 1.5)
        )
        self.dots.set_position((0.07, 0.18, 0.3, 0.7))
        self.bars.set_position((0.46, 0.18, 0.52, 0.7))
        label(
            self.dots,
            x=_("seed"),
            y=_("validation accuracy [%]"),
            title=_("one configuration, {n} seeds").format(n=runs),
        )
        self.dots.plot(np.arange(runs), 100 * self.state.accuracies, "o", color=COLOURS["blue"], markersize=5)
        self.dots.locator_params("y", nbins=4)  # each written tick takes a millisecond
        self.dots.axhline(100 * self.state.accuracies.mean(), color="black", linestyle=":")
        # Bars centred on multiples of 0.1, the steps in which 1,000 images count: all of them as two artists,
        # as sixty take three times as long to draw.
        self.centres = np.arange(-30, 31) / 10
        edges = np.append(self.centres - 0.05, 3.05)
        self.within = self.bars.stairs(np.zeros(61), edges, fill=True, facecolor=GREY)
        self.outside = self.bars.stairs(
            np.zeros(61), edges, fill=True, facecolor=COLOURS["vermillion"], edgecolor="white", hatch="//"
        )
        self.bars.set_xlim(-3.2, 3.2)
        self.limits = [self.bars.axvline(0, color="black", linestyle="--") for _side in range(2)]
        label(self.bars, x=_("difference between two groups [points]"), y=_("share of 4,000 draws [%]"))
        self.bars.locator_params(nbins=4)
        self.slider("claim", _("claimed gain [points]"), 0.1, 2.0, 0.1, continuous_update=False, form=".1f")
        self.slider("seeds_each", _("seeds on each side"), 1, runs // 2, continuous_update=False)
        self.slider("images", _("validation images"), 100, images, 100, continuous_update=False)
        shares = {
            "twentieth": _("in fewer than 1 comparison of 20"),
            "quarter": _("in about 1 of 4"),
            "most": _("in about 2 of 3"),
        }
        self.ask(
            _(
                "Two runs that differ in the seed alone. How often do their accuracies lie 0.3 points or more"
                " apart?"
            ),
            shares,
            answer=lambda: list(shares)[np.digitize(self._first_share(), (0.1, 0.46))],
        )

    def _first_share(self):
        alone = NoiseState(self.state.correct, images=self.state.correct.shape[1])
        return alone.share(alone.differences())

    def draw(self):
        state = self.state
        self.bars.set_visible(self.revealed)
        if not self.revealed:
            return
        differences = state.differences()
        heights = 100 * np.histogram(np.clip(differences, -3, 3), self.within.get_data().edges)[0]
        heights = heights / len(differences)
        reached = np.abs(self.centres) >= state.claim - 1e-9
        self.within.set_data(np.where(reached, 0, heights))
        self.outside.set_data(np.where(reached, heights, 0))
        self.bars.set_ylim(0, max(heights) * 1.15)
        for line, side in zip(self.limits, (-1, 1)):
            line.set_xdata([side * (state.claim - 0.05)] * 2)
        self.bars.set_title(
            _("luck alone reaches ± {claim:.1f} in {share:.0f} % of comparisons").format(
                claim=state.claim, share=100 * state.share(differences)
            ),
            fontsize=12,
            **AT_THE_TOP,
        )

    def sentence(self):
        state, scores = self.state, 100 * self.state.accuracies
        text = _(
            "{n} runs that differ in the seed alone: validation {mean:.1f} ± {sd:.2f} % (mean ± s.d.), from"
            " {low:.1f} to {high:.1f} %."
        )
        text = text.format(
            n=len(scores), mean=scores.mean(), sd=scores.std(ddof=1), low=scores.min(), high=scores.max()
        )
        if not self.revealed:
            return text
        share = state.share(state.differences())
        more = _(
            "Seeds on each side: {k}; images: {images}. Luck alone gives a difference of {claim:.1f} points"
            " or more in {share:.0f} % of comparisons."
        )
        more = more.format(k=state.seeds_each, images=state.images, claim=state.claim, share=100 * share)
        return sentences(text, more)
