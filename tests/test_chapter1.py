"""Numbers that chapter 1 says in prose, computed here, and how its page is built."""

import json
import re

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers import LeNet, check, count_parameters, layer_table
from lenet_helpers.explorers.fair_count import FairCountState
from lenet_helpers.figures.matrices import layer_matrices, show_learning
from lenet_helpers.figures.sharing import best_runs, local_net
from lenet_helpers.quizzes.questions import load_questions
from lenet_helpers.results import stored_result
from lenet_helpers.tuning.evidence import paired_interval

CHAPTER = "01-why-convolution"


@pytest.fixture(scope="module")
def page(pytestconfig):
    return nbformat.read(pytestconfig.rootpath / "notebooks" / "en" / f"{CHAPTER}.ipynb", 4)


@pytest.fixture(scope="module")
def prose(page):
    return "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")


def test_numbers_of_the_flawed_claim(prose):
    pixels, places = 28 * 28, 24 * 24
    for number in (
        pixels * 10,
        5 * 5 * 10,
        10 * places,
        pixels * 10 * places,
        pixels * 10 * places // 250,
        25 * 10 * places,
    ):
        assert f"{number:,}" in prose, number
    classifier = nn.Linear(784, 10)
    conv = nn.Sequential(nn.Conv2d(1, 10, 5), nn.ReLU(), nn.Flatten(), nn.Linear(5760, 10))
    count = [sum(p.numel() for p in net.parameters()) for net in (classifier, conv)]
    assert count == [7_850, 57_870] and f"{count[1] / count[0]:.1f} times as *many*" in prose
    assert f"{7840 / 250:.0f} times fewer" in prose
    # The naive ratio of weights is the ratio of multiplications at equal outputs: n²/k².
    assert 7840 / 250 == 28**2 / 5**2 == 31.36 and "$n^2/k^2 = 31.36$" in prose
    fair = FairCountState(28, 5, 10).multiplications
    assert fair["dense"] / fair["conv"] == 31.36


def test_without_a_nonlinearity_the_convolutional_classifier_is_one_dense_layer():
    net = nn.Sequential(nn.Conv2d(1, 10, 5), nn.Flatten(), nn.Linear(5760, 10))
    x = torch.randn(20, 1, 28, 28)
    with torch.no_grad():
        bias = net(torch.zeros(1, 1, 28, 28))
        columns = net(torch.eye(784).view(784, 1, 28, 28)) - bias
        assert torch.allclose(x.flatten(1) @ columns + bias, net(x), atol=1e-4)


def test_numbers_of_the_quiz():
    text = json.dumps([vars(o) for q in load_questions(CHAPTER) for o in q.options])
    conv1 = layer_table(LeNet())[0]
    assert (conv1.parameters, conv1.multiply_adds) == (156, 86_400)
    for number in ("150 weights", "86,400", "7,840", "576 times", "405,600"):
        assert number in text, number
    assert 6 * 25 == 150 and 24 * 24 == 576
    grown = FairCountState(56, 5, 6)
    assert grown.multiplications["conv"] == 405_600 and grown.parameters["conv"] == 156
    assert all(grown.parameters[k] > FairCountState(28, 5, 6).parameters[k] for k in ("dense", "local"))
    assert (28 + 2 * 5 - 11) // 2 + 1 == 14 == nn.Conv1d(1, 1, 11, 2, 5)(torch.zeros(1, 1, 28)).shape[-1]
    layer = nn.Conv1d(1, 1, 2, stride=3)
    x = torch.zeros(1, 1, 28, requires_grad=True)
    layer(x).sum().backward()
    assert int((x.grad == 0).sum()) == 10, "pixels that no window reads"


def test_the_kernel_of_the_book_is_read_backwards():
    x = torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0])
    book = torch.tensor(np.convolve(x, [1.0, 2.0, 0.0], "valid"))
    for kernel, same in (([0.0, 2.0, 1.0], True), ([1.0, 2.0, 0.0], False), ([-1.0, -2.0, 0.0], False)):
        mine = F.conv1d(x[None, None], torch.tensor([[kernel]]))[0, 0]
        assert bool(torch.allclose(mine.double(), book)) == same


