"""Chapter 1's figures: states against independent sums, views driven to all their ends."""

import itertools
from html import unescape

import ipywidgets as w
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lenet_helpers import load_dataset
from lenet_helpers.checks.chapter1_counting import output_size
from lenet_helpers.explorers import (
    ConvolutionExplorer,
    EquivarianceExplorer,
    FairCountExplorer,
    KernelGallery,
    PermutationExplorer,
    SizeExplorer,
)
from lenet_helpers.explorers.convolution import LARGEST, PRESETS, ConvolutionState
from lenet_helpers.explorers.equivariance import KERNEL, EquivarianceState
from lenet_helpers.explorers.fair_count import FairCountState
from lenet_helpers.explorers.kernels import edge_kernel
from lenet_helpers.explorers.kit.base import Explorer
from lenet_helpers.explorers.permutation import dense_net, permutation
from lenet_helpers.explorers.sizes import LIMITS, SizeState
from lenet_helpers.results import stored_result


@pytest.fixture(scope="module")
def digits():
    return load_dataset()


@pytest.fixture(scope="module")
def results():
    return stored_result("permutation")


@pytest.fixture(scope="module")
def explorers(digits, results):
    return [
        PermutationExplorer(digits, results),
        ConvolutionExplorer(),
        KernelGallery(digits),
        SizeExplorer(),
        FairCountExplorer(),
        EquivarianceExplorer(digits),
    ]


NAMES = ("permutation", "convolution", "kernels", "sizes", "fair-count", "equivariance")
each = pytest.mark.parametrize("number", range(6), ids=NAMES)


def ends(widget):
    """The values a control can be driven to: both ends, or every option."""
    if isinstance(widget, (w.IntSlider, w.FloatSlider)):
        return [widget.min, widget.max]
    if isinstance(widget, w.Dropdown):
        return [value[1] if isinstance(value, tuple) else value for value in widget.options]
    if isinstance(widget, w.Checkbox):
        return [True, False]
    return []


# views ---------------------------------------------------------------------------------


@each
def test_every_combination_of_ends_redraws_without_an_error(explorers, number):
    explorer = explorers[number]
    explorer.prediction.skip.click()
    controls = {name: widget for name, widget in explorer.controls.items() if ends(widget)}
    assert controls
    pictures = set()
    combinations = list(itertools.product(*(ends(widget) for widget in controls.values())))
    assert len(combinations) <= 160
    for values in combinations:
        for widget, value in zip(controls.values(), values, strict=True):
            widget.value = value
            assert explorer.error.value == "" or explorer.state.problem, explorer.error.value
        drawn_here = explorer.stage is None  # else in the browser, and here only for a page without a kernel
        picture = bytes(explorer.image.value) if drawn_here else explorer.still(revealed=True)[0]
        assert picture.startswith(b"\x89PNG")
        said = explorer.labels.text if drawn_here else unescape(explorer.caption.value)
        assert explorer.sentence() in said and explorer.sentence() != ""
        pictures.add(picture)
    assert len(pictures) > len(combinations) // 4, "the picture follows the controls"


@each
def test_controls_have_descriptions_readouts_and_classes(explorers, number):
    explorer = explorers[number]
    for name, widget in explorer.controls.items():
        if name == "easel":
            continue  # a grid, which has a name of its own
        assert widget.description
        assert any(c.startswith(f"lenet-{explorer.name}-") for c in widget._dom_classes), name
        assert not isinstance(widget, (w.IntSlider, w.FloatSlider)) or widget.readout
    assert f"lenet-{explorer.name}" in explorer.widget._dom_classes


@each
def test_still_picture_and_sentence_where_there_is_no_kernel(explorers, number):
    data, metadata = explorers[number]._repr_mimebundle_()
    assert data["image/png"] and len(data["text/plain"]) > 40
    assert data["text/plain"].startswith(metadata["image/png"]["alt"])
    assert "application/vnd.jupyter.widget-view+json" in data


