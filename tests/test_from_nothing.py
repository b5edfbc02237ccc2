"""The appendix's network of numpy: its gradients and its training against torch's, and its size."""

import ast
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers import LeNet, from_nothing, load_dataset

FILE = Path(from_nothing.__file__)
# Nothing square, nothing equal: a swapped axis cannot hide. 2×17×14 → 3×15×13 → 7×6 → 4×6×3 → 3×1.
UNEVEN = {"conv1": (3, 2, 3, 2), "conv2": (4, 3, 2, 4), "fc1": (7, 12), "fc2": (6, 7), "fc3": (5, 6)}


def torch_forward(weights, images):
    """The same network out of torch's functions; `weights` as from_nothing's, but tensors."""
    x = F.relu(F.max_pool2d(F.conv2d(images, *weights["conv1"]), 2))
    x = F.relu(F.max_pool2d(F.conv2d(x, *weights["conv2"]), 2)).flatten(1)
    x = F.relu(F.linear(x, *weights["fc1"]))
    return F.linear(F.relu(F.linear(x, *weights["fc2"])), *weights["fc3"])


def as_tensors(weights):
    return {
        name: tuple(torch.from_numpy(part.copy()).requires_grad_() for part in pair)
        for name, pair in weights.items()
    }


def close(ours, theirs):
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "layers, image, classes",
    [(UNEVEN, (2, 17, 14), 5), (from_nothing.LAYERS, (1, 28, 28), 10)],
    ids=["uneven", "LeNet"],
)
def test_every_gradient_is_torchs(layers, image, classes):
    rng = np.random.default_rng(0)
    weights = from_nothing.first_weights(rng, layers, np.float64)
    images, labels = rng.normal(size=(3, *image)), rng.integers(0, classes, 3)
    logits, out = from_nothing.forward(weights, images)
    loss, grad = from_nothing.cross_entropy(logits, labels)
    grads, for_images = from_nothing.backward(weights, out, grad)

    theirs, inputs = as_tensors(weights), torch.from_numpy(images).requires_grad_()
    expected = torch_forward(theirs, inputs)
    close(logits, expected)
    torch_loss = F.cross_entropy(expected, torch.from_numpy(labels))
    torch_loss.backward()
    assert abs(loss - torch_loss.item()) < 1e-6
    assert set(grads) == set(layers)
    for name, pair in theirs.items():
        for ours, parameter in zip(grads[name], pair, strict=True):
            assert parameter.grad.abs().max() > 1e-3, "nothing to compare"
            close(ours, parameter.grad)
    close(for_images, inputs.grad)


def backward_of(function, *inputs):
    """(a gradient for the output, torch's gradients for each input)."""
    tensors = [torch.from_numpy(x).requires_grad_() for x in inputs]
    result = function(*tensors)
    grad = np.random.default_rng(1).normal(size=result.shape)
    return grad, torch.autograd.grad(result, tensors, torch.from_numpy(grad))


@pytest.mark.parametrize(
    "n, c, m, side, kernel", [(1, 1, 1, (1, 1), (1, 1)), (2, 3, 4, (7, 9), (3, 5)), (3, 2, 1, (6, 4), (6, 4))]
)
def test_a_convolution_alone(n, c, m, side, kernel):
    rng = np.random.default_rng(2)
    maps, weight, bias = rng.normal(size=(n, c, *side)), rng.normal(size=(m, c, *kernel)), rng.normal(size=m)
    grad, theirs = backward_of(F.conv2d, maps, weight, bias)
    close(from_nothing.convolve(maps, weight, bias), F.conv2d(*map(torch.from_numpy, (maps, weight, bias))))
    for ours, expected in zip(from_nothing.convolve_backward(grad, maps, weight), theirs, strict=True):
        close(ours, expected)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("ties", [False, True])
def test_pooling_alone_with_an_edge_left_over_and_with_ties(size, ties):
    rng = np.random.default_rng(3)
    maps = rng.normal(size=(2, 3, 7, 8))
    maps = np.floor(maps) if ties else maps
    grad, (expected,) = backward_of(lambda x: F.max_pool2d(x, size), maps)
    close(from_nothing.max_pool(maps, size), F.max_pool2d(torch.from_numpy(maps), size))
    close(from_nothing.max_pool_backward(grad, maps, size), expected)


def test_a_tie_by_hand():
    maps = np.array([[[[1.0, 5.0], [5.0, 5.0]]]])
    given = from_nothing.max_pool_backward(np.array([[[[2.0]]]]), maps)
    assert given.tolist() == [[[[0.0, 2.0], [0.0, 0.0]]]], "the first of equals, row by row, gets all"


def test_the_loss_does_not_overflow():
    loss, grad = from_nothing.cross_entropy(np.array([[1e4, 0.0], [0.0, -1e4]]), np.array([1, 1]))
    assert loss == pytest.approx(1e4) and np.isfinite(grad).all()
    np.testing.assert_allclose(grad.sum(axis=1), 0, atol=1e-12)


