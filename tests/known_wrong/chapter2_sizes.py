"""Chapter 2, sizes: right answers, and the mistakes people make."""

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


@wrong("receptive_field", "stride-ignored")
def stride_ignored(layers):
    return 1 + sum(kernel - 1 for kernel, _stride in layers)


@wrong("receptive_field", "stride-too-early")
def stride_too_early(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        side += (kernel - 1) * jump
    return side


@wrong("receptive_field", "kernel-not-minus-one")
def kernel_not_minus_one(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += kernel * jump
        jump *= stride
    return side


@wrong("receptive_field", "last-stride-only")
def last_stride_only(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        jump = stride
    return side


@wrong("receptive_field", "multiplied")
def multiplied(layers):
    side = 1
    for kernel, _stride in layers:
        side *= kernel
    return side


@wrong("receptive_field", "started-at-zero")
def started_at_zero(layers):
    return as_a_sum(layers) - 1


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


@wrong("flatten_size", "always-256")
def always_256(input_size, padding):
    return 256


@wrong("flatten_size", "always-400")
def always_400(input_size, padding):
    return 400


@wrong("flatten_size", "forgot-16-maps")
def one_map(input_size, padding):
    return ((input_size + 2 * padding - 12) // 4) ** 2


@wrong("flatten_size", "padding-ignored")
def padding_ignored(input_size, padding):
    return 16 * ((input_size - 12) // 4) ** 2


@wrong("flatten_size", "padding-once")
def padding_once(input_size, padding):
    return 16 * (((input_size + padding - 4) // 2 - 4) // 2) ** 2


@wrong("flatten_size", "no-pooling")
def no_pooling(input_size, padding):
    return 16 * (input_size + 2 * padding - 8) ** 2


@wrong("flatten_size", "padded-twice")
def padded_twice(input_size, padding):
    return 16 * (((input_size + 2 * padding - 4) // 2 + 2 * padding - 4) // 2) ** 2


@wrong("flatten_size", "not-squared")
def not_squared(input_size, padding):
    return 16 * ((input_size + 2 * padding - 12) // 4)


@wrong("flatten_size", "six-maps")
def six_maps(input_size, padding):
    return 6 * ((input_size + 2 * padding - 12) // 4) ** 2
