"""Assignment 2: the parts of LeNet and of what came after it, in variants that no chapter prints."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from classroom.contract import (
    N_,
    Exercise,
    Trial,
    _,
    agree,
    draw,
    judge,
    lenient,
    one_of,
    parts,
    tensor,
    wholes,
)

# 1. Average pooling that counts --------------------------------------------------------------


def average_pool(maps, size=2):
    n, channels, height, width = maps.shape
    rows, columns = -(-height // size), -(-width // size)
    means, counts = maps.new_zeros(n, channels, rows, columns), torch.zeros(rows, columns, dtype=torch.int64)
    for row in range(rows):
        for column in range(columns):
            window = maps[:, :, row * size : (row + 1) * size, column * size : (column + 1) * size]
            means[:, :, row, column] = window.mean(dim=(2, 3))
            counts[row, column] = window.shape[2] * window.shape[3]
    return means, counts


AVERAGE_POOL = Exercise("average_pool", solution=average_pool, hints=())


def _pooled(candidate, rng, height, width, size, key, look):
    maps = tensor(rng, 2, 3, height, width)
    maps[:, 0] = -maps[:, 0].abs() - 0.5
    trial = Trial(candidate, maps, size, on_error=(key, look))
    two = parts(trial, 2, _("what is returned: two tensors, the averages and the counts"))
    means, counts = (Trial(lambda part=part: part, tried=trial.tried) for part in two)
    return trial, maps, means, counts


def _means(maps, size, **options):
    return F.avg_pool2d(maps, size, **{"ceil_mode": True, "count_include_pad": False, **options}).numpy()


@AVERAGE_POOL.property("values", N_("each number is the mean of its window"))
def pool_values(candidate, rng):
    size = draw(rng, 3, 4)
    trial, maps, means, _counts = _pooled(
        candidate,
        rng,
        2 * size,
        3 * size,
        size,
        "values",
        _("the place of each window: row·size and column·size"),
    )
    mistakes = [
        ("maximum", F.max_pool2d(maps, size).numpy(), _("what is taken from each window: the mean")),
        ("sum", _means(maps, size) * size**2, _("what the sum is divided by")),
        (
            "stride-one",
            F.avg_pool2d(maps, size, stride=1).numpy(),
            _("how far the window moves: by its own size"),
        ),
        (
            "over-channels",
            np.broadcast_to(_means(maps, size).mean(1, keepdims=True), (2, 3, 2, 3)),
            _("the maps: each is pooled on its own"),
        ),
    ]
    judge(means, _means(maps, size), mistakes, _("a 2×2 map: the result is one number, the mean of the four"))


@AVERAGE_POOL.property(
    "edges", N_("what is left over at the right and at the bottom makes smaller windows of its own")
)
def pool_edges(candidate, rng):
    size = draw(rng, 2, 3)
    trial, maps, means, _counts = _pooled(
        candidate,
        rng,
        2 * size + 1,
        3 * size - 1,
        size,
        "edges",
        _("the last row and column of windows: they are smaller"),
    )
    padded = F.pad(maps, (0, -maps.shape[3] % size, 0, -maps.shape[2] % size))
    mistakes = [
        ("edge-dropped", F.avg_pool2d(maps, size).numpy(), _("the edge: here it is kept")),
        (
            "zeros-counted",
            F.avg_pool2d(padded, size).numpy(),
            _("the divisor at the edge: only pixels that are there count"),
        ),
    ]
    judge(
        means,
        _means(maps, size),
        mistakes,
        _("a 3×3 map and windows of 2: four windows, of 4, 2, 2 and 1 pixels"),
        "edges",
    )


@AVERAGE_POOL.property("counts", N_("the second tensor tells how many pixels each window has"))
def pool_counts(candidate, rng):
    size = draw(rng, 2, 3)
    height, width = 2 * size + 1, 3 * size + size // 2
    trial, maps, _means_, counts = _pooled(
        candidate, rng, height, width, size, "counts", _("the counts: one for each window")
    )
    right = _counted(height, width, size)
    mistakes = [
        ("always-full", np.full_like(right, size**2), _("the edge: windows there are smaller")),
        ("transposed", right.T, _("rows and columns of the counts")),
    ]
    judge(
        counts,
        right,
        mistakes,
        _("the shape of the counts is (rows, columns): they are the same for all images and maps"),
        "counts",
    )


def _counted(height, width, size):
    """How many pixels name each window as theirs."""
    rows, columns = np.meshgrid(np.arange(height) // size, np.arange(width) // size, indexing="ij")
    found = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(found, (rows, columns), 1)
    return found


# 2. What a table of connections costs ----------------------------------------------------------


def table_costs(connections, k, side):
    kernels, places = sum(len(row) for row in connections), (side - k + 1) ** 2
    return kernels * k * k + len(connections), kernels * k * k * places


TABLE_COSTS = lenient(Exercise("table_costs", solution=table_costs, hints=()), wholes)


def _table(rng):
    lengths = rng.permutation([1, 2, 3, 4, 5, 6, 2, 3, 4][: draw(rng, 7, 9)])
    return [tuple(sorted(int(x) for x in rng.choice(6, n, replace=False))) for n in lengths.tolist()]


def _table_case(candidate, rng, which):
    table, k, side = _table(rng), draw(rng, 3, 5), draw(rng, 9, 20)
    trial = Trial(
        candidate,
        table,
        k,
        side,
        tried=_("{n} rows, k = {k}, side = {side}").format(n=len(table), k=k, side=side),
    )
    got = parts(trial, 2, _("what is returned: two whole numbers, parameters and multiplications"))
    kernels, rows, places = sum(map(len, table)), len(table), (side - k + 1) ** 2
    mistakes = [
        [
            ("dense", rows * 6 * k * k + rows, _("the table: not every map reads all six")),
            ("no-bias", kernels * k * k, _("the biases")),
            (
                "bias-per-kernel",
                kernels * (k * k + 1),
                _("the biases: one for each map, not one for each kernel"),
            ),
            (
                "first-row",
                rows * (len(table[0]) * k * k + 1),
                _("the rows: are they all as long as the first?"),
            ),
        ],
        [
            ("places-forgotten", kernels * k * k, _("the places: each kernel is used at every one")),
            (
                "biases-multiplied",
                (kernels * k * k + rows) * places,
                _("the biases: are they multiplied with anything?"),
            ),
            ("side-squared", kernels * k * k * side**2, _("the places: the kernel never leaves the map")),
        ],
    ]
    right = (kernels * k * k + rows, kernels * k * k * places)
    one_of(
        trial,
        got[which],
        right[which],
        mistakes[which],
        _("a table of one row with one input, k = 1 and side = 2"),
    )


@TABLE_COSTS.property("parameters", N_("one kernel for each connection, one bias for each row"))
def table_parameters(candidate, rng):
    _table_case(candidate, rng, 0)


@TABLE_COSTS.property("multiplications", N_("each kernel's numbers are multiplied at every place"))
def table_multiplications(candidate, rng):
    _table_case(candidate, rng, 1)


# 3. The box that a unit sees -----------------------------------------------------------------


def seen_box(layers, row, column):
    top, bottom, left, right = row, row, column, column
    for kernel, stride, padding in reversed(layers):
        top, left = top * stride - padding, left * stride - padding
        bottom, right = bottom * stride - padding + kernel - 1, right * stride - padding + kernel - 1
    return top, left, bottom, right


SEEN_BOX = lenient(Exercise("seen_box", solution=seen_box, hints=()), wholes)


def _box(layers, row, column):
    """By gradients: the first and the last row and column of the input that the unit depends on."""
    margin, side = 60, 160
    x = torch.zeros(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    y, offset = x, margin  # the unit's index in a map that begins `offset` before the real one
    for kernel, stride, padding in layers:
        start = (offset - padding) % stride
        y = F.conv2d(
            y[:, :, start:, start:], torch.ones(1, 1, kernel, kernel, dtype=torch.float64), stride=stride
        )
        offset = (offset - padding - start) // stride
    y[0, 0, offset + row, offset + column].backward()
    rows, columns = np.nonzero(x.grad[0, 0].numpy())
    return tuple(int(n) - margin for n in (rows.min(), columns.min(), rows.max(), columns.max()))


def _box_case(candidate, layers, row, column):
    tried = _("layers {layers}, row {row}, column {column}").format(layers=layers, row=row, column=column)
    trial = Trial(candidate, layers, row, column, tried=tried)
    got = parts(trial, 4, _("what is returned: top, left, bottom and right, four whole numbers"))
    top, left, bottom, right = box = _box(layers, row, column)
    mistakes = [
        (
            "one-further",
            (top, left, bottom + 1, right + 1),
            _("the end: the last row and column that are still seen"),
        ),
        ("transposed", (left, top, right, bottom), _("the order: top, left, bottom, right")),
        (
            "forwards",
            _forwards(layers, row, column),
            _("the direction: from the unit back to the input, the last layer first"),
        ),
        (
            "padding-ignored",
            _box([(k, s, 0) for k, s, _p in layers], row, column),
            _("the padding: it moves the box"),
        ),
    ]
    one_of(trial, tuple(got), box, mistakes, _("one 3×3 convolution, row 0: which rows does it see?"), "box")


def _forwards(layers, row, column):
    top, bottom, left, right = row, row, column, column
    for kernel, stride, padding in layers:
        top, left = top * stride - padding, left * stride - padding
        bottom, right = bottom * stride - padding + kernel - 1, right * stride - padding + kernel - 1
    return top, left, bottom, right


@SEEN_BOX.property("one-layer", N_("through one layer without padding the box is right"))
def one_layer(candidate, rng):
    _box_case(candidate, [(draw(rng, 2, 5), draw(rng, 2, 3), 0)], *draw(rng, 3, 6, 2, distinct=True))


@SEEN_BOX.property("stack", N_("through several layers without padding as well"))
def stack(candidate, rng):
    layers = [(int(k), int(s), 0) for k, s in zip(rng.permutation([5, 2, 3]), rng.permutation([1, 2, 3]))]
    _box_case(candidate, layers, *draw(rng, 0, 3, 2, distinct=True))


@SEEN_BOX.property("padding", N_("with padding the box begins before the image where it must"))
def padded(candidate, rng):
    layers = [
        (int(k), int(s), int(p))
        for k, s, p in zip(rng.permutation([5, 2, 3]), rng.permutation([1, 2, 2]), rng.permutation([2, 1, 0]))
    ]
    _box_case(candidate, layers, *draw(rng, 0, 3, 2, distinct=True))


# 4. A block with a skip ------------------------------------------------------------------------


class SkipBlock(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.first = nn.Conv2d(channels, hidden, 3, padding=1)
        self.second = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


SKIP_BLOCK = Exercise("skip_block", solution=SkipBlock, hints=(), time_limit=20.0)


def _block(candidate, rng, channels, hidden):
    """A fresh block of the student's, its weights drawn; and those weights by shape."""
    if isinstance(candidate, nn.Module):
        Trial(lambda: candidate).fail(
            "instance", got=_("a network"), look=_("the class itself, without brackets")
        )
    trial = Trial(
        candidate, channels, hidden, tried=_("{c} channels, {h} hidden").format(c=channels, h=hidden)
    )
    model = trial.result
    if not isinstance(model, nn.Module):
        trial.fail("not-a-module", look=_("the class: does it inherit from nn.Module?"))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(rng.normal(size=tuple(p.shape)) * (0.3 if p.ndim > 1 else 1.0)))
    weights = {tuple(p.shape): p.detach().double() for p in model.parameters() if p.requires_grad}
    return trial, model.eval(), weights


