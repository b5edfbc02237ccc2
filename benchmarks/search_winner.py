"""A search with enough trials, and its winner judged by seeds and images that had no part in it.

    python -m benchmarks.search_winner

The embedded digits: 2,000 for training, 1,000 to choose by, 1,000 others to judge by. Writes
`lenet_helpers/results/search-winner.json`, which chapter 4 shows.
"""

import json
import platform
from dataclasses import asdict
from datetime import date

import optuna
import torch

from lenet_helpers import load_dataset
from lenet_helpers.results import FOLDER
from lenet_helpers.tuning.evidence import pack
from lenet_helpers.tuning.question import Search, question
from lenet_helpers.tuning.search import (
    STARTUP,
    halves,
    importances,
    judge,
    open_study,
    tried,
    winner,
    work,
)

RESULTS = FOLDER / "search-winner.json"
SEEDS = tuple(range(1, 9))  # the search's own is 0


def main(trials=120, epochs=3.0, n_train=2000, validation=2000, seeds=SEEDS):
    torch.set_num_threads(1)
    for_search, for_judging = halves(load_dataset(n_train=n_train, validation=validation))
    search = Search(trials, epochs)
    study = open_study(seed=0)
    work(study, for_search, search)
    best = winner(study)
    content = {
        "what": "one study on the embedded digits; its winner and the quick recipe trained again",
        "command": "python -m benchmarks.search_winner",
        "date": date.today().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "optuna": optuna.__version__,
        },
        "question": question(for_search, search),
        "random": STARTUP,
        "trials": [_rounded(asdict(one)) for one in tried(study)],
        "importances": {name: round(float(share), 3) for name, share in importances(study).items()},
        "winner": {"slot": best.user_attrs["slot"], "score": best.value, "values": best.params},
        "seeds": list(seeds),
        "images": len(for_judging.validation),
        "right": {
            "winner": pack(judge(best.params, for_judging, epochs, seeds)),
            "quick recipe": pack(judge({}, for_judging, epochs, seeds)),
        },
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{trials} trials; the winner: {100 * best.value:.1f} % with {best.params}")


def _rounded(trial):
    values = {name: float(f"{value:.5g}") for name, value in trial["values"].items()}
    return trial | {"values": values, "reports": [round(report, 4) for report in trial["reports"]]}


if __name__ == "__main__":
    main()
