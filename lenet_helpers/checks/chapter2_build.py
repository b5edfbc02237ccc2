"""Chapter 2's exercise: build LeNet layer by layer, judged by what the network computes."""

import torch
import torch.nn.functional as F
from torch import nn

from ..wording import N_, _
from .core import Exercise, Failed, NotStarted
from .trial import Trial, agree


def build_lenet():
    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
            self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
            self.fc1 = nn.Linear(16 * 4 * 4, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = x.flatten(1)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)

    return LeNet()


BUILD_LENET = Exercise(
    "build_lenet",
    solution=build_lenet,
    time_limit=20.0,
    hints=(
        N_(
            "Five layers hold parameters: two convolutions and three dense layers. Make each in __init__ and"
            " keep it as self.something."
        ),
        N_(
            "Shapes: 1×28×28 → 6×24×24 → 6×12×12 → 16×8×8 → 16×4×4 → 120 → 84 → 10. Pooling and ReLU need no"
            " parameters."
        ),
        N_(
            "In forward: convolution, ReLU, pooling, twice; x.flatten(1); dense and ReLU, twice; the last"
            " dense layer's outputs are returned as they are."
        ),
    ),
)

# Of LeNet's ten tensors no two have the same shape, so a tensor's shape tells which it is.
_SHAPES = {
    "conv1.weight": (6, 1, 5, 5),
    "conv1.bias": (6,),
    "conv2.weight": (16, 6, 5, 5),
    "conv2.bias": (16,),
    "fc1.weight": (120, 256),
    "fc1.bias": (120,),
    "fc2.weight": (84, 120),
    "fc2.bias": (84,),
    "fc3.weight": (10, 84),
    "fc3.bias": (10,),
}


def _network(candidate, rng):
    """A fresh network of the learner's in evaluation mode, its weights drawn larger than usual."""
    if isinstance(candidate, nn.Module):
        Trial(lambda: candidate).fail(
            "instance", got=type(candidate).__name__ + "()", look=_("pass the class itself, without brackets")
        )
    trial = Trial(candidate, tried=_("making a network"))
    model = trial.result
    if not isinstance(model, nn.Module):
        trial.fail(
            "not-a-module",
            look=_(
                "what you pass: a class that inherits from nn.Module, or a function that returns such a"
                " network"
            ),
        )
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    with torch.no_grad():
        for p in model.parameters():
            # Large enough for negative logits and idle ReLUs; a fresh net's outputs hardly differ.
            p.copy_(
                torch.randn(p.shape, generator=generator) * 2.0 / max(1, p[0].numel()) ** 0.5
                if p.ndim > 1
                else torch.randn(p.shape, generator=generator) * 0.2
            )
    return model.eval()


def _images(rng, n, side=28):
    return torch.from_numpy(rng.normal(size=(n, 1, side, side))).float()


def _say(n, side=28):
    return _("a batch of {n} images of {side}×{side}").format(n=n, side=side)


def _run(model, images, on_error=("raised", "")):
    side = images.shape[-1]
    with torch.no_grad():
        return Trial(model, images, tried=_say(len(images), side), on_error=on_error if on_error[1] else None)


def _works(model, n, rng):
    try:
        _run(model, _images(rng, n))
    except NotStarted:
        raise
    except Failed:
        return False
    return True


@BUILD_LENET.property("runs", N_("28×28 images go in, ten numbers for each come out"))
def runs(candidate, rng):
    model = _network(candidate, rng)
    try:
        trial = _run(model, _images(rng, 3))
    except Failed as failure:
        # Does it run for the one batch size that somebody wrote down?
        if any(_works(model, n, rng) for n in (1, 2, 4, 8, 10, 16, 32, 50, 64, 100, 128, 256)):
            failure.key, failure.look = (
                "hard-coded-batch",
                _("the reshaping in forward: the number of images must not be written down"),
            )
        elif "mat1 and mat2" in failure.got or "shape '" in failure.got:
            failure.key, failure.look = (
                "flatten-size",
                _(
                    "the first dense layer: how many numbers does a 16×4×4 block hold? Print x.shape"
                    " before it"
                ),
            )
        raise
    _judge_shape(trial, 3)
    _judge_shape(_run(model, _images(rng, 1)), 1)