def test_intervals_named_in_the_prose(pytestconfig, prose):
    results = json.loads(
        (pytestconfig.rootpath / "lenet_helpers/results/permutation.json").read_text("utf-8")
    )
    dense, conv = results["change"]["dense"], results["change"]["conv"]
    assert dense["low"] < 0 < dense["high"] and conv["high"] < -0.05
    assert "interval of the dense net contains zero" in prose
    assert results["conditions"]["seeds"] == 10 and "ten runs of each net" in prose
    assert "286,334 parameters" in prose
    assert (
        results["conditions"]["train_images"] == 3000 and results["conditions"]["validation_images"] == 10_000
    )


def test_every_exercise_has_stub_hint_and_solved_cell(page):
    ids = {cell.id for cell in page.cells}
    code = "\n".join(cell.source for cell in page.cells if cell.cell_type == "code")
    for name in (
        "undo_permutation",
        "cross_correlate",
        "diagonal_detector",
        "output_size",
        "fair_count",
        "still_matches",
        "shared_gradient",
    ):
        assert name in check.names()
        stem = name.replace("_", "-")
        assert {f"{stem}-exercise", f"{stem}-hint", f"{stem}-solution"} <= ids
        assert f"check.{name}(solved_{name}, record=False)" in code
    for cell in page.cells:
        if cell.id.endswith("-solution"):
            assert cell.metadata["jupyter"]["source_hidden"]


def test_every_question_of_the_file_is_asked_once(page):
    code = "\n".join(cell.source for cell in page.cells if cell.cell_type == "code")
    for question in load_questions(CHAPTER):
        assert code.count(f'"{question.id}"') == 1, question.id


def test_sections_predict_run_observe_explain_and_end_on_a_takeaway(prose):
    sections = re.split(r"^## ", prose, flags=re.M)
    numbered = [s for s in sections if re.match(r"1\.\d ", s)]
    assert len(numbered) == 8
    for section in numbered:
        places = [section.index(f"**{word}.**") for word in ("Predict", "Observe", "Explain", "Takeaway")]
        assert places == sorted(places), section[:40]


def test_one_title_no_skipped_levels_and_pictures_with_text(page, prose):
    levels = [len(m) for m in re.findall(r"^(#+) ", prose, flags=re.M)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    pictures = 0
    for cell in page.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                pictures += 1
                assert len(output.metadata["image/png"]["alt"]) > 30, cell.id
    assert pictures >= 7


# What 1.1 says about sharing ----------------------------------------------------------


def test_the_locally_connected_net_is_lenet_without_sharing():
    """The same windows: with LeNet's kernels at every place it computes what LeNet computes."""
    lenet, local = LeNet(), local_net()
    assert count_parameters(local) == 286_334
    with torch.no_grad():
        for mine, theirs in ((local[0], lenet.conv1), (local[3], lenet.conv2)):
            mine.weight.copy_(theirs.weight.flatten(1).T.expand_as(mine.weight))
            mine.bias.copy_(theirs.bias.expand_as(mine.bias))
        for mine, theirs in ((local[7], lenet.fc1), (local[9], lenet.fc2), (local[11], lenet.fc3)):
            mine.load_state_dict(theirs.state_dict())
        x = torch.randn(5, 1, 28, 28)
        assert torch.allclose(local(x), lenet(x), atol=1e-4)
        local[0].weight[0] += 1  # one place alone: nothing is shared
        changed = local[0](x) - lenet.conv1(x)
        assert (changed.abs().amax((0, 1)) > 1e-4).nonzero().tolist() == [[0, 0]]


def test_what_sharing_buys_as_1_1_says_it(prose):
    results = stored_result("training-size")
    sizes = results["conditions"]["train_images"]
    assert sizes == [100, 300, 1000, 3000]
    gap = {n: np.subtract(best_runs(results, "conv", n), best_runs(results, "local", n)) * 100 for n in sizes}
    assert all(paired_interval(each)[1] > 0 for each in gap.values())
    assert min(gap[100].mean(), gap[300].mean()) > max(gap[1000].mean(), gap[3000].mean())
    assert (round(gap[100].mean()), round(gap[3000].mean())) == (5, 1)
    assert "about five points at 100, about one at 3,000" in prose and "over ten runs" in prose
    assert results["conditions"]["seeds"] == 10
    for n in sizes:
        assert np.mean(best_runs(results, "dense", n)) < np.mean(best_runs(results, "local", n))
    change = stored_result("permutation-local")["change"]["local"]
    assert change["high"] < -0.01, "the locally connected net suffers too"
    assert round(100 * change["mean"]) == -3 and "loses about three points" in prose
    assert round(100 * stored_result("permutation")["change"]["conv"]["mean"]) == -10


def test_what_is_said_of_papers_stands_where_it_was_checked(page):
    cells = {cell.id: cell.source for cell in page.cells}
    # The paper of 1998, II.C, last paragraph but one: derivatives "as if … without weight sharing", added.
    phrase = "compute the derivatives as if nothing were shared, then add up those of all connections"
    assert phrase in cells["learn-explain"]
    # The paper of 1989, its section on the architecture: 1,256 units, 64,660 connections, 9,760 parameters.
    assert "The first of the family, with 9,760 parameters." in cells["further-reading"]


# What 1.6 says about shifts -----------------------------------------------------------


def _map(images):
    kernel = torch.randint(-5, 6, (1, 1, 5, 5), generator=torch.Generator().manual_seed(1)).double()
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="circular"), kernel)


