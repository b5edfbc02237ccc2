"""The table of 1998 that says which maps of S2 each map of C3 reads, to be edited."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from matplotlib.colors import ListedColormap

from ..figures.canvas import COLOURS, bare, figure
from ..lenet1998 import C3_CONNECTIONS, DENSE_CONNECTIONS, LeNet1998, LeNet1998Config, connections
from ..modes import first_weights
from ..summary import count_parameters
from ..wording import N_, _
from .kit.base import Explorer
from .kit.canvas_view import Grid

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
EDITED = "edited"
ON, OFF = COLOURS["sky blue"], "#FFFFFF"


@dataclass
class C3State:
    """A 16×6 table; `table[m]` is the set of S2's maps that map m of C3 reads."""

    table: list = field(default_factory=lambda: [set(row) for row in C3_CONNECTIONS])

    def toggle(self, row, column):
        """Map `column` of C3 reads map `row` of S2 from now on, or no longer does."""
        self.table[column] ^= {row}

    @property
    def preset(self):
        """The preset that the table equals, or EDITED."""
        return next((name for name, rows in PRESETS.items() if self.connections() == rows), EDITED)

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
        return own, tuple(one + other for one, other in zip(own, without_c3()))

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
            " {all:,} and {all_links:,}. Groups of maps that read the same inputs: {twins}."
        )
        return text.format(
            kernels=self.kernels(),
            own=own,
            links=links,
            all=all_own,
            all_links=all_links,
            twins=len(self.twins()),
        )


@cache
def without_c3():
    """(parameters, the paper's connections) of the network of 1998 outside C3: counted on a built one."""
    with first_weights(0):
        model = LeNet1998(LeNet1998Config())
    links = connections(model)
    return count_parameters(model) - count_parameters(model.c3), sum(links.values()) - links["c3"]


class C3Explorer(Explorer):
    """Click a cell of the table; kernels, parameters and connections are counted as you go."""

    name = "c3"

    def __init__(self):
        super().__init__(C3State())

    def build(self):
        self._build_still()
        self.stage = self.grid = Grid(
            rows=6,
            columns=16,
            cell=40,
            name=_("Which maps of S2 each map of C3 reads: click a cell, or press Enter on it"),
            title=_("map of C3"),
            row_title=_("map of S2"),
            row_names=[str(i) for i in range(6)],
            column_names=[str(m) for m in range(16)],
        )
        self.grid.on_press(lambda row, column: self._guarded(lambda: self._press(row, column)))
        self.ask(
            _(
                "6 maps times 16 maps make 96 possible kernels. How many of them does the network of 1998"
                " have?"
            ),
            ["36", "60", "80", "96"],
            answer="60",
        )
        options = [(_(text), name) for name, text in LABELS.items()] + [(_("edited"), EDITED)]
        self.choice("preset", _("table"), options)

    def _build_still(self):
        self.figure, ax = figure(width=8.4, height=3.4, layout=None)
        ax.set_position((0.09, 0.06, 0.9, 0.78))
        bare(ax, named=True)
        ax.xaxis.tick_top()
        ax.set_xticks(range(16), range(16))
        ax.set_yticks([*range(6), 6.1], [*range(6), _("reads")])
        ax.tick_params(length=0, labelsize=10)
        ax.set_ylabel(_("map of S2"), fontsize=11)
        ax.set_title(_("map of C3"), fontsize=11)
        self.cells = ax.pcolormesh(
            np.arange(17) - 0.5,
            np.arange(7) - 0.5,
            np.zeros((6, 16)),
            cmap=ListedColormap([OFF, ON]),
            vmin=0,
            vmax=1,
        )
        self.cells.set(edgecolor="#8C8C8C", linewidth=0.8)
        ax.set(xlim=(-0.5, 15.5), ylim=(6.6, -0.5))
        middle = dict(ha="center", va="center")
        self.marks = [[ax.text(m, i, "", fontsize=11, **middle) for m in range(16)] for i in range(6)]
        self.sums = [ax.text(m, 6.1, "", fontsize=10, **middle) for m in range(16)]

    def _press(self, row, column):
        if not self.revealed:
            raise ValueError(_("predict first; then the table is yours to edit"))
        self.state.toggle(row, column)

    def refresh(self):
        # The list follows the table; it is not a move of the learner's.
        if self.revealed and self.controls["preset"].value != self.state.preset:
            self.controls["preset"].value = self.state.preset
        self.controls["preset"].layout.display = None if self.revealed else "none"
        super().refresh()

    def draw(self):
        self.cells.set_array(np.array(self._ticked(), dtype=float))
        for i, row in enumerate(self._ticked()):
            for m, on in enumerate(row):
                self.marks[i][m].set_text(self._mark(on))
        for m, text in enumerate(self.sums):
            text.set_text(str(len(self.state.table[m])) if self.revealed else "?")

    def draw_stage(self):
        cells = [(i, m, on) for i, row in enumerate(self._ticked()) for m, on in enumerate(row)]
        says = {
            None: _("map {m} of C3, map {i} of S2: not shown yet"),
            True: _("map {m} of C3 reads map {i} of S2"),
            False: _("map {m} of C3 does not read map {i} of S2"),
        }
        with self.grid.hold_sync():
            self.grid.fills = [ON if on else OFF for _i, _m, on in cells]
            self.grid.texts = [self._mark(on) for _i, _m, on in cells]
            self.grid.spoken = [says[on if self.revealed else None].format(i=i, m=m) for i, m, on in cells]

    def _ticked(self):
        """The table with S2's maps as rows; nothing is ticked before the prediction."""
        return [[self.revealed and i in self.state.table[m] for m in range(16)] for i in range(6)]

    def _mark(self, on):
        return "X" if on else "" if self.revealed else "?"

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("Sixteen maps of C3, six maps of S2: which reads which waits for your prediction.")
        )
