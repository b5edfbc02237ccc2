"""The network of 1998 against the paper's own numbers, by counts and by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers.lenet1998 import (
    ACTIVATIONS,
    C3_CONNECTIONS,
    DENSE_CONNECTIONS,
    TODAY,
    LeNet1998,
    LeNet1998Config,
    RBFOutput,
    SparseConv2d,
    TrainedSubsampling,
    connections,
    discriminative_loss,
    distance_loss,
    field_of_1998,
    scaled_tanh,
)
from lenet_helpers.lenet1998.codes import digit_codes
from lenet_helpers.models import LeNet
from lenet_helpers.summary import count_parameters, layer_table, receptive_fields

# The paper's section II.B, layer by layer: output shape, trained parameters, connections.
PAPER = [
    ("c1", (6, 28, 28), 156, 122_304),
    ("s2", (6, 14, 14), 12, 5_880),
    ("c3", (16, 10, 10), 1_516, 151_600),
    ("s4", (16, 5, 5), 32, 2_000),
    ("c5", (120, 1, 1), 48_120, 48_120),
    ("f6", (84,), 10_164, 10_164),
    ("output", (10,), 0, 840),
]


def test_every_row_of_the_papers_table():
    model = LeNet1998()
    shapes = {row.name: (row.output_shape, row.parameters) for row in layer_table(model)}
    links = connections(model)
    assert [(name, *shapes[name], links[name]) for name in shapes] == PAPER


def test_60000_parameters_and_340908_connections():
    model = LeNet1998()
    assert count_parameters(model) == 60_000 == sum(p.numel() for p in model.parameters())
    assert sum(connections(model).values()) == 340_908
    assert sum(connections(model).values()) - connections(model)["output"] == 340_068


def test_a_dense_c3_makes_60900():
    model = LeNet1998(LeNet1998Config(connections=DENSE_CONNECTIONS))
    assert count_parameters(model.c3) == 2_416
    assert count_parameters(model) == 60_900


def test_receptive_fields_reach_the_whole_input():
    assert receptive_fields(LeNet1998()) == {"c1": 5, "s2": 6, "c3": 14, "s4": 16, "c5": 32}


def test_c3_table_is_the_papers():
    text = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
    assert C3_CONNECTIONS == tuple(tuple(map(int, word)) for word in text.split())
    assert sorted(map(len, C3_CONNECTIONS)) == [3] * 6 + [4] * 9 + [6]
    assert sum(map(len, C3_CONNECTIONS)) == 60
    contiguous = [sum((i + 1) % 6 not in set(row) for i in row) == 1 for row in C3_CONNECTIONS]
    # maps 6 to 11 contiguous, 12 to 14 not, counting 5 and 0 as neighbours
    assert contiguous == [True] * 12 + [False] * 3 + [False]


def test_c3_equals_sixteen_separate_convolutions_map_by_map():
    torch.manual_seed(0)
    c3 = SparseConv2d(C3_CONNECTIONS)
    nn.init.normal_(c3.kernels)
    nn.init.normal_(c3.bias)
    x = torch.randn(3, 6, 14, 14)
    out, start = c3(x), 0
    assert out.shape == (3, 16, 10, 10)
    for m, inputs in enumerate(C3_CONNECTIONS):
        kernels = c3.kernels[start : start + len(inputs)]
        start += len(inputs)
        expected = F.conv2d(x[:, list(inputs)], kernels[None]) + c3.bias[m]
        assert torch.allclose(out[:, m : m + 1], expected, atol=1e-4)
    assert start == len(c3.kernels) == 60


@pytest.mark.parametrize("m", range(16))
def test_c3_map_reacts_to_its_own_inputs_only(m):
    torch.manual_seed(1)
    c3 = SparseConv2d(C3_CONNECTIONS)
    nn.init.normal_(c3.kernels)
    nn.init.zeros_(c3.bias)
    for i in range(6):
        x = torch.zeros(1, 6, 14, 14)
        x[:, i] = torch.randn(14, 14)
        reacts = bool(c3(x)[0, m].abs().sum() > 0)
        assert reacts == (i in C3_CONNECTIONS[m])


def test_missing_kernels_of_c3_do_not_exist_as_parameters():
    c3 = LeNet1998().c3
    assert {name: tuple(p.shape) for name, p in c3.named_parameters()} == {
        "kernels": (60, 5, 5),
        "bias": (16,),
    }
    assert int((c3.weight().flatten(2).abs().sum(2) == 0).sum()) == 36
    assert "weight" not in dict(c3.named_buffers())


def test_a_table_with_an_impossible_input_is_refused():
    with pytest.raises(ValueError, match="c3: every map reads different inputs from 0 to 5"):
        SparseConv2d([(0, 6)])
    with pytest.raises(ValueError, match="different inputs"):
        SparseConv2d([(1, 1)])


def test_an_empty_row_gives_a_map_of_bias_only():
    c3 = SparseConv2d([(0,), ()])
    nn.init.ones_(c3.kernels)
    with torch.no_grad():
        c3.bias.copy_(torch.tensor([0.0, 3.0]))
    out = c3(torch.ones(1, 6, 6, 6))
    assert out[0, 0].unique().tolist() == [25.0] and out[0, 1].unique().tolist() == [3.0]


def test_s2_by_hand():
    s2 = TrainedSubsampling(2)
    with torch.no_grad():
        s2.coefficient.copy_(torch.tensor([0.5, -2.0]))
        s2.bias.copy_(torch.tensor([1.0, 0.25]))
    first = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    second = torch.tensor([[0.0, 1, 0, 0], [1, 1, 0, -1]])
    out = s2(torch.stack((first, second))[None])
    # (1+2+5+6)/2 + 1 = 8, (3+4+7+8)/2 + 1 = 12; -2·3 + 0.25 = -5.75, -2·(-1) + 0.25 = 2.25
    assert out.tolist() == [[[[8.0, 12.0]], [[-5.75, 2.25]]]]


def test_s2_is_squashed_in_the_network():
    torch.manual_seed(0)
    model, seen = LeNet1998(), {}
    model.c3.register_forward_hook(lambda layer, inputs, output: seen.update(into_c3=inputs[0]))
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        model(images)
        c1 = 1.7159 * torch.tanh(model.c1(images) * 2 / 3)
        sums = c1[:, :, ::2, ::2] + c1[:, :, 1::2, ::2] + c1[:, :, ::2, 1::2] + c1[:, :, 1::2, 1::2]
        s2 = sums * model.s2.coefficient.view(6, 1, 1) + model.s2.bias.view(6, 1, 1)
        assert torch.allclose(seen["into_c3"], 1.7159 * torch.tanh(s2 * 2 / 3), atol=1e-5)


def test_squashing_maps_one_to_one():
    assert scaled_tanh(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1.0, -1.0], abs=1e-4)
    assert scaled_tanh(torch.tensor(100.0)).item() == pytest.approx(1.7159)


def test_rbf_is_the_squared_distance_not_divided_by_84():
    codes = digit_codes()
    scores = RBFOutput()(torch.cat((codes, torch.zeros(1, 84))))
    assert scores.shape == (11, 10)
    assert torch.equal(scores.diagonal(), torch.zeros(10))
    assert torch.equal(scores[10], torch.full((10,), -84.0))
    differing = (codes[3] != codes[8]).sum().item()
    assert scores[3, 8].item() == -4.0 * differing


def test_codes_are_ten_different_bitmaps_that_do_not_train():
    codes = digit_codes()
    assert codes.shape == (10, 84) and set(codes.unique().tolist()) == {-1.0, 1.0}
    distances = (codes[:, None] != codes).sum(2)
    assert distances[~torch.eye(10, dtype=bool)].min() >= 5  # any two differ in five pixels or more
    # alike digits have close codes: the nearest code to 8 is 3's
    assert distances[8].topk(2, largest=False).indices[1] == 3
    assert list(RBFOutput().parameters()) == []


def test_losses_by_hand():
    scores, labels = torch.tensor([[-2.0, -5.0], [-1.0, -4.0]]), torch.tensor([0, 1])
    assert distance_loss(scores, labels).item() == pytest.approx((2 + 4) / 2)
    logs = [
        math.log(math.exp(-1) + math.exp(-2) + math.exp(-5)),
        math.log(math.exp(-1) + math.exp(-1) + math.exp(-4)),
    ]
    assert discriminative_loss(scores, labels).item() == pytest.approx((2 + logs[0] + 4 + logs[1]) / 2)


def test_loss_survives_distances_whose_exponential_is_zero():
    assert torch.exp(torch.tensor(-120.0)) == 0  # what a naive log would be fed
    scores = torch.full((1, 10), -130.0, requires_grad=True)
    loss = discriminative_loss(scores, torch.tensor([4]), j=120.0)
    assert loss.item() == pytest.approx(130 - 120 + math.log(1 + 10 * math.exp(-10)), abs=1e-4)
    loss.backward()
    assert torch.isfinite(scores.grad).all()


def test_without_the_constant_it_is_softmax_cross_entropy():
    scores, labels = -torch.rand(5, 10) * 50, torch.arange(5)
    assert discriminative_loss(scores, labels, j=1e9).item() == pytest.approx(
        F.cross_entropy(scores, labels).item(), abs=1e-5
    )


def test_initialisation_is_within_two_point_four_over_fan_in():
    torch.manual_seed(0)
    model = LeNet1998()
    fan_in = {"c1": 25, "s2": 4, "s4": 4, "c5": 400, "f6": 120}
    for name, n in fan_in.items():
        values = torch.cat([p.detach().flatten() for p in getattr(model, name).parameters()])
        assert values.abs().max() <= 2.4 / n
        assert values.abs().max() > (2.4 / n) * 0.6  # and not far within: S2 has only 12 values
    start = 0
    for inputs in C3_CONNECTIONS:
        n = 25 * len(inputs)
        largest = model.c3.kernels[start : start + len(inputs)].abs().max().item()
        assert 0.9 * 2.4 / n < largest <= 2.4 / n
        start += len(inputs)


@pytest.mark.parametrize("loss", ["discriminative", "distance"])
def test_gradients_match_finite_differences(loss):
    """Central differences in float64, three parameters of every tensor; autograd plays no part in them."""
    torch.manual_seed(0)
    model = LeNet1998(LeNet1998Config(loss=loss)).double()
    with torch.no_grad():  # larger than at the start, so that every path carries signal
        for p in model.parameters():
            p.mul_(4)
    images, labels = torch.rand(3, 1, 32, 32, dtype=torch.float64), torch.tensor([3, 0, 8])
    model.loss(model(images), labels).backward()
    for name, p in model.named_parameters():
        flat, gradient = p.data.view(-1), p.grad.view(-1)
        for index in torch.randperm(len(flat))[:3].tolist():
            kept, ends = flat[index].item(), []
            for step in (1e-6, -1e-6):
                flat[index] = kept + step
                with torch.no_grad():
                    ends.append(model.loss(model(images), labels).item())
            flat[index] = kept
            measured = (ends[0] - ends[1]) / 2e-6
            assert gradient[index].item() == pytest.approx(measured, rel=1e-4, abs=1e-7), name


def test_today_is_lenet_under_other_names():
    ours, modern = LeNet1998(TODAY), LeNet()
    pairs = {"conv1": "c1", "fc2": "f6", "fc3": "output"}
    with torch.no_grad():
        for theirs, name in pairs.items():
            getattr(modern, theirs).weight.copy_(getattr(ours, name).weight)
            getattr(modern, theirs).bias.copy_(getattr(ours, name).bias)
        modern.conv2.weight.copy_(ours.c3.weight())
        modern.conv2.bias.copy_(ours.c3.bias)
        modern.fc1.weight.copy_(ours.c5.weight.flatten(1))
        modern.fc1.bias.copy_(ours.c5.bias)
        images = torch.randn(4, 1, 28, 28)
        assert torch.allclose(ours(images), modern(images), atol=1e-5)
    assert count_parameters(ours) == 44_426
    assert sum(row.multiply_adds for row in layer_table(ours)) == 281_640


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("pooling", ["trained", "average", "max"])
@pytest.mark.parametrize("output", ["rbf", "linear"])
@pytest.mark.parametrize("input_size", [28, 32])
def test_every_mixture_runs_counts_and_takes_a_step(activation, pooling, output, input_size):
    torch.manual_seed(0)
    config = LeNet1998Config(
        activation=activation,
        pooling=pooling,
        output=output,
        input_size=input_size,
        loss="cross_entropy",
        connections=((0, 5), (1, 2, 3)),
    )
    model = LeNet1998(config)
    scores = model(torch.rand(2, 1, input_size, input_size))
    assert scores.shape == (2, 10)
    model.loss(scores, torch.tensor([0, 9])).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert count_parameters(model.c3) == 5 * 25 + 2
    links = connections(model)
    # A pooling reads four numbers for each output, and one bias if it is trained.
    side, each = (input_size - 4) // 2, 4 + (pooling == "trained")
    assert links["s2"] == 6 * side**2 * each and links["s4"] == 2 * ((side - 4) // 2) ** 2 * each
    assert links["output"] == 840 + 10 * (output == "linear")


def test_a_batch_of_one_equals_its_row_in_a_larger_batch():
    torch.manual_seed(0)
    model, images = LeNet1998(), torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(model(images[1:2]), model(images)[1:2], atol=1e-4)


def test_a_linear_output_has_no_distance_loss():
    with pytest.raises(ValueError, match="loss='distance': a linear output has no distances"):
        LeNet1998Config(output="linear", loss="distance")
    with pytest.raises(ValueError, match="pooling='stride': choose trained, average, max"):
        LeNet1998Config(pooling="stride")


def test_field_puts_the_digit_in_the_middle_on_paper_grey():
    images = torch.ones(2, 1, 28, 28)
    placed = field_of_1998(images)
    assert placed.shape == (2, 1, 32, 32)
    assert placed[:, :, 2:30, 2:30].unique().tolist() == pytest.approx([1.175])
    assert placed[:, :, :2].unique().tolist() == pytest.approx([-0.1])
    assert field_of_1998(images, 28).shape == (2, 1, 28, 28)
    assert images.unique().tolist() == [1.0]


def test_learns_ten_shapes():
    """The loss falls from ‖code − about 0‖² = 84, less 1 for log(e^−1 + …), and every pattern is learned."""
    torch.manual_seed(0)
    shapes = (digit_codes().view(10, 1, 12, 7).repeat_interleave(2, 2).repeat_interleave(2, 3) + 1) / 2
    images = F.pad(shapes, (7, 7, 2, 2)).repeat(6, 1, 1, 1)
    images = field_of_1998((images + 0.1 * torch.randn(images.shape)).clamp(0, 1))
    labels = torch.arange(10).repeat(6)
    model = LeNet1998()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    first = model.loss(model(images), labels).item()
    for _step in range(150):
        loss = model.loss(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert first == pytest.approx(83, abs=3)
    assert (model(images).argmax(1) == labels).float().mean() > 0.9


@pytest.mark.parametrize("inputs", [(-1,), (6,), (0, 0), (2, 5, 2)])
def test_a_map_reads_maps_that_are_there_once_each(inputs):
    SparseConv2d([(0,), (5,)])
    with pytest.raises(ValueError, match="every map reads different inputs from 0 to 5"):
        SparseConv2d([(0,), inputs])
