"""The chapters' plain figures, each with a sentence made from the numbers that it shows."""

import numpy as np

from .. import analysis
from ..wording import _, listed
from . import plots
from .canvas import SIGNED, bare, figure, series, show


def show_curves(history):
    """Loss and accuracy of one run, and how far its validation error fell."""
    first, last = history[0], history[-1]
    sentence = _(
        "Validation error falls from {first:.1f} % to {last:.1f} % in {n:g} epochs; the training curves are"
        " means over each epoch, taken while the weights still changed, and lag behind."
    )
    text = sentence.format(
        first=100 * (1 - first.validation_accuracy), last=100 * (1 - last.validation_accuracy), n=last.epoch
    )
    show(plots.learning_curves(history), text)


def show_batch(split, class_names, n=20):
    """The first `n` images of a split with their labels."""
    titles = [class_names[label] for label in split.labels[:n]]
    fig = plots.image_grid(split.images[:n, 0].numpy(), titles)
    show(
        fig,
        _("The first {n} images of the split, each under its label: {labels}.").format(
            n=n, labels=listed(titles)
        ),
    )


def show_confusion(counts, class_names):
    """The confusion matrix; how many mistakes there are, and how many cells share first place."""
    wrong = counts - np.diag(np.diag(counts))
    most = int(wrong.max())
    text = _(
        "{wrong} of {n} images are off the diagonal. The largest number there is {most}, and it stands in"
        " {cells} cells."
    )
    if (wrong == most).sum() == 1:
        text = _(
            "{wrong} of {n} images are off the diagonal. The largest number there is {most}, and it stands in"
            " one cell alone."
        )
    cells = int((wrong == most).sum())
    text = text.format(wrong=int(wrong.sum()), n=int(counts.sum()), most=most, cells=cells)
    show(plots.confusion_matrix(counts, class_names), text)


def show_mistake(model, split, position, class_names, background):
    """One image and what the network makes of it: the maps of conv1, and how the probabilities of the true
    and of the predicted class change where a square of 5×5 pixels is covered with `background`.
    """
    image, true = split.images[position], int(split.labels[position])
    probs = analysis.probabilities(model, image[None])[0]
    predicted = int(probs.argmax())
    changes = {
        c: analysis.occlusion(model, image, c, background=background) - float(probs[c])
        for c in (true, predicted)
    }
    maps = analysis.feature_maps(model, image, ["conv1"])["conv1"]
    fig, axes = figure(1, 4, width=9.6, height=2.7)
    axes[0].imshow(image[0], cmap="gray")
    bare(
        axes[0],
        _("{true}, read as {predicted}").format(true=class_names[true], predicted=class_names[predicted]),
    )
    limit = float(abs(maps).max())
    across = np.concatenate([np.concatenate(list(maps[i : i + 3]), axis=1) for i in (0, 3)])
    axes[1].imshow(across, cmap=SIGNED, vmin=-limit, vmax=limit)
    bare(axes[1], _("conv1, before ReLU"))
    for ax, (c, change) in zip(axes[2:], changes.items(), strict=False):
        drawn = ax.imshow(change, cmap=SIGNED, vmin=-1, vmax=1)
        bare(ax, _("p({name}), change").format(name=class_names[c]))
    fig.colorbar(drawn, ax=axes[2:], shrink=0.8)
    y, x = np.unravel_index(changes[true].argmax(), changes[true].shape)
    text = _(
        "A {true} read as {predicted}, with probability {p:.0%}. Covering 5×5 pixels around row {y}, column"
        " {x}, helps the true class most: its probability rises from {before:.0%} to {after:.0%}."
    )
    before = float(probs[true])
    show(
        fig,
        text.format(
            true=class_names[true],
            predicted=class_names[predicted],
            p=float(probs[predicted]),
            y=y,
            x=x,
            before=before,
            after=before + float(changes[true].max()),
        ),
    )


def show_hardest(probs, split, class_names, n=20):
    """The images whose true class was given the least probability, worst first."""
    order = analysis.hardest(probs, split.labels, n)
    predicted = probs[order].argmax(1)
    titles = [
        _("{true} as {predicted}").format(true=class_names[t], predicted=class_names[p])
        for t, p in zip(split.labels[order], predicted)
    ]
    fig = plots.image_grid(split.images[order, 0].numpy(), titles, columns=5)
    sure = (probs[order].max(1).values > 0.9).sum()
    sentence = _(
        "The {n} images the net is most wrong about, worst first: the true class, then its guess. "
        "On {sure} of them it is more than 90 % sure."
    )
    show(fig, sentence.format(n=n, sure=int(sure)))


def show_filters(model, layer="conv1"):
    """The kernels of a first convolution, signed."""
    weight = dict(model.named_modules())[layer].weight.detach()[:, 0]
    biggest = weight.abs().flatten(1).argmax(1)
    strongest = int(weight.abs().flatten(1).max(1).values.argmax())
    y, x = divmod(int(biggest[strongest]), weight.shape[2])
    sentence = _(
        "The {n} kernels of {layer}, orange where positive and purple where negative; the largest weight is"
        " {value:.2f}, in kernel {k}, row {y}, column {x}, all counted from 0."
    )
    value = float(weight[strongest, y, x])
    text = sentence.format(n=len(weight), layer=layer, value=value, k=strongest, y=y, x=x)
    show(plots.feature_maps(weight.numpy(), columns=len(weight), signed=True), text)


def show_accuracy_by_epoch(published, ours):
    """Two lists of test accuracies, epoch by epoch: the published run and ours."""
    epochs = list(range(1, len(ours) + 1))
    fig = plots.lines(epochs, {_("our run"): ours}, xlabel=_("epoch"), ylabel=_("test accuracy"))
    ax = fig.axes[0]
    ax.plot(
        list(published),
        list(published.values()),
        **{**series(1), "linestyle": "none"},
        label=_("published"),
    )
    ax.legend(fontsize=10)
    gap = max(abs(ours[e - 1] - a) for e, a in published.items())
    sentence = _(
        "Test accuracy after each of {n} epochs, ours and as published: {first:.4f} after the first epoch,"
        " {last:.4f} after the last; the largest difference is {gap:.4f}."
    )
    show(fig, sentence.format(n=len(ours), first=ours[0], last=ours[-1], gap=gap))
