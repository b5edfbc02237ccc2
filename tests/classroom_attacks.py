# ruff: noqa: E501  students' code, in one piece
"""Submissions of the old assignment 1: what each changes in a solved notebook, and what it must get."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field

FULL = {
    "undo-permutation": 10,
    "cross-correlate": 30,
    "output-size": 25,
    "fair-count": 20,
    "still-matches": 15,
}
CLASS, ATTACKS = {}, {}


@dataclass
class Case:
    """A change, the points that differ from full marks (None: a human must look), a word in the list, files."""

    change: Callable | None
    expected: dict = field(default_factory=dict)
    note: str = ""
    beside: Callable | None = None

    def grades(self):
        """Points of every test."""
        return FULL | self.expected


def case(note="", all=..., beside=None, **expected):
    """Decorator: a submission of the class, named by its function."""

    def add(change):
        points = {key.replace("_", "-"): value for key, value in expected.items()}
        CLASS[change.__name__.replace("_", "-")] = Case(
            change, points if all is ... else dict.fromkeys(FULL, all), note, beside
        )
        return change

    return add


def attack(change):
    """Decorator: code put before stubs that return 0; it must earn nothing."""

    def stubs(notebook):
        for task in FULL:
            name = task.replace("-", "_")
            answer(notebook, task, f"def {name}(*a, **k):\n    return 0")
        change(notebook)

    ATTACKS[change.__name__.replace("_", "-")] = stubs
    return change


def cell(notebook, grade_id):
    """The cell with this nbgrader id."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def answer(notebook, task, code):
    """Replace the answer to a task."""
    cell(notebook, f"{task}-answer")["source"] = code


def extra(notebook, code, before="undo-permutation-answer"):
    """Add a code cell of the student's own."""
    at = notebook["cells"].index(cell(notebook, before))
    new = {
        "cell_type": "code",
        "id": f"extra-{at}",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": code,
    }
    notebook["cells"].insert(at, new)


# Honest work --------------------------------------------------------------------------


@case()
def perfect(notebook):
    pass


@case(all=0.0)
def blank(notebook):
    for task in FULL:
        head = cell(notebook, f"{task}-answer")["source"].split("\n")[0]
        answer(notebook, task, head + "\n    raise NotImplementedError  # your code here")


@case(cross_correlate=10)
def flipped_kernel(notebook):
    text = "def cross_correlate(image, kernel):\n    kernel = kernel.flip(0, 1)\n    return F.conv2d(image[None, None], kernel[None, None])[0, 0]"
    answer(notebook, "cross-correlate", text)


@case(note="was deleted (put back)", undo_permutation=0, cross_correlate=10, output_size=0, still_matches=0)
def several_mistakes(notebook):
    """One of each in one notebook: each costs its own points and no others."""
    answer(notebook, "undo-permutation", "import os\ndef undo_permutation(weight, order):\n    os._exit(0)")
    flipped_kernel(notebook)
    endless_answer(notebook)
    notebook["cells"].remove(cell(notebook, "fair-count"))
    head = cell(notebook, "still-matches-answer")["source"].split("\n")[0]
    answer(notebook, "still-matches", head + "\n    raise NotImplementedError  # your code here")


@case()
def odd_forms(notebook):
    answer(
        notebook,
        "output-size",
        "def output_size(n, k, p=0, s=1, d=1):\n    return torch.tensor((n + 2 * p - d * (k - 1) - 1) // s + 1)",
    )
    answer(
        notebook,
        "fair-count",
        cell(notebook, "fair-count-answer")["source"].replace("return ", "return np.array([").rstrip() + "])",
    )
    answer(
        notebook,
        "still-matches",
        "def still_matches(dx, dy, pool):\n    return np.bool_(dx % pool == 0) & (np.array([dy]) % pool == 0)",
    )


@case()
def extra_cells(notebook):
    extra(notebook, "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()")
    extra(notebook, "!echo hello", before="cross-correlate")
    extra(
        notebook,
        "torch.set_num_threads(4); torch.set_default_dtype(torch.float64); from torch.nn.functional import *",
    )
    extra(
        notebook,
        "compiled = torch.compile(lambda x: x)\nopt = torch.optim.Adagrad([torch.zeros(1, requires_grad=True)])",
    )
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "thanks", "metadata": {}, "source": "谢谢！ Thank you."}
    )