def test_prediction_is_kept_and_contrasted_before_anything_is_shown():
    explorer = SizeExplorer()
    hidden = explorer.image.value
    assert explorer.prediction.commit.disabled and not explorer.revealed
    explorer.prediction.choice.value = "4"
    explorer.prediction.commit.click()
    assert explorer.prediction.value == "4" and explorer.revealed
    assert "4" in explorer.prediction.verdict.value and "3" in explorer.prediction.verdict.value
    assert explorer.image.value != hidden


def test_right_predictions_are_among_the_options(explorers):
    for explorer in explorers:
        assert explorer.prediction.answer in explorer.prediction.options


def test_errors_in_callbacks_are_shown():
    class Broken(Explorer):
        name = "broken"

        def build(self):
            from lenet_helpers.figures.canvas import figure

            self.figure, self.ax = figure(width=2, height=1, layout=None)
            self.slider("x", "x", 0, 5)

        def draw(self):
            if self.state.x == 3:
                raise ValueError("three is not allowed")
            if self.state.x == 4:
                raise KeyError("a bug")

        def sentence(self):
            return "x"

    explorer = Broken(type("State", (), {"x": 0})())
    explorer.controls["x"].value = 3
    assert "three is not allowed" in explorer.error.value
    explorer.controls["x"].value = 4
    assert "KeyError" in explorer.error.value
    explorer.controls["x"].value = 5
    assert explorer.error.value == ""


# states --------------------------------------------------------------------------------


def test_permutation_moves_the_share_asked_for_and_loses_nothing():
    for fraction in (0.0, 0.25, 0.5, 1.0):
        order = permutation(fraction, seed=3)
        assert sorted(order) == list(range(784))
        assert (order != np.arange(784)).sum() <= round(fraction * 784)
    assert (permutation(1.0, 3) != np.arange(784)).mean() > 0.98
    assert (permutation(1.0, 3) != permutation(1.0, 4)).any()


def test_both_nets_have_about_as_many_parameters():
    assert sum(p.numel() for p in dense_net().parameters()) == 44_530


def test_measured_accuracies_support_what_the_chapter_says(explorers):
    state = explorers[0].state
    assert len(state.accuracies("dense", 0)) == 10
    assert state.accuracies("conv", 0).mean() > state.accuracies("dense", 0).mean() + 0.03
    assert state.accuracies("conv", 100).mean() < state.accuracies("dense", 100).mean() - 0.03
    assert abs(state.accuracies("dense", 100).mean() - state.accuracies("dense", 0).mean()) < 0.005
    assert state.results["change"]["conv"]["high"] < -0.08
    assert abs(state.results["change"]["dense"]["mean"]) < 0.003


def test_convolution_state_against_torch(rng=np.random.default_rng(5)):
    for shape in ((3, 3), (5, 7), (10, 4)):
        state = ConvolutionState(rng.integers(0, 9, shape))
        state.kernel = rng.normal(size=(3, 3))
        for flip in (False, True):
            state.flip = flip
            kernel = torch.from_numpy(state.kernel.copy())
            kernel = kernel.flip(0, 1) if flip else kernel
            wanted = F.conv2d(torch.from_numpy(state.image)[None, None], kernel[None, None])[0, 0].numpy()
            np.testing.assert_allclose(state.output, wanted, atol=1e-12)
            for state.step in range(state.places):
                row, column = state.corner
                assert state.products.sum() == pytest.approx(wanted[row, column])


@pytest.mark.parametrize("shape", [(2, 5), (11, 4), (4, 11)])
def test_convolution_refuses_pictures_it_cannot_draw(shape):
    with pytest.raises(ValueError, match="3 to 10"):
        ConvolutionExplorer(np.zeros(shape))


def test_presets_and_weights_of_the_convolution_explorer():
    explorer = ConvolutionExplorer()
    for name, weights in PRESETS.items():
        explorer.preset.value = name
        assert explorer.error.value == "" and (explorer.state.kernel == weights).all()
    for value in (LARGEST, -LARGEST):
        explorer.controls["paint"].value = value
        for row, column in np.ndindex(3, 3):
            send(explorer.grids["kernel"], "press", row, column)
            assert explorer.error.value == "" and explorer.state.kernel[row, column] == value
        assert explorer.preset.value is None, "it is the learner's own now"
    explorer.preset.value = "sum of the window"
    assert (explorer.state.kernel == 1).all()