def _wanted(channels, hidden):
    return [(hidden, channels, 3, 3), (hidden,), (channels, hidden, 3, 3), (channels,)]


def _by_torch(weights, channels, hidden, x, skip="before", inner=True, outer=True):
    w1, b1, w2, b2 = (weights[shape] for shape in _wanted(channels, hidden))
    y = F.conv2d(x, w1, b1, padding=1)
    y = F.conv2d(F.relu(y) if inner else y, w2, b2, padding=1)
    if skip == "after":
        return x + F.relu(y)
    y = x + y if skip == "before" else y
    return F.relu(y) if outer else y


def _forward(model, x, tried):
    with torch.no_grad():
        return Trial(model, x.float(), tried=tried)


@SKIP_BLOCK.property(
    "parameters", N_("two 3×3 convolutions with biases hold all its parameters, and all of them matter")
)
def block_parameters(candidate, rng):
    channels, hidden = draw(rng, 3, 6, 2, distinct=True)
    trial, model, _weights = _block(candidate, rng, channels, hidden)
    shapes = sorted(tuple(p.shape) for p in model.parameters() if p.requires_grad)
    if shapes != sorted(_wanted(channels, hidden)):
        trial.fail(
            "parameter-count",
            got=", ".join(map(str, shapes)),
            look=_("the two convolutions: channels to hidden, hidden to channels, 3×3, with biases"),
        )
    # That they are there is one thing; that the output depends on each of them another.
    x = tensor(rng, 2, channels, 6, 6) + 1
    before = _forward(model, x, _("a batch of two images")).array()
    for name, p in model.named_parameters():
        with torch.no_grad():
            p.add_(0.5)
        after = _forward(model, x, _("a batch of two images")).array()
        if agree(before, after, 1e-6):
            trial.fail("unused", got=name, look=_("forward: is every layer used?"))
        before = after


