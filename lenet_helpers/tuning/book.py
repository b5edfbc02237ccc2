"""The book of a tuning campaign: every run with its cost, fair comparisons, one look at the test set."""

import hashlib
import io
import json
import warnings
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import locked, set_aside, write_whole
from ..levers import levers_of
from ..models import LeNetConfig
from ..summary import count_parameters, layer_table
from ..train_config import TrainConfig
from ..training import EpochRecord, evaluate
from ..wording import N_, _, listed
from .evidence import OUTCOMES, pack, paired_difference, unpack


@dataclass
class Entry:
    """One configuration, what it cost and what each of its seeds got right."""

    number: int
    model_config: LeNetConfig
    train_config: TrainConfig
    seeds: tuple
    status: str
    histories: list  # records, one list a seed
    correct: np.ndarray  # bool (seeds finished, validation images)
    parameters: int
    multiply_adds: int  # for one image, forward
    seconds: float  # all seeds together
    expected: str | None = None  # what the learner said: one of `evidence.OUTCOMES`
    images_seen: int | None = None  # training images shown to each seed, repeats counted; None: not known
    train_accuracies: list = field(default_factory=list)  # of each finished seed, scored at the end
    models: list = field(default_factory=list)  # not kept in the file

    @property
    def accuracies(self):
        """Validation accuracy (fraction) of each seed."""
        return [float(row.mean()) for row in self.correct]


@dataclass(frozen=True)
class Budget:
    """What a run may cost to be on the leaderboard, and how many seeds it needs; None: no limit."""

    images: int | None = None  # training images seen by each seed, repeats counted
    parameters: int | None = None
    multiply_adds: int | None = None  # for one image, forward
    seeds: int = 1

    def refusals(self, entry):
        """Sentences, one for each way in which `entry` breaks the rules; [] where it keeps them."""
        costs = (
            (_("training images seen"), entry.images_seen, self.images),
            (_("parameters"), entry.parameters, self.parameters),
            (_("multiply-adds"), entry.multiply_adds, self.multiply_adds),
        )
        found = []
        for name, value, most in costs:
            if most is not None and value is None:
                found.append(_("{name}: not known for this run, so it can't be compared").format(name=name))
            elif most is not None and value > most:
                found.append(
                    _("{name}: {value:,}, at most {most:,}").format(name=name, value=value, most=most)
                )
        if len(entry.accuracies) < self.seeds:
            text = _("seeds: {value}, at least {least}")
            found.append(text.format(value=len(entry.accuracies), least=self.seeds))
        return found


@dataclass(frozen=True)
class Reveal:
    """The one look at the test set: which run, the accuracy of each seed, when."""

    number: int
    accuracies: tuple
    images: int
    when: str


