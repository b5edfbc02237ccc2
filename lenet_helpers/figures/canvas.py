"""A figure that reads everywhere: colours, a blank canvas, PNG bytes, alternative text.

Nothing here touches pyplot: a `Figure` with its own canvas can be drawn in a thread
and is freed with its last reference. `lenet_helpers.figures.plots` draws with it.
"""

import base64
import dataclasses
import html
import io
import re
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..wording import _, language, shown

# Okabe and Ito, "Color universal design" (2008): told apart by colour-blind readers too.
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
# For lines on white, in this order: each has a contrast of at least 3:1 against the paper.
LINES = tuple(COLOURS[name] for name in ("blue", "vermillion", "black", "green", "purple"))
# Never colour alone: the n-th line also has the n-th dash and the n-th marker.
DASHES = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 2, 2)), (0, (10, 3)))
MARKERS = ("o", "s", "^", "D", "v")
GREY = "#595959"  # annotations: 7:1 against white
SIGNED = "PuOr_r"  # negative purple, zero white, positive orange: safe for colour-blind readers
DPI = 100
# Where a title stands over axes with nothing written above them: else matplotlib looks there at each drawing,
# in a tenth of its time.
AT_THE_TOP = {"y": 1.0}
# What the output of a cell may hold beside its picture.
WIDGET = "application/vnd.jupyter.widget-view+json"
OUTCOME = "application/vnd.lenet.outcome+json"  # {"summary", "sentence", "png"}: what a prediction hides
STORED = "application/vnd.lenet.stored+json"  # what a chapter stores in place of what only this run shows

# The package's own font first: the same picture on every machine. See `fonts/OFL.txt`.
CHINESE_FONT = Path(__file__).parent / "fonts" / "LeNetHans-Regular.otf"
CHINESE_NAME = "LeNet Hans"
_CJK_FONTS = (
    CHINESE_NAME,
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "SimHei",
)


def series(index, *, marker=True):
    """Colour, dash and marker of the `index`-th line, as keywords for `Axes.plot`."""
    style = {
        "color": LINES[index % len(LINES)],
        "linestyle": DASHES[index % len(DASHES)],
        "linewidth": 2,
    }
    return {**style, "marker": MARKERS[index % len(MARKERS)], "markersize": 5} if marker else style


def of_part(training, colour, marker="o"):
    """How a curve of the training (or else the validation) images is drawn, in every figure of the course:
    dashed with open markers, or solid with filled ones, as keywords for `Axes.plot`.
    """
    return {
        "color": colour,
        "linestyle": (0, (4, 2)) if training else "-",
        "linewidth": 1.5 if training else 2,
        "marker": marker,
        "markersize": 5,
        "markerfacecolor": "white" if training else colour,
    }


def figure(rows=1, columns=1, *, width=7.2, height=None, layout="constrained", **subplots):
    """A blank white figure of `width` × `height` inches and its axes.

    Returns (figure, axes): one `Axes` for 1 × 1, else an array of them, as
    `Figure.subplots` does, which also takes `subplots` (sharex, width_ratios, …).
    `layout=None` draws about three times faster; then place the axes yourself.
    """
    _use_fonts()
    height = height or width * 0.45 * rows / max(1, columns / 2)
    fig = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    FigureCanvasAgg(fig)
    axes = fig.subplots(rows, columns, **subplots)
    for ax in fig.axes:
        ax.tick_params(labelsize=10)
        ax.spines[["top", "right"]].set_visible(False)
    return fig, axes


def label(ax, *, x=None, y=None, title=None, grid=True):
    """Write the axes' names, with units, in sizes that survive a narrow page."""
    if x:
        ax.set_xlabel(x, fontsize=11)
    if y:
        ax.set_ylabel(y, fontsize=11)
    if title:
        ax.set_title(title, fontsize=12)
    if grid:
        ax.grid(True, color="#D9D9D9", linewidth=0.8)
        ax.set_axisbelow(True)


