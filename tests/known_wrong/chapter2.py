"""Chapter 2, layers: right answers, and the mistakes people make."""

import torch
import torch.nn.functional as F
from torch import nn

from . import correct, wrong

# conv_parameters ----------------------------------------------------------------------


@correct("conv_parameters")
def formula(n_in, n_out, k):
    return (n_in * k**2 + 1) * n_out


@correct("conv_parameters")
def ask_torch(n_in, n_out, k):
    return sum(p.numel() for p in nn.Conv2d(n_in, n_out, k).parameters())


@wrong("conv_parameters", "first-channel-only", by="conv2")
def first_channel_only(n_in, n_out, k):
    return (k * k + 1) * n_out


@wrong("conv_parameters", "bias-per-channel", by="conv2")
def bias_per_channel(n_in, n_out, k):
    return (k * k + 1) * n_in * n_out


@wrong("conv_parameters", "no-bias", by="conv2")
def no_bias(n_in, n_out, k):
    return n_in * n_out * k * k


@wrong("conv_parameters", "bias-per-input", by="conv2")
def bias_per_input(n_in, n_out, k):
    return n_in * n_out * k * k + n_in


@wrong("conv_parameters", "one-bias", by="conv2")
def one_bias(n_in, n_out, k):
    return n_in * n_out * k * k + 1


@wrong("conv_parameters", "k-not-squared", by="conv2")
def k_not_squared(n_in, n_out, k):
    return n_in * n_out * k + n_out


@wrong("conv_parameters", "one-map", by="conv2")
def one_map(n_in, n_out, k):
    return n_in * k * k + 1


@correct("conv_parameters")
def as_a_float(n_in, n_out, k):
    return (n_in * k**2 + 1) * n_out / 1


@wrong("conv_parameters", "conv2", by="conv2")
def counts_every_place(n_in, n_out, k):
    return n_in * n_out * k * k * 64


@wrong("conv_parameters", "bias-per-weight", by="conv2")
def a_bias_for_each_weight(n_in, n_out, k):
    weights = n_in * n_out * k * k
    return weights + weights


# max_pool -----------------------------------------------------------------------------


@correct("max_pool")
def by_unfolding(maps, size=2):
    return maps.unfold(2, size, size).unfold(3, size, size).amax(dim=(4, 5))


@correct("max_pool")
def by_torch(maps, size=2):
    return F.max_pool2d(maps, size)


@wrong("max_pool", "stride-one", by="shape")
def stride_one(maps, size=2):
    return F.max_pool2d(maps, size, stride=1)


@wrong("max_pool", "averaged", by="values")
def averaged(maps, size=2):
    return F.avg_pool2d(maps, size)


@wrong("max_pool", "zero-in-window", by="values")
def zero_padded(maps, size=2):
    rows, columns = maps.shape[2] // size, maps.shape[3] // size
    result = torch.zeros(*maps.shape[:2], rows, columns, dtype=maps.dtype)
    for r in range(rows):
        for c in range(columns):
            window = maps[:, :, r * size : r * size + size, c * size : c * size + size].amax(dim=(2, 3))
            result[:, :, r, c] = torch.maximum(result[:, :, r, c], window)
    return result


@wrong("max_pool", "over-channels", by="shape")
def over_channels(maps, size=2):
    return F.max_pool2d(maps, size).amax(dim=1, keepdim=True)


@wrong("max_pool", "over-channels", by="values")
def over_channels_and_back(maps, size=2):
    pooled = F.max_pool2d(maps, size)
    return pooled.amax(dim=1, keepdim=True).expand_as(pooled)


@wrong("max_pool", "minimum", by="values")
def minimum(maps, size=2):
    return -F.max_pool2d(-maps, size)


@wrong("max_pool", "largest-magnitude", by="values")
def largest_magnitude(maps, size=2):
    high, low = F.max_pool2d(maps, size), -F.max_pool2d(-maps, size)
    return torch.where(high >= -low, high, low)


@wrong("max_pool", "subsampled", by="values")
def subsampled(maps, size=2):
    return maps[:, :, ::size, ::size]


@wrong("max_pool", "size-ignored", by="shape")
def always_two_by_two(maps, size=2):
    return F.max_pool2d(maps, 2)


@wrong("max_pool", "left-over", by="left-over")
def rounds_up(maps, size=2):
    return F.max_pool2d(maps, size, ceil_mode=True)


@wrong("max_pool", "over-images", by="shape")
def over_images(maps, size=2):
    return F.max_pool2d(maps, size).amax(dim=0, keepdim=True)


@wrong("max_pool", "swapped", by="shape")
def columns_before_rows(maps, size=2):
    n, channels, height, width = maps.shape
    result = maps.new_zeros(n, channels, width // size, height // size)
    for row in range(height // size):
        for column in range(width // size):
            window = maps[:, :, row * size : (row + 1) * size, column * size : (column + 1) * size]
            result[:, :, column, row] = window.amax(dim=(2, 3))
    return result


# c3_parameters ------------------------------------------------------------------------


@correct("c3_parameters")
def with_a_loop(connections, k=5):
    total = 0
    for inputs in connections:
        total += len(inputs) * k * k + 1
    return total


@correct("c3_parameters")
def by_fan_in(connections, k=5):
    return sum(k**2 * len(set(inputs)) for inputs in connections) + len(list(connections))


@wrong("c3_parameters", "dense", by="the-paper")
def dense(connections, k=5):
    return len(connections) * (6 * k * k + 1)


@wrong("c3_parameters", "no-bias", by="the-paper")
def without_biases(connections, k=5):
    return sum(map(len, connections)) * k * k


@wrong("c3_parameters", "bias-per-kernel", by="the-paper")
def bias_per_kernel(connections, k=5):
    return sum(map(len, connections)) * (k * k + 1)


@wrong("c3_parameters", "one-bias", by="the-paper")
def a_single_bias(connections, k=5):
    return sum(map(len, connections)) * k * k + 1


@wrong("c3_parameters", "first-row", by="the-paper")
def as_if_all_rows_were_alike(connections, k=5):
    return len(connections) * (len(connections[0]) * k * k + 1)


@wrong("c3_parameters", "one-kernel-a-map", by="the-paper")
def one_kernel_a_map(connections, k=5):
    return len(connections) * (k * k + 1)


@wrong("c3_parameters", "k-ignored", by="any-table")
def always_five(connections, k=5):
    return sum(map(len, connections)) * 25 + len(connections)


@wrong("c3_parameters", "weights-shared", by="the-paper")
def shares_kernels(connections, k=5):
    return 6 * k * k + len(connections)
