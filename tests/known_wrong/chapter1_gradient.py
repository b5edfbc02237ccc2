"""The gradient of a shared weight: right answers written in many ways, and the mistakes people make."""

import numpy as np
import torch
import torch.nn.functional as F

from . import correct, wrong


@correct("shared_gradient")
def cross_correlation_with_the_gradient(image, output_gradient):
    return F.conv2d(image[None, None], output_gradient[None, None])[0, 0]


@correct("shared_gradient")
def asks_autograd(image, output_gradient):
    (h, w), (rows, columns) = image.shape, output_gradient.shape
    kernel = torch.zeros(h - rows + 1, w - columns + 1, dtype=image.dtype, requires_grad=True)
    (F.conv2d(image[None, None], kernel[None, None])[0, 0] * output_gradient).sum().backward()
    return kernel.grad


@correct("shared_gradient")
def weight_by_weight(image, output_gradient):
    rows, columns = output_gradient.shape
    kh, kw = image.shape[0] - rows + 1, image.shape[1] - columns + 1
    return torch.stack(
        [
            torch.stack([(image[a : a + rows, b : b + columns] * output_gradient).sum() for b in range(kw)])
            for a in range(kh)
        ]
    )


@correct("shared_gradient")
def numpy_windows(image, output_gradient):
    x, g = image.numpy(), output_gradient.numpy()
    shape = tuple(a - b + 1 for a, b in zip(x.shape, g.shape))
    return np.einsum("ijab,ij->ab", np.lib.stride_tricks.sliding_window_view(x, shape), g)


@wrong("shared_gradient", "averaged")
def mean_over_places(image, output_gradient):
    return weight_by_weight(image, output_gradient) / output_gradient.numel()


@wrong("shared_gradient", "flipped")
def turned(image, output_gradient):
    return weight_by_weight(image, output_gradient).flip(0, 1)


@wrong("shared_gradient", "transposed")
def square_only_and_transposed(image, output_gradient):
    found = weight_by_weight(image, output_gradient)
    return found.T if found.shape[0] == found.shape[1] else found


@wrong("shared_gradient", "shape")
def always_transposed(image, output_gradient):
    return weight_by_weight(image, output_gradient).T


@wrong("shared_gradient", "unweighted")
def adds_windows(image, output_gradient):
    return weight_by_weight(image, torch.ones_like(output_gradient))


@wrong("shared_gradient", "last-place")
def overwrites(image, output_gradient):
    rows, columns = output_gradient.shape
    kh, kw = image.shape[0] - rows + 1, image.shape[1] - columns + 1
    for row in range(rows):
        for column in range(columns):
            result = output_gradient[row, column] * image[row : row + kh, column : column + kw]
    return result


@wrong("shared_gradient", "first-place")
def one_window(image, output_gradient):
    kh, kw = (a - b + 1 for a, b in zip(image.shape, output_gradient.shape))
    return output_gradient[0, 0] * image[:kh, :kw]


@wrong("shared_gradient", "descent")
def the_step(image, output_gradient):
    return -weight_by_weight(image, output_gradient)


@wrong("shared_gradient", "one-a-place")
def not_shared(image, output_gradient):
    rows, columns = output_gradient.shape
    return image[:rows, :columns] * output_gradient


@wrong("shared_gradient", "shape")
def forgets_one(image, output_gradient):
    kh, kw = (a - b for a, b in zip(image.shape, output_gradient.shape))
    return weight_by_weight(image, output_gradient)[:kh, :kw]


@wrong("shared_gradient", "shape")
def three_by_three(image, output_gradient):
    rows, columns = output_gradient.shape
    result = torch.zeros(3, 3, dtype=image.dtype)
    for row in range(rows):
        for column in range(columns):
            result += output_gradient[row, column] * image[row : row + 3, column : column + 3]
    return result


@wrong("shared_gradient", "values")
def leaves_out_the_last_row(image, output_gradient):
    gradient = output_gradient.clone()
    if len(gradient) > 1:
        gradient[-1] = 0
    return weight_by_weight(image, gradient)


@wrong("shared_gradient", "in-place")
def scales_the_image(image, output_gradient):
    found = weight_by_weight(image, output_gradient)
    image *= 2
    return found
