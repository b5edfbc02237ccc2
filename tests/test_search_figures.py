"""Pictures of a search: what was cut short looks so; the winner is judged by what it has not seen."""

import numpy as np
import pytest
import torch

from lenet_helpers import load_dataset
from lenet_helpers.figures.search import search_history, show_importances, show_judgement, show_search
from lenet_helpers.tuning.evidence import pack
from lenet_helpers.tuning.search import Tried, halves

TRIALS = [
    Tried(0, {}, (0.80, 0.90), cut=False),
    Tried(1, {}, (0.85,), cut=True),
    Tried(2, {}, (0.88, 0.95), cut=False),
    Tried(3, {}, (), cut=True, reason="does not fit"),
    Tried(4, {}, (0.10, 0.20), cut=False),
]


def drawn(axes):
    """Label → (x, y) of the figure's lines."""
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}


def test_a_trial_stands_where_it_ended_or_was_cut_short():
    lines = drawn(search_history(TRIALS, random=2).axes[0])
    assert lines["run to the end"] == ([1, 3, 5], pytest.approx([90, 95, 70]))  # 70: the edge, 25 points down
    assert lines["cut short, at that accuracy"] == ([2, 4], pytest.approx([85, 70]))
    assert lines["lower than drawn"] == ([4, 5], pytest.approx([70, 70]))
    assert lines["best so far"] == ([1, 2, 3, 4, 5], pytest.approx([90, 90, 95, 95, 95]))


@pytest.mark.parametrize("random", [1, 2, 5])
def test_the_random_start_is_shaded(random):
    (shade,) = search_history(TRIALS, random=random).axes[0].patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (0.5, random + 0.5)


def test_the_sentence_tells_the_random_trials_best_and_the_searchs(capsys):
    show_search(TRIALS, random=2)
    assert (
        "5 trials, the first 2 at random, 2 cut short; the best accuracy on validation was 90.0 % after the"
        " random ones and 95.0 % at the end." in capsys.readouterr().out
    )


@pytest.mark.parametrize("trials", [[], [TRIALS[1]], [TRIALS[3]], [TRIALS[1], TRIALS[3]], [TRIALS[3]] * 5])
def test_a_search_without_an_end_is_told_in_a_sentence(trials):
    with pytest.raises(ValueError, match=f"none of {len(trials)} trials"):
        search_history(trials)


def test_importances_name_the_first(capsys):
    show_importances({"learning_rate": 0.6, "width": 0.4})
    assert "Most important lever: learning rate, 60 % of the spread." in capsys.readouterr().out


def test_the_judgement_tells_the_score_the_new_accuracies_and_their_difference(capsys):
    right, wrong = np.ones((2, 10), bool), np.zeros((2, 10), bool)
    winner, recipe = right.copy(), right.copy()
    winner[:, 0] = recipe[:, :3] = wrong[:, :3].all()
    show_judgement(
        {
            "winner": {"score": 0.97},
            "images": 10,
            "right": {"winner": pack(winner), "quick recipe": pack(recipe)},
        }
    )
    said = capsys.readouterr().out
    assert "scored 97.0 %" in said and "2 new seeds" in said and "10 new images" in said
    assert "90.0 %, the quick recipe 70.0 %. Difference: +20.00 points" in said


# What the search and the judgement share ----------------------------------------------


def test_the_halves_share_training_images_and_no_validation_image():
    digits = load_dataset(n_train=100, validation=200)
    ours, theirs = halves(digits)
    assert ours.train is theirs.train is digits.train and ours.test is digits.test
    found = torch.cat([ours.validation.images, theirs.validation.images]).flatten(1)
    assert len(found) == 200 and len(torch.unique(found, dim=0)) == len(
        torch.unique(digits.validation.images.flatten(1), dim=0)
    )
    for part in (ours, theirs):
        assert torch.bincount(part.validation.labels).tolist() == [10] * 10