class Book:
    """Runs in the order in which they were made, one of them the baseline.

    `entries`, `baseline` (an Entry or None), `revealed` (a Reveal or None).
    """

    def __init__(self):
        self.entries, self.baseline, self.revealed = [], None, None
        self.saved = 0  # how many of the entries are in a file
        self._ours = set()  # digests of the files that this book wrote or was read from

    def add(self, run, expected=None, train=None):
        """Write a finished or diverged `session.Run` into the book; returns its Entry.

        train: the split it learned from. Every finished network is scored on it, as it is at the
        end; the records' own training accuracy is a mean over weights that were still changing.
        """
        model = run.models[0]
        side, channels = run.model_config.input_size, run.model_config.in_channels
        images = len(run.correct[0]) if run.correct else 0
        entry = Entry(
            number=1 + max((e.number for e in self.entries), default=0),
            model_config=run.model_config,
            train_config=run.train_config,
            seeds=tuple(run.seeds),
            status=run.status,
            histories=run.histories,
            correct=np.array(run.correct, dtype=bool).reshape(len(run.correct), images),
            parameters=count_parameters(model),
            seconds=run.seconds,
            expected=expected,
            images_seen=_images_seen(run.histories, train and len(train), run.train_config.batch_size),
            train_accuracies=[evaluate(m, train).accuracy for m in run.models[: len(run.correct)]]
            if train
            else [],
            models=run.models,
            multiply_adds=sum(row.multiply_adds for row in layer_table(model, (channels, side, side))),
        )
        self.entries.append(entry)
        return entry

    def __getitem__(self, number):
        for entry in self.entries:
            if entry.number == number:
                return entry
        numbers = ", ".join(str(e.number) for e in self.entries) or "-"
        raise ValueError(_("run {number!r}: choose one of {numbers}").format(number=number, numbers=numbers))

    def pin(self, number):
        """Make run `number` the baseline that the others are compared with."""
        self.baseline = self[number]

    def changed(self, entry):
        """Levers in which `entry` differs from the baseline (from the defaults where there is none): name →
        value.
        """
        base = self.baseline or Entry(0, LeNetConfig(), TrainConfig(), (), "", [], None, 0, 0, 0.0)
        return changed_levers(
            (base.model_config, base.train_config), (entry.model_config, entry.train_config)
        )

    def difference(self, entry):
        """The paired `Difference` to the baseline over the seeds that both have; None where there is none.

        Its `seeds` says how many those are: ten seeds against a baseline of three are three pairs.
        """
        base = self.baseline
        if base is None or entry is base:
            return None
        ours, theirs = (dict(zip(e.seeds, e.correct)) for e in (entry, base))
        both = [seed for seed in theirs if seed in ours]
        if not both or len(ours[both[0]]) != len(theirs[both[0]]):
            return None
        return paired_difference(np.array([ours[s] for s in both]), np.array([theirs[s] for s in both]))

    def table(self):
        """One row per run: levers changed, validation mean ± s.d. [%], difference, cost."""
        return (
            pd.DataFrame([self._row(entry) for entry in self.entries]).set_index(_("run"))
            if self.entries
            else pd.DataFrame()
        )

    def _row(self, entry):
        scores, difference = 100 * np.array(entry.accuracies), self.difference(entry)
        mean = f"{scores.mean():.2f}" if len(scores) else _("diverged") if entry.status == "diverged" else "–"
        interval = (
            "–"
            if difference is None
            else f"{100 * difference.mean:+.2f}"
            if difference.seeds < 2
            else f"{100 * difference.mean:+.2f} [{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"
        )
        return {
            _("run"): entry.number,
            _("levers changed"): _("baseline") if entry is self.baseline else in_words(self.changed(entry)),
            _("seeds"): len(scores),
            _("training [%]"): (
                f"{100 * np.mean(entry.train_accuracies):.2f}" if entry.train_accuracies else "–"
            ),
            _("validation [%]"): mean + (f" ± {scores.std(ddof=1):.2f}" if len(scores) > 1 else ""),
            _("difference [points]"): interval,
            _("shared seeds"): "–" if difference is None else difference.seeds,
            _("verdict"): "–" if difference is None else _(OUTCOMES[difference.verdict]),
            _("images seen"): "–" if entry.images_seen is None else entry.images_seen,
            _("parameters"): entry.parameters,
            _("multiply-adds"): entry.multiply_adds,
        }

    def leaderboard(self, budget):
        """Runs within the `Budget`, best mean validation accuracy first: chosen without the test set."""
        allowed = [e for e in self.entries if e.accuracies and not budget.refusals(e)]
        allowed.sort(key=lambda e: -np.mean(e.accuracies))
        return self.table().loc[[e.number for e in allowed]] if allowed else pd.DataFrame()

    def refused(self, budget):
        """The finished runs that the leaderboard leaves out, and why: a table, one row per run."""
        rows = [
            {
                _("run"): e.number,
                _("not on the leaderboard because"): listed(budget.refusals(e), clauses=True),
            }
            for e in self.entries
            if e.accuracies and budget.refusals(e)
        ]
        return pd.DataFrame(rows).set_index(_("run")) if rows else pd.DataFrame()

    def seconds(self):
        """Seconds each run took here, all seeds together: run number → seconds."""
        return {entry.number: entry.seconds for entry in self.entries}

    def reveal(self, number, test):
        """Score run `number` on the sealed `test` split, once and for all.

        Raises ValueError at the second call, whatever the run, and for a run that was
        read from a file and has no weights.
        """
        if self.revealed:
            message = _(
                "the test set was opened for run {number} on {when}: {accuracy:.2f} %; a second look would"
                " turn it into a validation set"
            )
            raise ValueError(
                message.format(
                    number=self.revealed.number,
                    when=self.revealed.when,
                    accuracy=100 * np.mean(self.revealed.accuracies),
                )
            )
        entry = self[number]
        if not entry.accuracies:
            raise ValueError(
                _("run {number} diverged: choose one that was trained to the end").format(number=number)
            )
        if not entry.models:
            raise ValueError(
                _("run {number} came from a file, without its weights: train it again, then reveal").format(
                    number=number
                )
            )
        scores = tuple(evaluate(model, test).accuracy for model in entry.models)
        self.revealed = Reveal(number, scores, len(test), datetime.now(UTC).isoformat(timespec="seconds"))
        return self.revealed

    def save(self, path):
        """Write the book to a CSV file, one row a run, curves, seals and all but the weights; whole or not
        at all.

        A file that holds anything else than this book (another notebook's runs, say) is kept
        beside it, which a warning says; returns its new path, else None.
        """
        path, kept = Path(path), None
        table = pd.DataFrame([self._flat(entry) for entry in self.entries])
        data = table.to_csv(index=False).encode("utf-8")
        with locked(path):
            if path.is_file() and _digest(path.read_bytes()) not in self._ours:
                kept = set_aside(path)
                message = _("{path} held something else than this table; that was kept as {kept}")
                warnings.warn(message.format(path=path, kept=kept.name))
            write_whole(path, data)
        self._ours.add(_digest(data))
        self.saved = len(self.entries)
        return kept

    def _flat(self, entry):
        opened = self.revealed if self.revealed and self.revealed.number == entry.number else None
        scores = entry.accuracies
        return {
            "run": entry.number,
            "baseline": entry is self.baseline,
            "status": entry.status,
            "changed": json.dumps(self.changed(entry)),
            "mean": np.mean(scores) if scores else None,
            "sd": np.std(scores, ddof=1) if len(scores) > 1 else None,
            "parameters": entry.parameters,
            "multiply_adds": entry.multiply_adds,
            "images_seen": entry.images_seen,
            "train_accuracies": json.dumps(entry.train_accuracies),
            "seconds": round(entry.seconds, 2),
            "expected": entry.expected,
            "seeds": json.dumps(entry.seeds),
            "images": entry.correct.shape[1],
            "network": json.dumps(asdict(entry.model_config)),
            "training": json.dumps(asdict(entry.train_config)),
            "correct": json.dumps(pack(entry.correct)) if len(scores) else "[]",
            "curves": json.dumps([[asdict(r) for r in h] for h in entry.histories]),
            "revealed": json.dumps(asdict(opened)) if opened else None,
        }

    @classmethod
    def load(cls, path):
        """The book that `save` wrote: the same table, the same seal.

        Raises FileNotFoundError where there is no such file, ValueError where it holds
        something else.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(
                _("{path}: no such file; give the name under which a table was saved").format(path=path)
            )
        book = cls()
        data = Path(path).read_bytes()
        try:
            # UTF-8, with the byte order mark that Excel writes or without.
            table = pd.read_csv(io.BytesIO(data), encoding="utf-8-sig")
            for row in table.replace({np.nan: None}).to_dict("records"):
                book._take(_entry(row), row)
            book.table()  # what cannot be shown is not taken for read
            book.leaderboard(Budget())
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            message = _("{path}: not a table of runs as the lab saves it ({why}); give the name of one")
            raise ValueError(message.format(path=path, why=f"{type(error).__name__}: {error}")) from error
        book._ours.add(_digest(data))
        book.saved = len(book.entries)
        return book

    def _take(self, entry, row):
        self.entries.append(entry)
        if row["baseline"]:
            self.baseline = entry
        if row["revealed"]:
            opened = Reveal(**json.loads(row["revealed"]))
            self.revealed = replace(opened, accuracies=tuple(opened.accuracies))


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def _entry(row):
    network, packed = json.loads(row["network"]), json.loads(row["correct"])
    if isinstance(network["padding"], list):
        network["padding"] = tuple(network["padding"])
    images = int(row["images"])
    if images < bool(packed):
        raise ValueError(f"images={images}")
    return Entry(
        number=int(row["run"]),
        status=str(row["status"]),
        seeds=tuple(int(seed) for seed in json.loads(row["seeds"])),
        expected=row["expected"],
        model_config=LeNetConfig(**network),
        train_config=TrainConfig(**json.loads(row["training"])),
        histories=[[_record(r) for r in h] for h in json.loads(row["curves"])],
        correct=unpack(packed, images) if packed else np.zeros((0, images), dtype=bool),
        parameters=int(row["parameters"]),
        multiply_adds=int(row["multiply_adds"]),
        # Tables that were saved before these were kept have no such columns.
        images_seen=None if row.get("images_seen") is None else int(row["images_seen"]),
        train_accuracies=[float(one) for one in json.loads(row.get("train_accuracies") or "[]")],
        seconds=float(row["seconds"]),
    )


def _record(values):
    wrong = [name for name, value in values.items() if not isinstance(value, int | float | None)]
    if wrong:
        raise ValueError(f"{wrong[0]}={values[wrong[0]]!r}")
    return EpochRecord(**values)


def _images_seen(histories, n_train, batch_size):
    """Training images shown to the seed that saw most, repeats counted; the last batch of an epoch may be
    smaller.
    """
    steps = [history[-1].step for history in histories if history]
    if n_train is None or not steps:
        return None
    epochs, rest = divmod(max(steps), -(-n_train // batch_size))
    return epochs * n_train + rest * batch_size


def changed_levers(baseline, candidate):
    """Levers (and `steps`) that differ between two (LeNetConfig, TrainConfig) pairs: name → the candidate's
    value.

    The seed is no lever here: it is what runs are repeated over. Where the number of
    steps is fixed, the number of epochs says nothing and is left out.
    """
    changed = {}
    for one, other in zip(baseline, candidate):
        for name in (*levers_of(type(one)), *(["steps"] if isinstance(one, TrainConfig) else [])):
            if name != "seed" and getattr(one, name) != getattr(other, name):
                changed[name] = getattr(other, name)
    if candidate[1].steps is not None:
        changed.pop("epochs", None)
    return changed


def in_words(changed):
    """Levers and values as a reader's line: "kernel size 3, convolutions per stage 2"."""
    labels = {
        name: one.label for config in (LeNetConfig, TrainConfig) for name, one in levers_of(config).items()
    }
    labels["steps"] = N_("steps")
    # What only the stored measurements change: no lever, so no label.
    whole = {
        "padding": N_("padded"),
        "mirrored": N_("images also mirrored"),
        "half turn": N_("images also upside down"),
    }

    def words(name, value):
        phrase = whole.get(value if name == "shown" else name)
        if phrase is not None:
            return _(phrase)
        shown = f"{value:.3g}" if isinstance(value, float) else value
        return _("{lever} {value}").format(lever=_(labels[name]), value=shown)

    return listed(words(*one) for one in changed.items()) or _("nothing")