def both(dtype):
    """The same first weights twice, and torch's optimizer on its own."""
    ours = from_nothing.first_weights(np.random.default_rng(4), dtype=dtype)
    theirs = as_tensors(ours)
    parameters = [part for pair in theirs.values() for part in pair]
    return ours, theirs, torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


def test_a_hundred_steps_follow_torchs():
    digits = load_dataset().train
    images, labels = digits.images.double().numpy(), digits.labels.numpy()
    epochs = (from_nothing.shuffled_batches(images, labels, 32, np.random.default_rng(e)) for e in range(2))
    batches = list(itertools.islice(itertools.chain.from_iterable(epochs), 100))
    assert len(batches) == 100 and {len(part) for _images, part in batches} == {32, 24}
    ours, theirs, optimizer = both(np.float64)
    losses = from_nothing.train(ours, batches, 0.05, 0.9)
    for (images, labels), loss in zip(batches, losses, strict=True):
        expected = F.cross_entropy(torch_forward(theirs, torch.from_numpy(images)), torch.from_numpy(labels))
        assert abs(loss - expected.item()) < 1e-6
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
    assert expected.item() < 1.0, "it learned on the way"
    for name, pair in theirs.items():
        for part, tensor in zip(ours[name], pair):
            close(part, tensor)


def test_its_layers_are_those_of_the_courses_lenet():
    weights = from_nothing.first_weights(np.random.default_rng(5))
    model = LeNet()
    assert {f"{name}.weight": tuple(shape) for name, shape in from_nothing.LAYERS.items()} == {
        name: tuple(p.shape) for name, p in model.named_parameters() if name.endswith("weight")
    }
    assert sum(part.size for pair in weights.values() for part in pair) == 44_426
    state = {
        f"{name}.{kind}": torch.from_numpy(part)
        for name, pair in weights.items()
        for kind, part in zip(("weight", "bias"), pair)
    }
    model.load_state_dict(state)
    images = np.random.default_rng(6).normal(size=(4, 1, 28, 28)).astype(np.float32)
    np.testing.assert_allclose(
        from_nothing.forward(weights, images)[0], model(torch.from_numpy(images)).detach(), atol=1e-5
    )


def test_first_weights_are_as_wide_as_torchs():
    ours = from_nothing.first_weights(np.random.default_rng(7))
    for name, (weight, bias) in ours.items():
        layer = getattr(LeNet(), name)
        assert isinstance(layer, (nn.Conv2d, nn.Linear)) and weight.dtype == bias.dtype == np.float32
        assert np.abs(weight).max() == pytest.approx(layer.weight.abs().max().item(), rel=0.1), name


@pytest.mark.proof
def test_it_reads_the_digits():
    """The recipe of the appendix; the chapter trains with it too, in every run of the tests."""
    digits = load_dataset()
    images, labels = digits.train.images.numpy(), digits.train.labels.numpy()
    rng = np.random.default_rng(0)
    weights = from_nothing.first_weights(rng)
    for rate in from_nothing_recipe():
        for _loss in from_nothing.train(
            weights, from_nothing.shuffled_batches(images, labels, 32, rng), rate
        ):
            pass
    held_out = digits.validation
    assert from_nothing.accuracy(weights, held_out.images.numpy(), held_out.labels.numpy()) >= 0.95
    assert weights["conv1"][0].dtype == np.float32, "no step widened the numbers"


def from_nothing_recipe():
    from benchmarks.from_nothing import RATES

    return RATES


def test_an_epoch_takes_every_image_once():
    images, labels = np.arange(10.0).reshape(10, 1, 1, 1), np.arange(10)
    parts = list(from_nothing.shuffled_batches(images, labels, 4, np.random.default_rng(0)))
    assert [len(part) for _images, part in parts] == [4, 4, 2]
    assert sorted(np.concatenate([part for _images, part in parts])) == list(range(10))
    assert all((x[:, 0, 0, 0] == y).all() for x, y in parts)


def test_accuracy_counts_every_image_of_a_smaller_last_batch():
    rng = np.random.default_rng(8)
    weights = from_nothing.first_weights(rng)
    images = rng.normal(size=(7, 1, 28, 28)).astype(np.float32)
    guesses = from_nothing.forward(weights, images)[0].argmax(1)
    labels = np.where(np.arange(7) < 5, guesses, (guesses + 1) % 10)
    assert from_nothing.accuracy(weights, images, labels, batch_size=3) == pytest.approx(5 / 7)


def test_one_file_of_numpy_and_at_most_two_hundred_lines():
    source = FILE.read_text("utf-8")
    assert len(source.splitlines()) <= 200
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert {name.partition(".")[0] for name in imported} == {"numpy"}


def test_every_function_says_its_shapes():
    for node in ast.parse(FILE.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name not in {
            "sgd_step",
            "train",
            "accuracy",
            "shuffled_batches",
            "first_weights",
        }:
            text = ast.get_docstring(node)
            assert "(n, " in text or "shape" in text, node.name
