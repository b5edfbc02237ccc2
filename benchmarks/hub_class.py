"""A class rehearsed on a real hub: what it costs, how long a result takes, what gives way first.

    python -m benchmarks.hub_class [--students 1 5 10 20]     # or one size after another

Hub, proxy, single-user servers, exchange and Formgrader are those of `python -m deploy.hub`; students
come over websockets as their browsers would. Writes `lenet_helpers/results/hub-class.json` and prints
the tables of docs/scaling.md.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from deploy.hub.__main__ import command_line, descendants
from deploy.hub.course import ROOT
from lenet_helpers.results import FOLDER

from .hub_browser import BrowserPerson
from .hub_people import CELLS, CHAPTER, DASHBOARD, Person

RESULTS = FOLDER / "hub-class.json"
GRADERS = ("grace", "gus")
WAIT = 60  # seconds from click to result that a class bears
PLAN = (30, 200)


class RunningHub:
    """`python -m deploy.hub` with a class of its own; use as a context manager."""

    def __init__(self, folder, n_students, **limits):
        self.folder = Path(folder) / "hub"
        self.students = [f"s{n:03}" for n in range(1, n_students + 1)]
        lines = ["[course]", 'released = ["ps1"]', "[limits]"]
        lines += [f"{name} = {value}" for name, value in limits.items()]
        lines += ["[graders]", *(f'{name} = {{ name = "{name}" }}' for name in GRADERS)]
        lines += ["[students]", *(f'{name} = {{ name = "Student {name}" }}' for name in self.students)]
        self.file = Path(folder) / "class.toml"
        self.file.write_text("\n".join(lines) + "\n", "utf-8")

    def __enter__(self):
        self.log = open(self.file.with_name("launcher.log"), "w+")
        command = [sys.executable, "-m", "deploy.hub", "--class", str(self.file)]
        command += ["--folder", str(self.folder), "--port", "0"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=self.log, stderr=self.log
        )
        try:
            self.wait_for("JupyterHub is at")
            said = Path(self.log.name).read_text()
            self.address, port = re.search(r"(http://127\.0\.0\.1:(\d+)),", said).groups()
            self.port = int(port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def wait_for(self, sentence, seconds=300):
        """Until the launcher has said it."""
        deadline = time.monotonic() + seconds
        path = Path(self.log.name)
        while sentence not in path.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the hub did not say {sentence!r}:\n{path.read_text()[-4000:]}")
            time.sleep(0.2)

    def password(self, kind):
        return (self.folder / "secrets" / kind).read_text()

    def person(self, name, browser=False):
        kind = "graders" if name in GRADERS else "students"
        return (BrowserPerson if browser else Person)(self.address, name, self.password(kind))

    def restart(self):
        """Restart the hub alone; returns when it answers again."""
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("The hub is started again.")

    # what it costs --------------------------------------------------------------------------
    def server(self, name):
        """Process id of the shell in front of a student's sandbox, None where there is no server."""
        wanted = f"server-of-{name}".encode()
        for pid in descendants(self.process.pid):
            if wanted in command_line(pid).split(b"\0"):
                return pid
        return None

    def cost(self):
        """Megabytes and processor seconds of the students' servers, each, and of all the rest together."""
        of = {}
        for name in self.students:
            if (pid := self.server(name)) is not None:
                of[name] = [pid, *descendants(pid)]
        everything = [self.process.pid, *descendants(self.process.pid)]
        students = {pid for pids in of.values() for pid in pids}
        rest = [pid for pid in everything if pid not in students]
        return Cost({name: memory(pids) for name, pids in of.items()}, memory(rest)), {
            name: seconds(pids) for name, pids in of.items()
        }


class Cost:
    """Megabytes, shared pages counted in shares."""

    def __init__(self, students, rest):
        self.students, self.rest = students, rest

    @property
    def mean(self):
        return sum(self.students.values()) / len(self.students)


def memory(pids):
    """Megabytes of processes, each shared page counted once among those that share it (Pss)."""
    kilobytes = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024


def seconds(pids):
    """Processor seconds that processes have used so far."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            about = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(about[11]) + int(about[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# the class --------------------------------------------------------------------------------
async def train_together(hub, people):
    """All come in at once, open chapter 3, and press Train at the same moment; returns the measurements.

    people: context managers of `hub_people` or `hub_browser`, already entered. Leaves each with `.kernel`.
    """
    assert all(await asyncio.gather(*(one.log_in() for one in people)))
    starts = await asyncio.gather(*(one.come_in() for one in people))
    empty, _seconds = hub.cost()
    await asyncio.gather(*(prepare(one) for one in people))
    await asyncio.sleep(5)
    idle, before = hub.cost()
    most = [idle]
    watching = asyncio.create_task(watch(hub, most))
    quiet = others()
    runs = await asyncio.gather(*(one.kernel.train() for one in people))
    busy = others(quiet)
    watching.cancel()
    _cost, after = hub.cost()
    assert all(status == "finished" and accuracy > 0.9 for _f, _l, status, accuracy in runs), runs
    training = max(most, key=lambda cost: cost.mean)
    results = sorted(last for _first, last, _status, _accuracy in runs)
    return {
        "students": len(people),
        "in_chromium": sum(not isinstance(one, Person) for one in people),
        "start": round(max(starts), 1),
        "server_mb": round(empty.mean),
        "idle_mb": round(idle.mean),
        "training_mb": round(training.mean),
        "rest_mb": round(max(cost.rest for cost in most)),
        "first_picture": round(max(first for first, *_rest in runs), 1),
        "result_median": round(statistics.median(results), 1),
        "result_slowest": round(results[-1], 1),
        "others_cores": round(busy, 1),
        "cpu_seconds_start": round(sum(before.values()) / len(before), 1),
        "cpu_seconds": round(sum(after[name] - before[name] for name in before) / len(before), 1),
    }


def others(since=None):
    """Processor cores that programs other than the class took since then; without `since`, a mark for it."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:8]]
    all_busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")  # idle, waiting for disks
    own = seconds([os.getpid(), *descendants(os.getpid())])
    mark = (time.monotonic(), all_busy - own)
    return mark if since is None else max(0.0, (mark[1] - since[1]) / (mark[0] - since[0]))


