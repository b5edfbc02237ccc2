"""The appendix: right answers, and the mistakes people make."""

import numpy as np
import torch
import torch.nn.functional as F

from lenet_helpers import from_nothing

from . import correct, wrong

# convolve_backward -------------------------------------------------------------------


@correct("convolve_backward")
def by_kernel_position(grad, maps, weight):
    rows, columns = grad.shape[2:]
    by_maps, by_weight = np.zeros_like(maps), np.zeros_like(weight)
    for u, v in np.ndindex(weight.shape[2:]):
        there = np.s_[:, :, u : u + rows, v : v + columns]
        by_weight[:, :, u, v] = np.einsum("nmij,ncij->mc", grad, maps[there])
        by_maps[there] += np.einsum("nmij,mc->ncij", grad, weight[:, :, u, v])
    return by_maps, by_weight, grad.sum(axis=(0, 2, 3))


@correct("convolve_backward")
def by_place(grad, maps, weight):
    kh, kw = weight.shape[2:]
    by_maps, by_weight = np.zeros_like(maps), np.zeros_like(weight)
    for n, m, i, j in np.ndindex(grad.shape):
        by_maps[n, :, i : i + kh, j : j + kw] += grad[n, m, i, j] * weight[m]
        by_weight[m] += grad[n, m, i, j] * maps[n, :, i : i + kh, j : j + kw]
    return [by_maps, by_weight, np.array([grad[:, m].sum() for m in range(len(weight))])]


@correct("convolve_backward")
def asks_torch(grad, maps, weight):
    g, x, w = map(torch.from_numpy, (grad, maps, weight))
    by_maps = F.conv_transpose2d(g, w)
    by_weight = F.conv2d(x.transpose(0, 1), g.transpose(0, 1)).transpose(0, 1)
    return by_maps, by_weight, g.sum((0, 2, 3))


def but(by_maps=None, by_weight=None, by_bias=None):
    """The right answer, one part replaced by what a function makes of (right part, grad, maps, weight)."""

    def answer(grad, maps, weight):
        parts = list(from_nothing.convolve_backward(grad, maps, weight))
        for i, change in enumerate((by_maps, by_weight, by_bias)):
            if change:
                parts[i] = change(parts[i], grad, maps, weight)
        return tuple(parts)

    return answer