@pytest.fixture(scope="module")
def whole_numbers():
    return torch.randint(0, 256, (4, 1, 24, 24), generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("window,stride", [(2, 2), (3, 2), (2, 1), (3, 1), (4, 3)])
def test_the_stride_and_not_the_window_limits_equivariance(whole_numbers, window, stride):
    def pooled(images):
        more = window - stride
        return F.max_pool2d(F.pad(_map(images), (0, more, 0, more), mode="circular"), window, stride)

    for pixels in range(1, 7):
        moved = pooled(whole_numbers.roll(pixels, dims=3))
        same = any(torch.equal(moved, pooled(whole_numbers).roll(i, dims=3)) for i in range(24))
        assert same == (pixels % stride == 0), (window, stride, pixels)


def test_a_pool_over_the_whole_map_is_exactly_invariant(whole_numbers):
    peak = _map(whole_numbers).amax((2, 3))
    for shift in ((1, 0), (0, 3), (5, 7)):
        assert torch.equal(_map(whole_numbers.roll(shift, dims=(2, 3))).amax((2, 3)), peak)


def test_zero_padding_breaks_equivariance_in_two_frames(whole_numbers):
    def f(images):
        return F.conv2d(images, torch.ones(1, 1, 5, 5, dtype=torch.float64), padding=2)

    gap = (f(whole_numbers.roll(8, dims=3)) - f(whole_numbers).roll(8, dims=3)).abs().amax((0, 1, 2))
    assert gap.nonzero().flatten().tolist() == [0, 1, 6, 7, 8, 9, 22, 23]  # the border now, and where it went


# What 1.3 and 1.7 say -----------------------------------------------------------------


def test_a_kernel_prefers_its_own_pattern_only_if_its_weights_sum_to_zero():
    blob = torch.tensor([[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]])
    assert (blob * blob).sum() == 2.25 and (blob * torch.ones(3, 3)).sum() == 4.0
    balanced = blob - blob.mean()
    assert (balanced * balanced).sum() > 0 and (balanced * torch.ones(3, 3)).sum().abs() < 1e-6


def test_the_four_matrices():
    matrices = layer_matrices()
    different = {name: len(np.unique(m[~np.isnan(m)])) for name, m in matrices.items()}
    assert different == {"dense": 48, "local": 18, "shared": 3, "permuted": 3}
    x, shared = np.arange(1.0, 9.0) ** 2, np.nan_to_num(matrices["shared"])
    assert np.allclose(shared @ x, np.correlate(x, shared[0, :3], "valid"))
    columns = [tuple(c) for c in np.nan_to_num(matrices["permuted"]).T]
    assert sorted(columns) == sorted(tuple(c) for c in shared.T) and columns != [tuple(c) for c in shared.T]


def test_a_kernel_that_explodes_or_was_trained_briefly_is_drawn_too(capsys):
    edge = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    show_learning([edge + 1] + [edge * 1e19] * 50 + [np.full((3, 3), np.nan)] * 350, edge)
    assert "is 1.00, 2.0e+19, 2.0e+19, nan" in capsys.readouterr().out
    show_learning([edge], edge)
    assert "at steps 0," in capsys.readouterr().out
    show_learning([edge / (i + 1) for i in range(401)], edge)
    assert "at steps 0, 10, 50, 400," in capsys.readouterr().out
