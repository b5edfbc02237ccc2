"""The table of 1998 that says which maps of S2 each map of C3 reads, to be edited."""

from dataclasses import dataclass, field

from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, bare, figure
from ..lenet1998 import C3_CONNECTIONS, DENSE_CONNECTIONS
from ..wording import N_, _
from .kit.base import Explorer

PRESETS = {
    "1998": C3_CONNECTIONS,
    "dense": DENSE_CONNECTIONS,
    "own": tuple((m % 6,) for m in range(16)),
    "empty": ((),) * 16,
}
LABELS = {
    "1998": N_("the paper's"),
    "dense": N_("every map reads every map"),
    "own": N_("every map reads one map"),
    "empty": N_("empty"),
}


@dataclass
class C3State:
    """A 16×6 table; `table[m]` is the set of S2's maps that map m of C3 reads. `map` is the row being
    edited.
    """

    table: list = field(default_factory=lambda: [set(row) for row in C3_CONNECTIONS])
    map: int = 0

    def __post_init__(self):
        for i in range(6):  # a property for each box, so that a switch can be tied to it
            setattr(
                type(self),
                f"reads{i}",
                property(lambda s, i=i: i in s.table[s.map], lambda s, on, i=i: s.set(i, on)),
            )

    def set(self, i, on):
        """Map `self.map` of C3 reads map `i` of S2, or no longer does."""
        (self.table[self.map].add if on else self.table[self.map].discard)(i)

    @property
    def preset(self):
        """The preset that the table equals, or "edited"."""
        return next((name for name, rows in PRESETS.items() if self.connections() == rows), "edited")

    @preset.setter
    def preset(self, name):
        if name in PRESETS:
            self.table = [set(row) for row in PRESETS[name]]

    def connections(self):
        """The table as `LeNet1998Config` takes it."""
        return tuple(tuple(sorted(row)) for row in self.table)

    def kernels(self):
        """How many 5×5 kernels there are."""
        return sum(map(len, self.table))

    def parameters(self):
        """C3's trained numbers: 25 for each kernel and a bias for each of the 16 maps."""
        return 25 * self.kernels() + 16

    def counts(self):
        """C3's (parameters, connections) and the whole network's (parameters, connections)."""
        own = self.parameters(), 100 * self.parameters()  # each number is used at 10×10 places
        return own, (58_484 + own[0], 189_308 + own[1])

    def twins(self):
        """Groups of C3's maps that read the very same inputs."""
        rows = self.connections()
        groups = [[m for m, row in enumerate(rows) if row == one] for one in dict.fromkeys(rows)]
        return [g for g in groups if len(g) > 1]

    def sentence(self):
        """The counts of the table as it stands."""
        (own, links), (all_own, all_links) = self.counts()
        text = _(
            "{kernels} of 96 kernels: C3 has {own:,} parameters and {links:,} connections, the whole network"
            " {all:,} and {all_links:,}. {twins} pairs or groups of maps read the same inputs."
        )
        return text.format(
            kernels=self.kernels(),
            own=own,
            links=links,
            all=all_own,
            all_links=all_links,
            twins=len(self.twins()),
        )

    def figure(self, outcome=True):
        """The table as in the paper: a column for each map of C3, a row for each map of S2, an X where one
        reads.
        """
        fig, ax = figure(width=8.4, height=3.6, layout=None)
        ax.set_position((0.09, 0.06, 0.9, 0.78))
        bare(ax)
        ax.set_xlim(-0.5, 15.5)
        ax.set_ylim(6.6, -0.5)
        for m in range(16):
            for i in range(6):
                on = outcome and i in self.table[m]
                ax.add_patch(
                    Rectangle(
                        (m - 0.5, i - 0.5),
                        1,
                        1,
                        facecolor=COLOURS["sky blue"] if on else "white",
                        edgecolor="#8C8C8C",
                        linewidth=0.8,
                    )
                )
                ax.text(m, i, "X" if on else "" if outcome else "?", ha="center", va="center", fontsize=11)
            ax.text(
                m, 6.1, f"{len(self.table[m])}" if outcome else "?", ha="center", va="center", fontsize=10
            )
        ax.add_patch(
            Rectangle((self.map - 0.5, -0.5), 1, 6, fill=False, edgecolor=COLOURS["vermillion"], linewidth=3)
        )
        ax.xaxis.tick_top()
        ax.set_xticks(range(16), range(16))
        ax.set_yticks([*range(6), 6.1], [*range(6), _("reads")])
        ax.tick_params(length=0, labelsize=10)
        ax.set_ylabel(_("map of S2"), fontsize=11)
        ax.set_title(_("map of C3"), fontsize=11)
        return fig


class C3Explorer(Explorer):
    """Edit the table column by column; kernels, parameters and connections are counted as you go."""

    name = "c3"
    following = False

    def __init__(self):
        super().__init__(C3State())

    def build(self):
        self.ask(
            _(
                "6 maps times 16 maps make 96 possible kernels. How many of them does the network of 1998"
                " have?"
            ),
            ["36", "60", "80", "96"],
            answer="60",
        )
        options = [(_(text), name) for name, text in LABELS.items()] + [(_("edited"), "edited")]
        self.choice("preset", _("table"), options)
        self.slider("map", _("map of C3 to edit"), 0, 15, continuous_update=False)
        for i in range(6):
            self.switch(f"reads{i}", _("reads map {i} of S2").format(i=i))

    def refresh(self):
        if self.following:  # called back by a control set below
            return
        self.following = True
        try:
            for name in ("preset", *(f"reads{i}" for i in range(6))):
                self.controls[name].value = getattr(
                    self.state, name
                )  # another column, another preset: the controls follow
        finally:
            self.following = False
        super().refresh()

    def draw(self):
        self.figure = self.state.figure(outcome=self.revealed)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("Sixteen maps of C3, six maps of S2: which reads which waits for your prediction.")
        )