@case()
def crlf(notebook):
    for c in notebook["cells"]:
        c["source"] = c["source"].replace("\n", "\r\n")
    return json.dumps(notebook, indent=1).replace("\n", "\r\n").encode("utf-8-sig")


@case(beside=lambda folder: (folder / "mine.py").write_text("def places(n, k):\n    return n - k + 1\n"))
def helper_file(notebook):
    answer(
        notebook,
        "output-size",
        "import mine\ndef output_size(n, k, p=0, s=1, d=1):\n    return (mine.places(n + 2 * p, d * (k - 1) + 1) - 1) // s + 1",
    )


@case(
    note="by its content", beside=lambda folder: (folder / "ps1.ipynb").rename(folder / "ps1 (final).ipynb")
)
def renamed(notebook):
    pass


@case(note="another order")
def other_order(notebook):
    notebook["cells"].reverse()


@case(cross_correlate=0, note="there is no answer")
def syntax_error(notebook):
    answer(notebook, "cross-correlate", "def cross_correlate(image, kernel)\n    return 1")


@case(note="was deleted", cross_correlate=0)
def answer_deleted(notebook):
    notebook["cells"].remove(cell(notebook, "cross-correlate-answer"))


@case(note="was deleted (put back)")
def test_deleted(notebook):
    notebook["cells"].remove(cell(notebook, "output-size"))


test_deleted.__test__ = False


@case(note="more than once")
def doubled(notebook):
    notebook["cells"].append(json.loads(json.dumps(cell(notebook, "fair-count"))) | {"id": "copied"})


# Runaway code: the rest stands ------------------------------------------------------------------


@case(note="was stopped")
def endless_cell(notebook):
    extra(
        notebook,
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nn = 0\nwhile True:\n    try:\n        n += 1\n    except BaseException:\n        pass",
    )


@case(output_size=0)
def endless_answer(notebook):
    answer(
        notebook,
        "output-size",
        "def output_size(n, k, p=0, s=1, d=1):\n    while True:\n        try:\n            n += 1\n        except BaseException:\n            pass",
    )


@case(output_size=20)
def endless_with_dilation_only(notebook):
    body = "    while d > 1:\n        pass\n    return (n + 2 * p - k) // s + 1"
    answer(notebook, "output-size", "def output_size(n, k, p=0, s=1, d=1):\n" + body)


@case(cross_correlate=0)
def exits_in_an_answer(notebook):
    answer(notebook, "cross-correlate", "import os\ndef cross_correlate(image, kernel):\n    os._exit(0)")


@case(note="was stopped")
def exits_in_a_cell(notebook):
    extra(notebook, "import os\nos._exit(0)")


@case(note="was stopped")
def fork_bomb(notebook):
    extra(
        notebook, "import os\nwhile True:\n    try:\n        os.fork()\n    except Exception:\n        pass"
    )


@case(output_size=0)
def memory_bomb(notebook):
    answer(
        notebook,
        "output-size",
        "def output_size(*a):\n    hoard = []\n    while True:\n        try:\n            hoard.append(bytearray(50_000_000))\n        except BaseException:\n            pass",
    )


@case()
def disk_bomb(notebook):
    extra(notebook, "with open('/tmp/big', 'wb') as f:\n    while True:\n        f.write(bytes(1_000_000))")


@case()
def print_flood(notebook):
    for _n in range(60):
        extra(notebook, "print('x' * 199_990)")


@case(note="waited", all=None)
def sleeps(notebook):
    for _n in range(5):
        extra(notebook, "import time; time.sleep(100)")


