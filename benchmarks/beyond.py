"""Beyond the test set, on full MNIST: what moves, turns, attacks and strangers do to a trained LeNet.

    LENET_DATA=... python -m benchmarks.beyond --seeds 0     # minutes; adds one seed to the result

Four nets per seed, on 50,000 training images, two epochs of one recipe that was fixed before
the test set was opened: plain; with random affine changes; with global pooling; and trained
against attacks. Temperature and rejection threshold are chosen on the 10,000 validation
images and judged on the 10,000 test images. Every count comes with its n; seeds already
stored are kept, so that the run may be cut into pieces. Pictures of clothes are among the
strangers where Fashion-MNIST's files are at hand.
"""

import argparse
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from lenet_helpers import LeNet, TrainConfig, load_dataset, train
from lenet_helpers.analysis import probabilities
from lenet_helpers.modes import evaluation_mode
from lenet_helpers.sources import DataError
from lenet_helpers.tuning import calibration, clothes, own_digits, robustness

RESULT = Path(__file__).parents[1] / "lenet_helpers" / "results" / "beyond.json"
RECIPE = TrainConfig(learning_rate=0.01, batch_size=128, epochs=2.0, optimizer="adamw", schedule="one-cycle")
AUGMENTED = dict(shift=0.15, rotation=20.0, scale=0.2)
AMOUNTS = {
    "shift": list(range(9)),
    "rotation": list(range(-60, 61, 15)),
    "scale": [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3],
}
EPSILONS = [0.0, 0.05, 0.1, 0.15, 0.2, 0.3]
LETTERS = "ABEFGHKMRTX"  # none looks like a digit
TRAINED_EPSILON, SURE, MOST_WRONG, BINS, PARTS = 0.2, 0.9, 0.002, 15, 5


def nets(data, seed):
    """The four trained networks, by name."""
    alone = replace(data, validation=None)  # nothing is chosen by validation accuracy
    arms = {
        "plain": (LeNet, {}),
        "augmented": (LeNet, AUGMENTED),
        "global pooling": (robustness.GlobalPoolingLeNet, {}),
    }
    trained = {}
    for name, (build, changes) in arms.items():
        torch.manual_seed(seed)
        trained[name] = build()
        for _record in train(trained[name], alone, replace(RECIPE, seed=seed, **changes)):
            pass
    torch.manual_seed(seed)
    trained["hardened"] = LeNet()
    robustness.train_against(
        trained["hardened"], data, TRAINED_EPSILON, epochs=2, batch_size=128, learning_rate=0.008, seed=seed
    )
    return trained


def curves(trained, data):
    """Right answers on the test images after each change: change → net → counts."""
    return {
        change: {
            name: robustness.right_after(net, data.test, change, amounts, data.background).sum(1).tolist()
            for name, net in trained.items()
            if name != "hardened"
        }
        for change, amounts in AMOUNTS.items()
    }


def attacks(trained, data):
    """Right answers on the test images under attack and under noise of the same size."""
    part, generator = data.test, torch.Generator().manual_seed(0)
    counts = {}
    for name in ("plain", "hardened"):
        net = trained[name]
        counts[name] = {"attacked": [], "noise": []}
        for epsilon in EPSILONS:
            hit = robustness.fgsm(net, part.images, part.labels, epsilon, data)
            noisy = robustness.sign_noise(part.images, epsilon, data, generator)
            for kind, images in (("attacked", hit), ("noise", noisy)):
                guesses = probabilities(net, images).argmax(1)
                counts[name][kind].append(int((guesses == part.labels).sum()))
    return counts


def logits_of(net, images):
    with evaluation_mode(net), torch.inference_mode():
        return torch.cat([net(part) for part in images.split(1000)])


def confidence_of(logits, labels):
    best = logits.softmax(1).max(1)
    return best.values.numpy(), (best.indices == labels).numpy()


