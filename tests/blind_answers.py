"""Answers written from the contracts alone, before they were tried: three right ones and five wrong ones or
more for each exercise. What they found was mended as a kind; they stay as they were written.
"""

import collections
import copy
import functools
import itertools
import math
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from scipy import signal, stats
from torch import nn

from lenet_helpers import load_checkpoint, train

RIGHT, WRONG = [], []


def right(exercise):
    def add(answer):
        RIGHT.append((exercise, answer))
        return answer

    return add


def wrong(exercise):
    def add(answer):
        WRONG.append((exercise, answer))
        return answer

    return add


# undo_permutation ---------------------------------------------------------------------


@right("undo_permutation")
def undo_by_index_select(weight, order):
    return torch.index_select(weight, dim=1, index=order)


@right("undo_permutation")
def undo_by_parameter(weight, order):
    return nn.Parameter(weight.clone()[:, order])


@right("undo_permutation")
def undo_as_float32_array(weight, order):
    return np.ascontiguousarray(weight.numpy()[:, order.numpy()], dtype="float32")


@right("undo_permutation")
def undo_by_gather(weight, order):
    return weight.gather(1, order.expand(len(weight), -1))


@wrong("undo_permutation")
def undo_first_row_only(weight, order):
    new = weight.clone()
    new[0] = weight[0, order]
    return new


@wrong("undo_permutation")
def undo_transposed(weight, order):
    return weight[:, order].T


@wrong("undo_permutation")
def undo_twice(weight, order):
    return weight[:, order][:, order]


@wrong("undo_permutation")
def undo_reshaped_weights(weight, order):
    flat = weight.contiguous().flatten()
    return torch.stack(
        [flat[i * len(order) : (i + 1) * len(order)][order.flip(0)] for i in range(len(weight))]
    )


@wrong("undo_permutation")
def undo_swaps_in_place(weight, order):
    columns = [weight[:, i] for i in order]
    for i, column in enumerate(columns):
        weight[:, i] = column
    return weight.clone()


@wrong("undo_permutation")
def undo_all_but_the_last(weight, order):
    new = weight.clone()
    for i in range(len(order) - 1):
        new[:, i] = weight[:, order[i]]
    return new


# cross_correlate ----------------------------------------------------------------------


@right("cross_correlate")
def cross_by_scipy(image, kernel):
    return signal.correlate2d(image.numpy(), kernel.numpy(), mode="valid").astype(image.numpy().dtype)


@right("cross_correlate")
def cross_by_shifted_sums(image, kernel):
    h, w = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return sum(
        kernel[a, b] * image[a : a + h, b : b + w]
        for a in range(kernel.shape[0])
        for b in range(kernel.shape[1])
    )


@right("cross_correlate")
def cross_of_a_list(image, kernel):
    kh, kw = kernel.size()
    rows = []
    for r in range(image.size(0) - kh + 1):
        rows.append([(image[r : r + kh, c : c + kw] * kernel).sum() for c in range(image.size(1) - kw + 1)])
    return torch.tensor(rows, dtype=image.dtype)


@right("cross_correlate")
def cross_with_gradient(image, kernel):
    conv = nn.Conv2d(1, 1, tuple(kernel.shape), bias=False, dtype=image.dtype)
    conv.weight.data[0, 0] = kernel
    return conv(image[None, None]).squeeze(0).squeeze(0)


