"""Chapter 5: right answers, and the mistakes people make."""

import numpy as np
import torch
import torch.nn.functional as F

from lenet_helpers.tuning import calibration, robustness

from . import correct, wrong

# shift_images ------------------------------------------------------------------------


@correct("shift_images")
def by_padding(images, dx, dy, background):
    return robustness.shifted(images, dx, dy, background)


@correct("shift_images")
def roll_and_paint(images, dx, dy, background):
    moved = torch.roll(images, (dy, dx), (2, 3))
    if dy:
        moved[:, :, slice(0, dy) if dy > 0 else slice(dy, None)] = background
    if dx:
        moved[..., slice(0, dx) if dx > 0 else slice(dx, None)] = background
    return moved


@correct("shift_images")
def in_numpy(images, dx, dy, background):
    n, c, height, width = images.shape
    wide = np.full((n, c, 3 * height, 3 * width), background)
    wide[:, :, height + dy : 2 * height + dy, width + dx : 2 * width + dx] = images
    return wide[:, :, height : 2 * height, width : 2 * width]


@wrong("shift_images", "rolled")
def rolls(images, dx, dy, background):
    return torch.roll(images, (dy, dx), (2, 3))


@wrong("shift_images", "other-way")
def the_other_way(images, dx, dy, background):
    return robustness.shifted(images, -dx, -dy, background)


@wrong("shift_images", "axes-swapped")
def rows_for_columns(images, dx, dy, background):
    return robustness.shifted(images, dy, dx, background)


@wrong("shift_images", "filled-with-zero")
def zeros_come_in(images, dx, dy, background):
    return robustness.shifted(images, dx, dy)


@wrong("shift_images", "one-axis")
def only_across(images, dx, dy, background):
    return robustness.shifted(images, dx, 0, background)


@wrong("shift_images", "not-moved")
def stays(images, dx, dy, background):
    return images.clone()


@wrong("shift_images", "right-and-down")
def the_frame_grows(images, dx, dy, background):
    return F.pad(images, (abs(dx), 0, abs(dy), 0), value=background)


@wrong("shift_images", "in-place")
def in_place(images, dx, dy, background):
    images[:] = robustness.shifted(images, dx, dy, background)
    return images


@wrong("shift_images", "nought")
def a_slice_that_ends_at_minus_nought(images, dx, dy, background):
    if dx or dy:
        return robustness.shifted(images, dx, dy, background)
    moved = torch.full_like(images, background)
    moved[..., :-dx] = images[..., :-dx]
    return moved


# attack ------------------------------------------------------------------------------


@correct("attack")
def with_numpy(images, gradient, epsilon):
    return np.clip(images.numpy() + epsilon * np.sign(gradient.numpy()), 0, 1)


@correct("attack")
def by_cases(images, gradient, epsilon):
    up, down = (images + epsilon).clamp(max=1), (images - epsilon).clamp(min=0)
    return torch.where(gradient > 0, up, torch.where(gradient < 0, down, images))


@wrong("attack", "not-clipped")
def no_clip(images, gradient, epsilon):
    return images + epsilon * gradient.sign()


@wrong("attack", "helps")
def descends(images, gradient, epsilon):
    return (images - epsilon * gradient.sign()).clamp(0, 1)


@wrong("attack", "size-of-gradient")
def along_the_gradient(images, gradient, epsilon):
    return (images + epsilon * gradient).clamp(0, 1)


@wrong("attack", "size-of-gradient")
def along_the_scaled_gradient(images, gradient, epsilon):
    return (images + epsilon * gradient / gradient.abs().amax((1, 2, 3), keepdim=True)).clamp(0, 1)


@wrong("attack", "clipped-wide")
def clipped_to_minus_one(images, gradient, epsilon):
    return (images + epsilon * gradient.sign()).clamp(-1, 1)


@wrong("attack", "change-only")
def what_was_added(images, gradient, epsilon):
    return epsilon * gradient.sign()


@wrong("attack", "change-clipped")
def clips_the_change(images, gradient, epsilon):
    return images + (epsilon * gradient.sign()).clamp(0, 1)


@wrong("attack", "nought-moved")
def nought_goes_up(images, gradient, epsilon):
    return (images + epsilon * torch.where(gradient >= 0, 1.0, -1.0)).clamp(0, 1)


# calibration_error -------------------------------------------------------------------


@correct("calibration_error")
def bin_by_bin(confidence, correct_, bins):
    error = 0.0
    for k in range(bins):
        here = (confidence > k / bins) & (confidence <= (k + 1) / bins)
        if here.any():
            error += abs(confidence[here].sum() - correct_[here].sum())
    return error / len(confidence)


@correct("calibration_error")
def by_histogram(confidence, correct_, bins):
    sums = np.histogram(confidence, bins, (0, 1), weights=confidence - correct_)[0]
    return float(np.abs(sums).sum() / len(confidence))


def table(confidence, correct_, bins):
    """(n, mean confidence, accuracy) of each bin, NaN in the empty ones."""
    place = np.ceil(confidence * bins).astype(int)
    with np.errstate(all="ignore"):
        rows = [
            (len(confidence[place == k]), confidence[place == k].sum(), correct_[place == k].sum())
            for k in range(1, bins + 1)
        ]
        n, sure, right = np.array(rows, dtype=float).T
        return n, sure / n, right / n


@wrong("calibration_error", "bins-unweighted")
def a_mean_over_bins(confidence, correct_, bins):
    _n, sure, right = table(confidence, correct_, bins)
    return np.nanmean(abs(sure - right))