def send(grid, kind, row, column):
    """What the browser says when a cell is pointed at or pressed."""
    grid._handle_custom_msg({"kind": kind, "row": row, "column": column}, [])


def test_pointing_at_an_output_cell_moves_the_window_and_shows_its_products():
    explorer = ConvolutionExplorer()
    explorer.prediction.skip.click()
    rows, columns = explorer.state.output_shape
    for row, column in np.ndindex(rows, columns):
        send(explorer.grids["output"], "point", row, column)
        assert explorer.state.corner == (row, column) and explorer.error.value == ""
        window = explorer.grids["picture"].frames[-1]
        assert (window["row"], window["column"], window["rows"], window["columns"]) == (row, column, 3, 3)
        products = [float(text) for text in explorer.grids["products"].texts]
        wanted = explorer.state.image[row : row + 3, column : column + 3] * explorer.state.used
        assert products == wanted.ravel().tolist()
        assert explorer.grids["output"].texts[row * columns + column] == f"{wanted.sum():g}"


def test_the_outcome_of_the_convolution_explorer_is_the_whole_output():
    """The question is about all of it: where it is largest, and where smallest."""
    explorer = ConvolutionExplorer()
    assert set(explorer.grids["output"].texts) == {"?"}
    explorer.prediction.skip.click()
    shown = [float(text) for text in explorer.grids["output"].texts]
    assert shown == explorer.state.output.ravel().tolist()
    assert shown[2 * 5 + 2] == max(shown) == 23 and shown[5 + 4] == min(shown) == -25
    assert "The largest output is 23, the smallest -25." in explorer.sentence()


def test_no_axis_made_for_the_outcome_stands_before_the_prediction():
    """Rows up to the last place, and a scale down to the worst accuracy, would tell."""
    axes = [SizeExplorer(s=stride).stairs.get_ylim() for stride in (1, 2, 3)]
    assert set(axes) == {(7.5, -0.5)}
    asked = PermutationExplorer(load_dataset())
    assert asked.chart.get_ylim() == (0, 100)
    asked.prediction.skip.click()
    assert 50 < asked.chart.get_ylim()[0] < 100 * asked.state.accuracies("conv", 100).min()


def test_a_turned_kernel_is_painted_where_it_is_pressed():
    explorer = ConvolutionExplorer()
    explorer.controls["flip"].value = True
    explorer.controls["paint"].value = 3
    send(explorer.grids["kernel"], "press", 0, 2)
    assert explorer.state.used[0, 2] == 3 == explorer.state.kernel[2, 0]
    assert explorer.grids["kernel"].texts[2] == "3"


def test_a_kernel_is_painted_cell_by_cell_and_answers():
    view = KernelGallery(load_dataset())
    view.prediction.skip.click()
    view.blank.click()
    assert not view.state.kernel.any() and not view.state.response.any() and view.error.value == ""
    send(view.easel, "press", 3, 3)
    assert view.state.kernel[3, 3] == 0.25 == view.state.kernel.sum()
    inside = view.state.images[view.state.digit][3:-3, 3:-3]
    np.testing.assert_allclose(view.state.response, 0.25 * inside)
    assert "Your kernel" in view.sentence()
    view.controls["angle"].value = 90
    assert "Your kernel" not in view.sentence(), "another angle, another kernel"


@pytest.mark.parametrize("blur", [0.4, 0.8, 2.4])
def test_edge_kernels_sum_to_zero_and_point_where_they_say(blur):
    for angle in range(0, 360, 15):
        kernel = edge_kernel(angle, blur)
        assert abs(kernel.sum()) < 1e-12 and kernel[kernel > 0].sum() == pytest.approx(1)
        np.testing.assert_allclose(edge_kernel(angle + 180, blur), -kernel, atol=1e-12)
    assert edge_kernel(0, blur)[3, 4] > 0 > edge_kernel(0, blur)[3, 2]
    assert edge_kernel(90, blur)[2, 3] > 0 > edge_kernel(90, blur)[4, 3]


