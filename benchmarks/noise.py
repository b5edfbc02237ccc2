"""The same configuration with many seeds: how far do runs differ by luck alone?

    python -m benchmarks.noise

The quick recipe on the embedded digits (3,000 to train, 1,000 for validation, the split
fixed), 20 seeds. Writes which validation images each run gets right, packed, to
`lenet_helpers/results/noise.json`. One thread, so that the digits repeat.
"""

import json
import platform
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from lenet_helpers.data import load_dataset
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.training import QUICK, train
from lenet_helpers.tuning.evidence import pack
from lenet_helpers.tuning.session import score_images

RESULTS = Path(__file__).resolve().parent.parent / "lenet_helpers" / "results" / "noise.json"


def right_images(digits, seed):
    """Bool (validation images,): what the quick recipe with this seed gets right."""
    model = new_model(LeNetConfig(), seed)
    for _record in train(model, replace(digits, validation=None), replace(QUICK, seed=seed)):
        pass
    return score_images(model, digits.validation)[1]


def main(seeds=20):
    torch.set_num_threads(1)
    digits = load_dataset("mnist-5k")
    correct = np.stack([right_images(digits, seed) for seed in range(seeds)])
    content = {
        "what": "validation images that each seed gets right; the embedded digits, 3,000 to train",
        "command": "python -m benchmarks.noise",
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "recipe": asdict(QUICK),
        "images": correct.shape[1],
        "seeds": seeds,
        "sd": round(float(correct.mean(axis=1).std(ddof=1)), 5),
        "accuracies": [round(float(a), 4) for a in correct.mean(axis=1)],
        "correct": pack(correct),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print(
        f"{seeds} seeds: mean {100 * correct.mean():.2f} %, s.d. {100 * correct.mean(axis=1).std(ddof=1):.2f}"
        " points"
    )


if __name__ == "__main__":
    main()