async def prepare(person):
    """Chapter 3 up to its data, and a dashboard on them."""
    person.kernel = await person.open_chapter()
    if isinstance(person, Person):
        cells = {c["id"]: "".join(c["source"]) for c in (await person.notebook(CHAPTER))["cells"]}
        for name in CELLS:
            await person.kernel.run(cells[name])
        await person.kernel.run(DASHBOARD)


async def watch(hub, costs):
    while True:
        costs.append((await asyncio.to_thread(hub.cost))[0])
        await asyncio.sleep(2)


async def train_only(n_students, folder):
    """The measurements for a class of this size, nothing handed in."""
    with RunningHub(folder, n_students) as hub:
        async with contextlib.AsyncExitStack() as stack:
            people = [await stack.enter_async_context(hub.person(name)) for name in hub.students]
            return await train_together(hub, people)


# what is written down ------------------------------------------------------------------------
def table(found):
    """The class, as Markdown."""
    lines = [
        "| students at once | until all are in [s] | memory a student, idle [MB] | training [MB]"
        " | click to first picture [s] | click to result, median [s] | slowest [s] |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["classes"]:
        lines.append(
            "| {students} | {start:.0f} | {idle_mb} | {training_mb} | {first_picture:.1f}"
            " | {result_median:.0f} | {result_slowest:.0f} |".format(**row)
        )
    return "\n".join(lines)


def circumstances(found):
    """On what the table was measured, as a sentence: a machine that works for others makes people wait."""
    taken = max(row["others_cores"] for row in found["classes"])
    gigabytes = round(found["memory_mb"] / 1024)
    measured = f"Measured with {found['cores']} cores and {gigabytes} GB."
    if not taken:
        return f"{measured} Nothing else was at work while the class trained."
    return (
        f"{measured} Other programs took up to {taken:g} cores while the class trained: on a quiet machine"
        " the seconds are fewer, the memory is the same."
    )


def plan(found):
    """Memory and cores for larger classes, computed from the largest class measured, as Markdown."""
    row = found["classes"][-1]
    lines = [
        f"| students | memory [GB] | cores, all train at once, result within {WAIT} s | one in five trains"
        " | all come at once: seconds until the dashboards are there, with the cores for all |",
        "|---|---|---|---|---|",
    ]
    for n in PLAN:
        gigabytes = (row["rest_mb"] + n * row["training_mb"]) / 1024
        cores = n * row["cpu_seconds"] / WAIT
        start = n * row["cpu_seconds_start"] / _up(cores)
        lines.append(f"| {n} | {gigabytes:.0f} | {_up(cores)} | {_up(cores / 5)} | {start:.0f} |")
    return "\n".join(lines)


def first_to_give_way(found):
    """(what, from how many students on) on the machine measured: cores or memory."""
    row = found["classes"][-1]
    by_cores = int(WAIT * found["cores"] / row["cpu_seconds"])
    by_memory = int((found["memory_mb"] - row["rest_mb"]) / row["training_mb"])
    return ("cores", by_cores) if by_cores <= by_memory else ("memory", by_memory)


def _up(number):
    return max(1, int(-(-number // 1)))


def machine():
    """The machine measured on."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count(), "memory_mb": total // 2**20, "python": platform.python_version()}


def store(row):
    """Put the measurements of one class into the stored result and return that; other sizes stay in it."""
    kept = json.loads(RESULTS.read_text())["classes"] if RESULTS.exists() else []
    kept = [old for old in kept if old["students"] != row["students"]]
    found = {"command": "python -m benchmarks.hub_class", "date": date.today().isoformat()} | machine()
    found["classes"] = sorted([*kept, row], key=lambda each: each["students"])
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, nargs="+", default=[1, 5, 10, 20])
    options = parser.parse_args(arguments)
    for n in options.students:
        with tempfile.TemporaryDirectory() as folder:
            found = store(asyncio.run(train_only(n, folder)))
        print(found["classes"], flush=True)
    what, students = first_to_give_way(found)
    last = f"What gives way first there: {what}, from {students} students on."
    print(*(f"\n{text}" for text in (table(found), circumstances(found), plan(found), last)), sep="\n")


if __name__ == "__main__":
    main()
