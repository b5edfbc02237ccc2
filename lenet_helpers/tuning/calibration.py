"""How much a network's confidence is worth, when to refuse an answer, and what an average hides.

Confidence is the largest of the softmax probabilities, an array (n,) in [0, 1]; `correct` an
array (n,) of booleans. Nothing here looks at a network: arrays in, numbers out.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from ..wording import _


@dataclass(frozen=True)
class Bin:
    """Images whose confidence lies in (low, high]: how many, their mean confidence, their accuracy."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability(confidence, correct, bins=10):
    """The bins of equal width that hold any image, from the least confident up: a list of `Bin`."""
    confidence, correct = _pair(confidence, correct)
    place = np.clip(np.ceil(confidence * bins).astype(int), 1, bins)
    found = []
    for k in np.unique(place):
        here = place == k
        means = float(confidence[here].mean()), float(correct[here].mean())
        found.append(Bin((k - 1) / bins, k / bins, int(here.sum()), *means))
    return found


def calibration_error(confidence, correct, bins=10):
    """Expected calibration error: the mean gap of confidence and accuracy, each bin weighted by its n."""
    found = reliability(confidence, correct, bins)
    total = sum(each.n for each in found)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in found) / total


def honest_errors(confidence, bins=10, draws=200, seed=0):
    """The calibration errors of `draws` nets whose confidence is true, on as many images: an array (draws,).

    Each draw lets every answer be right with the probability that was stated.
    """
    confidence = np.asarray(confidence, dtype=float)
    rng = np.random.default_rng(seed)
    errors = [
        calibration_error(confidence, rng.random(len(confidence)) < confidence, bins)
        for _draw in range(draws)
    ]
    return np.array(errors)


def honest_error(confidence, bins=10, draws=200, seed=0):
    """The calibration error to expect of a net whose confidence is true, on as many images: never 0.

    It is the bias of `calibration_error`: a gap is never negative, so chance alone adds up.
    """
    return float(honest_errors(confidence, bins, draws, seed).mean())


def fit_temperature(logits, labels):
    """The T above 0 for which softmax(logits / T) has the least cross-entropy; fit it on validation images.

    One number for all images: no answer changes, only how sure it is (Guo and others 2017).
    """
    logits, labels = torch.as_tensor(logits, dtype=torch.float64), torch.as_tensor(labels)

    def loss(log_t):
        return F.cross_entropy(logits / np.exp(log_t), labels).item()

    return float(np.exp(minimize_scalar(loss, bounds=(-4, 4), method="bounded").x))


def rejection_threshold(confidence, correct, most_wrong):
    """The lowest threshold at which at most the share `most_wrong` of the accepted answers is wrong.

    An answer is accepted when its confidence is at least the threshold. Choose it on validation
    images, judge it on others. Raises ValueError where no threshold does it.
    """
    confidence, correct = _pair(confidence, correct)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~correct[order]) / np.arange(1, len(order) + 1)
    # Equally confident answers are accepted together: only the last of them can be the cut.
    last = np.append(np.diff(confidence[order]) != 0, True)
    good = np.flatnonzero(last & (wrong <= most_wrong))
    if not len(good):
        message = _("most_wrong={share}: even the most confident answers are wrong more often than that")
        raise ValueError(message.format(share=most_wrong))
    return float(confidence[order][good[-1]])


def accepted(confidence, correct, threshold):
    """(share accepted, share of mistakes among the accepted, how many accepted) at `threshold`."""
    confidence, correct = _pair(confidence, correct)
    kept = confidence >= threshold
    n = int(kept.sum())
    return n / len(kept), float((~correct[kept]).mean()) if n else 0.0, n


def wilson(right, n, z=1.96):
    """95 % interval for a share of `right` out of n (Wilson 1927): honest near 0 and 1, and for small n."""
    if not 0 <= right <= n or n == 0:
        raise ValueError(
            _("wilson({right}, {n}): give a count from 0 to n, and n of at least 1").format(right=right, n=n)
        )
    p, square = right / n, z * z / n
    middle, half = p + square / 2, z * sqrt(p * (1 - p) / n + square / (4 * n))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def stroke_width(images):
    """Mean width of the strokes [pixels] of images in [0, 1], (n, height, width): 2 · ink / outline.

    A stroke of length l and width w has l·w ink and an outline of about 2·l, whichever way it bends.
    The outline's length is the sum of the slopes, sqrt(dx² + dy²), over all pixels.
    """
    images = np.pad(np.asarray(images, dtype=float), ((0, 0), (1, 1), (1, 1)))
    dy, dx = np.gradient(images, axis=(1, 2))
    outline = np.hypot(dx, dy).sum(axis=(1, 2))
    return 2 * images.sum(axis=(1, 2)) / np.maximum(outline, 1e-12)


def slant(images):
    """How far digits lean to the right [degrees]: the shear of the ink about its centre of mass.

    images (n, height, width) in [0, 1]; 0 for an upright or an empty one.
    """
    images = np.asarray(images, dtype=float)
    n, height, width = images.shape
    ink = np.maximum(images.sum(axis=(1, 2)), 1e-12)
    y, x = np.arange(height, dtype=float), np.arange(width, dtype=float)
    down = y - ((images.sum(axis=2) @ y) / ink)[:, None]
    across = x - ((images.sum(axis=1) @ x) / ink)[:, None]
    together = np.einsum("nij,ni,nj->n", images, down, across)
    spread = np.maximum(np.einsum("nij,ni->n", images, down**2), 1e-12)
    return np.degrees(np.arctan(-together / spread))


def _pair(confidence, correct):
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
    if confidence.shape != correct.shape or confidence.ndim != 1 or not len(confidence):
        message = _("shapes {a} and {b}: give one confidence and one right-or-wrong for each image")
        raise ValueError(message.format(a=confidence.shape, b=correct.shape))
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(_("confidence: choose probabilities, numbers from 0 to 1"))
    return confidence, correct