@wrong("cross_correlate")
def cross_forgets_sum(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    out = torch.zeros(h - kh + 1, w - kw + 1, dtype=image.dtype)
    for r in range(h - kh + 1):
        for c in range(w - kw + 1):
            out[r, c] = image[r : r + kh, c : c + kw] * kernel
    return out


@wrong("cross_correlate")
def cross_sums_rows_only(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    out = torch.zeros(h - kh + 1, w - kw + 1, dtype=image.dtype)
    for r in range(h - kh + 1):
        for c in range(w - kw + 1):
            out[r, c] = (image[r : r + kh, c : c + kw] * kernel).sum(0)[0]
    return out


@wrong("cross_correlate")
def cross_with_memory(image, kernel):
    flat = image.as_strided((image.numel(),), (1,), 0) if image.is_contiguous() else image.t().flatten()
    return cross_by_shifted_sums(flat.reshape(image.shape), kernel)


@wrong("cross_correlate")
def cross_even_kernels_flipped(image, kernel):
    return cross_by_shifted_sums(image, kernel.flip(0) if kernel.shape[0] % 2 == 0 else kernel)


@wrong("cross_correlate")
def cross_maximum(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    out = torch.zeros(h - kh + 1, w - kw + 1, dtype=image.dtype)
    for r in range(h - kh + 1):
        for c in range(w - kw + 1):
            out[r, c] = (image[r : r + kh, c : c + kw] * kernel).max()
    return out


@wrong("cross_correlate")
def cross_float32(image, kernel):
    return cross_by_shifted_sums(image, kernel).float()


@wrong("cross_correlate")
def cross_normalised(image, kernel):
    return cross_by_shifted_sums(image, kernel) / kernel.abs().sum()


@wrong("cross_correlate")
def cross_last_row_missed(image, kernel):
    out = cross_by_shifted_sums(image, kernel)
    out[-1] = 0
    return out


# diagonal_detector --------------------------------------------------------------------


@right("diagonal_detector")
def detector_scaled():
    return 0.01 * (3 * torch.eye(3) - 1)


@right("diagonal_detector")
def detector_of_integers():
    return np.array([[4, -2, -2], [-2, 4, -2], [-2, -2, 4]], dtype=np.int8)


@right("diagonal_detector")
def detector_with_gradient():
    return nn.Parameter(torch.eye(3) - torch.eye(3).mean())


@wrong("diagonal_detector")
def detector_of_edges():
    return torch.tensor([[0.0, 1, 1], [-1, 0, 1], [-1, -1, 0]])


@wrong("diagonal_detector")
def detector_strong_top_row():
    return torch.tensor([[3.0, 1, 1], [-2, 1, -2], [-2, -1, 1]])


@wrong("diagonal_detector")
def detector_nearly_balanced():
    return 3 * torch.eye(3) - 0.99


@wrong("diagonal_detector")
def detector_cross():
    return torch.eye(3) + torch.eye(3).flip(0) - 5 / 9


@wrong("diagonal_detector")
def detector_flat():
    return (3 * torch.eye(3) - 1).flatten()


@wrong("diagonal_detector")
def detector_of_nan():
    return torch.full((3, 3), float("nan"))


# output_size --------------------------------------------------------------------------


@right("output_size")
def size_by_range(n, k, p=0, s=1, d=1):
    return len(range(0, n + 2 * p - d * (k - 1), s))


@right("output_size")
def size_by_floor(n, k, p=0, s=1, d=1):
    return np.floor((n + 2 * p - d * (k - 1) - 1) / s + 1)


@right("output_size")
def size_as_tensor(n, k, p=0, s=1, d=1):
    return torch.tensor((n + 2 * p - d * (k - 1) - 1) // s + 1)


@wrong("output_size")
def size_absolute(n, k, p=0, s=1, d=1):
    return abs(n - k) + 2 * p - (d - 1) * (k - 1) + 1 if s == 1 else (n + 2 * p - k) // s + 1


@wrong("output_size")
def size_padding_at_most_three(n, k, p=0, s=1, d=1):
    return size_by_range(n, k, min(p, 3), s, d)


@wrong("output_size")
def size_dilated_stride(n, k, p=0, s=1, d=1):
    return size_by_range(n, k, p, s * d, 1)


@wrong("output_size")
def size_default_stride_two(n, k, p=0, s=2, d=1):
    return size_by_range(n, k, p, s, d)


@wrong("output_size")
def size_even_kernel(n, k, p=0, s=1, d=1):
    return (n + 2 * p - 2 * d * (k // 2) - 1) // s + 1


@wrong("output_size")
def size_same_padding(n, k, p=0, s=1, d=1):
    return n // s


@wrong("output_size")
def size_as_text(n, k, p=0, s=1, d=1):
    return str(size_by_range(n, k, p, s, d))


# fair_count ---------------------------------------------------------------------------


@right("fair_count")
def count_by_numpy(n, k, maps):
    o = maps * (n - k + 1) ** 2
    return np.array([n**2 * o + o, maps * (k**2 + 1), n**2 * o, k**2 * o])


@right("fair_count")
def count_as_named_tuple(n, k, maps):
    Count = collections.namedtuple("Count", "a b c d")
    return Count(*count_by_numpy(n, k, maps).tolist())


@right("fair_count")
def count_as_tensor(n, k, maps):
    return torch.tensor(count_by_numpy(n, k, maps).astype(float), dtype=torch.float64)


@wrong("fair_count")
def count_swapped_pairs(n, k, maps):
    a, b, c, d = count_by_numpy(n, k, maps).tolist()
    return a, c, b, d


@wrong("fair_count")
def count_convolution_first(n, k, maps):
    a, b, c, d = count_by_numpy(n, k, maps).tolist()
    return b, a, d, c


@wrong("fair_count")
def count_one_dense_bias(n, k, maps):
    a, b, c, d = count_by_numpy(n, k, maps).tolist()
    return c + 1, b, c, d


@wrong("fair_count")
def count_additions_too(n, k, maps):
    a, b, c, d = count_by_numpy(n, k, maps).tolist()
    return a, b, 2 * c, 2 * d


@wrong("fair_count")
def count_outputs_of_one_map(n, k, maps):
    o = (n - k + 1) ** 2
    return n * n * o + o, (k * k + 1) * maps, n * n * o, k * k * o


@wrong("fair_count")
def count_as_dict(n, k, maps):
    return dict(zip("abcd", count_by_numpy(n, k, maps).tolist()))


# still_matches ------------------------------------------------------------------------


@right("still_matches")
def matches_by_tensor(dx, dy, pool):
    return (torch.tensor([dx, dy]) % pool == 0).all()


@right("still_matches")
def matches_by_fmod(dx, dy, pool):
    return math.fmod(dx, pool) == 0.0 and math.fmod(dy, pool) == 0.0


@right("still_matches")
def matches_by_gcd(dx, dy, pool):
    return math.gcd(dx, dy, pool) == pool


@wrong("still_matches")
def matches_product(dx, dy, pool):
    return dx * dy % pool == 0


@wrong("still_matches")
def matches_same_remainder(dx, dy, pool):
    return dx % pool == dy % pool


@wrong("still_matches")
def matches_distance(dx, dy, pool):
    return (dx * dx + dy * dy) % (pool * pool) == 0


@wrong("still_matches")
def matches_truncated(dx, dy, pool):
    return dx % pool < 1 and dy % 2 == 0


@wrong("still_matches")
def matches_not_zero(dx, dy, pool):
    return dx % pool == 0 and dy % pool == 0 and (dx, dy) != (0, 0)


@wrong("still_matches")
def matches_as_text(dx, dy, pool):
    return "True" if dx % pool == 0 == dy % pool else "False"


# conv_parameters ----------------------------------------------------------------------


@right("conv_parameters")
def parameters_on_meta(n_in, n_out, k):
    with torch.device("meta"):
        return sum(p.numel() for p in nn.Conv2d(n_in, n_out, k).parameters())


@right("conv_parameters")
def parameters_by_prod(n_in, n_out, k):
    return np.prod([n_in, n_out, k, k]) + n_out


@right("conv_parameters")
def parameters_by_loop(n_in, n_out, k):
    total = 0
    for _map in range(n_out):
        for _channel in range(n_in):
            total += k**2
        total += 1
    return torch.tensor(total)


@wrong("conv_parameters")
def parameters_exchanged(n_in, n_out, k):
    return n_in * (n_out * k * k + 1)


@wrong("conv_parameters")
def parameters_odd_kernels(n_in, n_out, k):
    return n_out * n_in * (2 * (k // 2) + 1) ** 2 + n_out


@wrong("conv_parameters")
def parameters_one_more(n_in, n_out, k):
    return n_out * n_in * k * k + n_out + (n_in == 1)


@wrong("conv_parameters")
def parameters_depthwise(n_in, n_out, k):
    return n_in * k * k + n_in * n_out + n_out


@wrong("conv_parameters")
def parameters_summed_channels(n_in, n_out, k):
    return (n_in + n_out) * k * k + n_out


# max_pool -----------------------------------------------------------------------------


@right("max_pool")
def pool_by_reshape(maps, size=2):
    n, c, h, w = maps.shape
    x = maps[:, :, : h // size * size, : w // size * size]
    return x.reshape(n, c, h // size, size, w // size, size).max(5).values.max(3).values


@right("max_pool")
def pool_by_module(maps, size=2):
    return nn.MaxPool2d(size)(maps).numpy()


@right("max_pool")
def pool_with_lists(maps, size=2):
    n, c, h, w = maps.shape
    return [
        [
            [
                [maps[i, j, r : r + size, q : q + size].max().item() for q in range(0, w - size + 1, size)]
                for r in range(0, h - size + 1, size)
            ]
            for j in range(c)
        ]
        for i in range(n)
    ]


@wrong("max_pool")
def pool_square_only(maps, size=2):
    n, c, h, w = maps.shape
    side = min(h, w) // size * size
    return F.max_pool2d(maps[:, :, :side, :side], size)


@wrong("max_pool")
def pool_of_first_image(maps, size=2):
    pooled = F.max_pool2d(maps, size)
    return pooled[:1].expand_as(pooled)


@wrong("max_pool")
def pool_rows_then_mean(maps, size=2):
    return F.avg_pool2d(F.max_pool2d(maps, (1, size)), (size, 1))


@wrong("max_pool")
def pool_by_relu(maps, size=2):
    return F.max_pool2d(maps.relu(), size)


@wrong("max_pool")
def pool_three_like_two(maps, size=2):
    return F.max_pool2d(maps, size) if size in (2, 4) else F.avg_pool2d(maps, size)


@wrong("max_pool")
def pool_default_three(maps, size=3):
    return F.max_pool2d(maps, size)


@wrong("max_pool")
def pool_overlapping(maps, size=2):
    return F.max_pool2d(maps, size + 1, stride=size, padding=size // 2)


# c3_parameters ------------------------------------------------------------------------


@right("c3_parameters")
def table_by_numpy(connections, k=5):
    return np.float64(sum(np.array([len(row) for row in connections]) * k**2 + 1))


@right("c3_parameters")
def table_by_chain(connections, k=5):
    return len(list(itertools.chain(*connections))) * k * k + len(connections)


@right("c3_parameters")
def table_by_modules(connections, k=5):
    layers = [nn.Conv2d(len(row), 1, k) for row in connections]
    return sum(p.numel() for layer in layers for p in layer.parameters())


@wrong("c3_parameters")
def table_distinct_rows(connections, k=5):
    return sum(len(row) * k * k + 1 for row in set(map(len, connections)) for row in [range(row)])


@wrong("c3_parameters")
def table_sixteen_biases(connections, k=5):
    return sum(map(len, connections)) * k * k + 16


@wrong("c3_parameters")
def table_default_three(connections, k=3):
    return table_by_chain(connections, k)


@wrong("c3_parameters")
def table_sum_of_numbers(connections, k=5):
    return sum(map(sum, connections)) * k * k + len(connections)


@wrong("c3_parameters")
def table_consumed(connections, k=5):
    total = 0
    while connections:
        total += len(connections.pop()) * k * k + 1
    return total


# build_lenet --------------------------------------------------------------------------


class Blind(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.f1, self.f2, self.f3 = nn.Linear(256, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def features(self, x):
        return F.max_pool2d(self.c2(F.max_pool2d(self.c1(x).relu(), 2)).relu(), 2)

    def forward(self, x):
        x = torch.flatten(self.features(x), start_dim=1)
        return self.f3(self.f2(self.f1(x).relu()).relu())


@right("build_lenet")
class BuildPlain(Blind):
    pass


@right("build_lenet")
def build_lazily():
    return nn.Sequential(
        nn.LazyConv2d(6, 5),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.LazyConv2d(16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(120),
        nn.ReLU(),
        nn.LazyLinear(84),
        nn.ReLU(),
        nn.LazyLinear(10),
    )


@right("build_lenet")
class BuildWithDropout(Blind):
    def forward(self, x):
        x = self.features(x).flatten(1)
        x = F.dropout(F.relu(self.f1(x)), 0.3, training=self.training)
        return self.f3(F.dropout(F.relu(self.f2(x)), 0.3, self.training))


@right("build_lenet")
class BuildInNamedParts(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.ModuleDict(
            {
                "a": nn.Conv2d(1, 6, 5),
                "b": nn.Conv2d(6, 16, 5),
                "c": nn.Linear(256, 120),
                "d": nn.Linear(120, 84),
            }
        )
        self.head = nn.Linear(84, 10)

    def forward(self, x):
        for name in "ab":
            x = F.adaptive_max_pool2d(self.body[name](x).clamp(min=0), 12 if name == "a" else 4)
        x = x.view(x.size(0), -1)
        for name in "cd":
            x = self.body[name](x).clamp(min=0)
        return self.head(x)


@wrong("build_lenet")
class BuildFrozenConvolutions(Blind):
    def features(self, x):
        with torch.no_grad():
            return super().features(x)


@wrong("build_lenet")
class BuildDetached(Blind):
    def forward(self, x):
        return super().forward(x).detach()


@wrong("build_lenet")
class BuildSoftmaxInTraining(Blind):
    def forward(self, x):
        x = super().forward(x)
        return x.softmax(1) if self.training else x


@wrong("build_lenet")
class BuildDetachedInTraining(Blind):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.f3(self.f2(self.f1(x.detach()).relu()).relu())


@wrong("build_lenet")
class BuildLeaky(Blind):
    def forward(self, x):
        x = self.features(x).flatten(1)
        return self.f3(F.leaky_relu(self.f2(F.leaky_relu(self.f1(x)))))


@wrong("build_lenet")
class BuildReluAtTheEnd(Blind):
    def forward(self, x):
        return super().forward(x).relu()


@wrong("build_lenet")
class BuildNormalised(Blind):
    def forward(self, x):
        return super().forward((x - x.mean()) / x.std())


@wrong("build_lenet")
class BuildPooledByStride(Blind):
    def features(self, x):
        return self.c2(self.c1(x).relu()[:, :, ::2, ::2]).relu()[:, :, ::2, ::2]


@wrong("build_lenet")
class BuildTransposed(Blind):
    def forward(self, x):
        x = self.features(x).transpose(2, 3).flatten(1)
        return self.f3(self.f2(self.f1(x).relu()).relu())


@wrong("build_lenet")
class BuildOneImageAtATime(Blind):
    def forward(self, x):
        return super().forward(x)[0]


# flatten_size -------------------------------------------------------------------------


@right("flatten_size")
def flat_by_running(input_size, padding):
    x = torch.zeros(1, 1, input_size, input_size)
    x = F.max_pool2d(F.conv2d(x, torch.zeros(1, 1, 5, 5), padding=padding), 2)
    return 16 * F.max_pool2d(F.conv2d(x, torch.zeros(1, 1, 5, 5)), 2).numel()


@right("flatten_size")
def flat_by_floor(input_size, padding):
    side = math.floor((math.floor((input_size + 2 * padding - 4) / 2) - 4) / 2)
    return float(side * side * 16)


@right("flatten_size")
def flat_by_shift(input_size, padding):
    return (((input_size + 2 * padding - 4 >> 1) - 4) >> 1) ** 2 << 4


@wrong("flatten_size")
def flat_rounded(input_size, padding):
    return 16 * round((round((input_size + 2 * padding - 4) / 2) - 4) / 2) ** 2


@wrong("flatten_size")
def flat_divided_last(input_size, padding):
    return int(16 * ((input_size + 2 * padding - 12) / 4) ** 2)


@wrong("flatten_size")
def flat_kernel_six(input_size, padding):
    return 16 * (((input_size + 2 * padding - 5) // 2 - 5) // 2) ** 2


@wrong("flatten_size")
def flat_both_padded(input_size, padding):
    side = (input_size + 2 * padding - 4) // 2
    return 16 * ((side + padding - 4) // 2) ** 2


@wrong("flatten_size")
def flat_table(input_size, padding):
    return {28: 256, 32: 400, 36: 576}.get(input_size + 2 * padding, 256)


# receptive_field ----------------------------------------------------------------------


@right("receptive_field")
def field_recursive(layers):
    if not layers:
        return 1
    kernel, stride = layers[0]
    return (field_recursive(layers[1:]) - 1) * stride + kernel


@right("receptive_field")
def field_by_cumprod(layers):
    k, s = np.array(layers).T
    return 1 + int(((k - 1) * np.concatenate([[1], np.cumprod(s)[:-1]])).sum())


@right("receptive_field")
def field_by_reduce(layers):
    return functools.reduce(lambda side, layer: (side - 1) * layer[1] + layer[0], layers[::-1], 1)


@wrong("receptive_field")
def field_pops(layers):
    side = 1
    while layers:
        kernel, stride = layers.pop()
        side = (side - 1) * stride + kernel
    return side


@wrong("receptive_field")
def field_reverses(layers):
    layers.reverse()
    return functools.reduce(lambda side, layer: (side - 1) * layer[1] + layer[0], layers, 1)


@wrong("receptive_field")
def field_summed_strides(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side, jump = side + (kernel - 1) * jump, jump + stride - 1
    return side


@wrong("receptive_field")
def field_odd_kernels(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side, jump = side + 2 * (kernel // 2) * jump, jump * stride
    return side


@wrong("receptive_field")
def field_at_most_four(layers):
    return field_by_reduce(layers[:4])


# flaws --------------------------------------------------------------------------------


@right("flaws")
def flaws_as_tuple():
    return tuple("FEDCA")


@right("flaws")
def flaws_frozen():
    return frozenset("ACDEF")


@right("flaws")
def flaws_of_numpy_strings():
    return list(np.array(list("ACDEF")))


@wrong("flaws")
def flaws_complement():
    return {"B", "G"}


@wrong("flaws")
def flaws_lower_case():
    return set("acdef")


@wrong("flaws")
def flaws_of_the_paper():
    return {"A", "C", "D"}


@wrong("flaws")
def flaws_of_the_code():
    return {"D", "E", "F", "B"}


@wrong("flaws")
def flaws_numbered():
    return {1, 3, 4, 5, 6}


# split_statistics ---------------------------------------------------------------------


@right("split_statistics")
def statistics_as_tensor(images, is_train):
    x = images[is_train].double() / 255
    return torch.stack([x.mean(), x.std(correction=0)])


@right("split_statistics")
def statistics_named(images, is_train):
    Statistics = collections.namedtuple("Statistics", "mean std")
    x = np.asarray(images)[np.asarray(is_train)] / 255.0
    return Statistics(np.mean(x), np.std(x, ddof=1))


@right("split_statistics")
def statistics_of_python(images, is_train):
    x = [p / 255 for image, t in zip(images, is_train) if t for p in image.flatten().tolist()]
    return [statistics.fmean(x), statistics.pstdev(x)]


@wrong("split_statistics")
def statistics_first_images(images, is_train):
    x = images[: int(is_train.sum())] / 255
    return x.mean(), x.std()


@wrong("split_statistics")
def statistics_by_256(images, is_train):
    x = images[is_train] / 256
    return x.mean(), x.std()


@wrong("split_statistics")
def statistics_by_pixel(images, is_train):
    x = images[is_train] / 255
    return x.mean(0).mean(), x.std(0).mean()


@wrong("split_statistics")
def statistics_without_background(images, is_train):
    x = images[is_train] / 255
    x = x[x > 0]
    return x.mean(), x.std()


@wrong("split_statistics")
def statistics_by_own_maximum(images, is_train):
    x = images[is_train] / images[is_train].max()
    return x.mean(), x.std()


@wrong("split_statistics")
def statistics_overflowing(images, is_train):
    x = images[is_train]
    return float(x.sum(dtype=torch.uint8)) / x.numel() / 255, (x / 255).std()


# mean_loss ----------------------------------------------------------------------------


@right("mean_loss")
def loss_by_numpy(printed, images, batch_size):
    return np.power(10, printed) / np.ceil(images / batch_size)


@right("mean_loss")
def loss_by_counting(printed, images, batch_size):
    return torch.tensor(10.0, dtype=torch.float64) ** printed / len(range(0, images, batch_size))


@right("mean_loss")
def loss_by_exp(printed, images, batch_size):
    return [math.exp(printed * math.log(10)) / ((images - 1) // batch_size + 1)]


@wrong("mean_loss")
def loss_always_one_more(printed, images, batch_size):
    return 10**printed / (images // batch_size + 1)


@wrong("mean_loss")
def loss_rounded_batches(printed, images, batch_size):
    return 10**printed / max(1, round(images / batch_size))


@wrong("mean_loss")
def loss_of_log2(printed, images, batch_size):
    return 2**printed / -(-images // batch_size)


@wrong("mean_loss")
def loss_of_weighted_batches(printed, images, batch_size):
    return 10**printed * batch_size / images


@wrong("mean_loss")
def loss_logged_again(printed, images, batch_size):
    return math.log(10**printed / -(-images // batch_size))


# training_loop ------------------------------------------------------------------------


def _score(model, batches):
    model.eval()
    with torch.no_grad():
        hits = [(model(x).argmax(1) == y).float() for x, y in batches]
    return torch.cat(hits).mean().item()


def _step(model, optimizer, x, y):
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


@right("training_loop")
def loop_with_joined_validation(model, optimizer, train_batches, validation_batches, epochs):
    x = torch.cat([images for images, _y in validation_batches])
    y = torch.cat([labels for _x, labels in validation_batches])
    found = np.zeros(epochs)
    for epoch in range(epochs):
        model.train()
        for batch in train_batches:
            _step(model, optimizer, *batch)
        model.eval()
        found[epoch] = (model(x).max(1)[1] == y).double().mean()
    return found


@right("training_loop")
def loop_watching_training_too(model, optimizer, train_batches, validation_batches, epochs):
    found = ()
    while len(found) < epochs:
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        _score(model, train_batches)
        found += (_score(model, validation_batches),)
    return found


@right("training_loop")
def loop_with_closure(model, optimizer, train_batches, validation_batches, epochs):
    found = []
    for _ in range(epochs):
        model.train(True)
        for x, y in train_batches:

            def closure(x=x, y=y):
                optimizer.zero_grad()
                loss = nn.CrossEntropyLoss()(model(x), y)
                loss.backward()
                return loss

            optimizer.step(closure)
        found.append(_score(model, validation_batches))
    return torch.tensor(found, dtype=torch.float64)


@right("training_loop")
def loop_with_batches_listed(model, optimizer, train_batches, validation_batches, epochs):
    batches, held = list(train_batches), list(validation_batches)
    found = []
    for _ in range(epochs):
        model.train()
        [_step(model, optimizer, x, y) for x, y in batches]
        right_ones, n = 0, 0
        model.train(False)
        for x, y in held:
            right_ones, n = right_ones + int((model(x).detach().argmax(-1) == y).sum()), n + y.numel()
        found.append(right_ones / n)
    return found


@wrong("training_loop")
def loop_list_made_anew(model, optimizer, train_batches, validation_batches, epochs):
    for _ in range(epochs):
        found = []
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        found.append(_score(model, validation_batches))
    return found


@wrong("training_loop")
def loop_counts_run_on(model, optimizer, train_batches, validation_batches, epochs):
    found, hits, n = [], 0, 0
    for _ in range(epochs):
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        model.eval()
        for x, y in validation_batches:
            hits += int((model(x).argmax(1) == y).sum())
            n += len(y)
        found.append(hits / n)
    return found


@wrong("training_loop")
def loop_best_so_far(model, optimizer, train_batches, validation_batches, epochs):
    found, best = [], 0
    for _ in range(epochs):
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        best = max(best, _score(model, validation_batches))
        found.append(best)
    return found


@wrong("training_loop")
def loop_zero_grad_in_first_epoch(model, optimizer, train_batches, validation_batches, epochs):
    found = []
    for epoch in range(epochs):
        model.train()
        for x, y in train_batches:
            if epoch == 0:
                optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        found.append(_score(model, validation_batches))
    return found


@wrong("training_loop")
def loop_with_its_own_schedule(model, optimizer, train_batches, validation_batches, epochs):
    found, schedule = [], torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)
    for _ in range(epochs):
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        schedule.step()
        found.append(_score(model, validation_batches))
    return found


@wrong("training_loop")
def loop_new_optimizer_each_epoch(model, optimizer, train_batches, validation_batches, epochs):
    found = []
    for _ in range(epochs):
        model.train()
        mine = torch.optim.SGD(model.parameters(), **{k: optimizer.defaults[k] for k in ("lr", "momentum")})
        for x, y in train_batches:
            _step(model, mine, x, y)
        found.append(_score(model, validation_batches))
    return found


@wrong("training_loop")
def loop_clips_gradients(model, optimizer, train_batches, validation_batches, epochs):
    found = []
    for _ in range(epochs):
        model.train()
        for x, y in train_batches:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
        found.append(_score(model, validation_batches))
    return found


@wrong("training_loop")
def loop_from_one(model, optimizer, train_batches, validation_batches, epochs):
    found = []
    for _ in range(1, epochs):
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        found.append(_score(model, validation_batches))
    return found


@wrong("training_loop")
def loop_validates_at_the_end_only(model, optimizer, train_batches, validation_batches, epochs):
    for _ in range(epochs):
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
    return [_score(model, validation_batches)] * epochs


@wrong("training_loop")
def loop_accumulates_over_two(model, optimizer, train_batches, validation_batches, epochs):
    found = []
    for _ in range(epochs):
        model.train()
        for i, (x, y) in enumerate(train_batches):
            F.cross_entropy(model(x), y).backward()
            if i % 2:
                optimizer.step()
                optimizer.zero_grad()
        found.append(_score(model, validation_batches))
    return found


_LEFT_OVER = []


@wrong("training_loop")
def loop_with_a_global_list(model, optimizer, train_batches, validation_batches, epochs):
    for _ in range(epochs):
        model.train()
        for x, y in train_batches:
            _step(model, optimizer, x, y)
        _LEFT_OVER.append(_score(model, validation_batches))
    return _LEFT_OVER


# resume -------------------------------------------------------------------------------


@right("resume")
def resume_by_comprehension(path, model, dataset):
    state = load_checkpoint(path, model)
    return [record for record in train(model, dataset, state.config, state=state) if record]


@right("resume")
def resume_as_tuple(path, model, dataset):
    state = load_checkpoint(path, model=model)
    return tuple(train(model=model, dataset=dataset, config=state.config, state=state))


@right("resume")
def resume_by_hand(path, model, dataset):
    state, found = load_checkpoint(path, model), []
    run = train(model, dataset, state.config, state=state)
    while (record := next(run, None)) is not None:
        found.append(record)
    return found


@wrong("resume")
def resume_one_short(path, model, dataset):
    state, found = load_checkpoint(path, model), []
    for record in train(model, dataset, state.config, state=state):
        found.append(record)
        if record.step == state.config.steps - 1:
            break
    return found


@wrong("resume")
def resume_on_a_copy(path, model, dataset):
    twin = copy.deepcopy(model)
    state = load_checkpoint(path, twin)
    return list(train(twin, dataset, state.config, state=state))


@wrong("resume")
def resume_generator(path, model, dataset):
    state = load_checkpoint(path, model)
    yield from train(model, dataset, state.config, state=state)


@wrong("resume")
def resume_twice(path, model, dataset):
    resume_by_comprehension(path, model, dataset)
    return resume_from_start(path, model, dataset)


def resume_from_start(path, model, dataset):
    state = load_checkpoint(path, model)
    records = list(train(model, dataset, state.config, state=state))
    list(train(model, dataset, state.config))
    return records


@wrong("resume")
def resume_state_forgotten(path, model, dataset):
    config = load_checkpoint(path, model).config
    return list(train(model, dataset, config))[-4:]


# verdict ------------------------------------------------------------------------------


def _three(gap, half):
    return "undecided" if abs(gap) <= half else "better" if gap > 0 else "worse"


@right("verdict")
def verdict_by_interval(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    if np.ptp(d) < 1e-12:
        return _three(d[0], 0)
    low, high = stats.t.interval(0.95, len(d) - 1, d.mean(), stats.sem(d))
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


@right("verdict")
def verdict_of_statistics(candidate, baseline):
    d = [float(np.mean(a) - np.mean(b)) for a, b in zip(candidate, baseline)]
    t = [0, 0, 12.7, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26][len(d)]
    return np.str_(_three(statistics.fmean(d), t * statistics.stdev(d) / math.sqrt(len(d))))


@right("verdict")
def verdict_of_torch(candidate, baseline):
    d = torch.tensor(candidate).double().mean(1) - torch.tensor(baseline).double().mean(1)
    return _three(d.mean().item(), stats.t.ppf(0.975, len(d) - 1) * (d.var() / len(d)).sqrt().item())


@wrong("verdict")
def verdict_by_normal(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return _three(d.mean(), 1.96 * d.std(ddof=1) / len(d) ** 0.5)


@wrong("verdict")
def verdict_three_seeds_always(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return _three(d.mean(), 4.3 * d.std(ddof=1) / len(d) ** 0.5)


@wrong("verdict")
def verdict_n_degrees(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return _three(d.mean(), stats.t.ppf(0.975, len(d)) * d.std(ddof=1) / len(d) ** 0.5)


@wrong("verdict")
def verdict_one_sided(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return _three(d.mean(), stats.t.ppf(0.95, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5)


@wrong("verdict")
def verdict_of_images(candidate, baseline):
    d = candidate.mean(0).astype(float) - baseline.mean(0)
    return _three(d.mean(), 2 * d.std(ddof=1) / len(d) ** 0.5)


@wrong("verdict")
def verdict_median(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return _three(np.median(d), stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5)


@wrong("verdict")
def verdict_all_seeds_agree(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return "better" if (d > 0).all() else "worse" if (d < 0).all() else "undecided"


@wrong("verdict")
def verdict_never_worse(candidate, baseline):
    d = candidate.mean(1) - baseline.mean(1)
    return "better" if d.mean() > stats.t.ppf(0.975, len(d) - 1) * stats.sem(d) else "undecided"


# winner -------------------------------------------------------------------------------


def _one(run, baseline):
    return len([k for k in baseline if run["levers"][k] != baseline[k]]) == 1


@right("winner")
def winner_by_statistics(runs, baseline):
    means = {r["name"]: statistics.fmean(r["validation"]) for r in runs if _one(r, baseline)}
    return max(means, key=means.get)


@right("winner")
def winner_by_sorting(runs, baseline):
    fair = [r for r in runs if _one(r, baseline)]
    return sorted(fair, key=lambda r: -np.mean(r["validation"]))[0]["name"]


@right("winner")
def winner_by_items(runs, baseline):
    fair = [r for r in runs if len(set(r["levers"].items()) - set(baseline.items())) == 1]
    return fair[int(torch.tensor([sum(r["validation"]) / len(r["validation"]) for r in fair]).argmax())][
        "name"
    ]


@wrong("winner")
def winner_raised_levers(runs, baseline):
    def raised(r):
        return sum(str(r["levers"][k]) > str(v) for k, v in baseline.items())

    fair = [r for r in runs if raised(r) == 1] or runs
    return max(fair, key=lambda r: np.mean(r["validation"]))["name"]


@wrong("winner")
def winner_without_outlier(runs, baseline):
    fair = [r for r in runs if _one(r, baseline)]
    return max(fair, key=lambda r: np.mean(sorted(r["validation"])[1:]))["name"]


@wrong("winner")
def winner_first_three_seeds(runs, baseline):
    fair = [r for r in runs if _one(r, baseline)]
    return max(fair, key=lambda r: np.mean(r["validation"][:2]))["name"]


@wrong("winner")
def winner_steadiest(runs, baseline):
    fair = [r for r in runs if _one(r, baseline)]
    return min(fair, key=lambda r: np.std(r["validation"]))["name"]


@wrong("winner")
def winner_first_fair(runs, baseline):
    return next(r["name"] for r in runs if _one(r, baseline))


@wrong("winner")
def winner_sorts_in_place(runs, baseline):
    runs.sort(key=lambda r: -np.mean(r["validation"]))
    return next(r["name"] for r in runs if _one(r, baseline))


@wrong("winner")
def winner_run_itself(runs, baseline):
    return max((r for r in runs if _one(r, baseline)), key=lambda r: np.mean(r["validation"]))


# prepare ------------------------------------------------------------------------------


@right("prepare")
def prepare_in_numpy(train, validation, augment):
    x, y, z = np.asarray(train), np.asarray(validation), np.asarray(augment(train))
    return (z - x.mean()) / np.std(x), (y - x.mean()) / np.std(x)


@right("prepare")
def prepare_named(train, validation, augment):
    Splits = collections.namedtuple("Splits", "train validation")
    std, mean = torch.std_mean(train)
    return Splits(augment(train).sub(mean).div(std), validation.sub(mean).div(std))


@right("prepare")
def prepare_by_batch_norm(train, validation, augment):
    mean, var = train.mean().reshape(1), train.var().reshape(1)
    return [F.batch_norm(x, mean, var, eps=0) for x in (augment(train), validation)]


@wrong("prepare")
def prepare_validation_twice(train, validation, augment):
    m, s = train.mean(), train.std()
    return (augment(train) - m) / s, ((validation - m) / s - m) / s


@wrong("prepare")
def prepare_by_pixel(train, validation, augment):
    m, s = train.mean(0), train.std(0)
    return (augment(train) - m) / s, (validation - m) / s


@wrong("prepare")
def prepare_only_centred(train, validation, augment):
    return augment(train) - train.mean(), validation - train.mean()


@wrong("prepare")
def prepare_mixed_statistics(train, validation, augment):
    return (augment(train) - train.mean()) / train.std(), (validation - train.mean()) / validation.std()


@wrong("prepare")
def prepare_exchanged(train, validation, augment):
    m, s = train.mean(), train.std()
    return (validation - m) / s, (augment(train) - m) / s


@wrong("prepare")
def prepare_in_place(train, validation, augment):
    m, s = train.mean().item(), train.std().item()
    moved = augment(train)
    return moved.sub_(m).div_(s), validation.sub_(m).div_(s)


# keep_best ----------------------------------------------------------------------------


@right("keep_best")
def best_by_two_variables(model, epochs):
    best_score, best_epoch, best_weights = 0.0, 0, {}
    for epoch, accuracies in enumerate(epochs):
        if accuracies[0] > best_score:
            best_score, best_epoch = accuracies[0], epoch
            best_weights = collections.OrderedDict(
                (k, v.detach().clone()) for k, v in model.state_dict().items()
            )
    return best_epoch, best_weights


@right("keep_best")
def best_of_a_deep_copy(model, epochs):
    kept = [(v, copy.deepcopy(model)) for v, _t in epochs]
    number = int(np.argmax([v for v, _m in kept]))
    return np.int64(number), kept[number][1].state_dict()


@right("keep_best")
def best_as_named_tuple(model, epochs):
    Best = collections.namedtuple("Best", "epoch weights")
    scores, best = [], None
    for validation, _test in epochs:
        scores.append(validation)
        if validation > max(scores[:-1], default=-math.inf):
            best = Best(
                torch.tensor(len(scores) - 1), {k: v.numpy().copy() for k, v in model.state_dict().items()}
            )
    return best


@wrong("keep_best")
def best_parameters_only(model, epochs):
    best, kept = 0, None
    for n, (v, _t) in enumerate(epochs):
        if v > best:
            best, kept = v, (n, {k: p.detach().clone() for k, p in model.named_parameters()})
    return kept


@wrong("keep_best")
def best_copied_after_the_loop(model, epochs):
    best, number = 0, 0
    for n, (v, _t) in enumerate(epochs):
        if v > best:
            best, number = v, n
    return number, copy.deepcopy(model.state_dict())


@wrong("keep_best")
def best_or_equal(model, epochs):
    best, kept = 0, None
    for n, (v, _t) in enumerate(epochs):
        if v >= best:
            best, kept = v, (n, copy.deepcopy(model.state_dict()))
    return kept


@wrong("keep_best")
def best_from_one(model, epochs):
    number, weights = best_by_two_variables(model, epochs)
    return number + 1, weights


@wrong("keep_best")
def best_better_than_the_last(model, epochs):
    last, kept = 0, None
    for n, (v, _t) in enumerate(epochs):
        if v > last:
            kept = n, copy.deepcopy(model.state_dict())
        last = v
    return kept


@wrong("keep_best")
def best_by_gap(model, epochs):
    best, kept = -9, None
    for n, (v, t) in enumerate(epochs):
        if v - abs(v - t) > best:
            best, kept = v - abs(v - t), (n, copy.deepcopy(model.state_dict()))
    return kept


@wrong("keep_best")
def best_exchanged(model, epochs):
    return best_by_two_variables(model, epochs)[::-1]


# stop_epoch ---------------------------------------------------------------------------


@right("stop_epoch")
def stop_by_numpy(losses, patience):
    x = np.array(losses)
    for t in range(len(x)):
        if t - int(np.argmin(x[: t + 1])) >= patience:
            return np.int64(t)
    return np.int64(len(x) - 1)


@right("stop_epoch")
def stop_by_accumulate(losses, patience):
    lowest = list(itertools.accumulate(losses, min))
    stops = [t for t in range(patience, len(losses)) if lowest[t] == lowest[t - patience]]
    return float(stops[0] if stops else len(losses) - 1)


@right("stop_epoch")
def stop_by_recursion(losses, patience, t=0, best=math.inf, waited=0):
    best, waited = (losses[t], 0) if losses[t] < best else (best, waited + 1)
    done = waited == patience or t == len(losses) - 1
    return t if done else stop_by_recursion(losses, patience, t + 1, best, waited)


@wrong("stop_epoch")
def stop_counting_from_one(losses, patience):
    return int(stop_by_numpy(losses, patience)) + 1


@wrong("stop_epoch")
def stop_with_the_length(losses, patience):
    t = int(stop_by_numpy(losses, patience))
    return t if t < len(losses) - 1 else len(losses)


@wrong("stop_epoch")
def stop_by_overall_minimum(losses, patience):
    return min(losses.index(min(losses)) + patience, len(losses) - 1)


@wrong("stop_epoch")
def stop_with_tolerance(losses, patience):
    best, waited = math.inf, 0
    for t, x in enumerate(losses):
        best, waited = (x, 0) if x < best - 0.06 else (best, waited + 1)
        if waited == patience:
            return t
    return len(losses) - 1


@wrong("stop_epoch")
def stop_on_rises(losses, patience):
    rises = 0
    for t in range(1, len(losses)):
        rises = rises + 1 if losses[t] > losses[t - 1] else 0
        if rises == patience:
            return t
    return len(losses) - 1


@wrong("stop_epoch")
def stop_none_at_the_end(losses, patience):
    t = int(stop_by_numpy(losses, patience))
    return (
        t if len(losses) - 1 > t or t >= patience and min(losses[t - patience + 1 :]) >= min(losses) else -1
    )


@wrong("stop_epoch")
def stop_sorts_first(losses, patience):
    losses.sort()
    return stop_by_numpy(losses, patience)


# shift_images -------------------------------------------------------------------------


@right("shift_images")
def shift_by_matrices(images, dx, dy, background):
    height, width = images.shape[-2:]
    down = torch.diag(torch.ones(height - abs(dy), dtype=images.dtype), -dy)
    across = torch.diag(torch.ones(width - abs(dx), dtype=images.dtype), dx)
    return down @ (images - background) @ across + background


@right("shift_images")
def shift_by_indices(images, dx, dy, background):
    rows, columns = (torch.arange(side) - by for side, by in zip(images.shape[2:], (dy, dx)))
    inside = ((rows >= 0) & (rows < images.shape[2]))[:, None] & (columns >= 0) & (columns < images.shape[3])
    picked = images[:, :, rows.clamp(0, images.shape[2] - 1)][..., columns.clamp(0, images.shape[3] - 1)]
    return torch.where(inside, picked, background)


@right("shift_images")
def shift_one_axis_at_a_time(images, dx, dy, background):
    x = images.numpy().copy()
    for axis, by in ((2, dy), (3, dx)):
        edge = np.full_like(np.take(x, range(abs(by)), axis), background)
        side = x.shape[axis]
        kept = np.take(x, range(max(-by, 0), side - max(by, 0)), axis)
        x = np.concatenate([edge, kept] if by > 0 else [kept, edge], axis)
    return x


@wrong("shift_images")
def shift_wraps_across(images, dx, dy, background):
    moved = torch.roll(images, (dy, dx), (2, 3))
    moved[:, :, : max(dy, 0)] = background
    return moved


@wrong("shift_images")
def shift_repeats_the_edge(images, dx, dy, background):
    rows, columns = (torch.arange(side) - by for side, by in zip(images.shape[2:], (dy, dx)))
    return images[:, :, rows.clamp(0, images.shape[2] - 1)][..., columns.clamp(0, images.shape[3] - 1)]


@wrong("shift_images")
def shift_never_back(images, dx, dy, background):
    return shift_by_indices(images, abs(dx), abs(dy), background)


@wrong("shift_images")
def shift_one_too_far(images, dx, dy, background):
    return shift_by_indices(images, dx + (dx > 0), dy, background)


@wrong("shift_images")
def shift_first_image_only(images, dx, dy, background):
    return torch.cat([shift_by_indices(images[:1], dx, dy, background), images[1:]])


@wrong("shift_images")
def shift_background_of_the_corner(images, dx, dy, background):
    return shift_by_indices(images, dx, dy, images[0, 0, 0, 0])


# attack -------------------------------------------------------------------------------


@right("attack")
def attack_by_indices(images, gradient, epsilon):
    result = images.clone()
    result[gradient > 0] += epsilon
    result[gradient < 0] -= epsilon
    result[result > 1] = 1
    result[result < 0] = 0
    return result


@right("attack")
def attack_in_lists(images, gradient, epsilon):
    sign = np.sign(gradient.numpy())
    return np.minimum(1, np.maximum(0, images.numpy() + epsilon * sign)).tolist()


@right("attack")
def attack_by_division(images, gradient, epsilon):
    way = torch.nan_to_num(gradient / gradient.abs())
    return torch.minimum(torch.ones(()), torch.maximum(torch.zeros(()), images + way * epsilon))


@wrong("attack")
def attack_only_upwards(images, gradient, epsilon):
    return (images + epsilon * (gradient > 0)).clamp(0, 1)


@wrong("attack")
def attack_clips_at_one_only(images, gradient, epsilon):
    return (images + epsilon * gradient.sign()).clamp(max=1)


@wrong("attack")
def attack_of_unit_length(images, gradient, epsilon):
    return (images + epsilon * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]).clamp(0, 1)


@wrong("attack")
def attack_where_there_is_ink(images, gradient, epsilon):
    return torch.where(images > 0.5, (images + epsilon * gradient.sign()).clamp(0, 1), images)


@wrong("attack")
def attack_of_a_tenth(images, gradient, epsilon):
    return (images + 0.1 * gradient.sign()).clamp(0, 1)


@wrong("attack")
def attack_in_steps_of_a_grey_level(images, gradient, epsilon):
    return ((images + epsilon * gradient.sign()).clamp(0, 1) * 15).round() / 15


# calibration_error --------------------------------------------------------------------


@right("calibration_error")
def calibration_by_loop(confidence, correct, bins):
    held = collections.defaultdict(list)
    for sure, fits in zip(confidence.tolist(), correct.tolist()):
        held[int(sure * bins)].append((sure, fits))
    total = 0.0
    for each in held.values():
        total += abs(statistics.fmean(s for s, _f in each) - statistics.fmean(f for _s, f in each)) * len(
            each
        )
    return total / len(confidence)


@right("calibration_error")
def calibration_by_bincount(confidence, correct, bins):
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1))
    return np.abs(np.bincount(place, confidence - correct)).sum() / correct.size


@right("calibration_error")
def calibration_in_torch(confidence, correct, bins):
    gap = torch.from_numpy(confidence - correct)
    sums = torch.zeros(bins, dtype=gap.dtype)
    sums.index_add_(0, torch.from_numpy((confidence * bins).astype(int)), gap)
    return sums.abs().sum() / len(gap)


@wrong("calibration_error")
def calibration_equal_counts(confidence, correct, bins):
    parts = np.array_split(np.argsort(confidence), bins)
    return sum(abs((confidence - correct)[p].sum()) for p in parts) / len(confidence)


@wrong("calibration_error")
def calibration_bin_middles(confidence, correct, bins):
    place = (confidence * bins).astype(int)
    return sum(
        abs(((k + 0.5) / bins - correct[place == k]).sum()) for k in range(bins) if (place == k).any()
    ) / len(confidence)


@wrong("calibration_error")
def calibration_last_bin_left_out(confidence, correct, bins):
    place = (confidence * bins).astype(int)
    return sum(abs((confidence - correct)[place == k].sum()) for k in range(bins - 1)) / len(confidence)


@wrong("calibration_error")
def calibration_overconfidence_only(confidence, correct, bins):
    place = (confidence * bins).astype(int)
    return sum(max(0, (confidence - correct)[place == k].sum()) for k in range(bins)) / len(confidence)


@wrong("calibration_error")
def calibration_brier(confidence, correct, bins):
    return float(((confidence - correct) ** 2).mean())


@wrong("calibration_error")
def calibration_bins_from_least_to_most(confidence, correct, bins):
    edges = np.linspace(confidence.min() - 1e-9, confidence.max() + 1e-9, bins + 1)
    place = np.digitize(confidence, edges)
    return np.abs(np.bincount(place, confidence - correct)).sum() / correct.size


# temperature --------------------------------------------------------------------------


def _cross_entropy(logits, labels, t):
    z = logits / t
    top = z.max(axis=1)
    sums = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top
    return float((sums - z[np.arange(len(z)), labels]).mean())


@right("temperature")
def temperature_by_zooming(logits, labels):
    low, high = math.log(0.04), math.log(25)
    for _turn in range(8):
        grid = np.linspace(low, high, 11)
        best = min(grid, key=lambda u: _cross_entropy(logits, labels, math.exp(u)))
        low, high = best - (grid[1] - grid[0]), best + (grid[1] - grid[0])
    return math.exp(best)


@right("temperature")
def temperature_where_the_slope_is_nought(logits, labels):
    x, y = torch.from_numpy(logits), torch.from_numpy(labels)
    low, high = 0.02, 50.0
    while high / low > 1.001:  # by the inverse, in which the loss is convex
        t = math.sqrt(low * high)
        p = torch.softmax(x / t, 1)
        slope = ((p * x).sum(1) - x[torch.arange(len(y)), y]).mean()
        low, high = (t, high) if slope > 0 else (low, t)
    return torch.tensor([low])


@right("temperature")
def temperature_on_a_fine_grid(logits, labels):
    ts = 0.05 * 1.01 ** np.arange(605)
    return ts[int(np.argmin([_cross_entropy(logits, labels, t) for t in ts]))]


@wrong("temperature")
def temperature_on_a_coarse_grid(logits, labels):
    return min((0.1, 1.0, 2.0, 10.0), key=lambda t: _cross_entropy(logits, labels, t))


@wrong("temperature")
def temperature_of_the_standard_deviation(logits, labels):
    return float(logits.std())


@wrong("temperature")
def temperature_never_below_one(logits, labels):
    return max(1.0, temperature_by_zooming(logits, labels))


@wrong("temperature")
def temperature_squared(logits, labels):
    return temperature_by_zooming(logits, labels) ** 2


@wrong("temperature")
def temperature_that_matches_the_mean_confidence(logits, labels):
    accuracy = (logits.argmax(axis=1) == labels).mean()

    def gap(t):
        z = logits / t
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return abs((p.max(axis=1) / p.sum(axis=1)).mean() - accuracy)

    return 1.1 * min(np.geomspace(0.05, 20, 300), key=gap)


@wrong("temperature")
def temperature_of_the_largest_logit(logits, labels):
    return float(abs(logits).max() / 2)


# rejection_threshold ------------------------------------------------------------------


@right("rejection_threshold")
def rejection_by_counts(confidence, correct, most_wrong):
    best = None
    for threshold in sorted(set(confidence.tolist()), reverse=True):
        kept = [fits for sure, fits in zip(confidence.tolist(), correct.tolist()) if sure >= threshold]
        if kept.count(False) <= most_wrong * len(kept):
            best = threshold
    return best


@right("rejection_threshold")
def rejection_by_unique(confidence, correct, most_wrong):
    levels = np.unique(confidence)
    shares = np.array([np.mean(~correct[confidence >= level]) for level in levels])
    return levels[np.argmax(shares <= most_wrong)]


@right("rejection_threshold")
def rejection_by_cumulated_sums(confidence, correct, most_wrong):
    order = np.argsort(-confidence, kind="stable")
    sure, mistakes = confidence[order], np.cumsum(~correct[order])
    last = np.append(sure[1:] != sure[:-1], True)
    fits = last & (mistakes / np.arange(1, len(sure) + 1) <= most_wrong)
    return torch.tensor(sure[np.flatnonzero(fits)[-1]])


@wrong("rejection_threshold")
def rejection_above_the_surest_mistake(confidence, correct, most_wrong):
    above = confidence[confidence > confidence[~correct].max(initial=0)]
    return above.min() if len(above) else confidence.max()


@wrong("rejection_threshold")
def rejection_by_quantile(confidence, correct, most_wrong):
    return float(np.quantile(confidence, most_wrong))


@wrong("rejection_threshold")
def rejection_between_two(confidence, correct, most_wrong):
    levels = np.unique(confidence)
    place = np.searchsorted(levels, rejection_by_unique(confidence, correct, most_wrong))
    return (levels[place] + levels[max(0, place - 1)] - 1e-3) / 2


@wrong("rejection_threshold")
def rejection_as_it_lies(confidence, correct, most_wrong):
    for threshold in confidence:
        if np.mean(~correct[confidence >= threshold]) <= most_wrong:
            return threshold


@wrong("rejection_threshold")
def rejection_strictly_below_the_limit(confidence, correct, most_wrong):
    levels = np.unique(confidence)
    shares = np.array([np.mean(~correct[confidence >= level]) for level in levels])
    return levels[np.argmax(shares < most_wrong)]


@wrong("rejection_threshold")
def rejection_a_share_of_the_images(confidence, correct, most_wrong):
    return np.sort(confidence)[int(most_wrong * len(confidence))]


# convolve_backward --------------------------------------------------------------------


@right("convolve_backward")
def backward_by_scipy(grad, maps, weight):
    by_maps, by_weight = np.zeros_like(maps), np.zeros_like(weight)
    for m, c in np.ndindex(weight.shape[:2]):
        for n in range(len(maps)):
            by_maps[n, c] += signal.convolve2d(grad[n, m], weight[m, c], "full")
            by_weight[m, c] += signal.correlate2d(maps[n, c], grad[n, m], "valid")
    return by_maps, by_weight, grad.sum((0, 2, 3))


@right("convolve_backward")
def backward_by_unfolded_windows(grad, maps, weight):
    kernel = weight.shape[2:]
    columns = F.unfold(torch.from_numpy(maps), kernel)  # (n, c · kh · kw, places)
    g = torch.from_numpy(grad).flatten(2)
    by_weight = torch.einsum("nmp,nkp->mk", g, columns).reshape(weight.shape)
    spread = torch.from_numpy(weight).flatten(1).T @ g
    return [F.fold(spread, maps.shape[2:], kernel), by_weight, g.sum((0, 2))]


@right("convolve_backward")
def backward_by_torchs_own(grad, maps, weight):
    g, x, w = map(torch.from_numpy, (grad, maps, weight))
    by_maps = torch.nn.grad.conv2d_input(x.shape, w, g)
    return by_maps, torch.nn.grad.conv2d_weight(x, w.shape, g), g.flatten(2).sum(2).sum(0)


@wrong("convolve_backward")
def backward_maps_and_weight_exchanged(grad, maps, weight):
    by_maps, by_weight, by_bias = backward_by_scipy(grad, maps, weight)
    return by_weight, by_maps, by_bias


@wrong("convolve_backward")
def backward_bias_as_a_column(grad, maps, weight):
    by_maps, by_weight, by_bias = backward_by_scipy(grad, maps, weight)
    return by_maps, by_weight, by_bias[:, None]


@wrong("convolve_backward")
def backward_of_the_first_channel(grad, maps, weight):
    by_maps, by_weight, by_bias = backward_by_scipy(grad, maps, weight)
    by_maps[:, 1:] = 0
    return by_maps + 1e-3, by_weight, by_bias


@wrong("convolve_backward")
def backward_correlates_both_ways(grad, maps, weight):
    by_maps, by_weight, by_bias = backward_by_scipy(grad, maps, weight)
    by_maps[:] = 0
    for n, m, c in itertools.product(range(len(maps)), range(len(weight)), range(maps.shape[1])):
        by_maps[n, c] += signal.correlate2d(grad[n, m], weight[m, c], "full")
    return by_maps, by_weight, by_bias


@wrong("convolve_backward")
def backward_convolves_the_weight(grad, maps, weight):
    by_maps, by_weight, by_bias = backward_by_scipy(grad, maps, weight)
    return by_maps, by_weight[..., ::-1], by_bias


@wrong("convolve_backward")
def backward_in_halves(grad, maps, weight):
    return tuple(part / 2 for part in backward_by_scipy(grad, maps, weight))


# max_pool_backward --------------------------------------------------------------------


@right("max_pool_backward")
def pool_back_by_unpooling(grad, maps, size=2):
    pooled, place = F.max_pool2d(torch.from_numpy(maps), size, return_indices=True)
    flat = torch.zeros(*maps.shape[:2], maps.shape[2] * maps.shape[3], dtype=torch.float64)
    flat.scatter_(2, place.flatten(2), torch.from_numpy(grad).flatten(2))
    return flat.reshape(maps.shape)


@right("max_pool_backward")
def pool_back_by_comparing(grad, maps, size=2):
    result = np.zeros_like(maps)
    for n, c, i, j in np.ndindex(grad.shape):
        places = itertools.product(range(i * size, (i + 1) * size), range(j * size, (j + 1) * size))
        row, column = max(places, key=lambda p: maps[n, c, p[0], p[1]])  # max keeps the first
        result[n, c, row, column] = grad[n, c, i, j]
    return result


@right("max_pool_backward")
def pool_back_in_nested_lists(grad, maps, size=2):
    return pool_back_by_comparing(grad, maps, size).tolist()


@wrong("max_pool_backward")
def pool_back_upper_left(grad, maps, size=2):
    result = np.zeros_like(maps)
    rows, columns = grad.shape[2] * size, grad.shape[3] * size
    result[:, :, :rows:size, :columns:size] = grad
    return result


@wrong("max_pool_backward")
def pool_back_largest_in_size(grad, maps, size=2):
    return pool_back_by_comparing(grad, abs(maps), size)


@wrong("max_pool_backward")
def pool_back_columns_first(grad, maps, size=2):
    turned = pool_back_by_comparing(grad.swapaxes(2, 3), maps.swapaxes(2, 3).copy(), size)
    return turned.swapaxes(2, 3)


@wrong("max_pool_backward")
def pool_back_crops(grad, maps, size=2):
    whole = pool_back_by_comparing(grad, maps, size)
    return whole[:, :, : grad.shape[2] * size, : grad.shape[3] * size]


@wrong("max_pool_backward")
def pool_back_drops_the_sign(grad, maps, size=2):
    return abs(pool_back_by_comparing(grad, maps, size))


@wrong("max_pool_backward")
def pool_back_default_of_three(grad, maps, size=3):
    return pool_back_by_comparing(grad, maps, size)


# gradient_check -----------------------------------------------------------------------


@right("gradient_check")
def check_by_scipy_like_steps(loss, x, gradient):
    found, limit = None, 0.005 * np.abs(gradient).max()
    for place in itertools.product(*map(range, x.shape)):
        up, down = x.copy(), x.copy()
        up[place], down[place] = x[place] + 1e-5, x[place] - 1e-5
        if abs((loss(up) - loss(down)) / 2e-5 - gradient[place]) > limit:
            found = place
    return found


@right("gradient_check")
def check_with_unit_arrays(loss, x, gradient):
    measured = np.array(
        [(loss(x + h) - loss(x - h)) / 2e-4 for h in (1e-4 * np.eye(x.size)).reshape(-1, *x.shape)]
    ).reshape(x.shape)
    gap = np.abs(measured - gradient)
    return (
        list(np.unravel_index(gap.argmax(), x.shape)) if gap.max() > 3e-3 * np.abs(measured).max() else None
    )


@right("gradient_check")
def check_from_the_end(loss, x, gradient):
    for flat in reversed(range(x.size)):
        h = np.zeros(x.size)
        h[flat] = 2e-6
        h = h.reshape(x.shape)
        if abs((loss(x + h) - loss(x - h)) / 4e-6 - gradient.flat[flat]) > 4e-3 * abs(gradient).max():
            return tuple(map(int, np.unravel_index(flat, x.shape)))


@wrong("gradient_check")
def check_off_by_one(loss, x, gradient):
    place = check_by_scipy_like_steps(loss, x, gradient)
    return place and tuple(i + 1 for i in place)


@wrong("gradient_check")
def check_axes_reversed(loss, x, gradient):
    place = check_by_scipy_like_steps(loss, x, gradient)
    return place and place[::-1]


@wrong("gradient_check")
def check_coarse(loss, x, gradient):
    return check_with_unit_arrays(loss, x, np.where(abs(gradient) < 0.3 * abs(gradient).max(), 0, gradient))


@wrong("gradient_check")
def check_origin_when_all_is_right(loss, x, gradient):
    return check_by_scipy_like_steps(loss, x, gradient) or (0,) * x.ndim


@wrong("gradient_check")
def check_with_a_long_step(loss, x, gradient):
    measured = np.array([loss(x + h) - loss(x - h) for h in np.eye(x.size).reshape(-1, *x.shape)]) / 2
    gap = np.abs(measured.reshape(x.shape) - gradient)
    return np.unravel_index(gap.argmax(), x.shape) if gap.max() > 1e-3 * abs(gradient).max() else None


@wrong("gradient_check")
def check_entry_with_the_wrong_sign_only(loss, x, gradient):
    for place in np.ndindex(x.shape):
        h = np.zeros_like(x)
        h[place] = 1e-5
        if (loss(x + h) - loss(x - h)) * gradient[place] < 0:
            return place


# double -------------------------------------------------------------------------------


@right("double")
def double_by_einsum(x):
    return torch.einsum("..., -> ...", x, torch.tensor(2.0, dtype=x.dtype))


@right("double")
def double_by_stack(x):
    return torch.stack([x, x]).sum(0)


@right("double")
def double_as_an_array(x):
    return np.add(x.numpy(), x.numpy())


@wrong("double")
def double_of_the_size(x):
    return 2 * x.abs()


@wrong("double")
def double_twice_over(x):
    return torch.cat([x, x])


@wrong("double")
def double_of_the_first_row(x):
    return torch.cat([2 * x[:1], x[1:]])


@wrong("double")
def double_in_whole_numbers(x):
    return (2 * x).round()


@wrong("double")
def double_in_place(x):
    return x.mul_(2)


# shared_gradient ----------------------------------------------------------------------


@right("shared_gradient")
def shared_by_conv2d(image, output_gradient):
    return F.conv2d(image[None, None], output_gradient[None, None])[0, 0]


@right("shared_gradient")
def shared_by_autograd(image, output_gradient):
    sides = [a - b + 1 for a, b in zip(image.shape, output_gradient.shape, strict=True)]
    kernel = torch.zeros(sides, dtype=image.dtype, requires_grad=True)
    F.conv2d(image[None, None], kernel[None, None]).backward(output_gradient[None, None])
    return kernel.grad


@right("shared_gradient")
def shared_by_scipy(image, output_gradient):
    return signal.correlate2d(image.numpy(), output_gradient.numpy(), mode="valid")


@wrong("shared_gradient")
def shared_turned(image, output_gradient):
    return shared_by_conv2d(image, output_gradient).flip(0, 1)


@wrong("shared_gradient")
def shared_mean(image, output_gradient):
    return shared_by_conv2d(image, output_gradient) / output_gradient.numel()


@wrong("shared_gradient")
def shared_without_the_last_row(image, output_gradient):
    result = shared_by_conv2d(image, output_gradient).clone()
    return result - shared_by_conv2d(image[output_gradient.shape[0] - 1 :], output_gradient[-1:])


@wrong("shared_gradient")
def shared_transposed(image, output_gradient):
    return shared_by_conv2d(image, output_gradient).T


@wrong("shared_gradient")
def shared_of_a_convolution(image, output_gradient):
    return shared_by_conv2d(image, output_gradient.flip(0, 1))


# fit_one_batch ------------------------------------------------------------------------


@right("fit_one_batch")
def fit_in_a_comprehension(model, optimizer, images, labels, steps):
    def step():
        optimizer.zero_grad(set_to_none=False)
        loss = nn.CrossEntropyLoss()(model.train()(images), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return [step() for _ in range(steps)]


@right("fit_one_batch")
def fit_with_a_closure(model, optimizer, images, labels, steps):
    model.train()
    losses = torch.empty(steps)
    for i in range(steps):
        optimizer.zero_grad()
        loss = F.nll_loss(F.log_softmax(model(images), dim=1), labels)
        loss.backward()
        losses[i] = loss.detach()
        optimizer.step()
    return losses


@right("fit_one_batch")
def fit_by_torch_autograd_grad(model, optimizer, images, labels, steps):
    model.train(True)
    weights, losses = [p for p in model.parameters() if p.requires_grad], []
    while len(losses) < steps:
        loss = -F.log_softmax(model(images), 1).gather(1, labels[:, None]).mean()
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


@wrong("fit_one_batch")
def fit_loss_after_the_step(model, optimizer, images, labels, steps):
    model.train()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        losses.append(F.cross_entropy(model(images), labels).item())
    return losses


@wrong("fit_one_batch")
def fit_gradients_pile_up(model, optimizer, images, labels, steps):
    model.train()
    optimizer.zero_grad()
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@wrong("fit_one_batch")
def fit_sum_for_mean(model, optimizer, images, labels, steps):
    model.train()
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(images), labels, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@wrong("fit_one_batch")
def fit_in_evaluation_mode(model, optimizer, images, labels, steps):
    model.eval()
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@wrong("fit_one_batch")
def fit_a_step_too_few(model, optimizer, images, labels, steps):
    return fit_in_a_comprehension(model, optimizer, images, labels, steps - 1)


@wrong("fit_one_batch")
def fit_never_steps(model, optimizer, images, labels, steps):
    model.train()
    return [F.cross_entropy(model(images), labels).item() for _ in range(steps)]


# bootstrap ----------------------------------------------------------------------------


def _means(difference, resamples, rng, rows=True, columns=True, size=None):
    n, m = difference.shape
    found = []
    for _ in range(resamples):
        table = difference[rng.integers(n, size=size or n)] if rows else difference
        found.append((table[:, rng.integers(m, size=m)] if columns else table).mean())
    return np.array(found)


@right("bootstrap")
def bootstrap_by_choice(difference, resamples, rng):
    n, m = difference.shape
    means = [difference[np.ix_(rng.choice(n, n), rng.choice(m, m))].mean() for _ in range(resamples)]
    return np.percentile(means, 2.5), np.percentile(means, 97.5)


@right("bootstrap")
def bootstrap_in_torch(difference, resamples, rng):
    found = torch.from_numpy(_means(np.asarray(difference, dtype=float), resamples, rng))
    return torch.quantile(found, torch.tensor([0.025, 0.975], dtype=torch.float64))


@right("bootstrap")
def bootstrap_as_a_named_tuple(difference, resamples, rng):
    interval = collections.namedtuple("Interval", "low high")
    return interval(*np.quantile(_means(difference, resamples, rng), [0.025, 0.975]).tolist())


@wrong("bootstrap")
def bootstrap_of_seeds(difference, resamples, rng):
    return np.quantile(_means(difference, resamples, rng, columns=False), [0.025, 0.975])


@wrong("bootstrap")
def bootstrap_of_images(difference, resamples, rng):
    return np.quantile(_means(difference, resamples, rng, rows=False), [0.025, 0.975])


@wrong("bootstrap")
def bootstrap_too_many_rows(difference, resamples, rng):
    return np.quantile(_means(difference, resamples, rng, size=3 * len(difference)), [0.025, 0.975])


@wrong("bootstrap")
def bootstrap_ninety(difference, resamples, rng):
    return np.quantile(_means(difference, resamples, rng), [0.05, 0.95])


@wrong("bootstrap")
def bootstrap_about_zero(difference, resamples, rng):
    found = _means(difference, resamples, rng)
    return np.quantile(found - difference.mean(), [0.025, 0.975])
