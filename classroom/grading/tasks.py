"""What a test cell asks for, and the exercise that judges it.

A test cell of the teacher's says `points("name", answer, {"property": points, ...},
seeds=(...))`. It is read, never run. Exercises stand in `exercises/<assignment>.py` of the
course, which no student gets.
"""

import ast
import hashlib
import importlib.util
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

EXERCISES = "exercises"


@dataclass(frozen=True)
class Task:
    """One call of `points`: which exercise, which answer (an expression), points by property, seeds."""

    exercise: str
    answer: str
    worth: dict
    seeds: tuple

    @property
    def total(self):
        """All its points."""
        return sum(self.worth.values())


def task_of(source):
    """The `Task` in a test cell's source, or None: then it is a cell with tests of its own."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "points" and len(node.args) >= 3:
            try:
                name, worth = ast.literal_eval(node.args[0]), ast.literal_eval(node.args[2])
                seeds = next((ast.literal_eval(k.value) for k in node.keywords if k.arg == "seeds"), ())
            except ValueError:
                return None
            return Task(name, ast.unparse(node.args[1]), worth, tuple(seeds))
    return None


def load(folder, assignment):
    """The exercises of one assignment by name: dict from name to Exercise."""
    path = Path(folder) / f"{assignment}.py"
    if not path.is_file():
        return {}
    # A name of its own for each folder: two courses may be graded in one process.
    name = f"exercises_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{assignment}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    from lenet_helpers.checks import Exercise

    return {e.name: e for e in vars(sys.modules[name]).values() if isinstance(e, Exercise)}


def private_seed(root):
    """Random bytes that this course keeps to itself, made at the first grading: text, hexadecimal.

    With them, seeds that stand in a public repository do not tell which inputs are drawn.
    """
    path = Path(root) / "private-seed"
    if not path.exists():
        path.write_text(secrets.token_hex(16) + "\n")
        path.chmod(0o600)
    return path.read_text().strip()


def mixed(private, seed):
    """A seed for the inputs, from the course's own and the one in the test cell."""
    return int.from_bytes(hashlib.sha256(f"{private} {seed}".encode()).digest()[:6], "big")
