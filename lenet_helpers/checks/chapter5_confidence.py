"""Chapter 5's exercises on confidence: calibration error, temperature, a threshold for refusing.

What a learner writes, with numpy arrays:

    calibration_error(confidence, correct, bins)  -> the expected calibration error
        confidence: float (n,) in (0, 1); correct: bool (n,); bins: how many, of equal width
    temperature(logits, labels)  -> T, a number, to 2 %
        logits: float64 (n, classes); labels: whole numbers (n,)
    rejection_threshold(confidence, correct, most_wrong)  -> the lowest threshold for which, of the answers
        whose confidence is at least that, at most the share `most_wrong` is wrong; one of the confidences
"""

import numpy as np
import torch
import torch.nn.functional as F

from ..tuning import calibration
from ..wording import N_, _
from .core import Contract, Exercise
from .trial import judge
from .values import NUMBER


def calibration_error(confidence, correct, bins):
    place = np.ceil(confidence * bins)
    error = 0.0
    for k in np.unique(place):
        here = place == k
        gap = abs(confidence[here].mean() - correct[here].mean())
        error += here.mean() * gap
    return error


CALIBRATION_ERROR = Exercise(
    "calibration_error",
    solution=calibration_error,
    hints=(
        N_("Sort the answers into bins by confidence. What are the two numbers to compare within one bin?"),
        N_(
            "Within a bin: mean confidence against the share of right answers. A bin with most of the images"
            " counts most; a bin with none has no gap at all."
        ),
        N_("Σ n_bin / n · |confidence − accuracy|, with np.ceil(confidence * bins) as the bin's number."),
    ),
    contract=Contract(
        N_(
            "confidence, a float64 array (n,) of numbers in (0, 1); correct, a bool array (n,); bins, a"
            " whole number: [0, 1] is cut into so many bins of equal width. No confidence lies on the border"
            " of two bins."
        ),
        N_(
            "one number: the sum over all bins of the share of all answers that lies in the bin, times"
            " |mean confidence − accuracy| there. A bin without answers adds nothing."
        ),
    ),
)


def _gaps(confidence, correct, bins):
    place = np.ceil(confidence * bins)
    parts = [(place == k) for k in range(1, bins + 1)]
    shares = np.array([part.mean() for part in parts])
    gaps = np.array([confidence[p].mean() - correct[p].mean() if p.any() else 0.0 for p in parts])
    return shares, gaps


def _of_gaps(key, formula, look):
    """A known mistake as `judge` wants it: `formula(shares, gaps)`, arrays with an entry a bin."""
    return key, lambda confidence, correct, bins: formula(*_gaps(confidence, correct, bins)), look


_right_error = _of_gaps("right", lambda shares, gaps: (shares * abs(gaps)).sum(), "")[1]
_SIGN = N_("the sign: too sure here must not make up for too timid there")
_SQUARE = N_("the gap: its size, not its square")
_CALIBRATION_MISTAKES = (
    _of_gaps(
        "bins-unweighted",
        lambda shares, gaps: abs(gaps[shares > 0]).mean(),
        N_("the weight of a bin: its share of all the images"),
    ),
    _of_gaps(
        "empty-counted", lambda shares, gaps: abs(gaps).mean(), N_("empty bins, and the weight of a bin")
    ),
    _of_gaps("signed", lambda shares, gaps: (shares * gaps).sum(), _SIGN),
    _of_gaps("signed", lambda shares, gaps: -(shares * gaps).sum(), _SIGN),
    _of_gaps("signed", lambda shares, gaps: abs((shares * gaps).sum()), _SIGN),
    _of_gaps("squared", lambda shares, gaps: (shares * gaps**2).sum(), _SQUARE),
    _of_gaps("squared", lambda shares, gaps: np.sqrt((shares * gaps**2).sum()), _SQUARE),
    _of_gaps(
        "largest",
        lambda shares, gaps: abs(gaps).max(),
        N_("which gap: all of them, each weighted by its bin's images"),
    ),
    (
        "bins-ignored",
        lambda confidence, correct, bins: _right_error(confidence, correct, 10),
        N_("the third argument: is it used?"),
    ),
    (
        "each-alone",
        lambda confidence, correct, bins: abs(confidence - correct).mean(),
        N_("single answers: one is right or wrong, never 70 %"),
    ),
    ("percent", lambda *case: 100 * _right_error(*case), N_("the unit: a fraction")),
    (
        "not-divided",
        lambda confidence, correct, bins: len(confidence) * _right_error(confidence, correct, bins),
        N_("the weights: shares of all images, together 1"),
    ),
)


def _calibrations(candidate, cases):
    judge(
        candidate,
        cases,
        lambda *case: float(_right_error(*case)),
        [
            (key, lambda *case, f=formula: float(f(*case)), look)
            for key, formula, look in _CALIBRATION_MISTAKES
        ],
        kind=NUMBER,
        names=("confidence", "correct", "bins"),
        look=_("four answers of confidence 0.9, three of them right: 0.15"),
    )


