"""LeNet-5 as printed in 1998, with one switch for each way in which today's LeNet differs.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
document recognition", Proceedings of the IEEE 86(11), 1998, section II.B. The layers
keep the paper's names: C1, S2, C3, S4, C5, F6 and an output layer of Euclidean radial
basis functions (RBF). `LeNet1998()` has 60,000 trained parameters.

Where the paper can't be followed to the letter:

* The target bitmaps exist only as a figure; `codes1998` draws them anew.
* The paper does not print the constant j of its discriminative loss; here j = 1.
* It trains by a stochastic diagonal Levenberg–Marquardt method. That is no part of the
  network; the course trains with first-order methods and says so wherever it does.
* The sum of the loss runs over all patterns; here over a mini-batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .codes1998 import digit_codes
from .levers import lever, validate
from .summary import layer_table
from .wording import N_, _

# Table I of the paper: the maps of S2 that each of C3's 16 maps reads.
_TABLE_1 = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
C3_CONNECTIONS = tuple(tuple(map(int, inputs)) for inputs in _TABLE_1.split())
DENSE_CONNECTIONS = (tuple(range(6)),) * 16  # what everybody writes today
BACKGROUND, INK = -0.1, 1.175  # input values of paper and ink
J = 1.0  # the loss stops pushing a wrong class away once its distance is well above this


def scaled_tanh(x: Tensor) -> Tensor:
    """The paper's squashing function, 1.7159·tanh(2x/3): it maps ±1 to ±1."""
    return 1.7159 * torch.tanh(x * (2 / 3))


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "scaled_tanh": scaled_tanh,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": F.relu,
}


def field_of_1998(images: Tensor, side: int = 32) -> Tensor:
    """Images (n, 1, 28, 28) in [0, 1] as the paper feeds them: on a side×side field, −0.1 to 1.175."""
    border = (side - images.shape[-1]) // 2
    return F.pad(images, (border,) * 4) * (INK - BACKGROUND) + BACKGROUND


class SparseConv2d(nn.Module):
    """A 5×5 convolution in which output map m reads only the input maps `connections[m]`.

    Holds one kernel per connection, `kernels` (c, 5, 5), and one bias per output map.
    A missing connection has no kernel at all, so it can neither be counted nor trained.
    """

    kernel_size, stride = (5, 5), (1, 1)

    def __init__(self, connections: Sequence[Sequence[int]], in_channels: int = 6) -> None:
        super().__init__()
        self.places: Tensor
        self.connections = tuple(tuple(inputs) for inputs in connections)
        self.shape = (len(self.connections), in_channels, *self.kernel_size)
        pairs = [(m, i) for m, inputs in enumerate(self.connections) for i in inputs]
        if len(set(pairs)) < len(pairs) or any(not 0 <= i < in_channels for m, i in pairs):
            message = _("c3: every map reads different inputs from 0 to {last}, not {connections!r}")
            raise ValueError(message.format(last=in_channels - 1, connections=self.connections))
        self.kernels = nn.Parameter(torch.empty(len(pairs), *self.kernel_size))
        self.bias = nn.Parameter(torch.empty(len(self.connections)))
        self.register_buffer(
            "places", torch.tensor([m * in_channels + i for m, i in pairs], dtype=torch.long)
        )

    def weight(self) -> Tensor:
        """The kernels at their places in an otherwise zero (maps, inputs, 5, 5) tensor.

        One dense convolution with zeros is faster than sixteen small ones without.
        """
        places = self.kernels.new_zeros(self.shape[0] * self.shape[1], *self.kernel_size)
        return places.index_copy(0, self.places, self.kernels).view(self.shape)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight(), self.bias)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Of one image: 25 at every place of the output map for each connection."""
        return self.kernels.numel() * output_shape[1] * output_shape[2]


class TrainedSubsampling(nn.Module):
    """S2 and S4: the sum of each 2×2 window times one trained coefficient per map, plus a bias."""

    kernel_size, stride = (2, 2), (2, 2)

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps))
        self.bias = nn.Parameter(torch.empty(maps))

    def forward(self, x: Tensor) -> Tensor:
        sums = F.avg_pool2d(x, 2) * 4
        return sums * self.coefficient[:, None, None] + self.bias[:, None, None]

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Of one image: one multiplication for each output; adding up the window is not counted."""
        return output_shape[0] * output_shape[1] * output_shape[2]


class RBFOutput(nn.Module):
    """Ten units that measure the squared distance Σ_j (x_j − w_j)² of F6 (n, 84) to a fixed code each.

    Returns the distances *negated* (n, 10), so that, as in any classifier, the largest
    output names the class. They are not divided by 84.
    """

    codes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("codes", digit_codes())

    def forward(self, x: Tensor) -> Tensor:
        # Not by expanding the square: that loses digits where the distance is small.
        return -(x[:, None, :] - self.codes).square().sum(dim=2)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Of one image: one square for each component of each code."""
        return self.codes.numel()


def distance_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean over the patterns of the correct class's squared distance (the paper's equation 8)."""
    return -scores.gather(1, labels[:, None]).mean()


