"""Assignment 1: convolution and sizes, in variants that no chapter prints."""

import numpy as np
import torch
import torch.nn.functional as F

from classroom.contract import (
    N_,
    Exercise,
    Trial,
    _,
    draw,
    judge,
    lenient,
    one_of,
    parts,
    tensor,
    wholes,
)

# 1. A dense layer between two shuffles ----------------------------------------------------


def move_weights(weight, pixel_order, output_order):
    return weight[output_order][:, pixel_order]


MOVE_WEIGHTS = Exercise("move_weights", solution=move_weights, hints=())


def _layer(rng, outputs, pixels):
    orders = []
    for n in (pixels, outputs):
        order = rng.permutation(n)
        while (
            n > 2 and (order[order] == np.arange(n)).all()
        ):  # its own inverse: it would hide a wrong direction
            order = rng.permutation(n)
        orders.append(torch.from_numpy(order))
    return tensor(rng, outputs, pixels), *orders


def _moved(candidate, rng, outputs, pixels, key):
    weight, pixel_order, output_order = _layer(rng, outputs, pixels)
    trial = Trial(candidate, weight, pixel_order, output_order)
    w, p, o = weight.numpy(), pixel_order.numpy(), output_order.numpy()
    mistakes = [
        ("pixels-only", w[:, p], _("the outputs: they come in another order, too")),
        ("outputs-only", w[o], _("the pixels: they come in another order, too")),
        (
            "inverse-pixels",
            w[o][:, np.argsort(p)],
            _("the direction: new pixel i is the old pixel pixel_order[i]"),
        ),
        (
            "inverse-outputs",
            w[np.argsort(o)][:, p],
            _("the direction: new output i is the old output output_order[i]"),
        ),
        (
            "inverse",
            w[np.argsort(o)][:, np.argsort(p)],
            _("the direction of both orders: new i is old order[i]"),
        ),
    ]
    judge(
        trial,
        w[o][:, p],
        mistakes,
        _("a layer of two outputs and three pixels, worked out on paper"),
        key,
        1e-9,
    )


@MOVE_WEIGHTS.property("same-outputs", N_("the new layer gives the old layer's outputs in the new order"))
def same_outputs(candidate, rng):
    _moved(candidate, rng, 8, 8, "same-outputs")


@MOVE_WEIGHTS.property("any-size", N_("it works for any number of outputs and pixels"))
def any_size(candidate, rng):
    for outputs, pixels in ((3, 11), (12, 5), (1, 7)):
        _moved(candidate, rng, outputs, pixels, "any-size")


# 2. Cross-correlation on a panorama -------------------------------------------------------


def panorama(image, kernel, stride=1, dilation=1):
    h, w = image.shape
    kh, kw = kernel.shape
    rows, columns = (h - dilation * (kh - 1) - 1) // stride + 1, -(-w // stride)
    result = torch.zeros(rows, columns, dtype=image.dtype)
    for row in range(rows):
        for column in range(columns):
            for i in range(kh):
                for j in range(kw):
                    pixel = image[row * stride + i * dilation, (column * stride + j * dilation) % w]
                    result[row, column] += pixel * kernel[i, j]
    return result


PANORAMA = Exercise("panorama", solution=panorama, hints=())


def _seen(image, kernel, stride=1, dilation=1, flip=False, wrap=True):
    """By torch: what the kernel finds on an image whose right edge touches its left one, as numpy."""
    reach = dilation * (kernel.shape[1] - 1)
    longer = torch.cat([image, image[:, :reach] if wrap else image.new_zeros(len(image), reach)], 1).double()
    kernel = (kernel.flip(0, 1) if flip else kernel).double()
    return F.conv2d(longer[None, None], kernel[None, None], stride=stride, dilation=dilation)[0, 0].numpy()


