"""Four workers on one study, one of them killed in the middle of a trial: what chapter 4 shows.

    python -m benchmarks.search_team

The embedded digits, two epochs a trial, 24 trials. Writes `notebooks/results/search-team.json`.
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

from lenet_helpers.search import best_so_far, finished, importances
from lenet_helpers.search_team import accounts, work_together

RESULTS = Path(__file__).resolve().parent.parent / "notebooks" / "results" / "search-team.json"


def main(trials=24):
    with tempfile.TemporaryDirectory() as folder:
        study, lost = work_together(f"sqlite:///{folder}/team.db", "--epochs", "2", trials=trials, patience=1800)
        done, missing, twice, again = accounts(study, trials)
        values, _best = best_so_far(study)
        workers = Counter(t.user_attrs["worker"] for t in finished(study))
        content = {
            "what": "four workers, one killed, one sent in; embedded digits, two epochs a trial",
            "command": "python -m benchmarks.search_team",
            "trials": trials, "done": done, "lost": missing, "counted_twice": twice, "begun_again": again,
            "slot_cut_off": lost.user_attrs["slot"],
            "trials_by_worker": sorted(workers.values(), reverse=True),
            "values": [None if v != v else round(float(v), 4) for v in values],
            "importances": {name: round(share, 3) for name, share in importances(study).items()},
            "best": {name: round(value, 5) for name, value in study.best_params.items()},
        }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print({key: content[key] for key in ("done", "lost", "counted_twice", "begun_again")})


if __name__ == "__main__":
    main()
