"""What the examiner's process does with one notebook: read it, run its cells, judge its answers."""

import contextlib
import io
import time
import traceback

from lenet_helpers.checks import Failed
from lenet_helpers.wording import _

from . import clean, frames, notebooks, tasks
from .candidate import Answer, Missing, Session, constant
from .limits import Limits
from .sandbox import Worker


def worker(sandboxed):
    """The sandbox that notebooks run in."""
    return Worker(sandboxed)


def read(_worker, path, trusted):
    """The notebook at `path`, slim and clean."""
    try:
        return {"notebook": notebooks.read(path, trusted)}
    except notebooks.Unreadable as error:
        return {"unreadable": clean.line(error)}


def examine(worker, cells, files, limits, exercises, assignment, private):
    """Run and judge; see `examiner.Examiner.examine`."""
    started, limits = time.monotonic(), Limits(**limits)
    exam = _Exam(worker, cells, files, limits, tasks.load(exercises, assignment), private)
    try:
        exam.run()
    finally:
        worker.finish()
    return {
        "cells": exam.answers,
        "ended": exam.ended,
        "notes": exam.notes,
        "seconds": time.monotonic() - started,
    }


class _Exam:
    """One notebook: its cells in order, each test judged where it stands."""

    def __init__(self, worker, cells, files, limits, exercises, private):
        self.worker, self.cells, self.files, self.limits = worker, cells, files, limits
        self.exercises, self.private = exercises, private
        self.answers, self.ended, self.notes = [None] * len(cells), "", []
        self._budget, self._skipped = [limits.total_output_bytes], {}

    def run(self):
        """Run everything. A cell that ends the process is left out, and the notebook begins again."""
        for _replay in range(self.limits.replays + 1):
            lost = self._from_the_top()
            if lost is None:
                return
            number, why = lost
            self._skipped[number] = why
            self.answers[number] = {"outputs": [_note(f"[this cell was stopped: {why}]")]}
            self.notes.append(f"cell {number + 1} was stopped ({why}) and left out")
        self._give_up(f"{self.limits.replays + 1} cells ended the process that ran them")

    def _give_up(self, why):
        self.ended = why
        for number, answer in enumerate(self.answers):
            if answer is None:
                self.answers[number] = {"outputs": [], "why": "did not run: " + why}

    def _from_the_top(self):
        """Run all cells; None at the end, or (number, why) of one that took the process with it."""
        reply = self.worker.begin([cell["source"] for cell in self.cells], self.files, self.limits)
        if reply.get("why"):
            self._give_up(reply["why"])
            return None
        for number, cell in enumerate(self.cells):
            if number in self._skipped:
                continue
            task = tasks.task_of(cell["test"]) if cell["test"] else None
            if task is not None:
                if self.answers[number] is None:
                    self.answers[number] = self._judge(task)
                continue
            reply = self.worker.ask("cell", source=cell["source"])
            if reply.get("why") and reply.get("died"):
                self.worker.ask("end")
                return number, reply["why"]
            if reply.get("why"):
                self._give_up(reply["why"])
                return None
            if self.answers[number] is None:
                self.answers[number] = self._ran(reply, own_tests=bool(cell["test"]))
        self.worker.ask("end")
        return None

    def _ran(self, reply, own_tests):
        """What a cell put out; for a test cell with asserts of its own also whether it ended well."""
        try:
            about = frames.unpack(reply["body"])
            items, error = about["outputs"], about["error"]
        except (frames.Refused, KeyError, TypeError):
            items, error = [["stream", "[the outputs could not be read]"]], "unreadable"
        answer = {"outputs": clean.outputs(items, self._budget)}
        if reply.get("late"):
            answer["outputs"].append(_note(f"[interrupted: {reply['late']}]"))
            error = error or "interrupted"
        if own_tests:
            answer |= {"own_tests": True, "passed": error == ""}
        return answer

    # Judging ----------------------------------------------------------------------------

    def _judge(self, task):
        """Points for one task, property by property: {"points", "properties", "outputs"} or {"why"}."""
        exercise = self.exercises.get(task.exercise)
        labels = {each.name: each.label for each in exercise.properties} if exercise else {}
        if exercise is None or not set(task.worth) <= set(labels):
            return {"outputs": [], "why": f"the course has no exercise {task.exercise} with these properties"}
        found, results, seconds = [], [], exercise.time_limit * self.limits.call_share
        for name, value in task.worth.items():
            failure, seen, printed = self._property(exercise, name, task, seconds)
            if failure is not None and failure.key == "out-of-time":
                seconds = min(
                    seconds, self.limits.late_seconds
                )  # the others have their chance, a shorter one
            if failure is not None and failure.key == "no-answer":
                return self._nothing(task, labels, failure)
            results += seen
            found.append((name, value, failure, printed))
        same = constant(results) and any(failure is None for _n, _v, failure, _p in found)
        return self._said(task, labels, found, same)

    def _property(self, exercise, name, task, seconds):
        """(the first failure or None, what came back, what was printed) over all seeds."""
        try:
            session = Session(self.worker, seconds)
        except Missing as error:
            return Failed("not-judged", got=clean.line(error)), [], ""
        try:
            candidate = session.look(task.answer)
            coerce = getattr(exercise, "result", None)
            if isinstance(candidate, Answer):
                candidate.result = coerce
            for seed in task.seeds or (0,):
                with contextlib.redirect_stdout(io.StringIO()):
                    exercise.run(candidate, seed=tasks.mixed(self.private, seed), only=name, strict=True)
            return None, session.results, session.printed
        except Failed as failure:
            return failure, session.results, session.printed
        except Missing as error:
            return Failed("no-answer", got=str(error)), [], ""
        except Exception as error:  # a property met a value that it was not written for
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.notes.append(
                f"{task.exercise}, {name}: the check stopped with {type(error).__name__} ({where.name})"
            )
            got = _("{kind}: this result could not be judged").format(kind=type(error).__name__)
            return Failed("not-judged", got=got), session.results, session.printed
        finally:
            session.close()

    def _nothing(self, task, labels, failure):
        text = _("There is no answer {name}: {error}").format(name=task.answer, error=failure.got)
        found = [_property(name, labels[name], value, 0, "no-answer") for name, value in task.worth.items()]
        last = _("{name}: {earned:g} of {total:g} points").format(
            name=task.exercise, earned=0, total=task.total
        )
        return {
            "outputs": [_note(clean.text(f"{text}\n{last}"))],
            "points": 0.0,
            "properties": found,
            "zero": clean.line(f"there is no answer: {failure.got}"),
        }

    def _said(self, task, labels, found, same):
        lines, told, properties, earned, printed = [], set(), [], 0.0, ""
        for name, value, failure, said in found:
            got = 0 if failure or same else value
            earned += got
            mark = "✗" if failure or same else "✓"
            lines.append(
                f"{mark} " + _("{got:g} of {value:g}").format(got=got, value=value) + f" {_(labels[name])}"
            )
            if failure is not None:
                failure.seed = None  # a message that names the seed would give the hidden inputs away
                if (failure.key, failure.look) not in told:
                    told.add((failure.key, failure.look))
                    lines.append(str(failure))
            printed = printed or said
            properties.append(
                _property(
                    name, labels[name], value, got, failure.key if failure else "same-always" if same else ""
                )
            )
        if same:
            lines.append(_("Whatever goes in, the same comes back: that is no answer yet."))
        if printed:
            lines += [_("Printed by your answer:"), printed]
        lines.append(
            _("{name}: {earned:g} of {total:g} points").format(
                name=task.exercise, earned=earned, total=task.total
            )
        )
        return {"outputs": [_note(clean.text("\n".join(lines)))], "points": earned, "properties": properties}


def _property(name, label, worth, got, key):
    return {"name": name, "label": _(label), "worth": worth, "got": got, "key": key}


def _note(text):
    return {"output_type": "stream", "name": "stdout", "text": text + "\n"}
