"""Would the tests notice? Faults planted by machine in the core and the checks, one at a time.

    python -m benchmarks.mutants [--count 300] [--seed 0] [--minutes 60] [--module lenet_helpers/fit.py]

Draws mutants (cosmic-ray's operators: another comparison, another sum, a number off by one,
a branch turned round, a loop never run, …), leaves out those with which the module cannot
even be imported, and runs the tests of each one's module. Writes docs/mutants.json after
every mutant: a second call goes on where the first stopped. Prints how many were killed and
the survivors, each of which is to be looked at.

A number in a chapter's checks chooses inputs, mostly: a size, a rate, how many are drawn. Seven
instead of six is another choice and no fault, so those are drawn apart, with --inputs.
"""

import argparse
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

# What the tests import beside the course is at hand in every fork.
OTHERS = "torch torchvision hypothesis ipywidgets matplotlib.figure nbclient nbval.plugin sklearn.metrics"
for name in OTHERS.split():
    importlib.import_module(name)

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "docs" / "mutants.json"
EMPTY = {"command": "python -m benchmarks.mutants"}
NEEDED = tuple("lenet_helpers tests benchmarks tools classroom notebooks conftest.py pyproject.toml".split())
# A module's tests, the likeliest to notice first. Modules not named have a test file of their own name.
TESTS = {
    "fit": ["test_training", "test_models"],
    "state": ["test_training", "test_checkpoint"],
    "training": ["test_training", "test_session", "test_checkpoint", "test_reliability_running"],
    "train_config": ["test_levers", "test_train_config", "test_training", "test_checkpoint"],
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


def chooses_inputs(path, name):
    """Whether a mutant is another number in a chapter's checks."""
    return "checks/chapter" in path and name.endswith("NumberReplacer")


def drawn(count, seed, paths=None, inputs=False):
    """`count` mutants as (path, operator, occurrence), every place in the code as likely as any other."""
    rng, places = random.Random(seed), {}
    for path in paths or modules():
        for name, occurrence in candidates(path):
            if chooses_inputs(path, name) != inputs:
                continue
            # Twenty ways to replace one comparison are one place: else only comparisons would be drawn.
            kind = name.rpartition("_")[0] if "Replace" in name and "Operator" in name else name
            places.setdefault((path, kind, occurrence), []).append(name)
    chosen = rng.sample(sorted(places), min(2 * count, len(places)))  # some cannot be imported
    return [(path, rng.choice(places[path, kind, n]), n) for path, kind, n in chosen]


def tests_of(path):
    """pytest's arguments for the tests of a module: of each run, the likeliest to notice first."""
    stem = Path(path).stem
    if "lenet1998" in Path(path).parts:
        return [["tests/test_lenet1998.py"]]
    if "checks" in Path(path).parts:
        files = [f"tests/test_{name}.py" for name in ("known_wrong", "blind_answers", "mutants")]
        own = re.findall(r'Exercise\(\s*"(\w+)"', (ROOT / path).read_text("utf-8"))
        if own:  # of the answers only those to the module's own exercises
            return [[*files, "-k", " or ".join(own)], ["tests/test_checks.py"]]
        named = [f"tests/test_{name}.py" for name in (stem, "checks")]
        return [[name] for name in named if (ROOT / name).exists()] + [files]
    return [[f"tests/{name}.py" for name in TESTS.get(stem, [f"test_{stem}"])]]


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
        self.sound = set()  # the runs of tests that were seen to pass without a fault
        os.environ.update(OMP_NUM_THREADS="1", LENET_PROGRESS="off")
        sys.dont_write_bytecode = False  # what was not changed is compiled once

    def run(self, arguments, limit):
        """pytest's exit status with these arguments; negative or None where it took too long.

        In a fork of this process, which has torch and pytest at hand: of each mutant only the course is
        imported anew.
        """
        child = os.fork()
        if child == 0:
            os.setsid()
            # Of processor time: beside other programs an hour is soon gone.
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
            os.chdir(self.folder)
            sys.path[:0] = [str(self.folder)]
            os.environ["PYTHONPATH"] = str(self.folder)
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silent, stream)
            os._exit(pytest.main(arguments))
        end = time.monotonic() + 5 * limit
        while time.monotonic() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def test(self, path, limit=300):
        """pytest's exit status of a module's tests: of the first run that does not pass."""
        for arguments in tests_of(path):
            status = self.run(["-x", "-q", "-p", "no:cacheprovider", *arguments], limit)
            if status != pytest.ExitCode.OK:
                return status
            self.sound.add(tuple(arguments))
        return pytest.ExitCode.OK

    def judge(self, path, name, occurrence):
        """ "killed", "survived", or None for a mutant that is none: the same code, or not to be imported."""
        code = (ROOT / path).read_text("utf-8")
        mutated = mutate_code(code, get_operator(name)(), occurrence)
        if mutated is None or mutated == code:
            return None
        # What fails without a fault would kill every mutant.
        if not self.sound.issuperset(map(tuple, tests_of(path))) and self.test(path) != pytest.ExitCode.OK:
            raise RuntimeError(f"{path}: its tests fail without a fault")
        (self.folder / path).write_text(mutated, "utf-8")
        try:
            status = self.test(path)
            if status == pytest.ExitCode.INTERRUPTED:  # the tests could not be collected
                return None
            return "survived" if status == pytest.ExitCode.OK else "killed"
        finally:
            (self.folder / path).write_text(code, "utf-8")
            for compiled in (self.folder / path).parent.glob(f"__pycache__/{Path(path).stem}.*.pyc"):
                compiled.unlink()  # of the mutant: another may have its length and its second


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--part", type=int, nargs=2, default=(1, 1), help="1 2 and 2 2 share the work")
    parser.add_argument("--module", nargs="*", help="in these alone")
    parser.add_argument("--inputs", action="store_true", help="the numbers that choose inputs")
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    part, parts = options.part
    waiting = drawn(options.count, options.seed, options.module, options.inputs)[part - 1 :: parts]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        for mutant in waiting:
            name, stored = " ".join(map(str, mutant)), load(options.result, options.seed)
            group = stored["inputs" if options.inputs else "mutants"]
            enough = len([v for v in group.values() if v]) >= options.count
            if time.monotonic() > end or enough:
                break
            if name in group:
                continue
            verdict = bench.judge(*mutant)
            stored = load(options.result, options.seed)  # another part may have written meanwhile
            stored["inputs" if options.inputs else "mutants"][name] = verdict
            stored["date"] = time.strftime("%Y-%m-%d")
            options.result.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    report(load(options.result, options.seed))


def load(path, seed):
    """What earlier calls with this seed have stored."""
    stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return stored if stored.get("seed") == seed else {**EMPTY, "seed": seed, "mutants": {}, "inputs": {}}


def report(stored):
    """Print the share killed and every survivor, of both groups."""
    for group in ("mutants", "inputs"):
        verdicts = [v for v in stored[group].values() if v]
        killed = verdicts.count("killed")
        print(f"{group}: {killed} of {len(verdicts)} killed ({100 * killed / max(1, len(verdicts)):.1f} %)")
        for mutant, verdict in sorted(stored[group].items()):
            if verdict == "survived":
                print("survived:", mutant)


if __name__ == "__main__":
    main()
