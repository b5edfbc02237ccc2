"""From 1998 to today in five steps: the networks compared, and what was measured."""

from dataclasses import replace

import pandas as pd

from ..lenet1998 import DENSE_CONNECTIONS, TODAY, LeNet1998, LeNet1998Config, connections
from ..modes import first_weights
from ..summary import count_parameters, layer_table
from ..wording import N_, _

FAITHFUL = LeNet1998Config()
_SOFTMAX = replace(FAITHFUL, output="linear", loss="cross_entropy")
_DENSE = replace(_SOFTMAX, connections=DENSE_CONNECTIONS)
_MAX = replace(_DENSE, pooling="max")
_RELU = replace(_MAX, activation="relu", initialisation="torch")
# Each network differs from the one before it by the step that names it.
LADDER = {
    "1998": FAITHFUL,
    "softmax": _SOFTMAX,
    "dense C3": _DENSE,
    "max pooling": _MAX,
    "ReLU": _RELU,
    "today": TODAY,
}
STEPS = {
    "1998": N_("LeNet-5 of 1998"),
    "softmax": N_("+ linear output, softmax"),
    "dense C3": N_("+ dense C3"),
    "max pooling": N_("+ max pooling"),
    "ReLU": N_("+ ReLU, torch's initialisation"),
    "today": N_("+ 28×28 input: today's LeNet"),
}

# Headings may be alike in another language: columns are named only when the table is done.
COLUMNS = {
    "network": N_("network"),
    "parameters": N_("parameters"),
    "work": N_("multiply-adds"),
    "error": N_("error [%], mean ± s.d."),
    "seeds": N_("seeds"),
    "change": N_("change by this step, each seed [points]"),
}


def counts(config):
    """(parameters, multiply-adds, the paper's connections) of one network."""
    with first_weights(0):
        model = LeNet1998(config)
    work = sum(row.multiply_adds for row in layer_table(model))
    return count_parameters(model), work, sum(connections(model).values())


def errors(results, network):
    """Error [%] of every run of `network`, one a seed, in the order of the seeds."""
    runs = sorted((run for run in results["runs"] if run["network"] == network), key=lambda run: run["seed"])
    return [100 * run["mistakes"] / run["images"] for run in runs]


def ladder_table(results):
    """One row a network: parameters, multiply-adds, error mean ± s.d. [%], and what its step changed.

    The change is given seed by seed [points], each run beside the one with the same
    seed, and so the same order of images, one row above.
    """
    rows, above = [], []
    for name, config in LADDER.items():
        parameters, work, _links = counts(config)
        measured = pd.Series(errors(results, name))
        steps = [after - before for before, after in zip(above, measured)]
        above = measured.tolist()
        rows.append(
            {
                "network": _(STEPS[name]),
                "parameters": f"{parameters:,}",
                "work": f"{work:,}",
                "error": f"{measured.mean():.2f} ± {measured.std():.2f}",
                "seeds": len(measured),
                "change": ", ".join(f"{step:+.2f}" for step in steps),
            }
        )
    return named(pd.DataFrame(rows).set_index("network"), COLUMNS)


def named(table, headings):
    """`table` with its columns and index named in the reader's language: `headings` by English key."""
    shown = table.rename(columns={key: _(text) for key, text in headings.items()})
    shown.index.name = _(headings[table.index.name])
    return shown


def conditions(results):
    """Under what conditions the results were made, in one sentence."""
    run = results["runs"][0]
    text = (
        _(
            "MNIST: {train:,} training images, error on {held:,} test images; {epochs} epochs of Adam, batch"
            " {batch}, learning rate up to {rate:g} over the first quarter, then down to 0; no weight decay,"
            " no distorted images."
        )
        if results["data"].endswith("test")
        else _(
            "MNIST: {train:,} training images, error on {held:,} validation images; {epochs} epochs of Adam,"
            " batch {batch}, learning rate up to {rate:g} over the first quarter, then down to 0; no weight"
            " decay, no distorted images."
        )
    )
    return text.format(
        train=run["n_train"],
        held=run["images"],
        epochs=run["epochs"],
        batch=run["batch_size"],
        rate=run["learning_rate"],
    )
