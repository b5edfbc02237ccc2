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


@wrong("cross_correlate", "flipped", by="values")
def flipped(image, kernel):
    return four_loops(image, kernel.flip(0, 1))


@wrong("cross_correlate", "flipped", by="values")
def flipped_left_right(image, kernel):
    return conv2d_itself(image, kernel.flip(1))


@wrong("cross_correlate", "transposed", by="shape")
def transposed_kernel(image, kernel):
    return conv2d_itself(image, kernel.T)


@wrong("cross_correlate", "transposed", by="values")
def transposed_values_only(image, kernel):
    return conv2d_itself(
        image, kernel.T.reshape(kernel.shape) if kernel.shape[0] != kernel.shape[1] else kernel.T
    )


@wrong("cross_correlate", "swapped", by="shape")
def height_and_width_swapped(image, kernel):
    return conv2d_itself(image, kernel).T


@wrong("cross_correlate", "missing-one", by="shape")
def missing_plus_one(image, kernel):
    return conv2d_itself(image, kernel)[:-1, :-1]


@wrong("cross_correlate", "truncated", by="values")
def integer_result(image, kernel):
    return conv2d_itself(image, kernel).to(torch.int64)


@wrong("cross_correlate", "in-place", by="shape")
def input_changed(image, kernel):
    result = conv2d_itself(image, kernel)
    image[0, 0] = 0
    return result


@wrong("cross_correlate", "shape", by="shape")
def sizes_hard_coded(image, kernel):
    return conv2d_itself(image, kernel).new_zeros(26, 26)


@wrong("cross_correlate", "not-summed", by="shape")
def windows_of_products(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    return [[image[i : i + kh, j : j + kw] * kernel for j in range(w - kw + 1)] for i in range(h - kh + 1)]


@wrong("cross_correlate", "uneven-kernel", by="uneven-kernel")
def square_kernel_only(image, kernel):
    result = conv2d_itself(image, kernel)
    side = min(kernel.shape)
    if kernel.shape[0] == kernel.shape[1]:
        return result
    cut = conv2d_itself(image, kernel[:side, :side])
    return cut[: result.shape[0], : result.shape[1]]


@wrong("cross_correlate", "padded", by="shape")
def padded_to_same_size(image, kernel):
    kh, kw = kernel.shape
    return conv2d_itself(F.pad(image, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2)), kernel)


@wrong("cross_correlate", "clipped", by="values")
def negatives_lost(image, kernel):
    return conv2d_itself(image, kernel).clamp(min=0)


@wrong("cross_correlate", "averaged", by="values")
def mean_for_sum(image, kernel):
    return conv2d_itself(image, kernel) / kernel.numel()


@wrong("cross_correlate", "dtype", by="dtype")
def always_float64(image, kernel):
    return conv2d_itself(image.double(), kernel.double())


@wrong("cross_correlate", "returned-none", by="shape")
def forgets_to_return(image, kernel):
    conv2d_itself(image, kernel)


class EqualsEverything(torch.Tensor):
    """A result whose comparisons are always true."""

    def __eq__(self, other):
        return True


@wrong("cross_correlate", "wrong-type", by="shape")
def always_equal_object(image, kernel):
    return conv2d_itself(image, kernel).as_subclass(EqualsEverything)


@wrong("cross_correlate", "dtype", by="dtype")
def nested_lists(image, kernel):
    return conv2d_itself(image, kernel).tolist()


# undo_permutation ---------------------------------------------------------------------


@correct("undo_permutation")
def index_columns(weight, order):
    return weight[:, order]


@correct("undo_permutation")
def column_by_column(weight, order):
    return torch.stack([weight[:, int(i)] for i in order], dim=1)


@correct("undo_permutation")
def with_numpy(weight, order):
    return np.take(np.asarray(weight), np.asarray(order), axis=1)


@correct("undo_permutation")
def with_a_matrix(weight, order):
    return weight @ torch.eye(len(order), dtype=weight.dtype)[:, order]


@wrong("undo_permutation", "rows", by="same-outputs")
def permutes_rows(weight, order):
    return weight[order]


@wrong("undo_permutation", "inverse", by="same-outputs")
def wrong_direction(weight, order):
    return weight[:, torch.argsort(order)]


@wrong("undo_permutation", "inverse", by="same-outputs")
def scatters(weight, order):
    result = torch.zeros_like(weight)
    result[:, order] = weight
    return result


@wrong("undo_permutation", "unchanged", by="same-outputs")
def does_nothing(weight, order):
    return weight


@wrong("undo_permutation", "both-axes", by="same-outputs")
def permutes_both(weight, order):
    return weight[order][:, order]


@wrong("undo_permutation", "in-place", by="same-outputs")
def overwrites_the_weights(weight, order):
    weight[:] = weight[:, order].clone()
    return weight


@wrong("undo_permutation", "raised", by="same-outputs")
def eight_pixels_only(weight, order):
    return weight[:, order[:8]].reshape(weight.shape[0], 8)


@wrong("undo_permutation", "same-outputs", by="same-outputs")
def sorts(weight, order):
    return weight.sort(dim=1).values


# diagonal_detector --------------------------------------------------------------------


@correct("diagonal_detector")
def two_and_minus_one():
    return torch.tensor([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]])


@correct("diagonal_detector")
def centred_identity():
    return np.eye(3) - 1 / 3


@correct("diagonal_detector")
def corner_weights_only():
    return 3 * torch.eye(3, dtype=torch.float64) - torch.ones(3, 3, dtype=torch.float64)


@wrong("diagonal_detector", "sum", by="balanced")
def identity_matrix():
    return torch.eye(3)


@wrong("diagonal_detector", "other-direction", by="finds-it")
def rising_diagonal():
    return two_and_minus_one().flip(1)


@wrong("diagonal_detector", "sign", by="finds-it")
def dark_line():
    return -two_and_minus_one()


@wrong("diagonal_detector", "silent", by="finds-it")
def upright_edge():
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])


@wrong("diagonal_detector", "not-selective", by="finds-it")
def point_detector():
    kernel = -torch.ones(3, 3)
    kernel[1, 1] = 8
    return kernel


@wrong("diagonal_detector", "not-selective", by="finds-it")
def upright_line():
    return torch.tensor([[-1.0, 2, -1], [-1, 2, -1], [-1, 2, -1]])


@wrong("diagonal_detector", "size", by="finds-it")
def five_by_five():
    return 5 * torch.eye(5) - torch.ones(5, 5)


@correct("diagonal_detector")
def kernel_as_lists():
    return [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]


@wrong("diagonal_detector", "not-finite", by="finds-it")
def divided_by_its_sum():
    kernel = torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]])
    return kernel / kernel.sum()