@CALIBRATION_ERROR.property("by-hand", N_("four answers of confidence 0.9, three right: an error of 0.15"))
def by_hand(candidate, rng):
    _calibrations(candidate, [(np.full(4, 0.9), np.array([True, False, True, True]), 7)])


@CALIBRATION_ERROR.property("many", N_("bins are weighted by their images, gaps have no sign"))
def many(candidate, rng):
    cases = []
    for n, bins in ((401, 6), (300, 8), (200, 15)):
        confidence = rng.uniform(0.02, 0.98, n) ** 0.5
        chance = 0.5 + 0.45 * np.sin(20 * confidence)  # too timid here, too sure there
        cases.append((confidence, rng.random(n) < chance, bins))
    _calibrations(candidate, cases)


@CALIBRATION_ERROR.property("empty", N_("bins without an image change nothing"))
def empty(candidate, rng):
    cases = []
    for n, bins in ((61, 13), (40, 24)):
        confidence = np.concatenate([rng.uniform(0.31, 0.39, 20), rng.uniform(0.91, 0.99, n)])
        cases.append((confidence, rng.random(n + 20) < confidence - 0.2, bins))
    _calibrations(candidate, cases)


def temperature(logits, labels):
    logits, labels = torch.from_numpy(logits), torch.from_numpy(labels)

    def loss(t):
        return F.cross_entropy(logits / t, labels)

    return min(np.geomspace(0.05, 20, 600), key=loss)


TEMPERATURE = Exercise(
    "temperature",
    solution=temperature,
    hints=(
        N_("Dividing all logits by one number changes no answer. What does it change?"),
        N_(
            "Write the mean cross-entropy as a function of T alone: torch's cross_entropy, or log-sum-exp,"
            " so that nothing overflows."
        ),
        N_(
            "Try T = 0.05 to 20 in steps of 1 % (np.geomspace) and keep the one with the lowest"
            " cross-entropy."
        ),
    ),
    contract=Contract(
        N_(
            "logits, a float64 array (n, classes), of any size, thousands included; labels, an array of"
            " whole numbers (n,)."
        ),
        N_(
            "one number above 0, to within 2 %: the T for which the mean cross-entropy of softmax(logits /"
            " T) is least. It lies between 0.05 and 20."
        ),
    ),
)


def _answers(rng, t, n=3000):
    """Logits whose best temperature is near `t`, and labels drawn from softmax(logits / t)."""
    true = rng.normal(size=(n, 4)) * 2
    p = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    return true * t, labels


def _fitted(logits, labels):
    return float(calibration.fit_temperature(logits - logits.max(axis=1, keepdims=True), labels))


_TEMPERATURE_MISTAKES = (
    ("inverse", lambda *case: 1 / _fitted(*case), N_("what the logits are divided by: T itself, not 1 / T")),
    (
        "logarithm",
        lambda *case: float(np.log(_fitted(*case))),
        N_("the kind of the result: T, not its logarithm"),
    ),
    ("unchanged", lambda *case: 1.0, N_("whether anything is fitted: T = 1 changes nothing")),
)


def _temperatures(
    candidate, cases, look=N_("the cross-entropy at your T, and at T a tenth larger and smaller")
):
    judge(
        candidate,
        cases,
        _fitted,
        _TEMPERATURE_MISTAKES,
        kind=NUMBER,
        names=("logits", "labels"),
        look=_(look),
        tolerance=0.02,
    )


@TEMPERATURE.property("too-sure", N_("of a net that is too sure it finds a T above 1"))
def too_sure(candidate, rng):
    _temperatures(candidate, [_answers(rng, float(rng.uniform(2.5, 3.5)), n) for n in (2001, 3000)])


@TEMPERATURE.property("too-timid", N_("of one that is not sure enough, a T below 1"))
def too_timid(candidate, rng):
    # Not near a tenth: a rounded T is off by more than 2 %.
    cases = [_answers(rng, t + float(rng.uniform(-0.01, 0.01)), n) for t, n in ((0.35, 3000), (0.25, 1501))]
    _temperatures(candidate, cases)


@TEMPERATURE.property("large", N_("logits in the thousands don't overflow"))
def large(candidate, rng):
    logits, labels = _answers(rng, 3.0)
    shifted = logits + rng.uniform(2000, 3000, (len(logits), 1))  # the same for all classes: no change
    look = N_("exp of a large number: take each row's largest logit away first")
    _temperatures(candidate, [(shifted, labels)], look)


def rejection_threshold(confidence, correct, most_wrong):
    for threshold in np.sort(confidence):
        kept = confidence >= threshold
        if (~correct[kept]).mean() <= most_wrong:
            return threshold


