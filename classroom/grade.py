"""Grade everything that was handed in (`make grade`).

    python -m classroom.grade [ps1 ...] [--student anna] [--again] [--workers N] [--course FOLDER]

What was graded before and has not changed is left alone, so a run that was stopped goes
on where it was; --again grades anew. Ends with the files in results/ and the pages in
feedback/<student>/<assignment>/.
"""

import argparse
import os
import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path

from .grading.course import HERE, Course, UnknownName
from .grading.examiner import Examiner
from .grading.limits import Limits
from .grading.outcome import write_feedback, write_results
from .grading.sandbox import NO_SANDBOX, NoSandbox, WorkerDied, bubblewrap
from .grading.submission import Assignment, Submission


class Stopped(Exception):
    """Somebody pressed Ctrl-C. What is graded stays; the next run goes on from there."""


def grade(
    course,
    assignments=None,
    *,
    students=None,
    workers=2,
    sandboxed=True,
    again=False,
    feedback=False,
    limits=Limits(),
    say=print,
):
    """Grade what needs it; returns the list of (submission, problem), problem None where it went well.

    workers: notebooks examined at the same time, each in its own sandbox. Grades are
    written by this thread alone, one submission after another; with `feedback` its page
    follows at once. Ctrl-C raises Stopped.
    """
    if sandboxed and bubblewrap() is None:
        raise NoSandbox(NO_SANDBOX)
    todo = []
    for name in course.chosen(assignments):
        found = [s for s, _folder in course.submissions(name) if students is None or s in students]
        about = Assignment(course, name) if found else None
        todo += [Submission(course, student, about) for student in found]
    if students and (unknown := set(students) - {s.student for s in todo}):
        raise UnknownName(f"{', '.join(sorted(unknown))} handed in nothing: see {course.root / 'submitted'}")
    waiting = [s for s in todo if again or not s.graded_already()]
    say(f"{len(waiting)} to grade, {len(todo) - len(waiting)} graded before and unchanged")
    jobs, done, examiners = queue.Queue(), queue.Queue(), []
    for submission in waiting:
        jobs.put(submission)
    for _number in range(min(workers, len(waiting))):
        examiners.append(Examiner(sandboxed))
        jobs.put(None)
        threading.Thread(target=_work, args=(examiners[-1], jobs, done, limits), daemon=True).start()
    finished, started = [], time.monotonic()
    try:
        for number in range(1, len(waiting) + 1):
            submission, problem = done.get()
            finished.append((submission, _record(submission, problem)))
            if feedback:
                write_feedback(course, [submission])
            left = (time.monotonic() - started) / number * (len(waiting) - number)
            say(
                f"{number}/{len(waiting)} {submission}: {finished[-1][1] or 'graded'},"
                f" {submission.seconds:.1f} s; about {left:.0f} s left"
            )
        if feedback:  # a run that was killed may have left a grade without its page
            graded = {id(s) for s, _problem in finished}
            write_feedback(course, [s for s in todo if id(s) not in graded and not s.has_page()])
    except KeyboardInterrupt:
        for examiner in examiners:
            examiner.stop()
        raise Stopped(
            f"Stopped: {len(finished)} of {len(waiting)} are graded and stay so;"
            " the same command goes on from here."
        ) from None
    finally:
        while not jobs.empty():
            jobs.get_nowait()
        for _examiner in examiners:
            jobs.put(None)
    return finished


def _work(examiner, jobs, done, limits):
    """One worker's thread: its own examiner, one notebook after another."""
    with examiner:
        while (submission := jobs.get()) is not None:
            problem = None
            try:
                submission.examine(examiner, limits)
            except (WorkerDied, OSError, ValueError) as error:
                problem = f"the grader's process failed ({error}); it is tried again at the next run"
                examiner.close()
            except Exception as error:  # one bad submission must not stop the rest
                problem = f"the grader failed ({type(error).__name__}: {error})"
                examiner.close()
            submission.failed = problem is not None
            done.put((submission, problem))


def _record(submission, problem):
    """Write a submission's grades; returns the problem, if there is one."""
    if problem:
        for name in submission.about.known:
            submission.problem.setdefault(name, problem)
    try:
        record = submission.record()
    except Exception as error:  # as above; what was written for others stays
        traceback.print_exc()
        return problem or f"the grader failed ({type(error).__name__}: {error})"
    undecided = sum(len(about["undecided"]) for about in record["notebooks"].values())
    return problem or (f"{undecided} tests need a human" if undecided else None)


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m classroom.grade", description=__doc__.split("\n")[0])
    parser.add_argument("assignments", nargs="*", help="for example ps1; all by default")
    parser.add_argument("--student", action="append", help="only this one (may be given several times)")
    parser.add_argument("--again", action="store_true", help="grade also what was graded before")
    parser.add_argument(
        "--workers", type=int, default=2, help="notebooks examined at the same time (default 2)"
    )
    parser.add_argument("--course", type=Path, default=HERE, help="the course's folder (default: this one)")
    parser.add_argument(
        "--without-sandbox", action="store_true", help="run students' code with your own rights"
    )
    parser.add_argument("--no-feedback", action="store_true", help="write no HTML feedback")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", module="nbgrader|sqlalchemy")  # nbgrader's own, of no use to a teacher
    if options.without_sandbox:
        print(NO_SANDBOX.split("\n", 1)[1].split("Install")[0].strip(), file=sys.stderr)
    try:
        course = Course(options.course)
        grade(
            course,
            options.assignments,
            students=options.student,
            workers=options.workers,
            sandboxed=not options.without_sandbox,
            again=options.again,
            feedback=not options.no_feedback,
        )
        for path in write_results(course):
            print(path)
    except (NoSandbox, UnknownName) as error:
        print(error, file=sys.stderr)
        return 2
    except (Stopped, KeyboardInterrupt) as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second press must not cut the sentence off
        print(error or "Stopped; the same command goes on from here.", file=sys.stderr, flush=True)
        os._exit(130)  # threads that still wait for a sandbox must not hold the teacher up
    return 0


if __name__ == "__main__":
    sys.exit(main())