def _judge_shape(trial, n):
    shape = trial.array().shape
    if n == 1 and shape == (10,):
        trial.fail(
            "squeezed",
            look=_(
                "a batch of one image: its result has the shape (1, 10); does something squeeze the batch"
                " away?"
            ),
        )
    if len(shape) == 2 and shape[1] == 10 and shape[0] != n:
        trial.fail(
            "hard-coded-batch",
            look=_("the reshaping in forward: as many rows must come out as images went in"),
        )
    if shape != (n, 10):
        trial.fail("output-shape", look=_("the last layer: ten numbers for each image"))


_SIZES = N_("the layers' sizes: 1 → 6 → 16 maps by 5×5 kernels with biases, then 256 → 120 → 84 → 10")


@BUILD_LENET.property("parameters", N_("the network owns 44,426 parameters in ten tensors"))
def parameters(candidate, rng):
    model = _network(candidate, rng)
    shapes = [tuple(p.shape) for p in model.parameters() if p.requires_grad]
    trial, images = (
        Trial(lambda: sum(p.numel() for p in model.parameters()), tried=_("counting the parameters")),
        _images(rng, 2),
    )
    if sorted(shapes) == sorted(_SHAPES.values()):
        return
    kept = [v for v in vars(model).values() if isinstance(v, (list, tuple, dict))]
    inside = [x for v in kept for x in (v.values() if isinstance(v, dict) else v) if isinstance(x, nn.Module)]
    registered = set(map(id, model.modules()))
    if any(id(x) not in registered for x in inside):
        trial.fail(
            "plain-list",
            look=_(
                "layers kept in a plain Python list: torch does not see them there; use nn.ModuleList or"
                " attributes"
            ),
        )
    if (6, 16 * 5 * 5) in shapes or (120, 400) in shapes:
        trial.fail(
            "flatten-size", look=_("the first dense layer: how many numbers does a 16×4×4 block hold?")
        )
    same = agree(*(_run(model, images).array() for _again in range(2)), 0.0)
    if not same and len(shapes) < len(_SHAPES):
        trial.fail(
            "made-in-forward",
            look=_("where the layers are made: in forward they are new, and untrained, at every call"),
        )
    if _called_twice(model, images):
        trial.fail(
            "layer-reused", look=_("a layer used twice in forward: both uses share one set of weights")
        )
    trial.fail("parameter-count", look=_(_SIZES))


def _called_twice(model, images):
    """Names of layers with parameters that forward uses more than once."""
    calls, handles = {}, []
    for name, module in model.named_modules():
        if list(module.parameters(recurse=False)):
            handles.append(
                module.register_forward_hook(
                    lambda m, i, o, name=name: calls.update({name: calls.get(name, 0) + 1})
                )
            )
    with torch.no_grad():
        model(images.clone())
    for handle in handles:
        handle.remove()
    return [name for name, n in calls.items() if n > 1]


@BUILD_LENET.property("repeatable", N_("in evaluation mode the same images give the same numbers"))
def repeatable(candidate, rng):
    model, images = _network(candidate, rng), _images(rng, 4)
    first, second = _run(model, images), _run(model, images)
    if not agree(first.array(), second.array(), 1e-6):
        second.fail(
            "dropout-in-eval",
            look=_("dropout: F.dropout is on unless told training=self.training; nn.Dropout knows by itself"),
        )


