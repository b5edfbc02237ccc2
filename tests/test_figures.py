import numpy as np
import pytest
import torch

from lenet_helpers import LeNet, Split
from lenet_helpers.figures import training as figures
from lenet_helpers.training import EpochRecord


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(figures, "show", lambda fig, alt: seen.append((fig, alt)))
    return seen


def record(epoch, accuracy):
    return EpochRecord(epoch * 10, epoch, 0.5, 0.8, 0.4, accuracy, 0.1, 1.0, 100.0, 320)


def test_curves_sentence_has_the_first_and_the_last_error(shown):
    figures.show_curves([record(1, 0.908), record(2, 0.95), record(2.5, 0.979)])
    assert shown[0][1].startswith("Validation error falls from 9.2 % to 2.1 % in 2.5 epochs")


def test_confusion_sentence_by_hand(shown):
    figures.show_confusion(np.array([[5, 1], [3, 4]]), ("cat", "dog"))
    assert shown[0][1] == (
        "4 of 13 images are off the diagonal. The largest number there is 3, and it stands in one cell alone."
    )


def test_confusion_says_when_several_cells_share_first_place(shown):
    figures.show_confusion(np.array([[5, 2, 0], [1, 4, 2], [2, 0, 9]]), ("a", "b", "c"))
    assert "The largest number there is 2, and it stands in 3 cells." in shown[0][1]


def test_a_mistake_is_followed_to_the_pixels_that_matter(shown):
    class Corner(torch.nn.Module):
        """Says class 1 if the pixel in row 2, column 3 is lit, else class 0."""

        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(1, 6, 3)

        def forward(self, x):
            self.conv1(x)
            lit = 8 * x[:, 0, 2, 3] - 4
            return torch.stack([-lit, lit], dim=1)

    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 2, 3] = 1.0
    figures.show_mistake(Corner(), Split(image, torch.tensor([0])), 0, ("no", "yes"), 0.0)
    fig, alt = shown[0]
    assert "A no read as yes" in alt and "rises from 0% to 100%" in alt
    # The square is 5×5: the first place whose square holds row 2, column 3 is row 0, column 1.
    assert "row 0, column 1" in alt
    assert fig.axes[0].get_title() == "no, read as yes"


def test_hardest_sentence_counts_the_sure_mistakes(shown):
    probs = torch.tensor([[0.95, 0.05], [0.4, 0.6], [0.1, 0.9]])
    split = Split(torch.rand(3, 1, 8, 8), torch.tensor([1, 1, 0]))
    figures.show_hardest(probs, split, ("a", "b"), n=2)
    fig, alt = shown[0]
    assert "The 2 images" in alt and "On 1 of them" in alt
    titles = [ax.get_title() for ax in fig.axes if ax.get_title()]
    assert titles == ["b as a", "a as b"]


def test_filters_sentence_names_the_largest_weight(shown):
    model = LeNet()
    with torch.no_grad():
        model.conv1.weight[4, 0, 1, 3] = -9.25
    figures.show_filters(model)
    assert "the largest weight is -9.25, in kernel 4, row 1, column 3, all counted from 0" in shown[0][1]


def test_batch_sentence_lists_the_labels(shown):
    figures.show_batch(Split(torch.rand(3, 1, 8, 8), torch.tensor([1, 0, 1])), ("a", "b"), n=2)
    assert shown[0][1] == "The first 2 images of the split, each under its label: b, a."


def test_accuracy_by_epoch_measures_the_largest_gap(shown):
    figures.show_accuracy_by_epoch({1: 0.30, 3: 0.90}, [0.29, 0.7, 0.92])
    assert (
        "the largest difference is 0.0200" in shown[0][1]
        and "0.2900 after the first epoch, 0.9200 after the last" in shown[0][1]
    )