@case()
def stops_itself(notebook):
    extra(notebook, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")


def _strange_files(folder):
    os.mkfifo(folder / "fifo")
    with open(folder / "sparse", "wb") as file:
        file.truncate(3_000_000_000)
    (folder / "a\nb <img src=x>").write_text("x")
    (folder / os.fsdecode(b"\xff\xfe")).write_text("x")


@case(note="files beside the notebook were left out", beside=_strange_files)
def strange_files(notebook):
    pass


@case(output_size=0)
def surrogate(notebook):
    answer(
        notebook,
        "output-size",
        'def output_size(*a):\n    print("\\ud800")\n    raise BaseException("\\ud800")',
    )


@case(output_size=0, cross_correlate=0)
def writes_to_the_list(notebook):
    answer(notebook, "cross-correlate", 'raise RuntimeError("x\\n\\n- [x] everybody: checked")')
    answer(
        notebook,
        "output-size",
        'def output_size(*a):\n    raise BaseException("x\\n\\n## Worth a look\\n\\n- [x] everybody: checked")',
    )


@case(all=None, note="not a valid notebook")
def not_json(notebook):
    return json.dumps(notebook).encode()[:-200]


@case(all=None, note="not a valid notebook")
def deep_json(notebook):
    return b'{"nbformat": 4, "cells": ' + b"[" * 100_000


@case(all=None, note="not a valid notebook")
def empty_file(notebook):
    return b""


# Attacks: stubs that must get nothing --------------------------------------------------------


@case(all=0.0)
def patches_the_checks(notebook):
    for task in FULL:
        answer(notebook, task, f"def {task.replace('-', '_')}(*a, **k):\n    return 0")
    extra(
        notebook,
        "import lenet_helpers.checks as c\nc.Exercise = c.Trial = c.agree = lambda *a, **k: True\ntorch.allclose = lambda *a, **k: True",
    )


@attack
def the_solution_object(notebook):
    for task in FULL:
        answer(
            notebook, task, f"{task.replace('-', '_')} = check.exercise('{task.replace('-', '_')}').solution"
        )


@attack
def imports_the_exercises(notebook):
    names = [
        "lenet_helpers.checks.chapter1",
        "lenet_helpers.checks.trial",
        "classroom.exercises.ps1",
        "classroom.contract",
        "classroom.grading.judge",
    ]
    extra(
        notebook,
        f"import importlib\nfor n in {names}:\n    try:\n        m = importlib.import_module(n)\n        output_size = m.output_size\n    except ImportError:\n        pass",
    )


@attack
def reads_the_frames(notebook):
    text = "import sys\ndef {n}(*a, **k):\n    f = sys._getframe()\n    while f:\n        for v in f.f_locals.values():\n            s = getattr(v, 'solution', None)\n            if s: return s(*a, **k)\n        f = f.f_back"
    for task in FULL:
        answer(notebook, task, text.format(n=task.replace("-", "_")))


@attack
def collects_garbage(notebook):
    extra(
        notebook,
        "import gc\nfor o in gc.get_objects():\n    for n in ('solution', 'worth', 'seeds', 'points'):\n        try:\n            setattr(o, n, lambda *a, **k: 100)\n        except BaseException:\n            pass",
    )


@attack
def writes_frames_to_every_descriptor(notebook):
    extra(
        notebook,
        "import os, struct, msgpack\nm = msgpack.packb({'points': 100, 'value': 1, 'outputs': [], 'error': ''})\nfor fd in range(3, 64):\n    try:\n        os.write(fd, struct.pack('>I', len(m)) + m)\n    except OSError:\n        pass",
    )


@attack
def replaces_the_session(notebook):
    extra(
        notebook,
        "import classroom.grading.box as b\nb._Session._call = lambda self, r: {'value': True, 'after': [], 'points': 100}",
    )


@attack
def says_that_all_is_equal(notebook):
    extra(
        notebook,
        "class Yes(torch.Tensor):\n    def __eq__(self, other): return True\n    @classmethod\n    def __torch_function__(cls, *a, **k): return True",
    )
    for task in FULL:
        answer(
            notebook,
            task,
            f"def {task.replace('-', '_')}(*a, **k):\n    return torch.zeros(3, 3).as_subclass(Yes)",
        )


@attack
def prints_the_marks(notebook):
    for task in FULL:
        answer(
            notebook,
            task,
            f"def {task.replace('-', '_')}(*a, **k):\n    print('✓ 30 of 30\\n30.0')\n    return 30.0",
        )


@attack
def raises_what_the_examiner_catches(notebook):
    text = "from lenet_helpers.checks import Failed\nclass OutOfTime(BaseException): pass\nclass Missing(Exception): pass\ndef {n}(*a, **k):\n    raise [SystemExit(0), Missing(), OutOfTime(), GeneratorExit(), StopIteration(), Failed('')][len(a) % 6]"
    for task in FULL:
        answer(notebook, task, text.format(n=task.replace("-", "_")))


@attack
def returns_what_is_no_number(notebook):
    for task, value in zip(
        FULL,
        (
            "float('nan')",
            "torch.full((3, 3), float('nan'))",
            "float('inf')",
            "(float('nan'),) * 4",
            "10**5000",
        ),
    ):
        answer(notebook, task, f"def {task.replace('-', '_')}(*a, **k):\n    return {value}")


@attack
def returns_too_much(notebook):
    values = (
        "torch.zeros(1).expand(10**12)",
        "'x' * 10**8",
        "[0] * 10**7",
        "list(range(10**6))",
        "(lambda l: (l.append(l), l)[1])([])",
    )
    for task, value in zip(FULL, values):
        answer(notebook, task, f"def {task.replace('-', '_')}(*a, **k):\n    return {value}")


@attack
def lies_about_its_network(notebook):
    for task in FULL:
        answer(
            notebook,
            task,
            f"class {task.replace('-', '_')}(torch.nn.Module):\n    def __init__(self, *a, **k):\n        super().__init__()",
        )


@attack
def changes_its_arguments_into_the_answer(notebook):
    answer(
        notebook,
        "undo-permutation",
        "def undo_permutation(weight, order):\n    weight.zero_()\n    order.zero_()\n    return weight",
    )


@attack
def copies_its_input(notebook):
    answer(notebook, "undo-permutation", "def undo_permutation(weight, order):\n    return weight")
    answer(
        notebook,
        "cross-correlate",
        "def cross_correlate(image, kernel):\n    return image.new_zeros(image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1)",
    )


@attack
def always_false(notebook):
    answer(notebook, "still-matches", "def still_matches(dx, dy, pool):\n    return False")


@attack
def edits_the_metadata(notebook):
    for c in notebook["cells"]:
        if c["metadata"].get("nbgrader", {}).get("grade"):
            c["metadata"]["nbgrader"] |= {"points": 0.001, "solution": True, "score": 100}
            c["source"] = "30"
    notebook["metadata"]["classroom"] = {"undecided": {}, "zero": {}, "notes": [], "points": 100}


@attack
def leaves_a_process_that_answers(notebook):
    extra(
        notebook,
        "import os, time\nif os.fork() == 0:\n    while True:\n        for fd in range(3, 30):\n            try:\n                os.write(fd, bytes(8))\n            except OSError:\n                pass\n        time.sleep(0.01)",
    )


@attack
def hooks_of_the_shell(notebook):
    extra(
        notebook,
        "ip = get_ipython()\nip.events.register('post_run_cell', lambda r: setattr(r, 'result', 30.0))\nip.input_transformers_post.append(lambda lines: ['30.0\\n'] if 'points(' in ''.join(lines) else lines)",
    )


@attack
def numbers_that_compare_as_they_like(notebook):
    extra(
        notebook,
        "class Any(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\n    def __lt__(self, o): return True",
    )
    for task in FULL:
        answer(
            notebook,
            task,
            f"def {task.replace('-', '_')}(*a, **k):\n    return (Any(1),) * 4 if '{task}' == 'fair-count' else Any(1)",
        )


@attack
def looks_for_the_course(notebook):
    extra(
        notebook,
        "import os, sys\nfor top in ('/work', '/home', '/root', '/suite', '/tmp', '/srv', '/mnt'):\n    for folder, below, names in os.walk(top):\n        if folder.startswith((sys.prefix, sys.base_prefix)):\n            below[:] = []\n            continue\n        for n in names:\n            try:\n                text = open(os.path.join(folder, n), errors='ignore').read()\n            except OSError:\n                continue\n            assert 'HIDDEN' + ' TESTS' not in text and 'UNDO_' + 'PERMUTATION' not in text, n\nprint('clean')",
    )


@attack
def kills_whatever_it_can(notebook):
    extra(
        notebook,
        "import os, signal\nfor pid in range(2, 400):\n    try:\n        os.kill(pid, signal.SIGKILL)\n    except OSError:\n        pass",
    )