def _scene(candidate, rng, size, kernel_size, *options, key, look, tolerance=1e-6, dtype=torch.float64):
    image, kernel = tensor(rng, *size, dtype=dtype), tensor(rng, *kernel_size, dtype=dtype)
    trial = Trial(candidate, image, kernel, *options, on_error=(key, look))
    trial.array()
    return trial, image, kernel


@PANORAMA.property(
    "shape", N_("as many columns as the image has; h − kh + 1 rows, also when nothing is square")
)
def panorama_shape(candidate, rng):
    (h, w), (kh, kw) = draw(rng, 7, 12, 2, distinct=True), draw(rng, 2, 4, 2, distinct=True)
    look = _("rows: the kernel stays inside; columns: it goes round, so that it can begin at every one")
    trial, _image, _kernel = _scene(candidate, rng, (h, w), (kh, kw), key="shape", look=look)
    shape = trial.array().shape
    if shape == (h - kh + 1, w - kw + 1):
        trial.fail("not-round", look=_("the last columns: the kernel goes on at the left edge"))
    if shape == (h, w):
        trial.fail("round-both-ways", look=_("the rows: top and bottom do not touch"))
    if shape in {(h - kh, w), (h - kh + 1, w - 1), (h - kh, w - 1)}:
        trial.fail("missing-one", look=_("a kernel as high as the image: in how many places can it stand?"))
    if shape != (h - kh + 1, w):
        trial.fail("shape", look=look)


@PANORAMA.property("values", N_("each number is the sum of pixels times kernel, the kernel as it stands"))
def panorama_values(candidate, rng):
    look = _("a 2×3 image and a 1×2 kernel, on paper and by your function")
    trial, image, kernel = _scene(candidate, rng, (7, 9), (3, 3), key="values", look=look)
    right = _seen(image, kernel)
    # A row or column too few has a property of its own: what is there must be right.
    got = trial.array()
    if got.ndim == 2 and got.shape != right.shape and 0 < got.shape[0] <= 5 and 0 < got.shape[1] <= 9:
        right = np.ascontiguousarray(right[: got.shape[0], : got.shape[1]])
    mistakes = [
        ("flipped", _seen(image, kernel, flip=True), _("the kernel's orientation: nothing turns it round")),
        ("transposed", _seen(image, kernel.T), _("the kernel's rows and columns: do they meet the image's?")),
        (
            "zeros",
            _seen(image, kernel, wrap=False),
            _("beyond the right edge: the left edge follows, not zeros"),
        ),
        ("truncated", np.trunc(right), _("the type of the result: can it hold a fraction?")),
    ]
    judge(trial, right, mistakes, look)


@PANORAMA.property(
    "stride", N_("with a stride s the kernel stands at every s-th row and column, beginning with the first")
)
def panorama_stride(candidate, rng):
    for w in (11, 12):
        s = draw(rng, 2, 4)
        look = _("the columns with a stride: 0, s, 2·s, … as long as they are columns of the image")
        trial, image, kernel = _scene(candidate, rng, (10, w), (3, 2), s, key="stride", look=look)
        right = _seen(image, kernel, s)
        mistakes = [
            ("stride-ignored", _seen(image, kernel), _("the third argument: is it used?")),
            ("last-column-lost", right[:, :-1], look),
            ("rows-only", _seen(image, kernel)[::s], _("the stride: it holds for both axes")),
        ]
        judge(trial, right, mistakes, look, "stride")


@PANORAMA.property(
    "dilation", N_("with a dilation d the kernel's numbers lie d pixels apart, round the edge as well")
)
def panorama_dilation(candidate, rng):
    d = draw(rng, 2, 3)
    look = _("a kernel of two numbers with a dilation of 2: which pixels does it meet at the last column?")
    trial, image, kernel = _scene(candidate, rng, (9, 8), (3, 2), 1, d, key="dilation", look=look)
    mistakes = [
        ("dilation-ignored", _seen(image, kernel), _("the fourth argument: is it used?")),
        (
            "zeros",
            _seen(image, kernel, 1, d, wrap=False),
            _("beyond the right edge: the left edge follows, not zeros"),
        ),
    ]
    judge(trial, _seen(image, kernel, 1, d), mistakes, look, "dilation")


