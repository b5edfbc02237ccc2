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

from ..tuning import calibration
from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree


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
)


def _gaps(confidence, correct, bins):
    place = np.ceil(confidence * bins)
    parts = [(place == k) for k in range(1, bins + 1)]
    shares = np.array([part.mean() for part in parts])
    gaps = np.array([confidence[p].mean() - correct[p].mean() if p.any() else 0.0 for p in parts])
    return shares, gaps


def _calibration_case(candidate, confidence, correct, bins):
    trial = Trial(candidate, confidence, correct, bins)
    got = trial.array()
    if got.size != 1:
        trial.fail("not-a-number", look=_("what is returned: one number for all bins together"))
    shares, gaps = _gaps(confidence, correct, bins)
    right = float((shares * abs(gaps)).sum())
    if agree(got.reshape(()), np.array(right), 1e-7):
        return
    used = shares > 0
    ten = _gaps(confidence, correct, 10)
    mistakes = [
        ("bins-unweighted", abs(gaps[used]).mean(), _("the weight of a bin: its share of all the images")),
        ("empty-counted", abs(gaps).mean(), _("empty bins, and the weight of a bin")),
        ("signed", (shares * gaps).sum(), _("the sign: too sure here must not make up for too timid there")),
        (
            "signed",
            abs((shares * gaps).sum()),
            _("the sign: too sure here must not make up for too timid there"),
        ),
        ("squared", (shares * gaps**2).sum(), _("the gap: its size, not its square")),
        ("squared", np.sqrt((shares * gaps**2).sum()), _("the gap: its size, not its square")),
        ("largest", abs(gaps).max(), _("which gap: all of them, each weighted by its bin's images")),
        ("bins-ignored", (ten[0] * abs(ten[1])).sum(), _("the third argument: is it used?")),
        (
            "each-alone",
            abs(confidence - correct).mean(),
            _("single answers: one is right or wrong, never 70 %"),
        ),
        ("percent", 100 * right, _("the unit: a fraction")),
        ("not-divided", len(confidence) * right, _("the weights: shares of all images, together 1")),
    ]
    for key, wrong, look in mistakes:
        if abs(float(got.reshape(())) - wrong) < 1e-9:
            trial.fail(key, look=look)
    trial.fail("value", look=_("four answers of confidence 0.9, three of them right: 0.15"))


@CALIBRATION_ERROR.property("by-hand", N_("four answers of confidence 0.9, three right: an error of 0.15"))
def by_hand(candidate, rng):
    _calibration_case(candidate, np.full(4, 0.9), np.array([True, False, True, True]), 7)


@CALIBRATION_ERROR.property("many", N_("bins are weighted by their images, gaps have no sign"))
def many(candidate, rng):
    confidence = rng.uniform(0.02, 0.98, 400) ** 0.5
    correct = rng.random(400) < 0.5 + 0.45 * np.sin(20 * confidence)  # too timid here, too sure there
    _calibration_case(candidate, confidence, correct, int(rng.choice([6, 8])))


@CALIBRATION_ERROR.property("empty", N_("bins without an image change nothing"))
def empty(candidate, rng):
    confidence = np.concatenate([rng.uniform(0.31, 0.39, 20), rng.uniform(0.91, 0.99, 60)])
    _calibration_case(candidate, confidence, rng.random(80) < confidence - 0.2, 13)


def temperature(logits, labels):
    candidates = np.geomspace(0.05, 20, 1500)
    rows = np.arange(len(labels))

    def loss(t):
        z = logits / t
        z = z - z.max(axis=1, keepdims=True)
        return (np.log(np.exp(z).sum(axis=1)) - z[rows, labels]).mean()

    return min(candidates, key=loss)


TEMPERATURE = Exercise(
    "temperature",
    solution=temperature,
    hints=(
        N_("Dividing all logits by one number changes no answer. What does it change?"),
        N_(
            "Write the mean cross-entropy as a function of T alone, with log-sum-exp, so that nothing"
            " overflows."
        ),
        N_(
            "Try T = 0.05 to 20 in steps of 0.4 % (np.geomspace) and keep the one with the lowest"
            " cross-entropy."
        ),
    ),
)


def _answers(rng, t, n=3000):
    """Logits whose best temperature is near `t`, and labels drawn from softmax(logits / t)."""
    true = rng.normal(size=(n, 4)) * 2
    p = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    return true * t, labels


def _temperature_case(candidate, rng, t):
    logits, labels = _answers(rng, t)
    trial = Trial(candidate, logits, labels)
    got = trial.array()
    if got.size != 1:
        trial.fail("not-a-number", look=_("what is returned: one number for all images"))
    got, right = float(got.reshape(())), calibration.fit_temperature(logits, labels)
    if abs(got - right) <= 0.02 * right:
        return
    mistakes = [
        ("inverse", 1 / right, _("what the logits are divided by: T itself, not 1 / T")),
        ("logarithm", np.log(right), _("the kind of the result: T, not its logarithm")),
        ("unchanged", 1.0, _("whether anything is fitted: T = 1 changes nothing")),
    ]
    for key, wrong, look in mistakes:
        if abs(got - wrong) <= 0.02 * abs(wrong):
            trial.fail(key, look=look)
    trial.fail("value", look=_("the cross-entropy at your T, and at T a tenth larger and smaller"))


