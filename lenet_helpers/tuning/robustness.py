"""Images changed on purpose, and what a network makes of them: moved, turned, resized, attacked.

Images are float32 (n, 1, height, width), scaled as their dataset's are. What comes into view
from outside is the dataset's background, and the size of an attack is in units of [0, 1]
pixels: after standardising, 0 would be grey, and 0.1 would be something else for every dataset.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ..augment import affine
from ..data import batches
from ..modes import evaluation_mode
from ..train_config import TrainConfig, make_optimizer
from ..wording import _


def shifted(images, dx, dy=0, background=0.0):
    """Images moved right by `dx` and down by `dy` whole pixels; what leaves the frame is lost."""
    height, width = images.shape[-2:]
    if abs(dx) > width or abs(dy) > height:
        message = _(
            "shifted by {dx}, {dy}: an image of {height}×{width} can be moved by its own side at most"
        )
        raise ValueError(message.format(dx=dx, dy=dy, height=height, width=width))
    moved = F.pad(images, (max(dx, 0), max(-dx, 0), max(dy, 0), max(-dy, 0)), value=background)
    top, left = max(-dy, 0), max(-dx, 0)
    return moved[..., top : top + height, left : left + width]


def turned(images, degrees, background=0.0):
    """Images turned about their middle, clockwise for positive `degrees`."""
    return _affine(images, math.radians(degrees), 1.0, background)


def resized(images, factor, background=0.0):
    """Images made `factor` times as large about their middle, the frame staying as it is."""
    if not factor > 0:
        raise ValueError(_("resized by {factor}: choose a factor above 0").format(factor=factor))
    return _affine(images, 0.0, factor, background)


def _affine(images, angle, size, background):
    n = len(images)
    return affine(images, torch.full((n,), angle), torch.full((n,), size), torch.zeros(n, 2), background)


CHANGES = {"shift": shifted, "rotation": turned, "scale": resized}


def right_after(model, split, change, amounts, background):
    """Bool (amounts, images): which images the model still gets right after `change` by each amount.

    `change` is a name in `CHANGES`; amounts are pixels to the right, degrees, or factors.
    """
    if change not in CHANGES:
        names = ", ".join(CHANGES)
        raise ValueError(_("change={change!r}: choose one of {names}").format(change=change, names=names))
    rows = []
    with evaluation_mode(model), torch.inference_mode():
        for amount in amounts:
            changed = CHANGES[change](split.images, amount, background=background)
            guesses = torch.cat([model(part).argmax(1) for part in changed.split(1000)])
            rows.append(guesses == split.labels)
    return torch.stack(rows).numpy()


class GlobalPoolingLeNet(nn.Module):
    """Three convolutions, then each map's largest response, wherever it is. (n, 1, 28, 28) to (n, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=5)
        self.conv3 = nn.Conv2d(16, 32, kernel_size=5)
        self.fc1 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.pool1(self.conv1(x)))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x))
        return self.fc1(x.amax(dim=(2, 3)))


def input_gradient(model, images, labels):
    """The derivative of each image's own loss by its pixels, in the shape of `images`."""
    inputs = images.detach().clone().requires_grad_()
    with evaluation_mode(model), torch.enable_grad():
        loss = F.cross_entropy(model(inputs), labels, reduction="sum")  # a sum: each image its own
    return torch.autograd.grad(loss, inputs)[0]


def fgsm(model, images, labels, epsilon, dataset):
    """Every pixel moved by `epsilon`, in the direction that raises the loss, and kept within [0, 1].

    The fast gradient sign method (Goodfellow, Shlens and Szegedy 2015). `epsilon` is in [0, 1] pixel
    units whatever the dataset's scaling; so is the clipping.
    """
    return attacker(model, images, labels, dataset)(epsilon)


def attacker(model, images, labels, dataset):
    """A function of epsilon that attacks these images as `fgsm` does. The direction, the costly part, is
    found once, as it is the same for every epsilon.
    """
    direction = input_gradient(model, images, labels).sign()

    def attacked(epsilon):
        _check_epsilon(epsilon)
        return _moved(images, epsilon * direction, dataset)

    return attacked


def sign_noise(images, epsilon, dataset, generator=None):
    """The control: every pixel moved by `epsilon` up or down, as a coin falls, and kept within [0, 1]."""
    _check_epsilon(epsilon)
    coin = torch.randint(0, 2, images.shape, generator=generator) * 2 - 1
    return _moved(images, epsilon * coin, dataset)


def _moved(images, change, dataset):
    return dataset.from_unit((dataset.to_unit(images) + change).clamp(0, 1))


def _check_epsilon(epsilon):
    if not 0 <= epsilon <= 1:
        raise ValueError(
            _("epsilon={epsilon}: choose 0 to 1, in units of a pixel's range").format(epsilon=epsilon)
        )


def train_against(
    model, dataset, epsilon, *, epochs=5, learning_rate=0.004, batch_size=32, seed=0, follow=iter
):
    """Train on attacked images: each batch is attacked by the network as it is, then learned from.

    Adam, the rate falling to 0 along a straight line. Attacks are of a size drawn anew for each
    image, 0 to `epsilon`, so that the net doesn't learn to expect one size. `follow` is handed the range of
    steps and gives it back one by one: a bar can show how far the training has come.
    """
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * -(-len(dataset.train) // batch_size)
    optimizer = make_optimizer(model, TrainConfig(optimizer="adam", learning_rate=learning_rate))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    model.train()
    every = (batch for _epoch in range(epochs) for batch in batches(dataset.train, batch_size, generator))
    for _step, (images, labels) in zip(follow(range(steps)), every):
        sizes = epsilon * torch.rand(len(images), 1, 1, 1, generator=generator)
        direction = input_gradient(model, images, labels).sign()
        attacked = _moved(images, sizes * direction, dataset)
        loss = F.cross_entropy(model(attacked), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
