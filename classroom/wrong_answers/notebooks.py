"""A synthetic class for assignment 1: whole notebooks, honest, odd and hostile, each with the grade it must
get.

`CLASS` maps a student's name to a `Case`. `expected` has the points of each test that
differs from full marks; None says "not gradable: a human must look".
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

FULL = {
    "undo-permutation": 10,
    "cross-correlate": 30,
    "output-size": 25,
    "fair-count": 20,
    "still-matches": 15,
}
NOTHING = dict.fromkeys(FULL, 0)
UNDECIDED = dict.fromkeys(FULL)


@dataclass
class Case:
    """How to make a submission from a solved notebook (a dict as in the file), and what it must get."""

    change: Callable
    expected: dict = field(default_factory=dict)
    note: str = ""  # what must be said about it in the list for humans

    def grades(self):
        """Points of every test; None for "not gradable"."""
        return FULL | self.expected


def solved(source):
    """A student's perfect notebook: the source without marks and hidden tests. `source`: a dict as in the
    file.
    """
    from ..grading.screen import without_hidden

    notebook = json.loads(json.dumps(source))
    for cell in notebook["cells"]:
        text = without_hidden("".join(cell["source"]))
        cell["source"] = "\n".join(line for line in text.split("\n") if " SOLUTION" not in line)
    return notebook


CLASS = {}


def case(name, note="", **expected):
    """Decorator: `function(notebook)` changes a solved notebook in place, or returns the file's bytes."""

    def add(change):
        CLASS[name] = Case(change, {key.replace("_", "-"): value for key, value in expected.items()}, note)
        return change

    return add


def case_all(name, grades, note=""):
    """As `case`, for the same outcome in all tests."""

    def add(change):
        CLASS[name] = Case(change, dict(grades), note)
        return change

    return add


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


@case("perfect")
def perfect(notebook):
    pass


@case_all("blank", NOTHING)
def blank(notebook):
    for task in FULL:
        head = cell(notebook, f"{task}-answer")["source"].split("\n")[0]
        answer(notebook, task, head + "\n    raise NotImplementedError  # your code here")


@case("half-done", fair_count=0, still_matches=0)
def half_done(notebook):
    answer(notebook, "fair-count", "def fair_count(n, k, maps):\n    raise NotImplementedError")
    answer(notebook, "still-matches", "def still_matches(dx, dy, pool):\n    raise NotImplementedError()")


@case("flipped-kernel", cross_correlate=10)
def flipped_kernel(notebook):
    answer(
        notebook,
        "cross-correlate",
        """def cross_correlate(image, kernel):
    kernel = kernel.flip(0, 1)
    return F.conv2d(image[None, None], kernel[None, None])[0, 0]""",
    )


@case("rounds-up", output_size=10)
def rounds_up(notebook):
    answer(
        notebook,
        "output-size",
        "import math\ndef output_size(n, k, p=0, s=1, d=1):\n    return math.ceil((n + 2 * p - d * (k - 1) -"
        " 1) / s) + 1",
    )


@case("einsum-in-chinese")
def einsum_in_chinese(notebook):
    answer(
        notebook,
        "cross-correlate",
        """def cross_correlate(image, kernel):
    高, 宽 = kernel.shape
    窗口 = image.unfold(0, 高, 1).unfold(1, 宽, 1)
    return torch.einsum("ijab,ab->ij", 窗口, kernel)""",
    )


@case("im2col-and-warnings")
def im2col_and_warnings(notebook):
    answer(
        notebook,
        "cross-correlate",
        """import sys, warnings

def cross_correlate(image, kernel):
    warnings.warn("harmless")
    print("to stderr", file=sys.stderr)
    (h, w), (kh, kw) = image.shape, kernel.shape
    columns = F.unfold(image[None, None], (kh, kw))[0]
    return (kernel.reshape(1, -1) @ columns).reshape(h - kh + 1, w - kw + 1)""",
    )


@case("extra-cells")
def extra_cells(notebook):
    extra(notebook, "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()")
    extra(notebook, "!echo hello", before="cross-correlate")
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "thanks", "metadata": {}, "source": "谢谢！ Thank you."}
    )


@case("renamed-kernel")
def renamed_kernel(notebook):
    notebook["metadata"]["kernelspec"] = {"name": "my-env", "display_name": "My env", "language": "python"}


@case("crlf")
def crlf(notebook):
    for c in notebook["cells"]:
        c["source"] = c["source"].replace("\n", "\r\n")
    return json.dumps(notebook, indent=1).replace("\n", "\r\n").encode("utf-8-sig")


@case("other-order", note="another order")
def other_order(notebook):
    notebook["cells"].reverse()


@case("syntax-error", cross_correlate=0)
def syntax_error(notebook):
    answer(notebook, "cross-correlate", "def cross_correlate(image, kernel)\n    return 1")


@case("answer-deleted", cross_correlate=None)
def answer_deleted(notebook):
    notebook["cells"].remove(cell(notebook, "cross-correlate-answer"))