REJECTION_THRESHOLD = Exercise(
    "rejection_threshold",
    solution=rejection_threshold,
    hints=(
        N_("Each of the confidences is a candidate. What would be accepted, and how much of that is wrong?"),
        N_("A low threshold accepts more. Go up from the lowest and stop at the first that is good enough."),
        N_(
            "for threshold in np.sort(confidence): kept = confidence >= threshold; the share of mistakes is"
            " (~correct[kept]).mean()."
        ),
    ),
    contract=Contract(
        N_(
            "confidence, a float64 array (n,), in any order; correct, a bool array (n,); most_wrong, a"
            " share. At least one threshold will do."
        ),
        N_(
            "one number, the lowest of the confidences that will do as a threshold: of the answers whose"
            " confidence is at least that, at most the share most_wrong is wrong."
        ),
    ),
)


def _share(confidence, correct, t):
    kept = confidence >= t
    return (~correct[kept]).mean() if kept.any() else 0.0


def _first(confidence, fits):
    """The lowest of the confidences for which `fits` holds; NaN, which equals nothing, where none does."""
    return float(next((c for c in np.sort(confidence) if fits(c)), np.nan))


def _too_soon(confidence, correct, most_wrong):
    down = confidence[np.argsort(-confidence, kind="stable")]
    bad = [k for k, c in enumerate(down) if _share(confidence, correct, c) > most_wrong]
    return float(down[max(0, bad[0] - 1)]) if bad else np.nan


_THRESHOLD_MISTAKES = (
    (
        "share-of-all",
        lambda c, right, most: _first(c, lambda t: (~right & (c >= t)).mean() <= most),
        N_("the share of what: of the accepted answers, not of all"),
    ),
    (
        "strictly-above",
        lambda c, right, most: _first(c, lambda t: _share(c, right, np.nextafter(t, 2)) <= most),
        N_("whether an answer at the threshold itself is accepted: it is"),
    ),
    ("stopped-too-soon", _too_soon, N_("thresholds further down: the share of mistakes falls again there")),
    (
        "highest",
        lambda c, right, most: float(c.max()),
        N_("how many are accepted: the lowest threshold that will do"),
    ),
    (
        "no-limit",
        lambda c, right, most: float(c.min()),
        N_("whether the mistakes among the accepted are within the limit"),
    ),
    (
        "limit-itself",
        lambda c, right, most: 1 - most,
        N_("a stated confidence is not a measured accuracy: count mistakes"),
    ),
)


def _thresholds(candidate, cases, look=N_("ten answers by hand: sort them, and count mistakes from the top")):
    judge(
        candidate,
        cases,
        lambda *case: float(calibration.rejection_threshold(*case)),
        _THRESHOLD_MISTAKES,
        kind=NUMBER,
        names=("confidence", "correct", "most_wrong"),
        look=_(look),
        tolerance=1e-9,
    )


@REJECTION_THRESHOLD.property("one-of-them", N_("it is one of the confidences"))
def one_of_them(candidate, rng):
    confidence = rng.permutation(np.linspace(0.31, 0.97, 23))  # far apart
    correct = confidence > rng.uniform(0.5, 0.6)
    _thresholds(
        candidate, [(confidence, correct, 0.01)], N_("which number is returned: one of the confidences")
    )


@REJECTION_THRESHOLD.property("lowest", N_("it is the lowest that keeps to the limit"))
def lowest(candidate, rng):
    cases = []
    for n in (401, 300):
        confidence = rng.uniform(0.3, 1.0, n)
        # From the top: thirty right, three wrong, thirty right. Who stops at the first excess stops too soon.
        rank = np.argsort(np.argsort(-confidence))
        correct = ((rng.random(n) < confidence**0.5) | (rank < 63)) & ~((rank >= 30) & (rank < 33))
        cases.append((confidence, correct, 0.0613))
    _thresholds(candidate, cases)


@REJECTION_THRESHOLD.property("at-most", N_("a share of just `most_wrong` is within the limit"))
def at_most(candidate, rng):
    """By hand: of four, eight and two accepted answers one is wrong. Shares that float64 holds exactly."""
    cases = []
    for n, accepted in ((9, 4), (13, 8), (7, 2)):
        confidence = np.sort(rng.uniform(0.4, 0.9, n))
        correct = np.arange(n) > n - accepted
        order = rng.permutation(n)
        cases.append((confidence[order], correct[order], 1 / accepted))
    _thresholds(candidate, cases)


@REJECTION_THRESHOLD.property("equal", N_("equally confident answers are accepted together"))
def equal(candidate, rng):
    cases = []
    for n in (400, 155):
        confidence = rng.integers(30, 100, n) / 100
        correct = (rng.random(n) < confidence**0.5) | (confidence > 0.9)
        cases.append((confidence, correct, 0.0817))
    _thresholds(candidate, cases)


@REJECTION_THRESHOLD.property("all", N_("where few mistakes are made, everything is accepted"))
def everything(candidate, rng):
    cases = []
    for n in (50, 31):
        confidence = rng.uniform(0.5, 0.9, n)
        correct = np.ones(n, dtype=bool)
        correct[int(confidence.argmax())] = False  # the surest is wrong: who goes down stops too soon
        cases.append((confidence, correct, 0.05))
    _thresholds(candidate, cases)