def discriminative_loss(scores: Tensor, labels: Tensor, j: float = J) -> Tensor:
    """Equation 9: the correct class's distance y_c plus log(e^−j + Σ_i e^−y_i), mean over the patterns.

    `scores` (n, 10) are negated distances. Without e^−j this is the cross-entropy of a
    softmax; e^−j adds a class "none of these" at a fixed distance j, so that wrong
    classes that are far away already are left alone.
    """
    rubbish = torch.full_like(scores[:, :1], -j)
    # log-sum-exp: e^−120 is 0 in float32, its logarithm −inf
    return distance_loss(scores, labels) + torch.cat((rubbish, scores), dim=1).logsumexp(dim=1).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "discriminative": discriminative_loss,
    "distance": distance_loss,
    "cross_entropy": F.cross_entropy,
}


@dataclass(frozen=True)
class LeNet1998Config:
    """One switch for each difference between 1998, which is the default, and today."""

    activation: str = lever("scaled_tanh", choices=tuple(ACTIVATIONS), label=N_("activation"))
    pooling: str = lever("trained", choices=("trained", "average", "max"), label=N_("pooling"))
    output: str = lever("rbf", choices=("rbf", "linear"), label=N_("output layer"))
    loss: str = lever("discriminative", choices=tuple(LOSSES), label=N_("loss"))
    initialisation: str = lever("paper", choices=("paper", "torch"), label=N_("initialisation"))
    input_size: int = lever(32, choices=(28, 32), label=N_("input size"))
    connections: tuple[tuple[int, ...], ...] = field(
        default=C3_CONNECTIONS
    )  # which maps of S2 each map of C3 reads

    def __post_init__(self) -> None:
        validate(self)
        if self.output == "linear" and self.loss != "cross_entropy":
            message = _("loss={loss!r}: a linear output has no distances; use loss='cross_entropy'")
            raise ValueError(message.format(loss=self.loss))


TODAY = LeNet1998Config(
    activation="relu",
    pooling="max",
    output="linear",
    loss="cross_entropy",
    initialisation="torch",
    input_size=28,
    connections=DENSE_CONNECTIONS,
)


class LeNet1998(nn.Module):
    """Images (n, 1, 32, 32) to scores (n, 10): minus each squared distance, the largest names the class.

    Feed it `field_of_1998(images)` and train it on `model.loss(scores, labels)`.
    `config` switches single parts to today's; with `TODAY` it is `LeNet()` under the
    paper's layer names. With a linear output the scores are logits.
    """

    def __init__(self, config: LeNet1998Config = LeNet1998Config()) -> None:
        super().__init__()
        self.config = config
        self.squash = ACTIVATIONS[config.activation]
        maps = len(config.connections)
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = self._pooling(6)
        self.c3 = SparseConv2d(config.connections)
        self.s4 = self._pooling(maps)
        # Its kernel just covers S4's maps (5×5 for a 32×32 input), so it acts as a dense layer.
        self.c5 = nn.Conv2d(maps, 120, kernel_size=(config.input_size - 12) // 4)
        self.f6 = nn.Linear(120, 84)
        self.output = RBFOutput() if config.output == "rbf" else nn.Linear(84, 10)
        self._initialise()

    def forward(self, images: Tensor) -> Tensor:
        x = self.squash(self.c1(images))
        x = self._pooled(self.s2(x))
        x = self.squash(self.c3(x))
        x = self._pooled(self.s4(x))
        x = self.squash(self.c5(x)).flatten(1)
        x = self.squash(self.f6(x))
        return self.output(x)

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The loss chosen in `config`, mean over the patterns."""
        return LOSSES[self.config.loss](scores, labels)

    def _pooling(self, maps: int) -> nn.Module:
        kinds: dict[str, Callable[[], nn.Module]] = {
            "trained": lambda: TrainedSubsampling(maps),
            "average": lambda: nn.AvgPool2d(2),
            "max": lambda: nn.MaxPool2d(2),
        }
        return kinds[self.config.pooling]()

    def _pooled(self, x: Tensor) -> Tensor:
        return self.squash(x) if self.config.pooling == "trained" else x

    def _initialise(self) -> None:
        """Uniform within ±2.4/fan-in, weights and biases alike, or torch's default ±1/√fan-in."""

        def fill(fan_in: int, *tensors: Tensor) -> None:
            bound = 2.4 / fan_in if self.config.initialisation == "paper" else fan_in**-0.5
            for tensor in tensors:
                nn.init.uniform_(tensor, -bound, bound)

        with torch.no_grad():
            for layer in self.children():
                if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
                    fill(layer.weight[0].numel(), layer.weight, layer.bias)
                elif isinstance(layer, TrainedSubsampling):
                    fill(4, layer.coefficient, layer.bias)
            splits = self.c3.kernels.split([len(inputs) for inputs in self.c3.connections])
            for kernels, bias in zip(splits, self.c3.bias):
                fill(max(1, kernels.numel()), kernels, bias)  # a map may read nothing


def connections(model: LeNet1998) -> dict[str, int]:
    """The paper's "connections" of every layer of a `LeNet1998`: a dict from layer name to int.

    Every input that an output reads counts, and so does its bias; so S2 has 5 for each output.
    """
    counts = {}
    for row in layer_table(model):
        layer, outputs = getattr(model, row.name), torch.Size(row.output_shape).numel()
        if isinstance(layer, (TrainedSubsampling, nn.AvgPool2d, nn.MaxPool2d)):
            counts[row.name] = outputs * (5 if isinstance(layer, TrainedSubsampling) else 4)
        else:
            biases = 0 if isinstance(layer, RBFOutput) else outputs
            counts[row.name] = row.multiply_adds + biases
    return counts