@PANORAMA.property("dtype", N_("the result keeps the floating type of the image: float32 and float64"))
def panorama_dtype(candidate, rng):
    for kind in (torch.float32, torch.float64):
        look = _("the line that makes the result: which type does it ask for?")
        trial, _image, _kernel = _scene(candidate, rng, (5, 6), (2, 3), key="dtype", look=look, dtype=kind)
        if str(getattr(trial.result, "dtype", "")).removeprefix("torch.") != str(kind).removeprefix("torch."):
            trial.fail("dtype", look=look)


# 3. Sizes backwards ------------------------------------------------------------------------


def image_sizes(places, k, p=0, s=1, d=1):
    smallest = (places - 1) * s + d * (k - 1) + 1 - 2 * p
    return smallest, smallest + s - 1


IMAGE_SIZES = lenient(Exercise("image_sizes", solution=image_sizes, hints=()), wholes)


def _sizes(candidate, rng, mistakes, *args):
    """By trying: which n give `places` places, counted one by one."""
    places, k, p, s, d = (*args, *(0, 1, 1)[len(args) - 2 :])
    fitting = [n for n in range(1, 400) if len(range(0, n + 2 * p - d * (k - 1), s)) == places]
    trial = Trial(
        candidate, *args, tried=", ".join(f"{a} = {b}" for a, b in zip(("places", "k", "p", "s", "d"), args))
    )
    got = parts(trial, 2, _("what is returned: two whole numbers, the smallest n and the largest"))
    if any(type(g) is not int for g in got):
        trial.fail("not-integers", look=_("the kind of the result: pixels are counted in whole numbers"))
    low, high = fitting[0], fitting[-1]
    known = [("largest-forgotten", (low, low), _("the largest n: which pixels at the end may be left over?"))]
    known += [(key, wrong(places, k, p, s, d), look) for key, wrong, look in mistakes]
    one_of(
        trial,
        tuple(got),
        (low, high),
        known,
        _("n = 7, 8 and 9 with k = 3 and s = 2: count the places"),
        "sizes",
    )


@IMAGE_SIZES.property("plain", N_("with stride 1 exactly one n fits, with padding 2·p less"))
def plain_sizes(candidate, rng):
    mistakes = [
        (
            "missing-one",
            lambda o, k, p, s, d: (o + k - 2 * p,) * 2,
            _("a kernel as wide as the image: one place"),
        ),
        (
            "padding-once",
            lambda o, k, p, s, d: (o + k - 1 - p,) * 2,
            _("the ends: how many of them are padded?"),
        ),
        (
            "padding-added",
            lambda o, k, p, s, d: (o + k - 1 + 2 * p,) * 2,
            _("padding: with more of it, is a smaller image enough?"),
        ),
    ]
    _sizes(candidate, rng, mistakes, draw(rng, 15, 30), draw(rng, 2, 7))
    _sizes(candidate, rng, mistakes, draw(rng, 15, 30), draw(rng, 2, 7), draw(rng, 2, 4))


@IMAGE_SIZES.property("stride", N_("with a stride several n fit: the smallest and the largest are right"))
def stride_sizes(candidate, rng):
    def off(o, k, p, s, d):
        low = (o - 1) * s + k - 2 * p
        return low, low + s

    mistakes = [
        ("one-too-many", off, _("the largest n: one pixel more, and another place fits")),
        (
            "times-stride",
            lambda o, k, p, s, d: (o * s + k - 2 * p, o * s + k - 2 * p + s - 1),
            _("how many steps are there between the first place and the last?"),
        ),
    ]
    _sizes(candidate, rng, mistakes, draw(rng, 15, 30), draw(rng, 2, 7), draw(rng, 0, 3), draw(rng, 2, 5))