def bare(ax, title=None, *, named=False):
    """Take ticks and frame off axes that hold a picture; those that are `named` get ticks or names after."""
    ax.set_xticks([])
    ax.set_yticks([])
    if not named:  # an axis without anything to draw still takes a millisecond
        ax.xaxis.set_visible(False)
        ax.yaxis.set_visible(False)
    ax.spines[:].set_visible(False)
    if title is not None:
        ax.set_title(title, fontsize=11, **AT_THE_TOP)


def png(fig, *, compression=6):
    """The figure as PNG bytes on opaque white: the same bytes for the same figure.

    `compression`: 1 is quick and a third larger, for pictures that are gone in a moment.
    """
    if not _use_fonts():
        _in_english(fig)
    buffer = io.BytesIO()
    # No Software entry: a new matplotlib must not change every stored picture.
    quick = {"pil_kwargs": {"compress_level": compression}}
    fig.savefig(buffer, format="png", facecolor="white", metadata={"Software": None}, **quick)
    return buffer.getvalue()


def picture(fig, alt):
    """Output data and metadata of `fig` for any front end, `alt` being its text.

    JupyterLab shows no alternative text for a bare PNG but does for HTML; nbconvert
    and the web edition read it from the PNG's metadata: so both are given.
    """
    code = base64.b64encode(png(fig)).decode("ascii")
    width, height = (round(side * fig.dpi) for side in fig.get_size_inches())
    tag = (
        f'<img src="data:image/png;base64,{code}" alt="{html.escape(alt, quote=True)}" '
        f'width="{width}" height="{height}" style="max-width: 100%; height: auto">'
    )
    data = {"text/html": tag, "image/png": code, "text/plain": alt}
    return data, {"image/png": {"alt": alt}}


def show(fig, alt):
    """Show `fig` in a notebook with `alt` as its alternative text, and print `alt` below it."""
    from IPython.display import display

    if not alt or not alt.strip():
        raise ValueError("show(alt=''): say in one sentence what the figure shows")
    data, metadata = picture(fig, alt)
    display(data, metadata=metadata, raw=True)
    print(alt)


_told = False  # whether the missing font was spoken of


def _use_fonts():
    """Let Chinese characters fall back on a font that has them; True if there is one or none is needed."""
    global _told
    if not language().startswith("zh"):
        return True
    family = list(matplotlib.rcParams["font.family"])
    here = set(font_manager.get_font_names())
    if CHINESE_NAME not in here and CHINESE_FONT.exists():
        font_manager.fontManager.addfont(CHINESE_FONT)
        # One weight serves for bold as well: matplotlib would warn at every use.
        entries = font_manager.fontManager.ttflist
        entries.append(dataclasses.replace(entries[-1], weight="bold"))
        here.add(CHINESE_NAME)
    if any(name in _CJK_FONTS and name in here for name in family):
        return True
    found = next((name for name in _CJK_FONTS if name in here), None)
    if found:
        # What the reader chose stays first: Latin letters look as they did.
        matplotlib.rcParams["font.family"] = [*family, found]
        return True
    if not _told:
        _told = True
        print(
            _(
                "No font with Chinese characters was found: pictures are labelled in English. Install Noto"
                " Sans CJK and restart the kernel to change that."
            )
        )
    return False


_FIELD = re.compile(r"\{(\w*)[^{}]*\}")


def in_english(text):
    """The English of a message that was shown in another language, the values in it kept.

    `text` itself where it is no message.
    """
    for translated, english in shown.items():
        pieces = _FIELD.split(translated)  # text, name, text, name, …, text
        found = re.fullmatch("(.*?)".join(re.escape(piece) for piece in pieces[::2]), text, re.DOTALL)
        if found:
            values = dict(zip(pieces[1::2], found.groups()))
            return _FIELD.sub(r"{\1}", english).format(**values)
    return text


def _in_english(fig):
    """The figure's words in English, where no font could draw them."""
    for ax in fig.axes:  # the labels of ticks are written anew at each drawing
        for axis in (ax.xaxis, ax.yaxis):
            names = [label.get_text() for label in axis.get_ticklabels()]
            english = [in_english(name) for name in names]
            if english != names:
                axis.set_ticks(axis.get_ticklocs(), english)
    for text in fig.findobj(Text):
        text.set_text(in_english(text.get_text()))