@SKIP_BLOCK.property("values", N_("it computes relu(x + second(relu(first(x))))"))
def block_values(candidate, rng):
    channels, hidden = draw(rng, 3, 6, 2, distinct=True)
    trial, model, weights = _block(candidate, rng, channels, hidden)
    x = tensor(rng, 2, channels, 7, 7)
    trial = _forward(model, x, _("a batch of two images of 7×7"))
    got = trial.array()
    if set(weights) != set(_wanted(channels, hidden)):
        trial.fail(
            "parameter-count",
            look=_("the two convolutions: channels to hidden, hidden to channels, 3×3, with biases"),
        )
    x = x.float().double()
    mistakes = [
        (key, _by_torch(weights, channels, hidden, x, **options).numpy(), look)
        for key, options, look in [
            ("no-skip", dict(skip="none"), _("the skip: the input is added to what the convolutions give")),
            ("skip-after-relu", dict(skip="after"), _("where the input is added: before the last ReLU")),
            ("no-inner-relu", dict(inner=False), _("between the convolutions: what follows the first?")),
            ("no-outer-relu", dict(outer=False), _("the end: what follows the sum?")),
        ]
    ]
    right = _by_torch(weights, channels, hidden, x).numpy()
    if got.shape != right.shape:
        trial.fail("shape", look=_("the padding: the sum needs two blocks of the same size"))
    judge(
        trial,
        right,
        mistakes,
        _("the order in forward, and which of the two ReLUs is missing"),
        tolerance=1e-4,
    )