@BUILD_LENET.property(
    "logits", N_("the outputs are logits: any numbers, not squashed, and each image's its own")
)
def logits(candidate, rng):
    model = _network(candidate, rng)
    trial = _run(model, _images(rng, 12))
    _judge_shape(trial, 12)
    out = trial.array()

    def close(a, b):
        return bool((abs(a - b) < 1e-3).all())

    if close(out.sum(1), 1) and (out >= 0).all():
        trial.fail(
            "softmax-in-forward",
            look=_("the end of forward: cross_entropy applies the softmax itself, so return the logits"),
        )
    if close(out.sum(0), 1) and (out >= 0).all():
        trial.fail(
            "softmax-over-batch",
            look=_("the softmax's axis: it runs over the images here; and return the logits anyway"),
        )
    if close(torch.from_numpy(out).logsumexp(1).numpy(), 0):
        trial.fail(
            "softmax-in-forward",
            look=_("the end of forward: cross_entropy takes the log-softmax itself, so return the logits"),
        )
    if (out >= 0).all():
        key = "squashed-logits" if (out <= 1).all() else "relu-on-logits"
        trial.fail(
            key, look=_("the last layer: nothing is applied to its outputs; half of them should be negative")
        )


@BUILD_LENET.property("other-size", N_("images of another size are refused or kept apart, never mixed"))
def other_size(candidate, rng):
    model = _network(candidate, rng)
    try:
        trial = _run(model, _images(rng, 16, side=32))
    except Failed:
        return  # refusing is right: 16·5·5 numbers do not fit
    if trial.array().shape[:1] != (16,):
        trial.fail(
            "mixes-images",
            look=_(
                "view(-1, 256): 16 images of 32×32 come out as 25 rows cut across the images; "
                "flatten(1) keeps the images apart and lets the error show"
            ),
        )


@BUILD_LENET.property("values", N_("with the same weights it computes what LeNet computes"))
def values(candidate, rng):
    model, images = _network(candidate, rng), _images(rng, 6)
    weights = {
        name: p for name, shape in _SHAPES.items() for p in model.parameters() if tuple(p.shape) == shape
    }
    trial = _run(model, images)
    out = trial.array()
    if len(weights) < len(_SHAPES):
        trial.fail("parameter-count", look=_(_SIZES))
    mistakes = [
        (None, "rrrr", "max", ""),
        (
            "no-non-linearity",
            "----",
            "max",
            _("the activations: without them the dense layers collapse into one"),
        ),
        (
            "no-non-linearity",
            "rr--",
            "max",
            _("the dense layers: two without an activation between them are one"),
        ),
        ("no-non-linearity", "--rr", "max", _("the convolutions: what follows each of them?")),
        ("no-non-linearity", "rrr-", "max", _("the second dense layer: what follows it?")),
        ("no-non-linearity", "rr-r", "max", _("the first dense layer: what follows it?")),
        ("no-non-linearity", "r-rr", "max", _("the second convolution: what follows it?")),
        ("no-non-linearity", "-rrr", "max", _("the first convolution: what follows it?")),
        ("other-activation", "ssss", "max", _("the activation: ReLU is asked for here")),
        ("other-activation", "tttt", "max", _("the activation: ReLU is asked for here")),
        (
            "average-pooling",
            "rrrr",
            "average",
            _("the pooling: the largest value of each window is asked for"),
        ),
    ]
    for key, activations, pooling, look in mistakes:
        if agree(out, _reference(weights, images, activations, pooling), 1e-3):
            if key:
                trial.fail(key, look=look)
            return
    trial.fail(
        "values",
        look=_("the order in forward: convolution, ReLU, pooling, twice; flatten; dense, ReLU, twice; dense"),
    )


_ACT = {"r": F.relu, "-": lambda x: x, "s": torch.sigmoid, "t": torch.tanh}


def _reference(weights, images, activations, pooling):
    """LeNet with the given tensors, one activation a letter, as a float64 numpy array (n, 10)."""
    w = {name: p.detach().double() for name, p in weights.items()}
    pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
    x = images.double()
    for layer, letter in zip(("conv1", "conv2"), activations):
        x = pool(_ACT[letter](F.conv2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"])), 2)
    x = x.flatten(1)
    for layer, letter in zip(("fc1", "fc2", "fc3"), activations[2:] + "-"):
        x = _ACT[letter](F.linear(x, w[f"{layer}.weight"], w[f"{layer}.bias"]))
    return x.numpy()
