"""LeNet from nothing: forward, backward, gradient descent, the loop. Arrays of numpy, no framework.

Each layer is two functions. The first makes the layer's output from its input. The second takes
`grad`, the gradient of the loss with respect to that output, and returns the gradients with
respect to the input, the weight and the bias, each in the shape of what it belongs to. Nothing is
checked: the appendix says what that costs. Letters for shapes: n images, c maps in, m maps out.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

LAYERS = {  # name: shape of the weight; the bias has one number for each output
    "conv1": (6, 1, 5, 5),
    "conv2": (16, 6, 5, 5),
    "fc1": (120, 256),
    "fc2": (84, 120),
    "fc3": (10, 84),
}


# The layers ---------------------------------------------------------------------------


def convolve(maps, weight, bias):
    """At every place, multiply a window with the kernel and add up: y = b + Σ window · weight.

    maps (n, c, height, width), weight (m, c, kh, kw), bias (m,) → (n, m, height − kh + 1, width − kw + 1).
    """
    windows = sliding_window_view(maps, weight.shape[2:], axis=(2, 3))  # (n, c, rows, columns, kh, kw)
    sums = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3)))  # (n, rows, columns, m)
    return np.moveaxis(sums + bias, 3, 1)


def convolve_backward(grad, maps, weight):
    """Gradients for `maps`, `weight` and `bias` of a convolution: two convolutions again, and a sum.

    grad (n, m, rows, columns), maps (n, c, height, width), weight (m, c, kh, kw)
    → (n, c, height, width), (m, c, kh, kw), (m,).
    """
    # A weight meets the input once at every place: its gradient is the sum over all of them.
    windows = sliding_window_view(maps, grad.shape[2:], axis=(2, 3))  # (n, c, kh, kw, rows, columns)
    grad_weight = np.tensordot(grad, windows, axes=((0, 2, 3), (0, 4, 5)))
    # A pixel is read by kh × kw places, through one weight each: the kernel, turned by half a turn.
    kh, kw = weight.shape[2:]
    padded = np.pad(grad, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)  # (c, m, kh, kw)
    return convolve(padded, turned, 0), grad_weight, grad.sum(axis=(0, 2, 3))


def cut(maps, size):
    """Windows of `size` × `size` set `size` apart; an edge too narrow for one is dropped.

    maps (n, c, height, width) → (n, c, height // size, width // size, size · size).
    """
    n, c, height, width = maps.shape
    rows, columns = height // size, width // size
    tiles = maps[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size)
    return tiles.swapaxes(3, 4).reshape(n, c, rows, columns, size * size)


def max_pool(maps, size=2):
    """The largest number of each window: (n, c, height, width) → (n, c, height // size, width // size)."""
    return cut(maps, size).max(axis=-1)


def max_pool_backward(grad, maps, size=2):
    """Only a window's largest number had a part in the loss: it gets all of `grad`, the first of equals.

    grad (n, c, rows, columns), maps (n, c, height, width) → (n, c, height, width).
    """
    n, c, rows, columns = grad.shape
    winner = cut(maps, size).argmax(axis=-1)[..., None]
    tiles = np.zeros((n, c, rows, columns, size * size), grad.dtype)
    np.put_along_axis(tiles, winner, grad[..., None], axis=-1)
    tiles = tiles.reshape(n, c, rows, columns, size, size).swapaxes(3, 4)
    grad_maps = np.zeros(maps.shape, grad.dtype)
    grad_maps[:, :, : rows * size, : columns * size] = tiles.reshape(n, c, rows * size, columns * size)
    return grad_maps


def relu(x):
    """What is negative becomes 0: any shape → the same."""
    return np.maximum(x, 0)


def relu_backward(grad, x):
    """`grad` where x is positive, else 0: both and the result of one shape."""
    return grad * (x > 0)


def dense(x, weight, bias):
    """Each output a weighted sum of all inputs: x (n, inputs), weight (outputs, inputs) → (n, outputs)."""
    return x @ weight.T + bias


def dense_backward(grad, x, weight):
    """grad (n, outputs), x (n, inputs) → gradients for x, weight and bias, in their shapes."""
    return grad @ weight, grad.T @ x, grad.sum(axis=0)


def cross_entropy(logits, labels):
    """Mean loss of a batch [nats per image], and its gradient for the logits: (p − one-hot) / n.

    logits (n, classes), labels (n,) whole numbers from 0 → a number, (n, classes).
    """
    n = len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)  # changes no probability, and exp can't overflow
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    grad = np.exp(log_p)
    grad[np.arange(n), labels] -= 1
    return -log_p[np.arange(n), labels].mean(), grad / n


# The network ---------------------------------------------------------------------------


def first_weights(rng, layers=LAYERS, dtype=np.float32):
    """A pair (weight, bias) for each layer, drawn from ±1 / √(inputs of one unit) with equal chances."""
    weights = {}
    for name, shape in layers.items():
        limit = 1 / np.sqrt(np.prod(shape[1:]))
        pair = rng.uniform(-limit, limit, shape), rng.uniform(-limit, limit, shape[0])
        weights[name] = tuple(part.astype(dtype) for part in pair)
    return weights


def forward(weights, images):
    """images (n, 1, 28, 28) → logits (n, 10), and the output of every layer, which `backward` needs."""
    out = {"images": images}
    out["conv1"] = convolve(images, *weights["conv1"])  # (n, 6, 24, 24)
    out["pool1"] = max_pool(out["conv1"])  # (n, 6, 12, 12)
    out["relu1"] = relu(out["pool1"])
    out["conv2"] = convolve(out["relu1"], *weights["conv2"])  # (n, 16, 8, 8)
    out["pool2"] = max_pool(out["conv2"])  # (n, 16, 4, 4)
    out["flat"] = relu(out["pool2"]).reshape(len(images), -1)  # (n, 256)
    out["fc1"] = dense(out["flat"], *weights["fc1"])  # (n, 120)
    out["relu3"] = relu(out["fc1"])
    out["fc2"] = dense(out["relu3"], *weights["fc2"])  # (n, 84)
    out["relu4"] = relu(out["fc2"])
    return dense(out["relu4"], *weights["fc3"]), out


def backward(weights, out, grad):
    """`forward` read from its last line to its first. grad (n, 10): the gradient for the logits.

    Returns a pair (for weight, for bias) for each layer, and the gradient for the images (n, 1, 28, 28).
    """
    grads = {}
    grad, *grads["fc3"] = dense_backward(grad, out["relu4"], weights["fc3"][0])
    grad = relu_backward(grad, out["fc2"])
    grad, *grads["fc2"] = dense_backward(grad, out["relu3"], weights["fc2"][0])
    grad = relu_backward(grad, out["fc1"])
    grad, *grads["fc1"] = dense_backward(grad, out["flat"], weights["fc1"][0])
    grad = relu_backward(grad.reshape(out["pool2"].shape), out["pool2"])
    grad = max_pool_backward(grad, out["conv2"])
    grad, *grads["conv2"] = convolve_backward(grad, out["relu1"], weights["conv2"][0])
    grad = relu_backward(grad, out["pool1"])
    grad = max_pool_backward(grad, out["conv1"])
    grad, *grads["conv1"] = convolve_backward(grad, out["images"], weights["conv1"][0])
    return grads, grad


# Training ------------------------------------------------------------------------------


def shuffled_batches(images, labels, batch_size, rng):
    """One epoch: every image once, in an order drawn from `rng`, as pairs (images, labels)."""
    order = rng.permutation(len(labels))
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        yield images[part], labels[part]


def sgd_step(weights, grads, velocity, learning_rate, momentum):
    """Move every weight, in place: v ← momentum · v + gradient, w ← w − learning rate · v."""
    for name in weights:
        for w, v, grad in zip(weights[name], velocity[name], grads[name]):
            v *= momentum
            v += grad
            w -= learning_rate * v


def train(weights, batches, learning_rate=0.05, momentum=0.9):
    """One step for every batch, changing `weights` in place; yields the loss of each before its step."""
    velocity = {name: [np.zeros_like(part) for part in pair] for name, pair in weights.items()}
    for images, labels in batches:
        logits, out = forward(weights, images)
        loss, grad = cross_entropy(logits, labels)
        grads, _for_images = backward(weights, out, grad)
        sgd_step(weights, grads, velocity, learning_rate, momentum)
        yield loss


def accuracy(weights, images, labels, batch_size=500):
    """The share of images whose largest logit is that of their label."""
    parts = range(0, len(labels), batch_size)
    guesses = [forward(weights, images[i : i + batch_size])[0].argmax(axis=1) for i in parts]
    return float((np.concatenate(guesses) == labels).mean())
