"""docs/performance.md and its picture, written from what the other benchmarks stored.

    python -m benchmarks.performance        # a second; measures nothing

From lenet_helpers/results: steps, same-accuracy, rivals, cost and records, each with its command, date,
versions and machine.
"""

from pathlib import Path

from benchmarks.records import table as leaderboard
from lenet_helpers.figures.canvas import COLOURS, figure, label, png
from lenet_helpers.files import write_whole
from lenet_helpers.results import stored_result

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
    """docs/performance.md, all of it."""
    steps, same, rivals, cost, records = (
        stored_result(name) for name in ("steps", "same-accuracy", "rivals", "cost", "records")
    )
    gap, accuracy = same["difference in points"], same["accuracy"]
    mean = {name: 100 * sum(values) / len(values) for name, values in accuracy.items()}
    limit = rivals["roofline"]
    return TEXT.format(
        steps=markdown(
            ["", "threads", "ms a step", f"of {steps['against']}", "processor time"]
            + ["of the usual layout", "processor time"],
            step_rows(steps),
        ),
        steps_conditions=conditions(steps),
        same=(
            f"{same['seeds']} seeds of the chapter's three-epoch recipe on 10,000 images, scored on the same"
            f" 10,000 validation images: {mean['now']:.3f} % now, {mean['then']:.3f} % with the step of"
            f" {same['against']}; paired difference {gap['mean']:+.3f} points"
            f" [{gap['low']:+.3f}, {gap['high']:+.3f}]. Largest difference of a weight after 60 steps of"
            f" plain SGD: {same['largest difference of a weight after 60 steps']:.1e}."
        ),
        same_conditions=conditions(same),
        rivals=markdown(
            ["", "ms a step", "times ours", "by processor time"],
            [[name, *row.values()] for name, row in rivals["rows"].items()],
        ),
        roofline=(
            f"The limit: {limit['multiply-adds']:,} multiply-adds at {limit['GFLOP/s measured']} GFLOP/s take"
            f" {limit['arithmetic [ms]']} ms, {limit['bytes']:,} bytes at {limit['GB/s measured']} GB/s"
            f" {limit['memory [ms]']} ms; the larger of the two is the roofline."
        ),
        otherwise=markdown(["", "µs"], rivals["done otherwise"].items()),
        rivals_conditions=conditions(rivals),
        cost="\n\n".join(grown(name, rows) for name, rows in cost["tables"].items()),
        cuda="" if cost["cuda"] else "No CUDA device was at hand: nothing is claimed of one.",
        cost_conditions=conditions(cost),
        records=leaderboard(records),
        records_conditions=conditions(records),
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
    for rows, marker, name in ((wide, "-o", "wider"), (deep, "--s", "deeper, 3×3")):
        work = [row["multiply-adds"] / 1e6 for row in rows]
        right.plot(work, [row[key] for row in rows], marker, label=name)
    right.set_xscale("log")
    right.legend(fontsize=9)
    label(right, x="multiply-adds an image [millions]", y="processor time an image [µs]")
    return png(fig)


TEXT = """# Performance

Written by `python -m benchmarks.performance` from what these benchmarks stored. Seconds are one machine's
own, and that machine had other work to do: trust the ratios, whose two sides were measured in turns, and the
processor times (of one thread unless a table says otherwise) more than milliseconds.

## A step

`train` against itself at an earlier commit, and against a plain loop in torch's usual layout: median ratio of
blocks that take turns, with quartiles. Below 1 is quicker.

{steps}

{steps_conditions}

### As accurate as before

{same}

{same_conditions}

## Rivals

One step of 256 images.

{rivals}

{roofline}

{rivals_conditions}

### Parts of a step, done otherwise

Forward and backward, microseconds of processor time an image; what is not quicker was not kept.

{otherwise}

## Cost as the work grows

![Processor time an image against the batch size and the multiply-adds](pictures/cost.png)

{cost}

{cuda} `mps` is untested.

{cost_conditions}

## Records

{records}

More in [records.md](records.md). {records_conditions}
"""


def main():
    write_whole(PICTURE, picture())
    write_whole(PAGE, page().encode())
    print(PAGE.name, f"{PICTURE.stat().st_size:,} bytes of picture")


if __name__ == "__main__":
    main()
