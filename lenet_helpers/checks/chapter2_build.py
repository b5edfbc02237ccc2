"""Chapter 2's exercise: build LeNet layer by layer, judged by what the network computes."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from ..wording import N_, _
from .core import Contract, Exercise, Failed, NotStarted
from .trial import Trial, agree, plain


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
    contract=Contract(
        N_(
            "nothing: a class, or a function, that makes a network when it is called without arguments. The"
            " network takes float32 images (n, 1, 28, 28), for any n."
        ),
        N_(
            "the network gives ten logits for each image, (n, 10): convolutions 1 → 6 → 16 of 5×5, each"
            " followed by ReLU and 2×2 maximum pooling, then dense layers 256 → 120 → 84 → 10 with ReLU"
            " between them, all with biases: 44,426 parameters, all of them trainable."
        ),
        keeps=N_("the images; and in evaluation mode, the same images give the same numbers"),
        may=N_("anything in torch; dropout between the dense layers, nn.Sequential and lazy layers too"),
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
    if any(isinstance(p, nn.UninitializedParameter) for p in model.parameters()):
        Trial(
            model.eval(), _images(rng, 2), tried=_say(2)
        )  # lazy layers learn their sizes from a first batch
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    with torch.no_grad():
        for p in model.parameters():
            # Large enough for negative logits and idle ReLUs; a fresh net's outputs hardly differ.
            p.copy_(
                torch.randn(p.shape, generator=generator) * 2.0 / max(1, p.numel() // max(1, len(p))) ** 0.5
                if p.ndim > 1
                else torch.randn(p.shape, generator=generator) * 0.2
            )
    return model.eval()


class _NoDropout(TorchFunctionMode):
    """Dropout of every kind hands on what it gets, so that training mode too can be compared in numbers."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if "dropout" in getattr(function, "__name__", ""):
            return args[0] if args else kwargs["input"]
        return function(*args, **kwargs)


def _in_training(model, images, labels):
    """(outputs, gradients by parameter name) of one step in training mode, dropout off."""
    model.train()
    tried = _("a batch of {n} images of 28×28, in training mode").format(n=len(images))
    with _NoDropout():
        trial = Trial(model, images, tried=tried)
    _judge_shape(trial, len(images))
    out = trial.array()
    if not (isinstance(trial.result, torch.Tensor) and trial.result.requires_grad):
        trial.fail(
            "graph-cut",
            got=_("outputs that no gradient leads back from"),
            look=_("forward: no_grad(), detach(), .data or .numpy() cut the outputs off from the weights"),
        )
    model.zero_grad()
    F.cross_entropy(trial.result, labels).backward()
    return trial, out, {name: None if p.grad is None else p.grad for name, p in model.named_parameters()}


def _images(rng, n, side=28):
    return torch.from_numpy(rng.normal(size=(n, 1, side, side))).float()


def _say(n, side=28):
    return _("a batch of {n} images of {side}×{side}").format(n=n, side=side)


def _run(model, images):
    with torch.no_grad():
        return Trial(model, images, tried=_say(len(images), images.shape[-1]))


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
        elif _dense_misfit(model, rng):
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


def _dense_misfit(model, rng):
    """Whether the 16×4×4 numbers of each image reach a layer, or a reshaping, that wants another number."""
    try:
        with torch.no_grad():
            model(_images(rng, 3))
    except Exception as error:
        return "(3x256 and " in str(error) or "invalid for input of size 768" in str(error)
    return False


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
    if (120, 400) in shapes:
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
        ("", "rrrr", "max", ""),
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
        *(
            ("other-activation", letter * 4, "max", _("the activation: ReLU is asked for here"))
            for letter in "stlLegwm"
        ),
        (
            "average-pooling",
            "rrrr",
            "average",
            _("the pooling: the largest value of each window is asked for"),
        ),
    ]
    references = [
        (key, _reference(weights, images, *how).detach().numpy(), look) for key, *how, look in mistakes
    ]
    look = _("forward, step by step: print the shape and the least value after every layer")
    trial.judge(out, references[0][1], references[1:], look=look, tolerance=1e-3)


@BUILD_LENET.property("trains", N_("it can be trained: in training mode too, every weight gets its gradient"))
def trains(candidate, rng):
    model, images = _network(candidate, rng), _images(rng, 6)
    labels = torch.from_numpy(rng.integers(0, 10, 6))
    trial, out, gradients = _in_training(model, images, labels)
    own = {
        n: name for n, p in model.named_parameters() for name in _SHAPES if tuple(p.shape) == _SHAPES[name]
    }
    if len(own) < len(_SHAPES):
        trial.fail("parameter-count", look=_(_SIZES))
    if bool((abs(out.sum(1) - 1) < 1e-3).all()) and (out >= 0).all():
        trial.fail(
            "softmax-in-forward",
            look=_(
                "forward in training mode: cross_entropy applies the softmax itself, so return the logits"
            ),
        )
    weights = {own[n]: p.detach().double().requires_grad_() for n, p in model.named_parameters() if n in own}
    wanted = _reference(weights, images, "rrrr", "max")
    look = _("forward in training mode: does it compute what it computes in evaluation mode?")
    trial.judge(out, wanted.detach().numpy(), look=look, tolerance=1e-3)
    F.cross_entropy(wanted, labels).backward()
    for name, layer in own.items():
        if gradients[name] is None or not agree(plain(gradients[name]), plain(weights[layer].grad), 1e-3):
            got = _("another gradient for {name} than the loss gives").format(name=name)
            trial.fail(
                "graph-cut", got=got, look=_("what in forward stops the gradient on its way to that layer")
            )


_ACT = {
    "r": F.relu,
    "-": lambda x: x,
    "s": torch.sigmoid,
    "t": torch.tanh,
    "l": F.leaky_relu,
    "L": lambda x: F.leaky_relu(x, 0.1),
    "e": F.elu,
    "g": F.gelu,
    "w": F.silu,
    "m": F.relu6,
}


def _reference(weights, images, activations, pooling):
    """LeNet with the given tensors, one activation a letter, as a float64 tensor (n, 10)."""
    w = {name: p.double() for name, p in weights.items()}
    pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
    x = images.double()
    for layer, letter in zip(("conv1", "conv2"), activations):
        x = pool(_ACT[letter](F.conv2d(x, w[f"{layer}.weight"], w[f"{layer}.bias"])), 2)
    x = x.flatten(1)
    for layer, letter in zip(("fc1", "fc2", "fc3"), activations[2:] + "-"):
        x = _ACT[letter](F.linear(x, w[f"{layer}.weight"], w[f"{layer}.bias"]))
    return x
