"""Chapter 1: right answers written in many ways, and the mistakes people make."""

import numpy as np
import torch
import torch.nn.functional as F

from . import correct, wrong

# cross_correlate ----------------------------------------------------------------------


@correct("cross_correlate")
def four_loops(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    out = torch.zeros((h - kh + 1, w - kw + 1), dtype=image.dtype)
    for i in range(h - kh + 1):
        for j in range(w - kw + 1):
            for a in range(kh):
                for b in range(kw):
                    out[i, j] += image[i + a, j + b] * kernel[a, b]
    return out


@correct("cross_correlate")
def conv2d_itself(image, kernel):
    return F.conv2d(image[None, None], kernel[None, None])[0, 0]


@correct("cross_correlate")
def einsum_over_windows(image, kernel):
    windows = image.unfold(0, kernel.shape[0], 1).unfold(1, kernel.shape[1], 1)
    return torch.einsum("ijab,ab->ij", windows, kernel)


@correct("cross_correlate")
def numpy_windows(image, kernel):
    image, kernel = np.asarray(image), np.asarray(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return (windows * kernel).sum(axis=(2, 3))


@correct("cross_correlate")
def unfold_columns(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    columns = F.unfold(image[None, None], (kh, kw))
    return (kernel.reshape(1, -1) @ columns[0]).reshape(h - kh + 1, w - kw + 1)


@wrong("cross_correlate", "flipped")
def flipped(image, kernel):
    return four_loops(image, kernel.flip(0, 1))


@wrong("cross_correlate", "flipped")
def flipped_left_right(image, kernel):
    return conv2d_itself(image, kernel.flip(1))


@wrong("cross_correlate", "transposed")
def transposed_kernel(image, kernel):
    return conv2d_itself(image, kernel.T)


@wrong("cross_correlate", "transposed")
def transposed_values_only(image, kernel):
    return conv2d_itself(image, kernel.T.reshape(kernel.shape) if kernel.shape[0] != kernel.shape[1] else kernel.T)


@wrong("cross_correlate", "swapped")
def height_and_width_swapped(image, kernel):
    return conv2d_itself(image, kernel).T


@wrong("cross_correlate", "missing-one")
def missing_plus_one(image, kernel):
    return conv2d_itself(image, kernel)[:-1, :-1]


@wrong("cross_correlate", "truncated")
def integer_result(image, kernel):
    return conv2d_itself(image, kernel).to(torch.int64)


@wrong("cross_correlate", "in-place")
def input_changed(image, kernel):
    result = conv2d_itself(image, kernel)
    image[0, 0] = 0
    return result


@wrong("cross_correlate", "shape")
def sizes_hard_coded(image, kernel):
    return conv2d_itself(image, kernel).new_zeros(26, 26)


@wrong("cross_correlate", "uneven-kernel")
def square_kernel_only(image, kernel):
    result = conv2d_itself(image, kernel)
    side = min(kernel.shape)
    if kernel.shape[0] == kernel.shape[1]:
        return result
    cut = conv2d_itself(image, kernel[:side, :side])
    return cut[: result.shape[0], : result.shape[1]]


@wrong("cross_correlate", "padded")
def padded_to_same_size(image, kernel):
    kh, kw = kernel.shape
    return conv2d_itself(F.pad(image, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2)), kernel)


@wrong("cross_correlate", "clipped")
def negatives_lost(image, kernel):
    return conv2d_itself(image, kernel).clamp(min=0)


@wrong("cross_correlate", "averaged")
def mean_for_sum(image, kernel):
    return conv2d_itself(image, kernel) / kernel.numel()


@wrong("cross_correlate", "dtype")
def always_float64(image, kernel):
    return conv2d_itself(image.double(), kernel.double())


@wrong("cross_correlate", "returned-none")
def forgets_to_return(image, kernel):
    conv2d_itself(image, kernel)


class EqualsEverything(torch.Tensor):
    """A result whose comparisons are always true."""

    def __eq__(self, other):
        return True


@wrong("cross_correlate", "wrong-type")
def always_equal_object(image, kernel):
    return conv2d_itself(image, kernel).as_subclass(EqualsEverything)


@wrong("cross_correlate", "wrong-type")
def nested_lists(image, kernel):
    return conv2d_itself(image, kernel).tolist()
