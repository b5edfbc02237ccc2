"""One digit on its way through a trained LeNet: every map of every layer in one picture."""

import numpy as np
from safetensors import safe_open

from ..analysis import feature_maps
from ..models import LeNet
from ..modes import first_weights
from ..results import FOLDER
from ..wording import _
from .canvas import COLOURS, SIGNED, bare, figure, show

LAYERS = ("conv1", "pool1", "conv2", "pool2", "fc1", "fc2", "fc3")


def trained_lenet(path=FOLDER / "lenet.safetensors"):
    """(LeNet with the weights of `python -m benchmarks.weights`, what the file says about their making)."""
    with safe_open(path, framework="pt") as file:
        about, weights = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    with first_weights(0):  # replaced at once, and torch's own random numbers are not used up
        model = LeNet()
    model.load_state_dict(weights)
    return model.eval(), about


def activity(model, image):
    """What each layer of a `LeNet` makes of one image (1, 28, 28): a dict from layer name to an array.

    Convolutions as they are, with sign; pooled maps and dense layers after ReLU, but for
    the last, whose ten numbers are the scores.
    """
    found = feature_maps(model, image, LAYERS)
    signed = ("conv1", "conv2", "fc3")
    return {name: a if name in signed else np.maximum(a, 0) for name, a in found.items()}


def show_layers(model, image, label):
    """Draw what every layer of a trained `LeNet` makes of `image` (1, 28, 28), of class `label`.

    Purple is negative, white 0, orange positive; each row has a scale of its own.
    """
    found = activity(model, image)
    kernels = model.conv1.weight.detach().numpy()[:, 0]
    fig = figure(width=8.6, height=9.2, layout=None)[0]
    fig.clear()
    rows = (  # from the top: name, maps or numbers, colours, height and width of the row in inches
        (_("digit"), np.asarray(image), "gray", 1.05, 1.05),
        (_("kernels of conv1"), kernels, SIGNED, 0.875, 6.9),
        ("conv1", found["conv1"], SIGNED, 1.05, 6.9),
        (_("pool1, ReLU"), found["pool1"], "gray", 1.05, 6.9),
        ("conv2", found["conv2"], SIGNED, 0.92, 6.9),
        (_("pool2, ReLU"), found["pool2"], "gray", 0.92, 6.9),
        (_("fc1, ReLU"), found["fc1"][None, None], "gray", 0.28, 6.9),
        (_("fc2, ReLU"), found["fc2"][None, None], "gray", 0.28, 6.9),
    )
    top = 9.13
    for name, maps, cmap, height, width in rows:
        ax = fig.add_axes((1.6 / 8.6, (top - height) / 9.2, width / 8.6, height / 9.2))
        _side_by_side(ax, maps, cmap, name)
        top -= height + 0.13
    ax = fig.add_axes((1.6 / 8.6, 0.3 / 9.2, 6.9 / 8.6, (top - 0.4) / 9.2))
    scores = found["fc3"]
    colours = [COLOURS["orange"] if s > 0 else COLOURS["purple"] for s in scores]
    ax.bar(range(10), scores, color=colours, edgecolor="black", linewidth=0.6)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xticks(range(10))
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    ax.set_ylabel(_("scores, fc3"), fontsize=10, rotation=0, ha="right", va="center")
    off = (found["pool2"] == 0).mean()
    second, first = scores.argsort()[-2:]
    show(
        fig,
        _(
            "A {label} on its way through a trained LeNet, from the pixels to ten scores. After pool2 and"
            " ReLU, {off:.0%} of the {n} numbers are 0. The highest score is that of {first}, {high:.1f};"
            " next comes {second} with {low:.1f}."
        ).format(
            label=int(label),
            off=off,
            n=found["pool2"].size,
            first=first,
            high=scores[first],
            second=second,
            low=scores[second],
        ),
    )


def _side_by_side(ax, maps, cmap, name):
    """`maps` (n, height, width) in one picture, with gaps; `name` and shape at its left."""
    n, high, wide = maps.shape
    shape = str(wide) if high == 1 else "×".join(str(s) for s in (maps.shape if n > 1 else (high, wide)))
    if high > 1:  # every map about as wide, so that a kernel stands above its map, and that above its pool
        zoom = max(1, 24 // wide)
        maps = np.repeat(np.repeat(maps, zoom, axis=1), zoom, axis=2)
        maps = np.pad(maps, ((0, 0), (0, 0), (0, max(0, 24 - zoom * wide))), constant_values=np.nan)
        high, wide = maps.shape[1:]
    columns = n if n <= 8 else n // 2
    gap = max(1, wide // 8) if n > 1 else 0
    rows = -(-n // columns)
    mosaic = np.full((rows * (high + gap) - gap, columns * (wide + gap) - gap), np.nan)
    for index, one in enumerate(maps):
        top, left = (high + gap) * (index // columns), (wide + gap) * (index % columns)
        mosaic[top : top + high, left : left + wide] = one
    limit = float(np.nanmax(np.abs(maps))) or 1.0
    low = -limit if cmap == SIGNED else min(0.0, float(np.nanmin(maps)))
    ax.imshow(mosaic, cmap=cmap, vmin=low, vmax=limit, aspect="auto" if high == 1 else "equal")
    ax.set_anchor("W")
    bare(ax, named=True)
    ax.set_ylabel(f"{name}\n{shape}", fontsize=10, rotation=0, ha="right", va="center")
