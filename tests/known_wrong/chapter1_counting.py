"""Chapter 1, sizes, counts and shifts: right answers, and the mistakes people make."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from . import correct, wrong

# output_size --------------------------------------------------------------------------


@correct("output_size")
def formula(n, k, p=0, s=1, d=1):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


@correct("output_size")
def ask_torch(n, k, p=0, s=1, d=1):
    return F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), padding=p, stride=s, dilation=d).shape[2]


@correct("output_size")
def count_the_places(n, k, p=0, s=1, d=1):
    return sum(1 for start in range(-p, n + p, s) if start + d * (k - 1) < n + p)


@correct("output_size")
def numpy_floor(n, k, p=0, s=1, d=1):
    return np.int64(np.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1)


@wrong("output_size", "missing-one", by="plain")
def missing_plus_one(n, k, p=0, s=1, d=1):
    return (n + 2 * p - d * (k - 1) - 1) // s


@wrong("output_size", "ceil", by="stride")
def ceil_for_floor(n, k, p=0, s=1, d=1):
    return math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1


@wrong("output_size", "padding-once", by="padding")
def padding_counted_once(n, k, p=0, s=1, d=1):
    return (n + p - d * (k - 1) - 1) // s + 1


@wrong("output_size", "padding-ignored", by="padding")
def padding_ignored(n, k, p=0, s=1, d=1):
    return (n - d * (k - 1) - 1) // s + 1


@wrong("output_size", "dilation-ignored", by="dilation")
def dilation_ignored(n, k, p=0, s=1, d=1):
    return (n + 2 * p - k) // s + 1


@wrong("output_size", "dilation-times", by="dilation")
def dilation_times_kernel(n, k, p=0, s=1, d=1):
    return (n + 2 * p - d * k) // s + 1


@wrong("output_size", "stride-ignored", by="stride")
def stride_ignored(n, k, p=0, s=1, d=1):
    return n + 2 * p - d * (k - 1)


@wrong("output_size", "one-inside", by="stride")
def one_inside_the_division(n, k, p=0, s=1, d=1):
    return (n + 2 * p - d * (k - 1)) // s


@wrong("output_size", "rounded", by="stride")
def rounds_to_nearest(n, k, p=0, s=1, d=1):
    return round((n + 2 * p - d * (k - 1) - 1) / s) + 1


@wrong("output_size", "not-an-integer", by="stride")
def true_division(n, k, p=0, s=1, d=1):
    return (n + 2 * p - d * (k - 1) - 1) / s + 1


@wrong("output_size", "order", by="padding")
def stride_before_padding(n, k, s=1, p=0, d=1):
    return formula(n, k, p, s, d)


@wrong("output_size", "plain", by="plain")
def input_hard_coded(n, k, p=0, s=1, d=1):
    return formula(128, k, p, s, d)


@wrong("output_size", "plain", by="dilation")  # by itself there: "dilation-off-by-one"
def reach_without_its_last_pixel(n, k, p=0, s=1, d=1):
    reach = d * (k - 1)
    return (n + 2 * p - reach) // s + 1


# fair_count ---------------------------------------------------------------------------


@correct("fair_count")
def by_formula(n, k, maps):
    outputs = maps * (n - k + 1) * (n - k + 1)
    return n * n * outputs + outputs, k * k * maps + maps, n * n * outputs, k * k * outputs


@correct("fair_count")
def by_counting_torch(n, k, maps):
    conv = torch.nn.Conv2d(1, maps, k)
    outputs = conv(torch.zeros(1, 1, n, n)).numel()
    dense = torch.nn.Linear(n * n, outputs, device="meta")
    conv_parameters = sum(p.numel() for p in conv.parameters())
    return [
        sum(p.numel() for p in dense.parameters()),
        conv_parameters,
        dense.weight.numel(),
        outputs * k * k,
    ]


@wrong("fair_count", "unequal-outputs", by="dense-parameters")
def the_claim_as_printed(n, k, maps):
    return n * n * maps, k * k * maps, n * n * maps, k * k * maps


@wrong("fair_count", "unequal-outputs", by="dense-parameters")
def the_claim_with_biases(n, k, maps):
    return (n * n + 1) * maps, (k * k + 1) * maps, n * n * maps, k * k * maps


@wrong("fair_count", "biases-forgotten", by="dense-parameters")
def no_biases(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return c, k * k * maps, c, d


@wrong("fair_count", "biases-forgotten", by="conv-parameters")
def no_bias_in_the_convolution(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, k * k * maps, c, d


@wrong("fair_count", "one-bias", by="conv-parameters")
def one_bias_for_all_maps(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, k * k * maps + 1, c, d


@wrong("fair_count", "not-shared", by="conv-parameters")
def a_kernel_for_each_place(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, (k * k + 1) * maps * (n - k + 1) ** 2, c, d


@wrong("fair_count", "output-size", by="dense-parameters")
def output_as_large_as_input(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return (n * n + 1) * maps * n * n, b, c, d


@wrong("fair_count", "places-forgotten", by="multiplications")
def kernel_used_once(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, b, c, k * k * maps


@wrong("fair_count", "places-forgotten", by="multiplications")
def kernel_and_bias_used_once(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, b, c, (k * k + 1) * maps


@wrong("fair_count", "bias-multiplied", by="multiplications")
def biases_multiplied(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, b, a, (k * k + 1) * maps * (n - k + 1) ** 2


@wrong("fair_count", "bias-multiplied", by="multiplications")
def bias_multiplied_in_the_convolution(n, k, maps):
    a, b, c, d = by_formula(n, k, maps)
    return a, b, c, (k * k + 1) * maps * (n - k + 1) ** 2


@wrong("fair_count", "four-numbers", by="dense-parameters")
def parameters_only(n, k, maps):
    return by_formula(n, k, maps)[:2]


# still_matches ------------------------------------------------------------------------


@correct("still_matches")
def both_multiples(dx, dy, pool):
    return dx % pool == 0 and dy % pool == 0


@correct("still_matches")
def numpy_remainder(dx, dy, pool):
    return np.all(np.remainder([dx, dy], pool) == 0)


@correct("still_matches")
def not_any_remainder(dx, dy, pool):
    return not (dx % pool or dy % pool)


@wrong("still_matches", "always", by="not-always")
def pooling_forgives_everything(dx, dy, pool):
    return True


@wrong("still_matches", "always", by="not-always")
def small_shifts_do_not_matter(dx, dy, pool):
    return abs(dx) < pool and abs(dy) < pool


@wrong("still_matches", "one-axis-only", by="not-always")
def looks_at_dx_only(dx, dy, pool):
    return dx % pool == 0


@wrong("still_matches", "one-axis-only", by="not-always")
def either_axis(dx, dy, pool):
    return dx % pool == 0 or dy % pool == 0


@wrong("still_matches", "sum", by="not-always")
def adds_the_shifts(dx, dy, pool):
    return (dx + dy) % pool == 0


@wrong("still_matches", "size-hard-coded", by="not-always")
def even_shifts(dx, dy, pool):
    return dx % 2 == 0 and dy % 2 == 0


@wrong("still_matches", "missed", by="not-always")
def only_no_shift(dx, dy, pool):
    return dx == 0 and dy == 0


@wrong("still_matches", "larger-multiples", by="not-always")
def one_window_at_most(dx, dy, pool):
    return dx in (0, pool) and dy in (0, pool)


@wrong("still_matches", "negative", by="backwards")
def forwards_only(dx, dy, pool):
    return dx in range(0, 1000, pool) and dy in range(0, 1000, pool)


@wrong("still_matches", "not-a-bool", by="not-always")
def remainder_returned(dx, dy, pool):
    return dx % pool + dy % pool