@wrong("calibration_error", "empty-counted")
def a_mean_over_all_bins(confidence, correct_, bins):
    _n, sure, right = table(confidence, correct_, bins)
    return np.nansum(abs(sure - right)) / bins


@wrong("calibration_error", "signed")
def with_signs(confidence, correct_, bins):
    return confidence.mean() - correct_.mean()


@wrong("calibration_error", "squared")
def squared(confidence, correct_, bins):
    n, sure, right = table(confidence, correct_, bins)
    return np.nansum(n * (sure - right) ** 2) / n.sum()


@wrong("calibration_error", "largest")
def the_largest_gap(confidence, correct_, bins):
    _n, sure, right = table(confidence, correct_, bins)
    return np.nanmax(abs(sure - right))


@wrong("calibration_error", "bins-ignored")
def always_ten(confidence, correct_, bins):
    return calibration.calibration_error(confidence, correct_, 10)


@wrong("calibration_error", "each-alone")
def one_by_one(confidence, correct_, bins):
    return abs(confidence - correct_).mean()


@wrong("calibration_error", "percent")
def in_percent(confidence, correct_, bins):
    return 100 * calibration.calibration_error(confidence, correct_, bins)


@wrong("calibration_error", "not-divided")
def in_images(confidence, correct_, bins):
    return len(confidence) * calibration.calibration_error(confidence, correct_, bins)


@wrong("calibration_error", "by-hand")
def empty_bins_are_nan(confidence, correct_, bins):
    n, sure, right = table(confidence, correct_, bins)
    return (n / n.sum() * abs(sure - right)).sum()


# temperature -------------------------------------------------------------------------


def cross_entropy(logits, labels, t):
    return F.cross_entropy(torch.from_numpy(logits) / t, torch.from_numpy(labels)).item()


@correct("temperature")
def by_thirds(logits, labels):
    low, high = 0.01, 100.0
    for _turn in range(60):
        a, b = low * (high / low) ** (1 / 3), low * (high / low) ** (2 / 3)
        low, high = (
            (low, b) if cross_entropy(logits, labels, a) < cross_entropy(logits, labels, b) else (a, high)
        )
    return low


@correct("temperature")
def by_descent(logits, labels):
    log_t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_t], line_search_fn="strong_wolfe", max_iter=60)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(torch.from_numpy(logits) / log_t.exp(), torch.from_numpy(labels))
        loss.backward()
        return loss

    optimizer.step(closure)
    return log_t.exp()


@wrong("temperature", "inverse")
def multiplies(logits, labels):
    return 1 / by_thirds(logits, labels)


@wrong("temperature", "logarithm")
def the_logarithm(logits, labels):
    return float(np.log(by_thirds(logits, labels)))


@wrong("temperature", "unchanged")
def the_most_accurate(logits, labels):
    def accuracy(t):
        return ((logits / t).argmax(axis=1) == labels).mean()

    return max([1.0, *np.geomspace(0.1, 10, 50)], key=accuracy)


@wrong("temperature", "large")
def without_care(logits, labels):
    p = {}
    with np.errstate(all="ignore"):
        for t in np.geomspace(0.05, 20, 1500):
            e = np.exp(logits / t)
            p[t] = -np.log(e[np.arange(len(labels)), labels] / e.sum(axis=1)).mean()
    return min((t for t in p if np.isfinite(p[t])), key=p.get, default=1.0)


@wrong("temperature", "too-sure")
def the_worst(logits, labels):
    return 20.0


@wrong("temperature", "not-a-number")
def one_for_each_class(logits, labels):
    return np.full(logits.shape[1], by_thirds(logits, labels))


@wrong("temperature", "too-sure")
def whole_numbers_only(logits, labels):
    return min(range(1, 20), key=lambda t: cross_entropy(logits, labels, t)) + 0.5


# rejection_threshold -----------------------------------------------------------------


@correct("rejection_threshold")
def from_the_package(confidence, correct_, most_wrong):
    return calibration.rejection_threshold(confidence, correct_, most_wrong)


@correct("rejection_threshold")
def the_least_of_all_that_will_do(confidence, correct_, most_wrong):
    return min(c for c in confidence if 1 - correct_[confidence >= c].mean() <= most_wrong)


@wrong("rejection_threshold", "share-of-all")
def of_all_answers(confidence, correct_, most_wrong):
    order = np.sort(confidence)
    return next(c for c in order if (~correct_ & (confidence >= c)).mean() <= most_wrong)


@wrong("rejection_threshold", "strictly-above")
def strictly_above(confidence, correct_, most_wrong):
    for c in np.sort(confidence)[:-1]:
        if (~correct_[confidence > c]).mean() <= most_wrong:
            return c


@wrong("rejection_threshold", "highest")
def accepts_one(confidence, correct_, most_wrong):
    return confidence.max()


@wrong("rejection_threshold", "no-limit")
def accepts_all(confidence, correct_, most_wrong):
    return confidence.min()


@wrong("rejection_threshold", "limit-itself")
def believes_the_net(confidence, correct_, most_wrong):
    return 1 - most_wrong


@wrong("rejection_threshold", "stopped-too-soon")
def stops_at_the_first_too_many_from_the_top(confidence, correct_, most_wrong):
    order = np.argsort(-confidence)
    share = np.cumsum(~correct_[order]) / np.arange(1, len(order) + 1)
    bad = np.flatnonzero(share > most_wrong)
    return confidence[order][max(0, bad[0] - 1)] if len(bad) else confidence.min()


@wrong("rejection_threshold", "one-of-them")
def a_little_below(confidence, correct_, most_wrong):
    return calibration.rejection_threshold(confidence, correct_, most_wrong) - 1e-6