@wrong("convolve_backward", "not-turned")
def forgets_to_turn_the_kernel(grad, maps, weight):
    def unturned(_right, grad, _maps, weight):
        kh, kw = weight.shape[2:]
        padded = np.pad(grad, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
        return from_nothing.convolve(padded, weight.swapaxes(0, 1), 0)

    return but(by_maps=unturned)(grad, maps, weight)


@wrong("convolve_backward", "overwritten")
def puts_in_place_of_adding(grad, maps, weight):
    kh, kw = weight.shape[2:]
    by_maps = np.zeros_like(maps)
    for i, j in np.ndindex(grad.shape[2:]):
        by_maps[:, :, i : i + kh, j : j + kw] = np.einsum("nm,mcuv->ncuv", grad[:, :, i, j], weight)
    return but(by_maps=lambda *_all: by_maps)(grad, maps, weight)


@wrong("convolve_backward", "edge-lost")
def leaves_the_edge_at_zero(grad, maps, weight):
    kh, kw = weight.shape[2:]
    by_maps = np.zeros_like(maps)
    turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
    by_maps[:, :, kh - 1 : 1 - kh, kw - 1 : 1 - kw] = from_nothing.convolve(grad, turned, 0)
    return but(by_maps=lambda *_all: by_maps)(grad, maps, weight)


@wrong("convolve_backward", "weight-turned")
def turns_the_weights_derivative(grad, maps, weight):
    return but(by_weight=lambda right, *_all: right[:, :, ::-1, ::-1])(grad, maps, weight)


@wrong("convolve_backward", "averaged")
def averages_over_the_batch(grad, maps, weight):
    return but(by_weight=lambda right, grad, *_all: right / len(grad))(grad, maps, weight)


@wrong("convolve_backward", "averaged")
def a_mean_for_the_bias(grad, maps, weight):
    return but(by_bias=lambda _right, grad, *_all: grad.mean(axis=(0, 2, 3)))(grad, maps, weight)


@wrong("convolve_backward", "averaged")
def the_bias_of_a_mean_image(grad, maps, weight):
    return but(by_bias=lambda _right, grad, *_all: grad.mean(axis=0).sum(axis=(1, 2)))(grad, maps, weight)


@wrong("convolve_backward", "one-image")
def the_last_image_only(grad, maps, weight):
    for image in grad:
        by_bias = image.sum(axis=(1, 2))
    return but(by_bias=lambda *_all: by_bias)(grad, maps, weight)


@wrong("convolve_backward", "not-three")
def no_bias(grad, maps, weight):
    return from_nothing.convolve_backward(grad, maps, weight)[:2]


@wrong("convolve_backward", "shapes")
def in_another_order(grad, maps, weight):
    by_maps, by_weight, by_bias = from_nothing.convolve_backward(grad, maps, weight)
    return by_weight, by_bias, by_maps


@wrong("convolve_backward", "by-bias")
def the_sign_of_a_descent(grad, maps, weight):
    return tuple(-part for part in from_nothing.convolve_backward(grad, maps, weight))


@wrong("convolve_backward", "in-place")
def flips_the_weight_itself(grad, maps, weight):
    result = from_nothing.convolve_backward(grad, maps, weight)
    weight[:] = weight[:, :, ::-1, ::-1].copy()
    return result


# max_pool_backward -------------------------------------------------------------------


@correct("max_pool_backward")
def window_by_window(grad, maps, size=2):
    result = np.zeros_like(maps)
    for n, c, row, column in np.ndindex(grad.shape):
        window = maps[n, c, row * size : (row + 1) * size, column * size : (column + 1) * size]
        u, v = divmod(int(window.argmax()), size)
        result[n, c, row * size + u, column * size + v] = grad[n, c, row, column]
    return result


@correct("max_pool_backward")
def by_torch(grad, maps, size=2):
    x = torch.from_numpy(maps).requires_grad_()
    F.max_pool2d(x, size).backward(torch.from_numpy(grad))
    return x.grad


@correct("max_pool_backward")
def ties_counted_down(grad, maps, size=2):
    """Place by place of the window, the first that equals the maximum takes what is left."""
    rows, columns = grad.shape[2] * size, grad.shape[3] * size
    pooled, left = from_nothing.max_pool(maps, size), grad.copy()
    result = np.zeros_like(maps)
    for u, v in np.ndindex(size, size):
        hit = maps[:, :, u:rows:size, v:columns:size] == pooled
        result[:, :, u:rows:size, v:columns:size] = np.where(hit, left, 0)
        left = np.where(hit, 0, left)
    return result


def spread(pooled, maps, size):
    """Each number of `pooled` at all places of its window, 0 on the edge that is left over."""
    big = pooled.repeat(size, axis=2).repeat(size, axis=3)
    result = np.zeros_like(maps)
    result[:, :, : big.shape[2], : big.shape[3]] = big
    return result


@wrong("max_pool_backward", "every-tie")
def every_equal_one_gets_it(grad, maps, size=2):
    largest = spread(from_nothing.max_pool(maps, size), maps, size)
    return spread(grad, maps, size) * (maps == largest)


@wrong("max_pool_backward", "shared")
def equal_ones_share_it(grad, maps, size=2):
    hit = from_nothing.cut(maps, size) == from_nothing.max_pool(maps, size)[..., None]
    return every_equal_one_gets_it(grad / hit.sum(axis=-1), maps, size)


@wrong("max_pool_backward", "last")
def the_last_of_equals(grad, maps, size=2):
    rows, columns = grad.shape[2] * size, grad.shape[3] * size
    result = np.zeros_like(maps)
    inner = maps[:, :, :rows, :columns][:, :, ::-1, ::-1]
    result[:, :, :rows, :columns] = window_by_window(grad[:, :, ::-1, ::-1], inner, size)[:, :, ::-1, ::-1]
    return result


@wrong("max_pool_backward", "everywhere")
def the_whole_window_gets_it(grad, maps, size=2):
    return spread(grad, maps, size)


@wrong("max_pool_backward", "averaged")
def as_if_it_were_an_average(grad, maps, size=2):
    return spread(grad, maps, size) / size**2


@wrong("max_pool_backward", "grad-ignored")
def marks_the_winner(grad, maps, size=2):
    return window_by_window(np.ones_like(grad), maps, size)


@wrong("max_pool_backward", "lowest")
def the_lowest(grad, maps, size=2):
    return window_by_window(grad, -maps, size)


@wrong("max_pool_backward", "times-maps")
def times_the_number(grad, maps, size=2):
    return window_by_window(grad, maps, size) * maps


@wrong("max_pool_backward", "zeros-left-out")
def a_window_of_zeros_sends_nothing(grad, maps, size=2):
    return window_by_window(grad, maps, size) * (maps != 0)


@wrong("max_pool_backward", "size-ignored")
def always_two(grad, maps, size=2):
    result = np.zeros_like(maps)
    for n, c, row, column in np.ndindex(*maps.shape[:2], maps.shape[2] // 2, maps.shape[3] // 2):
        window = maps[n, c, row * 2 : row * 2 + 2, column * 2 : column * 2 + 2]
        u, v = divmod(int(window.argmax()), 2)
        result[n, c, row * 2 + u, column * 2 + v] = grad[n, c, row, column]
    return result


@wrong("max_pool_backward", "left-over")
def takes_whole_windows_for_granted(grad, maps, size=2):
    n, c, height, width = maps.shape
    tiles = maps.reshape(n, c, height // size, size, width // size, size)
    first = window_by_window(grad, maps, size)
    return first.reshape(tiles.shape).reshape(maps.shape)


@wrong("max_pool_backward", "shape")
def stays_small(grad, maps, size=2):
    return grad * from_nothing.max_pool(maps, size)


# gradient_check ----------------------------------------------------------------------


def measure(loss, x, step=1e-5):
    result = np.empty_like(x)
    for position in np.ndindex(x.shape):
        moved = x.copy()
        moved[position] += step
        above = loss(moved)
        moved[position] -= 2 * step
        result[position] = (above - loss(moved)) / (2 * step)
    return result


def worst(gap, limit):
    place = np.unravel_index(np.argmax(gap), gap.shape)
    return tuple(int(i) for i in place) if gap[place] > limit else None


@correct("gradient_check")
def by_four_points(loss, x, gradient):
    measured = (4 * measure(loss, x, 1e-4) - measure(loss, x, 2e-4)) / 3
    return worst(abs(gradient - measured), 1e-3 * abs(gradient).max())


@correct("gradient_check")
def moves_x_and_puts_it_back(loss, x, gradient):
    gap = np.empty(x.size)
    flat = x.reshape(-1)
    for i in range(x.size):
        before = flat[i]
        flat[i] = before + 1e-6
        above = loss(x)
        flat[i] = before - 1e-6
        gap[i] = abs((above - loss(x)) / 2e-6 - gradient.reshape(-1)[i])
        flat[i] = before
    return worst(gap.reshape(x.shape), 1e-3 * abs(gradient).max())


@correct("gradient_check")
def reads_from_a_list(loss, x, gradient):
    limit = 1e-3 * abs(gradient).max()
    gap = abs(measure(loss, x) - gradient)
    return next((list(map(int, place)) for place in np.argwhere(gap > limit)), None)


@wrong("gradient_check", "one-sided")
def to_one_side(loss, x, gradient):
    measured = np.empty_like(x)
    for position in np.ndindex(x.shape):
        moved = x.copy()
        moved[position] += 1e-6
        measured[position] = (loss(moved) - loss(x)) / 1e-6
    return worst(abs(gradient - measured), 1e-3 * abs(gradient).max())


@wrong("gradient_check", "step-too-small")
def a_tiny_step(loss, x, gradient):
    return worst(abs(gradient - measure(loss, x, 1e-12)), 1e-2 * abs(gradient).max())


@wrong("gradient_check", "missed-too-small")
def forgets_the_sign(loss, x, gradient):
    return worst(gradient - measure(loss, x), 1e-3 * abs(gradient).max())


@wrong("gradient_check", "false-alarm")
def always_blames_someone(loss, x, gradient):
    gap = abs(gradient - measure(loss, x))
    return tuple(int(i) for i in np.unravel_index(gap.argmax(), x.shape))


@wrong("gradient_check", "missed")
def divides_by_one_step(loss, x, gradient):
    return worst(abs(gradient - 2 * measure(loss, x)), 10 * abs(gradient).max())


@wrong("gradient_check", "flat-position")
def a_place_in_the_flat_array(loss, x, gradient):
    gap = abs(gradient - measure(loss, x))
    return int(gap.argmax()) if gap.max() > 1e-3 else None


@wrong("gradient_check", "not-a-position")
def says_whether_not_where(loss, x, gradient):
    return bool((abs(gradient - measure(loss, x)) > 1e-3).any())


@wrong("gradient_check", "largest")
def the_largest_derivative(loss, x, gradient):
    if worst(abs(gradient - measure(loss, x)), 1e-3) is None:
        return None
    return worst(abs(measure(loss, x)), 0)


@wrong("gradient_check", "relative")
def relative_to_each_entry(loss, x, gradient):
    measured = measure(loss, x)
    with np.errstate(all="ignore"):
        gap = abs(gradient - measured) / abs(measured)
    return worst(np.where(np.isnan(gap), 1.0, gap), 1e-3)


@wrong("gradient_check", "in-place")
def forgets_to_put_back(loss, x, gradient):
    answer = worst(abs(gradient - measure(loss, x)), 1e-3 * abs(gradient).max())
    x[(0,) * x.ndim] += 1e-5
    return answer


@wrong("gradient_check", "missed")
def never_alarmed(loss, x, gradient):
    return None
