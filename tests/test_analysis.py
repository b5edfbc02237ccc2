import numpy as np
import pytest
import torch

from lenet_helpers import LeNet, LeNetConfig, LeNetVariant, analysis, load_dataset
from lenet_helpers.explorers.gallery import centre_of_mass


def test_probabilities_are_the_softmax_in_evaluation_mode_for_uneven_batches():
    model, images = LeNetVariant(LeNetConfig(dropout=0.5)).train(), torch.randn(7, 1, 28, 28)
    probs = analysis.probabilities(model, images, batch_size=3)
    assert model.training and probs.shape == (7, 10)
    logits = model.eval()(images).detach().double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probs.numpy(), expected, atol=1e-6)


def test_confusion_by_hand():
    probs = torch.eye(3)[[0, 1, 1, 2, 0]]
    labels = torch.tensor([0, 0, 0, 2, 1])
    counts = analysis.confusion(probs, labels)
    assert counts.tolist() == [[1, 2, 0], [1, 0, 0], [0, 0, 1]]
    assert analysis.most_confused(counts) == (0, 1, 2)


def test_a_class_that_never_occurs_keeps_its_row():
    assert analysis.confusion(torch.eye(4)[:2], torch.tensor([0, 1])).shape == (4, 4)


def test_the_hardest_images_come_first():
    probs = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.05, 0.95]])
    assert analysis.hardest(probs, torch.tensor([0, 0, 1, 1]), 2).tolist() == [1, 2]


def test_feature_maps_are_what_the_layers_answer():
    model, image = LeNet(), torch.randn(1, 28, 28)
    maps = analysis.feature_maps(model, image)
    assert {name: m.shape for name, m in maps.items()} == {
        "conv1": (6, 24, 24),
        "pool1": (6, 12, 12),
        "conv2": (16, 8, 8),
        "pool2": (16, 4, 4),
    }
    expected = torch.nn.functional.conv2d(image[None], model.conv1.weight, model.conv1.bias)[0].detach()
    np.testing.assert_allclose(maps["conv1"], expected, atol=1e-5)
    assert list(analysis.feature_maps(model, image, ["fc3"])) == ["fc3"]
    assert not any(m._forward_hooks for m in model.modules())
    with pytest.raises(ValueError, match="layer 'conv9': choose among conv1"):
        analysis.feature_maps(model, image, ["conv9"])


def test_occlusion_covers_with_background_and_only_the_square():
    class Sum(torch.nn.Module):
        def forward(self, x):
            return torch.stack([x.flatten(1).sum(1), torch.zeros(len(x))], 1)

    image = torch.zeros(1, 5, 6)
    image[0, 2, 3] = 1.0
    out = analysis.occlusion(Sum(), image, 0, size=3, background=0.0)
    covered = np.zeros((5, 6), dtype=bool)
    covered[1:4, 2:5] = True
    assert np.allclose(out[covered], 0.5) and np.allclose(out[~covered], torch.tensor(1.0).sigmoid())
    with pytest.raises(ValueError, match="size=4: choose an odd number"):
        analysis.occlusion(Sum(), image, 0, size=4)


def test_boxes_and_centres_by_hand():
    image = torch.zeros(7, 9)
    image[2:4, 5:8] = 1.0
    assert analysis.bounding_box(image) == (2, 5, 2, 3)
    assert centre_of_mass(image) == (2.5, 6.0)
    assert analysis.bounding_box(torch.zeros(3, 3)) is None


def test_every_embedded_digit_fits_a_20_by_20_box_of_its_own():
    data = load_dataset(scaling="unit", validation=0)
    images = torch.cat([data.train.images, data.test.images])[:, 0]
    boxes = [analysis.bounding_box(image) for image in images]
    assert all(height <= 20 and width <= 20 for _top, _left, height, width in boxes)
    central = [
        top >= 4 and left >= 4 and top + height <= 24 and left + width <= 24
        for top, left, height, width in boxes
    ]
    assert 0.20 < np.mean(central) < 0.28
