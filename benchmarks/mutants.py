"""Would the tests notice? Faults planted by machine in the core and the checks, one at a time.

    python -m benchmarks.mutants [--count 300] [--seed 0] [--minutes 60] [--workers 2]

Draws mutants (cosmic-ray's operators: another comparison, another sum, a number off by one,
a branch turned round, a loop never run, …), leaves out those with which the module cannot
even be imported, and runs the tests of each one's module. Writes docs/mutants.json after
every mutant: a second call goes on where the first stopped. Prints how many were killed and
the survivors, each of which is to be looked at.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "docs" / "mutants.json"
NEEDED = ("lenet_helpers", "tests", "benchmarks", "tools", "classroom", "conftest.py", "pyproject.toml")
# A module's tests, the likeliest to notice first. Modules not named have a test file of their own name.
TESTS = {
    "fit": ["test_training", "test_models"],
    "state": ["test_training", "test_checkpoint"],
    "training": ["test_training", "test_session", "test_checkpoint"],
    "train_config": ["test_train_config", "test_training", "test_checkpoint"],
    "modes": ["test_modes", "test_training"],
    "data": ["test_data", "test_training"],
    "levers": ["test_levers", "test_models", "test_train_config"],
    "summary": ["test_summary", "test_lenet1998"],
    "models": ["test_models"],
    "wording": ["test_wording"],
}


def modules():
    """The modules in which faults are planted, by path from the root."""
    core = [p for p in (ROOT / "lenet_helpers").glob("*.py") if p.stem not in ("__init__", "from_nothing")]
    core += (ROOT / "lenet_helpers" / "lenet1998").glob("*.py")
    checks = [p for p in (ROOT / "lenet_helpers" / "checks").glob("*.py") if p.stem != "__init__"]
    return sorted(str(p.relative_to(ROOT)) for p in core + checks)


def candidates(path):
    """[(operator, occurrence)] of all mutants of a module."""
    tree = get_ast((ROOT / path).read_text("utf-8"))
    found = []
    for name in operator_names():
        if "Variable" in name:  # wants to be told which
            continue
        operator = get_operator(name)()
        n = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))
        found += [(name, i) for i in range(n)]
    return found


def drawn(count, seed):
    """`count` mutants as (path, operator, occurrence), every place in the code as likely as any other."""
    rng, places = random.Random(seed), {}
    for path in modules():
        for name, occurrence in candidates(path):
            # Twenty ways to replace one comparison are one place: else only comparisons would be drawn.
            kind = name.rpartition("_")[0] if "Replace" in name and "Operator" in name else name
            places.setdefault((path, kind, occurrence), []).append(name)
    chosen = rng.sample(sorted(places), min(2 * count, len(places)))  # some cannot be imported
    return [(path, rng.choice(places[path, kind, n]), n) for path, kind, n in chosen]


def tests_of(path):
    """Arguments of pytest for the tests of a module."""
    stem = Path(path).stem
    if "lenet1998" in Path(path).parts:
        return ["tests/test_lenet1998.py"]
    if "checks" in Path(path).parts:
        return ["tests/test_checks.py", "tests/test_known_wrong.py"]
    return [f"tests/{name}.py" for name in TESTS.get(stem, [f"test_{stem}"])]


class Bench:
    """A copy of the course in which one module at a time is replaced."""

    def __init__(self, folder):
        self.folder = Path(folder)
        for name in NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.folder / name)
        self.environment = os.environ | {
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "LENET_PROGRESS": "off",
        }

    def run(self, *arguments, limit):
        """The exit status of Python with these arguments; None where it took too long."""
        try:
            return subprocess.run(
                [sys.executable, *arguments],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                timeout=limit,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return None

    def judge(self, path, name, occurrence, limit=300):
        """ "killed", "survived", or None for a mutant that is none: the same code, or not to be imported."""
        code = (ROOT / path).read_text("utf-8")
        mutated = mutate_code(code, get_operator(name)(), occurrence)
        if mutated is None or mutated == code:
            return None
        (self.folder / path).write_text(mutated, "utf-8")
        try:
            module = path.removesuffix(".py").replace("/", ".")
            if self.run("-c", f"import {module}, lenet_helpers", limit=60) != 0:
                return None
            pytest = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests_of(path)]
            return "survived" if self.run(*pytest, limit=limit) == 0 else "killed"
        finally:
            (self.folder / path).write_text(code, "utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    stored = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    if stored.get("seed") != options.seed:
        stored = {"command": "python -m benchmarks.mutants", "seed": options.seed, "mutants": {}}
    waiting = [
        m for m in drawn(options.count, options.seed) if " ".join(map(str, m)) not in stored["mutants"]
    ]

    def work(share):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(folder)
            for mutant in share:
                judged = [v for v in stored["mutants"].values() if v]
                if time.monotonic() > end or len(judged) >= options.count:
                    return
                stored["mutants"][" ".join(map(str, mutant))] = bench.judge(*mutant)
                stored["date"] = time.strftime("%Y-%m-%d")
                RESULT.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(work, [waiting[i :: options.workers] for i in range(options.workers)]))
    report(stored)


def report(stored):
    """Print the share killed and every survivor."""
    verdicts = [v for v in stored["mutants"].values() if v]
    killed = verdicts.count("killed")
    print(f"{killed} of {len(verdicts)} mutants killed ({100 * killed / max(1, len(verdicts)):.1f} %)")
    for mutant, verdict in sorted(stored["mutants"].items()):
        if verdict == "survived":
            print("survived:", mutant)


if __name__ == "__main__":
    main()