def test_sizes_against_torch_over_all_settings_near_the_limits():
    for n, k, p, s, d in itertools.product((1, 2, 7, 32), (1, 2, 9), (0, 1, 5), (1, 2, 6), (1, 2, 5)):
        state = SizeState(n, k, p, s, d)
        if d * (k - 1) + 1 > n + 2 * p:
            assert state.problem and state.output == 0 and not state.coverage.any()
            assert SizeState(n, k, -(-(state.reach - n) // 2), s, d).problem is None, (
                "the way out that it names works"
            )
            continue
        image = torch.zeros(1, 1, n, n, requires_grad=True)
        result = F.conv2d(F.pad(image, (p, p, p, p)), torch.ones(1, 1, k, k), stride=s, dilation=d)
        assert state.problem is None and state.output == result.shape[2] == output_size(n, k, p, s, d)
        result.sum().backward()
        inside = state.coverage[p : p + n, p : p + n]
        assert (inside == image.grad[0, 0].numpy()).all()


def test_limits_of_the_size_sliders_reach_illegal_settings():
    assert SizeState(LIMITS["n"][0], LIMITS["k"][1], 0, 1, LIMITS["d"][1]).problem


def test_fair_counts_of_the_facts_page_and_against_torch():
    state = FairCountState(28, 5, 6)
    assert state.outputs == 3_456
    assert state.parameters == {"dense": 2_712_960, "local": 89_856, "conv": 156}
    assert state.multiplications == {"dense": 2_709_504, "local": 86_400, "conv": 86_400}
    ten = FairCountState(28, 5, 10)
    assert ten.parameters["dense"] == 4_521_600 and ten.parameters["conv"] == 260
    conv = torch.nn.Conv2d(1, 3, 4)
    small = FairCountState(9, 4, 3)
    assert conv(torch.zeros(1, 1, 9, 9)).numel() == small.outputs
    assert sum(p.numel() for p in conv.parameters()) == small.parameters["conv"]
    assert FairCountState(4, 9, 6).problem and FairCountState(4, 9, 6).outputs == 0


def test_equivariance_is_exact_where_it_should_be(explorers):
    image = explorers[5].state.image
    assert (image == np.rint(image)).all()
    for dx, dy in itertools.product(range(-8, 9), repeat=2):
        assert EquivarianceState(image, dx, dy, 0, "circular").share == 0
        one = EquivarianceState(image, dx, dy, 1, "circular").share
        assert (one == 0) == (dx % 2 == 0 and dy % 2 == 0), (dx, dy)
    for dx, dy in ((4, 0), (4, -8), (-4, 4)):
        assert EquivarianceState(image, dx, dy, 2, "circular").share == 0
    assert EquivarianceState(image, 2, 0, 2, "circular").share > 0
    assert EquivarianceState(image, 1, 0, 0, "zeros").share > 0
    assert EquivarianceState(image, 3, 0, 0, "circular").share_unshifted > 0.1


def test_equivariance_filter_against_torch(rng=np.random.default_rng(1)):
    image = rng.integers(-33, 223, (28, 28)).astype(float)
    weight = torch.from_numpy(KERNEL.astype(float))[None, None]
    for ours, mode in (("circular", "circular"), ("zeros", "constant")):
        padded = F.pad(torch.from_numpy(image)[None, None], (2, 2, 2, 2), mode=mode)
        wanted = F.max_pool2d(F.relu(F.conv2d(padded, weight)), 2)[0, 0].numpy()
        assert (EquivarianceState(image, pools=1, padding=ours).features(image) == wanted).all()
    # float32 and a kernel that is not whole: equal up to rounding, as the chapter says.
    kernel = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    x = torch.from_numpy(image).float()[None, None]

    def f(t):
        return F.conv2d(F.pad(t, (2, 2, 2, 2), mode="circular"), kernel)

    gap = (f(x.roll((3, 5), (2, 3))) - f(x).roll((3, 5), (2, 3))).abs().max()
    assert gap <= 1e-5 * f(x).abs().max()
