"""Chapter 3's interactive figures: the states by hand and without widgets, the views driven to their ends."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks import clinic as clinic_runs
from lenet_helpers import LeNet, Split, analysis, explorers, load_dataset
from lenet_helpers.explorers.clinic import ClinicState
from lenet_helpers.explorers.clinic_faults import FAULTS, evidence
from lenet_helpers.explorers.confusion import ConfusionState
from lenet_helpers.explorers.curves import CurvesState
from lenet_helpers.explorers.feature_maps import FeatureMapState
from lenet_helpers.explorers.gallery import GalleryState
from lenet_helpers.explorers.kit.live_curves import LiveCurves
from lenet_helpers.explorers.loop import LINES, WHERE, LoopState
from lenet_helpers.explorers.pixels import PixelState
from lenet_helpers.figures.plots import learning_curves, mosaic
from lenet_helpers.results import stored_result
from lenet_helpers.training import EpochRecord


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=300, validation=100)


def records():
    return [
        EpochRecord(94 * e, e, 1.0 / e, 1 - 0.5 / e, 0.8 / e, 1 - 0.4 / e, 0.01, 1.0, 100.0, 3000)
        for e in (1, 2, 4)
    ]


# States -------------------------------------------------------------------------------


def test_gallery_box_and_centre_by_hand():
    images = torch.zeros(3, 28, 28)
    images[0, 5:25, 9:14] = 1.0  # 20 high, but below the central 20 rows by one
    images[1, 4:24, 4:24] = 1.0
    images[2, 3:5, 0:27] = 1.0  # too wide
    state = GalleryState(images, torch.tensor([0, 0, 0]), ("a",))
    assert state.box == (5, 9, 20, 5) and state.centre == (14.5, 11.0)
    own, central = state.shares
    assert own == pytest.approx(2 / 3) and central == pytest.approx(1 / 3)


def test_pixel_scalings_by_hand():
    pixels = np.array([0.0, 0.0, 0.0, 1.0])
    state = PixelState(pixels, np.ones((2, 3)), scaling="half", padding=1)
    assert state.statistics == pytest.approx((-0.5, math.sqrt(0.1875) * 2)) and state.background == -1.0
    assert state.padded.shape == (4, 5) and state.padded[0, 0] == 0.0 and state.border == 0.5
    state.scaling = "standard"
    assert state.statistics == pytest.approx((0, 1)) and state.background == pytest.approx(
        -0.25 / math.sqrt(0.1875)
    )


def test_loop_state_takes_the_steps_of_sgd(digits):
    state = LoopState(digits.train, batch_size=16, learning_rate=0.2)
    twin = deepcopy(state.model)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.2)
    for _step in range(3):
        state.finish_step()
        batch = state.batch
        optimizer.zero_grad()
        F.cross_entropy(twin(batch.images), batch.labels).backward()
        optimizer.step()
        assert state.weight == pytest.approx(float(twin.conv1.weight.detach()[WHERE]), abs=1e-7)
    assert state.step == 3 and len(state.own) == 3


def test_forgotten_zero_grad_adds_up(digits):
    state = LoopState(digits.train, forget=True)
    for _step in range(3):
        state.finish_step()
    assert state.used == pytest.approx(np.cumsum(state.own), abs=1e-6)
    tidy = LoopState(digits.train)
    for _step in range(3):
        tidy.finish_step()
    assert tidy.used == pytest.approx(tidy.own, abs=1e-9)


def test_loop_stages_follow_the_lines_and_wrap_around_the_data(digits):
    state = LoopState(digits.train, batch_size=256)
    for turn in range(3 * len(LINES)):
        assert state.stage == turn % len(LINES)
        state.advance()
    assert len(state.batch) == 256  # 300 images: the next batch begins anew


def test_curves_move_by_log10_of_2_and_learning_does_not():
    state = CurvesState(records(), 94, halvings=0)
    first = state.log_sums
    assert first[0] == pytest.approx(math.log10(94.0))
    state.halvings = 1
    assert state.log_sums_as_run.tolist() == first.tolist()
    assert state.log_sums - first == pytest.approx([math.log10(2)] * 3)
    assert state.column("train_loss").tolist() == [1.0, 0.5, 0.25]


def test_confusion_cell_lists_the_most_confident_first():
    probs = torch.tensor([[0.4, 0.6], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    state = ConfusionState(
        probs, Split(torch.zeros(4, 1, 2, 2), torch.tensor([0, 0, 0, 1])), ("a", "b"), true=0, predicted=1
    )
    assert state.counts.tolist() == [[1, 2], [0, 1]] and state.worst == (0, 1, 2)
    assert state.cell.tolist() == [1, 0]


def test_any_leaves_the_cell_to_the_most_frequent_mistake():
    guesses = [0, 1, 1, 2, 1, 0, 0, 2, 1, 1]
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
    probs = torch.eye(3)[guesses]
    state = ConfusionState(probs, Split(torch.zeros(10, 1, 2, 2), labels), ("a", "b", "c"))
    assert state.chosen == state.worst[:2] == (0, 1)
    assert len(state.cell) == 2
    state.true = 2
    assert state.chosen == (2, 1)
    state.true, state.predicted = -1, 0
    assert state.chosen in ((1, 0), (2, 0))
    # (2, 1) happens as often as the worst, so it is no wrong answer to offer.
    assert (2, 1) not in state.rivals() and (0, 1) not in state.rivals() and (0, 2) in state.rivals()


def test_the_right_prediction_is_always_on_offer(digits):
    for seed in range(20):
        guesses = torch.randint(10, (len(digits.validation),), generator=torch.Generator().manual_seed(seed))
        view = explorers.ConfusionExplorer(torch.eye(10)[guesses], digits.validation, digits.class_names)
        assert view.prediction.answer in view.prediction.options
    right = explorers.ConfusionExplorer(
        torch.eye(10)[digits.validation.labels], digits.validation, digits.class_names
    )
    assert right.prediction is None and right.revealed  # nothing to predict where nothing is wrong


def test_feature_maps_are_those_of_the_chosen_moment(digits):
    snapshots = [("0", LeNet()), ("1", LeNet())]
    state = FeatureMapState(snapshots, digits.validation, moment=1, layer="pool2", index=3)
    expected = analysis.feature_maps(snapshots[1][1], digits.validation.images[3])["pool2"]
    assert np.array_equal(state.maps, expected) and state.layers == ["conv1", "pool1", "conv2", "pool2"]
    assert np.nan_to_num(mosaic(np.ones((3, 2, 2)), 2)).sum() == 12 and mosaic(
        np.ones((3, 2, 2)), 2
    ).shape == (5, 5)


def test_clinic_judges_and_asks_for_a_diagnosis():
    stored = stored_result("clinic")
    state = ClinicState(stored["runs"], stored["repaired"])
    assert sorted(state.order) == sorted(FAULTS) == sorted(clinic_runs.CASES)
    with pytest.raises(ValueError, match="no diagnosis chosen"):
        state.diagnose()
    state.diagnosis = next(f for f in FAULTS if f != state.fault)
    assert not state.diagnose() and not state.solved
    state.diagnosis = state.fault
    assert state.diagnose() and state.solved == {0}


def test_stored_patients_show_what_their_diagnosis_says():
    runs, chance = stored_result("clinic")["runs"], math.log(10)
    last = {name: run[-1] for name, run in runs.items()}
    assert (
        abs(last["rate-too-high"]["train_loss"] - chance) < 0.05
        and last["rate-too-high"]["train_loss"] > chance
    )
    low = [r["train_loss"] for r in runs["rate-too-low"]]
    assert low == sorted(low, reverse=True) and chance - 0.1 < low[-1] < chance
    first, *later = [r["train_loss"] for r in runs["no-zero-grad"]]
    assert first < chance < min(later) and chance < min(
        r["validation_loss"] for r in runs["no-zero-grad"][1:]
    )
    pairs = last["broken-pairs"]
    assert (
        pairs["train_loss"] < pairs["validation_loss"] < chance + 0.1 and pairs["validation_accuracy"] < 0.2
    )
    floor = -math.log(math.e / (math.e + 9))
    assert (
        last["softmax-twice"]["train_loss"] > floor == pytest.approx(1.4612, abs=1e-4)
        and last["softmax-twice"]["train_accuracy"] > 0.6
    )
    again = runs["dropout-in-evaluation"]
    assert sum(r["validation_accuracy"] != r["scored_again"] for r in again) > 15
    assert all(
        r["validation_accuracy"] == r["scored_again"]
        for name in runs
        if name != "dropout-in-evaluation"
        for r in runs[name]
    )
    assert (
        last["healthy"]["validation_accuracy"] > 0.93
        and last["healthy-dropout"]["validation_accuracy"] > 0.93
    )


def test_feedback_to_a_wrong_diagnosis_has_this_runs_numbers():
    runs = stored_result("clinic")["runs"]
    texts = {(said, ill): evidence(said, runs[ill]) for said in FAULTS for ill in FAULTS}
    assert len(set(texts.values())) == 36 - 4  # only dropout's is alike, for the five healthy scorings
    assert f"{runs['softmax-twice'][-1]['train_loss']:.2f}" in texts["softmax-twice", "softmax-twice"]
    assert "differ in 0 of 20" in texts["dropout-in-evaluation", "no-zero-grad"]


def test_two_patients_fall_ill_again():
    stored = stored_result("clinic")["runs"]
    for name in ("rate-too-low", "dropout-in-evaluation"):
        (record,) = clinic_runs.run(**clinic_runs.CASES[name], epochs=1)
        assert record["train_loss"] == pytest.approx(stored[name][0]["train_loss"], abs=0.05)


# Views --------------------------------------------------------------------------------


def views(digits):
    torch.manual_seed(0)
    model = LeNet()
    probs = analysis.probabilities(model, digits.validation.images)
    return {
        "gallery": explorers.GalleryExplorer(digits),
        "pixels": explorers.PixelExplorer(digits),
        "loop": explorers.LoopExplorer(digits),
        "curves": explorers.CurvesExplorer(records(), batches_per_epoch=94),
        "confusion": explorers.ConfusionExplorer(probs, digits.validation, digits.class_names),
        "feature-maps": explorers.FeatureMapExplorer([("0", model), ("1", LeNet())], digits.validation),
        "clinic": explorers.ClinicExplorer(),
    }


def test_training_and_validation_look_the_same_in_every_figure_with_curves():
    """Dashed with open markers, solid with filled ones; learned once, read everywhere."""
    drawn = [
        explorers.CurvesExplorer(records(), batches_per_epoch=94).figure,
        explorers.ClinicExplorer().figure,
        LiveCurves().figure,
        learning_curves(records()),
    ]
    for figure in drawn:
        lines = [line for ax in figure.axes for line in ax.get_lines()]
        lines += [handle for legend in figure.legends for handle in legend.legend_handles]
        seen = set()
        for line in lines:
            part = str(line.get_label()).split()[0].strip(",")
            if part in ("training", "validation"):
                seen.add(part)
                filled = line.get_markerfacecolor() != "white"
                assert (line.get_linestyle() == "-", filled) == (part == "validation",) * 2, line
                assert line.get_marker() not in ("", "None", None)
        assert seen == {"training", "validation"}


def test_every_control_is_driven_to_its_ends(digits):
    import ipywidgets as w

    for name, view in views(digits).items():
        assert view.name == name and len(view.sentence()) > 20
        hidden = view.image.value
        for reveal in (False, True):
            if reveal and view.prediction:
                view.prediction.skip.click()
                assert view.revealed
            for field, control in view.controls.items():
                if isinstance(control, w.Button):
                    for _click in range(6):
                        control.click()
                elif isinstance(control, (w.IntSlider, w.FloatSlider)):
                    for value in (control.min, control.max):
                        control.value = value
                        assert getattr(view.state, field) == value
                elif isinstance(control, w.Checkbox):
                    for value in (True, False, True):
                        control.value = value
                else:
                    for value in [o[1] if isinstance(o, tuple) else o for o in control.options]:
                        control.value = value
                assert "Traceback" not in view.error.value, (name, field, view.error.value)
        assert view.image.value != hidden
        picture, sentence = view.still()
        assert picture.startswith(b"\x89PNG") and sentence


def test_a_diagnosis_that_was_not_chosen_is_said_in_the_figure():
    view = explorers.ClinicExplorer()
    view.controls["diagnose"].click()
    assert "no diagnosis chosen" in view.error.value
    view.controls["diagnosis"].value = view.state.fault
    view.controls["diagnose"].click()
    assert not view.error.value and "The fix" in view.sentence() and "lr=0.05" in view.mended.value
    assert view.records.value.count("<tr>") == 21
    view.controls["patient"].value = 1
    assert "The fix" not in view.sentence() and not view.mended.value
    wrong = next(f for f in FAULTS if f != view.state.fault)
    view.controls["diagnosis"].value = wrong
    view.controls["diagnose"].click()
    assert evidence(wrong, view.state.runs[view.state.fault]) in view.sentence()


def test_the_outcome_is_held_back_until_the_prediction(digits):
    view = explorers.ConfusionExplorer(
        torch.eye(10)[digits.validation.labels.roll(1)], digits.validation, digits.class_names
    )
    before = view.sentence()
    view.prediction.skip.click()
    assert view.sentence() != before and "most confident first" in view.sentence()
