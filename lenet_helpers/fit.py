"""Do model, data and configuration fit together? Said in words, before anything is trained."""

import torch
from torch import Tensor, nn

from .data import Dataset
from .modes import usual_torch
from .summary import device_of, run_and_count, trained_weights
from .train_config import TrainConfig
from .wording import _


def check_fit(model: nn.Module, dataset: Dataset, config: TrainConfig) -> int:
    """One image through the model, so that what does not fit is said in words; returns its multiply-adds."""
    if not isinstance(model, nn.Module):
        message = _("{value!r} is no network: give one that is made, as LeNet() is")
        raise ValueError(message.format(value=model))
    if config.batch_size > (n := len(dataset.train)):
        message = _("batch_size={value}: choose 1 to {n} (the training split has {n} images)")
        raise ValueError(message.format(value=config.batch_size, n=n))
    images = dataset.train.images
    # The sum says it in a twentieth of the time; one beyond all floats is looked into.
    if not torch.isfinite(images.sum()) and not (finite := torch.isfinite(images)).all():
        bad = int((~finite).flatten(1).any(1).nonzero()[0])
        message = _("training image {n} has a pixel that is not a finite number: leave it out or mend it")
        raise ValueError(message.format(n=bad))
    if not trained_weights(model):
        raise ValueError(_("nothing of the model is trained: let some parameters have requires_grad=True"))
    for name, weight in model.named_parameters():
        if weight.dtype != torch.float32:
            message = _(
                "{name} is {dtype} and the images are float32: make it float32 (model.float() does, but for"
                " complex numbers)"
            )
            raise ValueError(message.format(name=name, dtype=str(weight.dtype).removeprefix("torch.")))
        if not torch.isfinite(weight).all():
            message = _("{name} has a number that is not finite, which no training mends: make a new model")
            raise ValueError(message.format(name=name))
    device = find_device(config.device)
    with usual_torch(device=device):
        logits, work = _first_pass(model.to(device), dataset.train.images[:1])
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    classes = len(dataset.class_names)
    if shape != (1, classes):
        message = _(
            "the model gives {shape} for one image: it must give one logit for each class, shape (1, {n})"
        )
        raise ValueError(message.format(shape=shape, n=classes))
    return work


def _first_pass(model: nn.Module, image: Tensor) -> tuple[Tensor, int]:
    """Logits and multiply-adds of one image, with the weights in the quickest layout that the model bears."""
    image = image.to(device_of(model))
    # Channels last: a step of LeNet takes 0.84 of the time at batch 256, 0.95 at 32 (benchmarks.steps).
    # A forward with x.view(n, -1) in it wants the usual layout.
    layouts = (torch.channels_last, torch.contiguous_format)
    for layout in layouts if image.device.type == "cpu" else layouts[1:]:
        try:
            return run_and_count(model.to(memory_format=layout), image)
        except RuntimeError as error:
            why = error
    shape = tuple(image.shape[1:])
    if shape[1] != shape[2]:
        message = _("the model does not take images of shape {shape} ({why}): crop them, or change the model")
    else:
        message = _(
            "the model does not take images of shape {shape} ({why}): build it for them with"
            " LeNetConfig(input_size=…, in_channels=…)"
        )
    raise ValueError(message.format(shape=shape, why=why)) from why


def find_device(name: str) -> torch.device:
    """The device of that name; raises ValueError, naming those there are, where it is not to be had."""
    device = torch.device(name)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    too_many = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if too_many or not there.get(device.type, False):
        found = ", ".join(kind for kind, usable in there.items() if usable)
        message = _("device={name!r} is not to be had here: choose one of {found}")
        raise ValueError(message.format(name=name, found=found))
    return device
