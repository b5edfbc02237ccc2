"""Run the chapters and store their outputs: one command, from a clean kernel, the same bytes each time.

    python -m tools.notebooks build [notebooks/en/03-training.ipynb ...]
    python -m tools.notebooks solutions [notebooks/en/03-training.ipynb ...]

Without paths, all of them. `solutions` runs nothing: it writes the collapsed solutions anew from the
checks' own, as `build` does first. The kernel has no network, one thread, no downloaded data set
and a progress file of its own, so that what is stored is what a newcomer gets.
"""

import argparse
import base64
import inspect
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from lenet_helpers.explorers.kit.still import with_few_colours
from lenet_helpers.figures.canvas import STORED, WIDGET

from .kernel import chapter_environment

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
LABEL = "Our solution"  # the line of a collapsed cell that JupyterLab shows
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("tags", "jupyter", "lenet", "translated_from", "untranslated")  # of a cell's metadata
# What would differ from run to run or from machine to machine.
UNSTABLE = re.compile(r"0x[0-9a-f]{8,}|/tmp/\w+|ipykernel_\d+|" + re.escape(str(ROOT)))


def chapters():
    """The notebooks of every language, in order."""
    return sorted(NOTEBOOKS.glob("*/*.ipynb"))


def write_solutions(notebook):
    """Put the checks' own solutions into the collapsed cells, so that there is one source of each. Changes
    `notebook`.

    A solution is a function called solved_NAME or NAME_solution, NAME an exercise, in a cell
    whose id ends on -solution; the rest of the cell stays.
    """
    from lenet_helpers import check

    for cell in notebook.cells:
        if cell.cell_type != "code" or not cell.id.endswith("-solution"):
            continue
        for name in check.names():
            for own in (f"solved_{name}", f"{name}_solution"):
                found = re.search(rf"(# {LABEL}\n)?^def {own}\(.*?(?=^\S|\Z)", cell.source, re.M | re.S)
                if found:
                    text = inspect.getsource(check.exercise(name).solution).rstrip()
                    text = f"# {LABEL}\n" + text.replace(f"def {name}(", f"def {own}(", 1)
                    gap = "\n\n" if cell.source[found.end() :] else ""
                    cell.source = cell.source[: found.start()] + text + gap + cell.source[found.end() :]


def build(path):
    """Run one notebook and write it back with its outputs; returns the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    write_solutions(notebook)
    started = time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    with chapter_environment() as environment:
        client.execute(env=environment)
    seconds = time.perf_counter() - started
    normalise(notebook, {environment["LENET_DATA"]: "~/.cache/lenet_helpers/data"})
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return seconds


def normalise(notebook, names=None):
    """Keep what belongs to the chapter and drop what belongs to one run of it. Changes `notebook`.

    names: what to write in place of the names of this run's folders.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in KEPT})
        if cell.cell_type == "code":
            _rename(cell.outputs, names or {})
            cell.outputs = _merge_streams(
                [kept for output in cell.outputs if (kept := _normalise_output(output))]
            )
            unstable = UNSTABLE.search(_text(cell.outputs))
            if unstable:
                raise ValueError(
                    f"cell {cell.id}: {unstable[0]!r} in its output would differ from run to run; print"
                    " something else"
                )


def _normalise_output(output):
    """An output without live widgets: the still picture beside one stays, a progress bar goes."""
    if "data" in output:
        output.data = nbformat.from_dict(output.data.get(STORED, output.data))
        if not output.data:
            return None
        if WIDGET in output.data:
            del output.data[WIDGET]
            if set(output.data) <= {"text/plain"}:
                return None
        if output.metadata.get("image/png", {}).get("alt"):
            # Live, the same picture comes as HTML too, because JupyterLab reads the text from
            # there. Stored, it
            # would double the file, and GitHub shows no picture that stands inside HTML.
            output.data.pop("text/html", None)
            output.data["image/png"] = _small(output.data["image/png"])
        output.metadata = nbformat.from_dict({k: v for k, v in output.metadata.items() if k == "image/png"})
    return output


def _small(code):
    """A stored picture, base64, with a palette: a chapter has dozens, and a limit for all of them."""
    return base64.b64encode(with_few_colours(base64.b64decode(code))).decode("ascii")


def _rename(outputs, names):
    for output in outputs:
        for old, new in names.items():
            if output.output_type == "stream":
                output.text = output.text.replace(old, new)
            for kind, text in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output.data[kind] = text.replace(old, new)


def _merge_streams(outputs):
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _text(outputs):
    parts = [
        o.text if o.output_type == "stream" else o.get("data", {}).get("text/plain", "") for o in outputs
    ]
    return "\n".join(parts)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["build", "solutions"])
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    for path in options.paths or chapters():
        if options.action == "solutions":
            notebook = nbformat.read(path, as_version=4)
            write_solutions(notebook)
            nbformat.write(notebook, path)
            continue
        seconds = build(path.resolve())
        print(f"{path}: {seconds:.0f} s, {path.stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
