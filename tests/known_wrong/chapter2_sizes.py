"""Chapter 2, sizes: right answers, and the mistakes people make."""

import math

from . import correct, wrong

# receptive_field ----------------------------------------------------------------------


@correct("receptive_field")
def from_the_unit_back(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


@correct("receptive_field")
def as_a_sum(layers):
    total, jump = 1, 1
    for kernel, stride in layers:
        total, jump = total + (kernel - 1) * jump, jump * stride
    return total


@wrong("receptive_field", "stride-ignored", by="lenet")
def stride_ignored(layers):
    return 1 + sum(kernel - 1 for kernel, _stride in layers)


@wrong("receptive_field", "stride-too-early", by="lenet")
def stride_too_early(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        side += (kernel - 1) * jump
    return side


@wrong("receptive_field", "kernel-not-minus-one", by="lenet")
def kernel_not_minus_one(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += kernel * jump
        jump *= stride
    return side


@wrong("receptive_field", "last-stride-only", by="lenet")
def last_stride_only(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        jump = stride
    return side


@wrong("receptive_field", "multiplied", by="lenet")
def multiplied(layers):
    side = 1
    for kernel, _stride in layers:
        side *= kernel
    return side


@wrong("receptive_field", "started-at-zero", by="lenet")
def started_at_zero(layers):
    return as_a_sum(layers) - 1


@wrong("receptive_field", "forwards", by="lenet")
def backward_rule_from_the_front(layers):
    side = 1
    for kernel, stride in layers:
        side = (side - 1) * stride + kernel
    return side


@correct("receptive_field")
def as_a_float(layers):
    return float(as_a_sum(layers))


# flatten_size -------------------------------------------------------------------------


@correct("flatten_size")
def step_by_step(input_size, padding):
    after_conv1 = input_size + 2 * padding - 5 + 1
    after_pool1 = after_conv1 // 2
    after_pool2 = (after_pool1 - 5 + 1) // 2
    return 16 * after_pool2**2


@correct("flatten_size")
def in_one_line(input_size, padding):
    return 16 * ((input_size + 2 * padding - 12) // 4) ** 2


@wrong("flatten_size", "always-256", by="both")
def always_256(input_size, padding):
    return 256


@wrong("flatten_size", "always-400", by="both")
def always_400(input_size, padding):
    return 400


@wrong("flatten_size", "forgot-16-maps", by="both")
def one_map(input_size, padding):
    return ((input_size + 2 * padding - 12) // 4) ** 2


@wrong("flatten_size", "padding-ignored", by="both")
def padding_ignored(input_size, padding):
    return 16 * ((input_size - 12) // 4) ** 2


@wrong("flatten_size", "padding-once", by="both")
def padding_once(input_size, padding):
    return 16 * (((input_size + padding - 4) // 2 - 4) // 2) ** 2


@wrong("flatten_size", "no-pooling", by="both")
def no_pooling(input_size, padding):
    return 16 * (input_size + 2 * padding - 8) ** 2


@wrong("flatten_size", "padded-twice", by="both")
def padded_twice(input_size, padding):
    return 16 * (((input_size + 2 * padding - 4) // 2 + 2 * padding - 4) // 2) ** 2


@wrong("flatten_size", "not-squared", by="both")
def not_squared(input_size, padding):
    return 16 * ((input_size + 2 * padding - 12) // 4)


@wrong("flatten_size", "six-maps", by="both")
def six_maps(input_size, padding):
    return 6 * ((input_size + 2 * padding - 12) // 4) ** 2


@wrong("flatten_size", "one-pooling", by="both")
def pools_at_the_end_alone(input_size, padding):
    return 16 * ((input_size + 2 * padding - 8) // 2) ** 2


@wrong("flatten_size", "rounded-up", by="other-sizes")
def rounds_up(input_size, padding):
    side = math.ceil((input_size + 2 * padding - 4) / 2)
    return 16 * math.ceil((side - 4) / 2) ** 2