@SKIP_BLOCK.property(
    "rectangular", N_("images of any height and width come out as large as they went in, each on its own")
)
def block_rectangular(candidate, rng):
    channels, hidden = draw(rng, 3, 6, 2, distinct=True)
    _trial, model, _weights = _block(candidate, rng, channels, hidden)
    height, width = draw(rng, 5, 12, 2, distinct=True)
    x = tensor(rng, 3, channels, height, width)
    tried = _("a batch of three images of {h}×{w}").format(h=height, w=width)
    trial = _forward(model, x, tried)
    if trial.array().shape != tuple(x.shape):
        trial.fail("shape", look=_("the padding: a 3×3 kernel takes one pixel off every side"))
    alone = _forward(model, x[1:2], tried).array()
    if not agree(alone, np.ascontiguousarray(trial.array()[1:2]), 1e-4) or agree(
        alone, alone * 0 + alone.mean(), 1e-6
    ):
        trial.fail("mixes-images", look=_("forward: an image's result must not depend on the others"))


@SKIP_BLOCK.property(
    "identity", N_("with all weights at zero it passes positive images on and stops negative ones")
)
def block_identity(candidate, rng):
    channels, hidden = draw(rng, 3, 6, 2, distinct=True)
    _trial, model, _weights = _block(candidate, rng, channels, hidden)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    x = tensor(rng, 2, channels, 6, 8)
    trial = _forward(model, x, _("all weights zero"))
    mistakes = [
        ("no-skip", np.zeros(tuple(x.shape)), _("the skip: with zero weights the input is left")),
        ("no-outer-relu", x.float().numpy(), _("the end: what follows the sum?")),
    ]
    judge(
        trial,
        x.float().clamp(min=0).numpy(),
        mistakes,
        _("what is left when the convolutions give zero"),
        "identity",
        1e-5,
    )
