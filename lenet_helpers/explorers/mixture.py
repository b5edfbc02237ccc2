"""Any mixture of 1998 and today: one switch for each difference, counts at once, errors where measured."""

from dataclasses import dataclass, field

from ..figures.canvas import COLOURS, GREY, figure, label
from ..figures.ladder import LADDER, STEPS, counts, errors
from ..lenet1998 import C3_CONNECTIONS, DENSE_CONNECTIONS, LeNet1998, LeNet1998Config
from ..modes import first_weights
from ..results import stored_result
from ..wording import N_, _, sentences
from .kit.base import Explorer

SWITCHES = {
    "output": (
        N_("output layer"),
        (
            ("rbf", N_("1998: distances to ten fixed codes")),
            ("linear", N_("today: linear, softmax in the loss")),
        ),
    ),
    "table": (N_("connections of C3"), (("1998", N_("1998: 60 kernels")), ("dense", N_("today: all 96")))),
    "pooling": (
        N_("pooling"),
        (("trained", N_("1998: trained sum")), ("average", N_("average")), ("max", N_("today: maximum"))),
    ),
    "activation": (
        N_("activation"),
        (
            ("scaled_tanh", "1998: 1.7159·tanh(2x/3)"),
            ("tanh", "tanh"),
            ("sigmoid", N_("sigmoid")),
            ("relu", N_("today: ReLU")),
        ),
    ),
    "initialisation": (
        N_("initialisation"),
        (("paper", N_("1998: ±2.4/fan-in")), ("torch", N_("today: ±1/√fan-in"))),
    ),
    "input_size": (N_("input side [pixels]"), ((32, "1998: 32"), (28, N_("today: 28")))),
}


@dataclass
class MixtureState:
    """One network between 1998 and today. `results`: what the benchmark of the ladder wrote."""

    results: dict
    output: str = "rbf"
    table: str = "1998"
    pooling: str = "trained"
    activation: str = "scaled_tanh"
    initialisation: str = "paper"
    input_size: int = 32
    cache: dict = field(default_factory=dict, repr=False)

    def config(self):
        """The network's configuration; the loss follows the output layer."""
        tables = {"1998": C3_CONNECTIONS, "dense": DENSE_CONNECTIONS}
        return LeNet1998Config(
            activation=self.activation,
            pooling=self.pooling,
            output=self.output,
            loss="discriminative" if self.output == "rbf" else "cross_entropy",
            initialisation=self.initialisation,
            input_size=self.input_size,
            connections=tables[self.table],
        )

    def model(self):
        """The network itself, fresh."""
        with first_weights(0):
            return LeNet1998(self.config())

    def counts(self, config=None):
        """(parameters, multiply-adds, connections) of this mixture, or of another."""
        config = config or self.config()
        if config not in self.cache:
            self.cache[config] = counts(config)
        return self.cache[config]

    def name(self):
        """Its name on the ladder, or None if this mixture was not measured."""
        return next((name for name, config in LADDER.items() if config == self.config()), None)

    def sentence(self):
        """Counts, and the measured error if there is one."""
        parameters, work, links = self.counts()
        text = _(
            "{parameters:,} parameters, {work:,} multiply-adds, {links:,} connections as the paper counts"
            " them."
        )
        said = text.format(parameters=parameters, work=work, links=links)
        runs = errors(self.results, self.name()) if self.name() else []
        if not runs:
            return sentences(said, _("This mixture was not measured."))
        text = _("Measured: {mean:.2f} % error, mean of {n} seeds, from {low:.2f} to {high:.2f} %.")
        measured = text.format(mean=sum(runs) / len(runs), n=len(runs), low=min(runs), high=max(runs))
        return sentences(said, measured)


class MixtureExplorer(Explorer):
    """Set one switch at a time from 1998 to today; counts follow, and measured errors where there are any."""

    name = "mixture"

    def __init__(self, results=None):
        """`results`: what benchmarks/modernisations.py wrote for its ladder; by default what is stored."""
        super().__init__(MixtureState(results or stored_result("modernisations-ladder")))

    def build(self):
        self.figure, ax = figure(width=8.4, height=3.5, layout=None)
        ax.set_position((0.36, 0.16, 0.46, 0.76))
        outside = dict(transform=ax.get_yaxis_transform(), va="center", fontsize=10)
        ax.text(1.02, -0.85, _("parameters"), **outside, color=GREY)
        self.errors = []
        every = [errors(self.state.results, name) for name in LADDER]
        for seed in range(min(map(len, every))):  # one line joins the runs of a seed, step by step
            steps = [runs[seed] for runs in every]
            self.errors += ax.plot(steps, range(len(every)), color=GREY, linewidth=0.8, zorder=1)
        for y, (name, config) in enumerate(LADDER.items()):
            ax.text(1.02, y, f"{self.state.counts(config)[0]:,}", **outside)
            runs = errors(self.state.results, name)
            dots = ax.plot(runs, [y] * len(runs), "o", markersize=6, color=COLOURS["blue"], alpha=0.7)
            mean = [sum(runs) / len(runs)] if runs else []
            bar = ax.plot(mean, [y] * len(mean), "|", markersize=18, markeredgewidth=2, color="black")
            self.errors += dots + bar
        self.chosen = ax.axhspan(-0.42, 0.42, color=COLOURS["yellow"], alpha=0.35, zorder=0)
        self.unknown = ax.text(0.5, 0.5, "?", transform=ax.transAxes, ha="center", fontsize=16)
        ax.set_yticks(range(len(LADDER)), [_(STEPS[name]) for name in LADDER])
        ax.set_ylim(len(LADDER) - 0.5, -0.6)
        label(ax, x=_("validation error [%]; dots: seeds, joined by lines; bar: mean"))
        self.axes = ax
        self._ask_which_is_better()
        for name, (text, options) in SWITCHES.items():
            self.choice(name, _(text), [(_(words), value) for value, words in options])

    def _ask_which_is_better(self):
        old, new = (errors(self.state.results, name) for name in ("1998", "today"))
        if not old or not new:
            return  # the benchmark has not got there yet
        ratio = (sum(new) / len(new)) / (sum(old) / len(old))
        self.ask(
            _(
                "The network of 1998 and today's, trained by the same recipe on the same digits: which makes"
                " fewer mistakes?"
            ),
            {
                "today": _("today's makes at least a tenth fewer mistakes"),
                "1998": _("the one of 1998 makes at least a tenth fewer mistakes"),
                "alike": _("they are within a tenth of each other"),
            },
            answer="today" if ratio < 0.9 else "1998" if ratio > 1 / 0.9 else "alike",
        )

    def draw(self):
        name = self.state.name()
        self.chosen.set_visible(name is not None)
        if name:
            self.chosen.set_y(list(LADDER).index(name) - 0.42)
        for artist in self.errors:
            artist.set_visible(self.revealed)
        self.axes.xaxis.set_visible(self.revealed)
        self.unknown.set_visible(not self.revealed)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _(
                "Six networks from 1998 to today, with their parameters. Their errors wait for your"
                " prediction."
            )
        )