@TEMPERATURE.property("too-sure", N_("of a net that is too sure it finds a T above 1"))
def too_sure(candidate, rng):
    _temperature_case(candidate, rng, float(rng.uniform(2.5, 3.5)))


@TEMPERATURE.property("too-timid", N_("of one that is not sure enough, a T below 1"))
def too_timid(candidate, rng):
    _temperature_case(candidate, rng, float(rng.uniform(0.3, 0.5)))


@TEMPERATURE.property("large", N_("logits in the thousands don't overflow"))
def large(candidate, rng):
    logits, labels = _answers(rng, 3.0)
    shifted = logits + rng.uniform(2000, 3000, (len(logits), 1))  # the same for all classes: no change
    trial = Trial(candidate, shifted, labels)
    got = trial.array()
    right = calibration.fit_temperature(logits, labels)
    if got.size != 1 or not abs(float(got.reshape(-1)[0]) - right) <= 0.02 * right:
        trial.fail("overflow", look=_("exp of a large number: take each row's largest logit away first"))


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
)


def _share(confidence, correct, t):
    kept = confidence >= t
    return (~correct[kept]).mean() if kept.any() else 0.0


def _threshold_case(candidate, confidence, correct, most_wrong):
    trial = Trial(candidate, confidence, correct, most_wrong)
    got = trial.array()
    if got.size != 1:
        trial.fail("not-a-number", look=_("what is returned: one threshold"))
    t = float(got.reshape(()))
    right = calibration.rejection_threshold(confidence, correct, most_wrong)
    same = (confidence >= t) == (confidence >= right)
    if abs(t - right) < 1e-9:
        return
    order = np.sort(confidence)
    of_all = next(c for c in order if (~correct & (confidence >= c)).mean() <= most_wrong)
    at_least = next((c for c in order if _share(confidence, correct, c) >= most_wrong), None)
    strict = next((c for c in order if _share(confidence, correct, np.nextafter(c, 2)) <= most_wrong), None)
    down = confidence[np.argsort(-confidence, kind="stable")]
    bad = [k for k, c in enumerate(down) if _share(confidence, correct, c) > most_wrong]
    soon = down[max(0, bad[0] - 1)] if bad else None
    mistakes = [
        ("share-of-all", of_all, _("the share of what: of the accepted answers, not of all")),
        ("strictly-above", strict, _("whether an answer at the threshold itself is accepted: it is")),
        ("stopped-too-soon", soon, _("thresholds further down: the share of mistakes falls again there")),
        ("highest", order[-1], _("how many are accepted: the lowest threshold that will do")),
        ("no-limit", order[0], _("whether the mistakes among the accepted are within the limit")),
        ("turned-round", at_least, _("the comparison: at most the share `most_wrong`")),
        ("limit-itself", 1 - most_wrong, _("a stated confidence is not a measured accuracy: count mistakes")),
    ]
    for key, wrong, look in mistakes:
        if wrong is not None and abs(t - wrong) < 1e-9:
            trial.fail(key, look=look)
    if same.all():
        trial.fail("not-a-confidence", look=_("which number is returned: one of the confidences"))
    trial.fail("value", look=_("ten answers by hand: sort them, and count mistakes from the top"))


@REJECTION_THRESHOLD.property("lowest", N_("it is the lowest that keeps to the limit"))
def lowest(candidate, rng):
    confidence = rng.uniform(0.3, 1.0, 400)
    # From the top: thirty right, three wrong, thirty right. Who stops at the first excess stops too soon.
    rank = np.argsort(np.argsort(-confidence))
    correct = ((rng.random(400) < confidence**0.5) | (rank < 63)) & ~((rank >= 30) & (rank < 33))
    _threshold_case(candidate, confidence, correct, 0.0613)


@REJECTION_THRESHOLD.property("equal", N_("equally confident answers are accepted together"))
def equal(candidate, rng):
    confidence = rng.integers(30, 100, 400) / 100
    _threshold_case(candidate, confidence, rng.random(400) < confidence**0.5, 0.0817)


@REJECTION_THRESHOLD.property("all", N_("where few mistakes are made, everything is accepted"))
def everything(candidate, rng):
    confidence = rng.uniform(0.5, 0.9, 50)
    correct = np.ones(50, dtype=bool)
    correct[int(confidence.argmax())] = False  # the surest is wrong: going down from the top stops too soon
    _threshold_case(candidate, confidence, correct, 0.05)