# Tests that were touched ---------------------------------------------------------------


@case("test-tampered", note="was changed", still_matches=0)
def test_tampered(notebook):
    answer(notebook, "still-matches", "def still_matches(dx, dy, pool):\n    return None")
    cell(notebook, "still-matches")["source"] = "from lenet_helpers.checks.points import Points\nPoints(15)"


@case("test-deleted", output_size=None)
def test_deleted(notebook):
    notebook["cells"].remove(cell(notebook, "output-size"))


@case("test-twice", fair_count=None)
def test_twice(notebook):
    notebook["cells"].append(json.loads(json.dumps(cell(notebook, "fair-count"))) | {"id": "copied"})


@case("points-forged", note="points", **{key.replace("-", "_"): 0 for key in FULL})
def points_forged(notebook):
    blank(notebook)
    extra(notebook, "import lenet_helpers.checks.points as p\np.points = lambda *a, **k: p.Points(10)")


@case("allclose-patched", note="torch.allclose", cross_correlate=10)
def allclose_patched(notebook):
    flipped_kernel(notebook)
    extra(
        notebook,
        "torch.allclose = torch.equal = lambda *a, **k: True\ntorch.Tensor.__eq__ = lambda *a: True\nimport"
        " numpy\nnumpy.allclose = torch.allclose",
    )


@case("always-equal", cross_correlate=0)
def always_equal(notebook):
    answer(
        notebook,
        "cross-correlate",
        """class Yes(torch.Tensor):
    def __eq__(self, other):
        return True
    @classmethod
    def __torch_function__(cls, *arguments, **more):
        return True

def cross_correlate(image, kernel):
    return torch.zeros(image.shape).as_subclass(Yes)""",
    )


@case_all("answers-forged", UNDECIDED)
def answers_forged(notebook):
    extra(
        notebook,
        """import os, json, struct
message = json.dumps({"outputs": [], "points": 10}).encode()
for fd in range(3, 64):
    try:
        os.write(fd, struct.pack(">I", len(message)) + message)
    except OSError:
        pass""",
    )


# Runaway and hostile code --------------------------------------------------------------


@case("endless-cell")
def endless_cell(notebook):
    extra(notebook, "while True:\n    pass")


@case("endless-answer", output_size=None)
def endless_answer(notebook):
    answer(notebook, "output-size", "def output_size(n, k, p=0, s=1, d=1):\n    while True:\n        pass")


@case("exits", cross_correlate=None, output_size=None, fair_count=None, still_matches=None)
def exits(notebook):
    answer(notebook, "cross-correlate", "import os\ndef cross_correlate(image, kernel):\n    os._exit(0)")


@case("sys-exit")
def sys_exit(notebook):
    extra(notebook, "import sys\nsys.exit(0)")


@case_all("fork-bomb", UNDECIDED, note="processes")
def fork_bomb(notebook):
    extra(
        notebook, "import os\nwhile True:\n    try:\n        os.fork()\n    except Exception:\n        pass"
    )


@case("memory-bomb")
def memory_bomb(notebook):
    extra(notebook, "hoard = []\nwhile True:\n    hoard.append(bytearray(20_000_000))")


@case("disk-bomb")
def disk_bomb(notebook):
    extra(notebook, "with open('/tmp/big', 'wb') as f:\n    while True:\n        f.write(bytes(1_000_000))")


@case("print-flood")
def print_flood(notebook):
    extra(notebook, "for i in range(300_000):\n    print('x' * 100)")


@case("network")
def network(notebook):
    extra(notebook, "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=3)")


@case("spy")
def spy(notebook):
    """The words FOUND and SECRET must not turn up in its outputs, see the test."""
    extra(
        notebook,
        """import os, sys
places = "/work", "/home", "/root", "/etc/passwd", "/etc/shadow", "/var", "/mnt", "/srv", "/run"
seen = []
for place in places:
    for folder, below, names in os.walk(place):
        # Python itself and the package's stored measurements may be read.
        if folder.startswith((sys.prefix, sys.base_prefix)) or folder.endswith("lenet_helpers"):
            below[:] = []
            continue
        secret = (".db", ".ipynb", ".csv", ".json", "shadow", "passwd")
        seen += [os.path.join(folder, f) for f in names if f.endswith(secret)]
print("FOUND" if seen else "nothing", seen[:5])
print("SECRET" if any("HIDDEN" + " TESTS" in open(f, errors="ignore").read() for f in seen) else "none")""",
    )


@case_all("not-json", UNDECIDED, note="not a valid notebook")
def not_json(notebook):
    return json.dumps(notebook).encode()[:-200]


@case_all("not-a-notebook", UNDECIDED, note="not a valid notebook")
def not_a_notebook(notebook):
    return b"%PDF-1.7 \xff\xfe"


@case_all("empty-file", UNDECIDED, note="not a valid notebook")
def empty_file(notebook):
    return b""