@IMAGE_SIZES.property("dilation", N_("a dilated kernel reaches over d·(k − 1) + 1 pixels"))
def dilated_sizes(candidate, rng):
    def reach(r):
        def sizes(o, k, p, s, d):
            low = (o - 1) * s + r(k, d) - 2 * p
            return low, low + s - 1

        return sizes

    mistakes = [
        ("dilation-ignored", reach(lambda k, d: k), _("the fifth argument: is it used?")),
        (
            "dilation-times",
            reach(lambda k, d: k * d),
            _("the reach of 3 weights with a gap of one between them"),
        ),
        ("off-by-one", reach(lambda k, d: d * (k - 1)), _("the reach: does it count both end weights?")),
    ]
    _sizes(
        candidate,
        rng,
        mistakes,
        draw(rng, 15, 30),
        draw(rng, 2, 5),
        draw(rng, 0, 3),
        draw(rng, 1, 3),
        draw(rng, 2, 4),
    )


# 4. A fair comparison, nothing square ------------------------------------------------------


def fair_costs(height, width, kh, kw, stride, maps):
    outputs = maps * ((height - kh) // stride + 1) * ((width - kw) // stride + 1)
    return (height * width + 1) * outputs, (kh * kw + 1) * maps, height * width * outputs, kh * kw * outputs


FAIR_COSTS = lenient(Exercise("fair_costs", solution=fair_costs, hints=()), wholes)


def _costs(candidate, rng):
    height, width = draw(rng, 12, 40, 2, distinct=True)
    kh, kw = draw(rng, 2, 6, 2, distinct=True)
    args = height, width, kh, kw, draw(rng, 2, 3), draw(rng, 2, 12)
    tried = _("height {}, width {}, kernel {} × {}, stride {}, {} maps").format(*args)
    trial = Trial(candidate, *args, tried=tried)
    got = parts(trial, 4, _("what is returned: four whole numbers, dense and convolution, parameters first"))
    if any(type(g) is not int for g in got):
        trial.fail("not-integers", look=_("the kind of the numbers: parameters are counted"))
    # Torch counts: the map of a real convolution, the parameters of real layers.
    layer = torch.nn.Conv2d(1, args[5], (kh, kw), stride=args[4])
    with torch.no_grad():
        outputs = layer(torch.zeros(1, 1, height, width)).numel()
    return trial, got, args, outputs, sum(p.numel() for p in layer.parameters())


@FAIR_COSTS.property(
    "dense-parameters", N_("the dense layer makes as many outputs as the convolution, each with its bias")
)
def dense_parameters(candidate, rng):
    trial, got, (h, w, kh, kw, s, maps), outputs, _conv = _costs(candidate, rng)
    mistakes = [
        (
            "stride-ignored",
            (h * w + 1) * maps * (h - kh + 1) * (w - kw + 1),
            _("the stride: how large is a map?"),
        ),
        ("biases-forgotten", h * w * outputs, _("the biases: a dense layer has one for each output")),
        ("unequal-outputs", (h * w + 1) * maps, _("how many numbers each layer produces: is it the same?")),
    ]
    one_of(
        trial,
        got[0],
        (h * w + 1) * outputs,
        mistakes,
        _("one dense output: how many weights reach it?"),
        "dense-parameters",
    )


@FAIR_COSTS.property("conv-parameters", N_("the convolution has one kernel and one bias for each map"))
def conv_parameters(candidate, rng):
    trial, got, (h, w, kh, kw, s, maps), outputs, conv = _costs(candidate, rng)
    mistakes = [
        ("biases-forgotten", kh * kw * maps, _("the biases: a convolution has one for each map")),
        (
            "not-shared",
            (kh * kw + 1) * outputs,
            _("what is shared: does a map have a new kernel at each place?"),
        ),
    ]
    one_of(trial, got[1], conv, mistakes, _("one map: how many numbers does it learn?"), "conv-parameters")


@FAIR_COSTS.property(
    "multiplications", N_("every output costs its multiplications again, shared weights or not")
)
def multiplications(candidate, rng):
    trial, got, (h, w, kh, kw, s, maps), outputs, _conv = _costs(candidate, rng)
    if got[3] == kh * kw * maps:
        trial.fail("places-forgotten", look=_("how often one kernel weight is used in one image"))
    full = maps * (h - kh + 1) * (w - kw + 1)
    mistakes = [
        ("stride-ignored", (h * w * full, kh * kw * full), _("the stride: how many places are there?"))
    ]
    one_of(
        trial,
        tuple(got[2:]),
        (h * w * outputs, kh * kw * outputs),
        mistakes,
        _("one output of each layer: how many products are summed for it?"),
        "multiplications",
    )


# 5. What the pooled map does -----------------------------------------------------------------


def pooled_shift(dx, dy, pool):
    if dx % pool or dy % pool:
        return None
    return dx // pool, dy // pool


POOLED_SHIFT = lenient(Exercise("pooled_shift", solution=pooled_shift, hints=()), wholes)


def _by_experiment(rng, dx, dy, pool):
    """The shift of a pooled random map that equals pooling the shifted map, by trying; or None."""
    cells = 7

    def pooled(a):
        return a.reshape(cells, pool, cells, pool).max(axis=(1, 3))

    a = rng.normal(size=(cells * pool, cells * pool))
    after, plain = pooled(np.roll(a, (dy, dx), axis=(0, 1))), pooled(a)
    around = range(-(cells // 2), cells // 2 + 1)
    return next(
        ((i, j) for i in around for j in around if (after == np.roll(plain, (j, i), (0, 1))).all()), None
    )


def _shifted(candidate, rng, shifts, pool, key, look):
    """A property has to tell shifts that fit from others: one answer for all of them holds nowhere."""
    for dx, dy in shifts:
        trial = Trial(candidate, dx, dy, pool, tried=f"dx = {dx}, dy = {dy}, pool = {pool}")
        right = _by_experiment(rng, dx, dy, pool)
        got = trial.result
        if got is not None and (
            type(got) not in (tuple, list) or len(got) != 2 or any(type(g) is not int for g in got)
        ):
            trial.fail(
                "not-a-shift", look=_("what is returned: two whole numbers, or None where no shift fits")
            )
        mistakes = [
            ("swapped", right and right[::-1], _("the order of the two: along the columns first")),
            ("in-pixels", (dx, dy), _("the unit: the pooled map has fewer, larger pixels")),
        ]
        one_of(trial, got if got is None else tuple(got), right, mistakes, look, key)


@POOLED_SHIFT.property("fits", N_("whole windows move the pooled map by as many of its pixels"))
def fits(candidate, rng):
    pool = draw(rng, 2, 4)
    look = _("a shift by two windows on one axis and one on the other")
    _shifted(candidate, rng, [(2 * pool, pool), (0, 3 * pool), (pool, 1), (0, 0)], pool, "fits", look)


@POOLED_SHIFT.property("does-not", N_("where one axis does not fit there is no such shift"))
def does_not(candidate, rng):
    pool = draw(rng, 3, 5)
    look = _("each axis for itself: two misfits that add up to a window do not cancel")
    _shifted(candidate, rng, [(1, 0), (pool, 1), (2, pool - 2), (pool, 2 * pool)], pool, "does-not", look)


@POOLED_SHIFT.property("backwards", N_("shifts to the left and upwards count as well"))
def backwards(candidate, rng):
    pool = draw(rng, 2, 4)
    _shifted(
        candidate,
        rng,
        [(-pool, pool), (-2 * pool, -pool), (-1, 0)],
        pool,
        "backwards",
        _("a shift by one window to the left"),
    )