def confidence(net, data):
    """Calibration before and after the temperature, and the rejection rule, judged on the test images."""
    held_out, test = logits_of(net, data.validation.images), logits_of(net, data.test.images)
    t = calibration.fit_temperature(held_out, data.validation.labels)
    found = {"temperature": round(t, 3)}
    for name, scale in (("before", 1.0), ("after", t)):
        sure, right = confidence_of(test / scale, data.test.labels)
        honest = calibration.honest_errors(sure, BINS)
        found[name] = {
            "error": round(calibration.calibration_error(sure, right, BINS), 5),
            "honest error": round(float(honest.mean()), 5),
            "honest range": np.quantile(honest, (0.025, 0.975)).round(5).tolist(),  # of 95 in 100
            "bins": [
                [round(b.high, 3), b.n, round(b.confidence, 4), round(b.accuracy, 4)]
                for b in calibration.reliability(sure, right, BINS)
            ],
        }
    threshold = calibration.rejection_threshold(
        *confidence_of(held_out / t, data.validation.labels), MOST_WRONG
    )
    kept, wrong, n = calibration.accepted(*confidence_of(test / t, data.test.labels), threshold)
    found["rejection"] = {"threshold": round(threshold, 4), "accepted": n, "wrong": round(wrong * n)}
    found["strangers"] = strangers(net, data, t, threshold)
    return found


def strangers(net, data, t, threshold):
    """Digits, and images that are no upright digits: how many, of how many the net is sure as it is, and
    how many the rule chosen for digits accepts.
    """
    noise = torch.rand(data.test.images.shape, generator=torch.Generator().manual_seed(0))
    kinds = {
        "digits": data.test.images,
        "upside down": robustness.turned(data.test.images, 180.0, data.background),
        "letters": data.from_unit(own_digits.font_set(LETTERS)[0]),
        "noise": data.from_unit(noise),
    } | clothes.at_hand(data)
    found = {}
    for name, images in kinds.items():
        logits = logits_of(net, images)
        found[name] = {
            "n": len(images),
            "sure": int((logits.softmax(1).max(1).values > SURE).sum()),
            "accepted": int(((logits / t).softmax(1).max(1).values >= threshold).sum()),
        }
    return found


def slices(net, data):
    """[right, n] by class, and by fifths of stroke width and slant with the fifths' edges."""
    right = (probabilities(net, data.test.images).argmax(1) == data.test.labels).numpy()
    pixels = data.to_unit(data.test.images)[:, 0].clamp(0, 1).numpy()
    labels = data.test.labels.numpy()
    found = {"class": [[int(right[labels == k].sum()), int((labels == k).sum())] for k in range(10)]}
    for name, values in (
        ("stroke width [pixels]", calibration.stroke_width(pixels)),
        ("slant [degrees]", calibration.slant(pixels)),
    ):
        edges = np.quantile(values, np.linspace(0, 1, PARTS + 1))
        place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, PARTS - 1)
        counts = [[int(right[place == k].sum()), int((place == k).sum())] for k in range(PARTS)]
        found[name] = {"edges": edges.round(2).tolist(), "counts": counts}
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    stored = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {"runs": {}}
    result = {
        "what": "full MNIST: 50,000 to train, 10,000 to choose, the 10,000 test images to judge",
        "command": "python -m benchmarks.beyond",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "recipe": {"epochs": 2, "batch": 128, "peak rate": 0.01, "augmented": AUGMENTED},
        "n": {"test images": 10_000, "validation images": 10_000},
        "amounts": AMOUNTS,
        "epsilons": EPSILONS,
        "trained against epsilon up to": TRAINED_EPSILON,
        "sure above": SURE,
        "most wrong": MOST_WRONG,
        "runs": stored["runs"],
    }
    for seed in options.seeds:
        try:
            data = load_dataset("mnist", seed=seed)
        except DataError as problem:
            raise SystemExit(str(problem)) from None
        trained = nets(data, seed)
        result["runs"][str(seed)] = {
            "curves": curves(trained, data),
            "attacks": attacks(trained, data),
            "confidence": confidence(trained["plain"], data),
            "slices": slices(trained["plain"], data),
        }
        RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        print(seed, json.dumps(result["runs"][str(seed)]["curves"]["shift"]), flush=True)


if __name__ == "__main__":
    main()
