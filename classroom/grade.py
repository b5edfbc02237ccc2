"""Grade everything that was handed in (`make grade`).

    python -m classroom.grade [ps1 ...] [--again] [--workers N] [--without-sandbox] [--no-feedback]

What was graded before and has not changed is left alone, so a run that was stopped goes
on where it was; --again grades anew. Ends with results/scores.csv, results/needs-human.md
and feedback/<student>/<assignment>/.
"""

import argparse
import queue
import sys
import threading
import time
import traceback
import warnings

from .grading.course import Course
from .grading.limits import Limits
from .grading.outcome import write_feedback, write_results
from .grading.sandbox import NO_SANDBOX, NoSandbox, Worker, WorkerDied, bubblewrap
from .grading.submission import Submission


def grade(course, assignments=None, *, workers=2, sandboxed=True, again=False, limits=Limits(), say=print):
    """Grade what needs it; returns the list of (submission, problem), problem None where it went well.

    workers: notebooks run at the same time, each in its own sandbox. Grades are written
    by this thread alone, one submission after another.
    """
    if sandboxed and bubblewrap() is None:
        raise NoSandbox(NO_SANDBOX)
    todo = [
        Submission(course, student, assignment)
        for assignment in assignments or course.assignments()
        for student, _folder in course.submissions(assignment)
    ]
    waiting = todo if again else [s for s in todo if not s.graded_already()]
    say(f"{len(waiting)} to grade, {len(todo) - len(waiting)} graded before and unchanged")
    jobs, done = queue.Queue(), queue.Queue()
    threads = [
        threading.Thread(target=_work, args=(jobs, done, sandboxed, limits), daemon=True)
        for _number in range(min(workers, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    finished, started = [], time.monotonic()
    try:
        for submission in waiting:
            problem = _prepare(submission)
            (done.put((submission, problem)) if problem else jobs.put(submission))
        for number in range(1, len(waiting) + 1):
            submission, problem = done.get()
            finished.append((submission, _record(submission, problem)))
            left = (time.monotonic() - started) / number * (len(waiting) - number)
            say(
                f"{number}/{len(waiting)} {submission}: {finished[-1][1] or 'graded'},"
                f" {submission.seconds:.1f} s; about {left:.0f} s left"
            )
    finally:
        for _thread in threads:
            jobs.put(None)
        for thread in threads:
            thread.join(timeout=10)
    return finished


def _work(jobs, done, sandboxed, limits):
    """One worker's thread: its own warm process, one notebook after another."""
    with Worker(sandboxed) as worker:
        while (submission := jobs.get()) is not None:
            problem = None
            try:
                submission.run(worker, limits)
            except (WorkerDied, OSError, ValueError) as error:
                problem = f"the sandbox failed ({error}); grade again"
                worker.close()
            except Exception as error:  # one bad submission must not stop the rest
                problem = f"the grader failed ({type(error).__name__}: {error})"
                worker.close()
            done.put((submission, problem))


def _prepare(submission):
    try:
        submission.prepare()
    except Exception as error:  # one bad submission must not stop the rest
        return f"the grader failed ({type(error).__name__}: {error})"
    return None


def _record(submission, problem):
    """Write a submission's grades; returns the problem, if there is one."""
    if problem:
        for name in submission.notebook:
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
    parser.add_argument("--again", action="store_true", help="grade also what was graded before")
    parser.add_argument("--workers", type=int, default=2, help="notebooks run at the same time (default 2)")
    parser.add_argument(
        "--without-sandbox", action="store_true", help="run students' code with your own rights"
    )
    parser.add_argument("--no-feedback", action="store_true", help="write no HTML feedback")
    options = parser.parse_args(arguments)
    course = Course()
    warnings.filterwarnings("ignore", module="nbgrader|sqlalchemy")  # nbgrader's own, of no use to a teacher
    if options.without_sandbox:
        print(NO_SANDBOX.split("\n", 1)[1].split("Install")[0].strip(), file=sys.stderr)
    try:
        finished = grade(
            course,
            options.assignments,
            workers=options.workers,
            sandboxed=not options.without_sandbox,
            again=options.again,
        )
    except NoSandbox as error:
        print(error, file=sys.stderr)
        return 2
    if not options.no_feedback:
        write_feedback(course, [submission for submission, _problem in finished])
    for path in write_results(course):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
