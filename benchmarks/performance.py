"""docs/performance.md and its picture, written from what the other benchmarks stored.

    python -m benchmarks.performance        # a second; measures nothing

From lenet_helpers/results: steps, startup, same-accuracy, rivals, cost, cuda, records and suite, each with
its command, date, versions and machine.
"""

from pathlib import Path

from benchmarks.records import table as leaderboard
from lenet_helpers.figures.canvas import COLOURS, figure, label, png
from lenet_helpers.files import write_whole
from lenet_helpers.results import FOLDER, stored_result

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, PICTURE = DOCS / "performance.md", DOCS / "pictures" / "cost.png"


def conditions(stored):
    """When, where and with what a result was measured, in one line."""
    load = f"; load average {stored['load']:.1f}" if "load" in stored else ""
    where = stored.get("processor", f"{stored.get('threads')} thread(s)")
    return f"`{stored['command']}`, {stored['date']}, torch {stored['torch']}, {where}{load}."


def markdown(heads, rows):
    """A table in Markdown, numbers to the right."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def step_rows(stored):
    """One row for each optimizer and batch."""
    kinds = ("then, wall-clock", "then, processor", "usual, wall-clock", "usual, processor")
    for row in stored["rows"]:
        ratios = ["{1:.2f} [{0:.2f}, {2:.2f}]".format(*row[kind]) for kind in kinds]
        yield [f"{row['optimizer']}, batch {row['batch']}", row["threads"], row["ms"], *ratios]


def grown(name, rows):
    """A table of `cost`: a row for each size, or a row for each number."""
    if not all(isinstance(one, dict) for one in rows.values()):
        return f"**{name}**\n\n" + markdown(["", ""], rows.items())
    heads = list(next(iter(rows.values())))
    body = [[size, *(f"{value:,}" for value in one.values())] for size, one in rows.items()]
    return f"**{name}**\n\n" + markdown(["", *heads], body)


def page():
    """docs/performance.md: a section for each result that there is."""
    sections = {
        "steps": about_steps,
        "startup": about_startup,
        "same-accuracy": about_accuracy,
        "rivals": about_rivals,
        "rivals-one-thread": about_rivals,
        "cost": about_cost,
        "cuda": about_cuda,
        "records": about_records,
        "suite": about_suite,
    }
    there = {name: stored_result(name) for name in sections if (FOLDER / f"{name}.json").exists()}
    parts = [f"{sections[name](stored)}\n\n{conditions(stored)}\n" for name, stored in there.items()]
    missing = [f"`python -m benchmarks.{name.replace('-', '_')}`" for name in sections if name not in there]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}.\n")
    return "\n".join([HEAD, *parts])


def about_steps(stored):
    """A step against an earlier commit's and against torch's usual layout."""
    heads = ["", "threads", "ms a step", f"of {stored['against']}", "processor time"]
    rows = markdown([*heads, "of the usual layout", "processor time"], step_rows(stored))
    return (
        "## A step\n\n`train` against itself at an earlier commit, and against a plain loop in torch's usual"
        " layout: median\nratio of blocks that take turns, with quartiles. Below 1 is quicker.\n\n" + rows
    )


def about_startup(stored):
    """What comes before the first step."""
    rows = [[name, f"{value:.3f}"] for name, value in stored["seconds"].items()]
    return f"## Start-up\n\nMedians of {stored['times']} fresh processes.\n\n" + markdown(
        ["", "seconds"], rows
    )


def about_accuracy(stored):
    """The paired difference in accuracy."""
    gap, largest = stored["difference in points"], stored["largest difference of a weight after 60 steps"]
    mean = {name: 100 * sum(values) / len(values) for name, values in stored["accuracy"].items()}
    return (
        "## As accurate as before\n\n"
        f"{stored['seeds']} seeds of chapter 4's three-epoch recipe on 10,000 images, scored on the same"
        f" 10,000 validation images:\n{mean['now']:.3f} % now, {mean['then']:.3f} % with the step of"
        f" {stored['against']}; paired difference {gap['mean']:+.3f} points [{gap['low']:+.3f},"
        f" {gap['high']:+.3f}].\nLargest difference of a weight after 60 steps of plain SGD: {largest:.1e}."
    )


def about_rivals(stored):
    """Ways to take the same step, the limit of the machine, and parts done otherwise."""
    rows = [[name, *row.values()] for name, row in stored["rows"].items()]
    blocks, steps = stored["blocks"], stored["steps in a block"]
    text = "## Rivals" + ", on one thread" * stored["processor"].endswith(" 1 threads") + "\n\n"
    text += f"One step of 256 images; medians of {blocks} blocks of {steps} step(s) that took turns.\n\n"
    text += markdown(["", "ms a step", "times ours", "by processor time"], rows)
    if versions := stored.get("versions"):
        text += f"\n\n{' and '.join(f'{name} {number}' for name, number in versions.items())}."
    if limit := stored.get("roofline"):
        text += (
            f"\n\nThe limit: {limit['multiply-adds']:,} multiply-adds at {limit['GFLOP/s measured']} GFLOP/s"
            f" take {limit['arithmetic [ms]']} ms, {limit['bytes']:,} bytes at\n{limit['GB/s measured']} GB/s"
            f" {limit['memory [ms]']} ms; the larger of the two is the roofline."
        )
    return (
        f"{text}\n\nParts of a step done otherwise, forward and backward, microseconds of processor time an"
        " image; what is\nnot quicker, or not equal to rounding, was not kept.\n\n"
        + markdown(["", "µs"], stored["done otherwise"].items())
    )


def about_cost(stored):
    """Tables of what grows, and the picture."""
    alt = "Processor time an image against the batch size and the multiply-adds"
    tables = "\n\n".join(grown(name, rows) for name, rows in stored["tables"].items())
    return f"## Cost as the work grows\n\n![{alt}](pictures/cost.png)\n\n{tables}"


def about_cuda(stored):
    """The same `train` on a GPU."""
    few, many = stored["waits"].items()
    rows = [
        [name, row["seconds"], ", ".join(f"{100 * one:.2f} %" for one in row["validation accuracies"])]
        for name, row in stored["recipes"].items()
    ]
    steps, whole = (
        grown("a step", stored["steps"]),
        markdown(["", "seconds", "validation accuracy"], rows),
    )
    return (
        "## On a GPU\n\nThe same `train`, data and weights on the device, beside one thread of that machine's"
        f" processor.\n\n{steps}\n\nThe host waits for the GPU {few[1]} times until the first record if that"
        f" comes after {few[0]} steps, {many[1]} times\nafter {many[0]}: no step waits (tests/test_cuda.py)."
        f" Whole recipes, scored on validation images at the end:\n\n{whole}\n\n`mps` is untested."
    )


def about_records(stored):
    """The leaderboard."""
    return "## Records\n\n" + leaderboard(stored) + "\n\nMore in [records.md](records.md)."


def about_suite(stored):
    """Where `make test` spends its time."""
    rows = [[part, row["tests"], f"{row['seconds']:.0f}"] for part, row in stored["parts"].items()]
    slowest = [[name, f"{seconds:.0f}"] for name, seconds in stored["slowest"].items()]
    return (
        f"## The tests\n\n`make test` took {stored['seconds']} seconds: {stored['tests']:,} tests,"
        f" {stored['skipped']} of them skipped.\n\n"
        + markdown(["", "tests", "seconds of workers"], rows)
        + "\n\nThe slowest, with what they share and were the first to start:\n\n"
        + markdown(["", "seconds"], slowest)
    )


def picture():
    """Processor time an image against the batch, and against the multiply-adds of wider networks."""
    tables = stored_result("cost")["tables"]
    fig, (left, right) = figure(1, 2, width=7.2, height=3.0)
    key = "an image [µs of processor time]"
    batch = {int(name.split()[1]): row[key] for name, row in tables["batch"].items()}
    left.plot(batch.keys(), batch.values(), "-o", color=COLOURS["blue"])
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    label(left, x="images in a batch", y="processor time an image [µs]")
    wide = tables["width, batch 64"].values()
    deep = tables["depth, 3×3, batch 64"].values()
    for rows, marker, colour, name in (
        (wide, "-o", "blue", "wider"),
        (deep, "--s", "vermillion", "deeper, 3×3"),
    ):
        work = [row["multiply-adds"] / 1e6 for row in rows]
        right.plot(work, [row[key] for row in rows], marker, color=COLOURS[colour], label=name)
    right.set_xscale("log")
    right.legend(fontsize=9)
    label(right, x="multiply-adds an image [millions]", y="processor time an image [µs]")
    return png(fig)


HEAD = """# Performance

Written by `python -m benchmarks.performance` from what these benchmarks stored. Seconds are one machine's
own; a load average well above 1 says that it had other work to do. Trust the ratios, whose two sides were
measured in turns, and the processor times (of one thread unless a table says otherwise) more than
milliseconds.
"""


def main():
    if (FOLDER / "cost.json").exists():
        write_whole(PICTURE, picture())
    write_whole(PAGE, page().encode())
    print(PAGE)


if __name__ == "__main__":
    main()
