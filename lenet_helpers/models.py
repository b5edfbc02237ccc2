"""LeNet as most people build it today, its variants, and how to count and measure them.

`LeNet()` is the plain network, written out. `LeNetVariant(LeNetConfig(...))` builds a
variant of it, with the same layer names; a test proves the two equal at the default. The
network as printed in 1998 is in `lenet1998`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .data import Dataset
from .levers import checked_count, lever, validate, whole_number
from .modes import draws, first_weights, usual_torch
from .wording import N_, _

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
POOLINGS: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class LeNet(nn.Module):
    """Images (n, 1, 28, 28) to logits (n, 10), one per class: 44,426 parameters.

    LeNet-5's plan with today's parts (max pooling, ReLU, a plain linear output).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.pool1(self.conv1(x)))
        x = F.relu(self.pool2(self.conv2(x)))
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


@dataclass(frozen=True)
class LeNetConfig:
    """What a LeNet is made of. The defaults are the plain network.

    `channels` has one entry per stage; a stage is `convs_per_stage` convolutions and
    one 2×2 pooling. `padding` is one number for all convolutions or one for each.
    """

    width: float = lever(
        1.0,
        bounds=(0.25, 8.0),
        scale="log",
        label=N_("channel multiplier"),
        help=N_("multiplies the number of feature maps of every convolution"),
    )
    convs_per_stage: int = lever(
        1,
        bounds=(1, 3),
        label=N_("convolutions per stage"),
        help=N_("convolutions, each with its activation, before each pooling"),
    )
    kernel_size: int = lever(
        5, choices=(1, 3, 5, 7), label=N_("kernel size"), help=N_("side of the square kernel, in pixels")
    )
    activation: str = lever(
        "relu", choices=tuple(ACTIVATIONS), label=N_("activation"), help=N_("the function between two layers")
    )
    pooling: str = lever(
        "max", choices=tuple(POOLINGS), label=N_("pooling"), help=N_("what is kept of each 2×2 window")
    )
    dropout: float = lever(
        0.0,
        bounds=(0.0, 0.9),
        step=0.05,
        label=N_("dropout"),
        help=N_("fraction of the two dense layers' outputs set to 0 in training"),
    )
    channels: tuple[int, ...] = (6, 16)
    padding: int | tuple[int, ...] = 0
    hidden: tuple[int, ...] = (120, 84)
    input_size: int = 28
    in_channels: int = 1
    classes: int = 10

    def __post_init__(self) -> None:
        validate(self)
        if not self.channels:
            message = _("channels=(): give the number of feature maps of at least one stage, as in (6, 16)")
            raise ValueError(message)
        for name in ("channels", "hidden"):
            counts = enumerate(getattr(self, name))
            self._set(name, tuple(checked_count(f"{name}[{i}]", value) for i, value in counts))
        for name in ("input_size", "in_channels", "classes"):
            self._set(name, checked_count(name, getattr(self, name)))
        given = self.padding if isinstance(self.padding, (tuple, list)) else [self.padding] * self.conv_layers
        paddings = [whole_number(p) for p in given]
        if len(paddings) != self.conv_layers or any(p is None or p < 0 for p in paddings):
            message = _(
                "padding={value!r}: choose a whole number from 0 up, or {n} of them, one for each convolution"
            )
            raise ValueError(message.format(value=self.padding, n=self.conv_layers))
        self._set("padding", tuple(paddings) if isinstance(self.padding, (tuple, list)) else paddings[0])

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclass is frozen

    @property
    def conv_layers(self) -> int:
        """How many convolutions the network has."""
        return len(self.channels) * self.convs_per_stage

    @property
    def paddings(self) -> tuple[int, ...]:
        """The padding of every convolution, in pixels on each side."""
        return (self.padding,) * self.conv_layers if isinstance(self.padding, int) else tuple(self.padding)

    @property
    def maps(self) -> tuple[int, ...]:
        """Feature maps of each stage after the channel multiplier, never under 1."""
        return tuple(max(1, round(self.width * c)) for c in self.channels)


def conv_side(name: str, side: int, kernel: int, padding: int = 0) -> int:
    """Side of the map after a convolution of stride 1; ValueError with the ways out where it does not fit."""
    if kernel > side + 2 * padding:
        message = _(
            "{name}: a {k}×{k} kernel does not fit its {side}×{side} input with padding {p}; "
            "use more padding, a smaller kernel, or fewer layers"
        )
        if not padding:
            message = _(
                "{name}: a {k}×{k} kernel does not fit its {side}×{side} input; "
                "use padding, a smaller kernel, or fewer layers"
            )
        raise ValueError(message.format(name=name, k=kernel, side=side, p=padding))
    return side + 2 * padding - kernel + 1


def pool_side(name: str, side: int) -> int:
    """Side of the map that a 2×2 pooling makes of side × side; ValueError where no window fits."""
    if side < 2:
        message = _(
            "{name}: a 2×2 window does not fit its {side}×{side} input; "
            "use padding, a smaller kernel, or fewer layers"
        )
        raise ValueError(message.format(name=name, side=side))
    return side // 2


class Dropout(nn.Dropout):
    """torch's own, but that each thread's training draws from a generator of its own (see `modes`)."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=getattr(draws, "generator", None))
        return x * kept.div_(1 - self.p)


class LeNetVariant(nn.Module):
    """A LeNet built from a `LeNetConfig`; `.config` keeps it.

    Layers are attributes named as in the plain network: conv1, pool1, conv2, … fc1, …. Raises ValueError
    where a kernel or a pooling window does not fit its input, naming the layer, both sizes and the ways out.
    """

    def __init__(self, config: LeNetConfig = LeNetConfig()) -> None:
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        self.stages: list[tuple[tuple[str, ...], str]] = []  # the names of the layers, stage by stage
        n = 0
        channels, side = config.in_channels, config.input_size
        for stage, maps in enumerate(config.maps, start=1):
            names = []
            for _again in range(config.convs_per_stage):
                n += 1
                side = self._add_conv(n, channels, maps, side)
                channels = maps
                names.append(f"conv{n}")
            side = self._add_pool(stage, side)
            self.stages.append((tuple(names), f"pool{stage}"))
        self.dropout = Dropout(config.dropout)
        sizes = (channels * side * side, *config.hidden, config.classes)
        self.dense = [f"fc{i}" for i in range(1, len(sizes))]
        for name, n_in, n_out in zip(self.dense, sizes, sizes[1:]):
            self.add_module(name, nn.Linear(n_in, n_out))

    def _add_conv(self, n: int, channels: int, maps: int, side: int) -> int:
        k, p = self.config.kernel_size, self.config.paddings[n - 1]
        self.add_module(f"conv{n}", nn.Conv2d(channels, maps, k, padding=p))
        return conv_side(f"conv{n}", side, k, p)

    def _add_pool(self, stage: int, side: int) -> int:
        self.add_module(f"pool{stage}", POOLINGS[self.config.pooling](2))
        return pool_side(f"pool{stage}", side)

    def forward(self, x: Tensor) -> Tensor:
        for convs, pool in self.stages:
            for name in convs[:-1]:
                x = self.activation(self.get_submodule(name)(x))
            x = self.activation(self.get_submodule(pool)(self.get_submodule(convs[-1])(x)))
        x = x.flatten(1)
        for name in self.dense[:-1]:
            x = self.dropout(self.activation(self.get_submodule(name)(x)))
        logits: Tensor = self.get_submodule(self.dense[-1])(x)
        return logits


def new_model(model_config: LeNetConfig, seed: int) -> LeNetVariant:
    """A network whose first weights depend on `seed` alone; torch's own generator is not touched."""
    with usual_torch(), first_weights(seed):
        return LeNetVariant(model_config)


def fit_to(dataset: Dataset, model_config: LeNetConfig) -> LeNetConfig:
    """`model_config` for the dataset's images and classes; ValueError for images that are not square."""
    channels, height, width = dataset.train.images.shape[1:]
    if height != width:
        message = _(
            "{name}: images of {height}×{width} pixels; LeNetConfig takes square ones: crop or pad them"
        )
        raise ValueError(message.format(name=dataset.name, height=height, width=width))
    return replace(model_config, in_channels=channels, input_size=height, classes=len(dataset.class_names))
