"""Before the hub starts: the folders, the course in them, its students, and what is handed out.

    python -m deploy.hub.prepare [--class class.toml] [--folder hub]

Does again only what is not there yet. A process of its own, as handing out needs torch and
the hub does not.
"""

import argparse
import csv
import os
import shutil
import sys
import warnings
from pathlib import Path

from nbgrader.apps import NbGraderAPI

from classroom.grading.course import Course
from classroom.release import release

from .course import HERE, ID, ROOT, ClassError, Folders, give, read_class


def make_exchange(folders):
    """nbgrader's exchange: its three folders, made as they have to be."""
    base = folders.exchange / ID
    for name, mode in (("outbound", 0o755), ("inbound", 0o733), ("feedback", 0o311)):
        (base / name).mkdir(parents=True, exist_ok=True)
        # Pages of feedback have names that nobody can guess, so nobody may list them: in the
        # sandbox everybody is their owner, and the owner has no r either.
        (base / name).chmod(mode)


def write_roster(folders, group):
    """roster.csv, from which the classroom's tables take names and ids."""
    with open(folders.course / "roster.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["student", "name", "email", "lms_id"])
        table.writerows([name, p.name, p.email, p.lms_id] for name, p in group.students.items())


def lay_out(folders, group):
    """Make the folders and the course in them, enter the students, hand out what is released."""
    folders.make([*group.graders, *group.students])
    make_exchange(folders)
    classroom = ROOT / "classroom"
    for name in ("source", "exercises"):
        if not (folders.course / name).exists():
            shutil.copytree(classroom / name, folders.course / name)
    (folders.course / "nbgrader_config.py").write_text(SETTINGS, "utf-8")
    write_roster(folders, group)
    course = Course(folders.course)
    with course.gradebook() as gradebook:
        for name, person in group.students.items():
            first, _space, last = person.name.partition(" ")
            gradebook.update_or_create_student(name, first_name=first, last_name=last, email=person.email)
    for name in group.released:
        if not (folders.exchange / ID / "outbound" / name).exists():
            if leaks := release(course, [name]):
                raise ClassError(f"{name} is not handed out, a solution slipped through: {leaks[0]}")
            course.config.Exchange.root = str(folders.exchange)
            answer = NbGraderAPI(config=course.config).release_assignment(name)
            if not answer["success"]:
                raise ClassError(f"{name} could not be handed out: {answer['error']}")
    for folder in (folders.course, folders.exchange, folders.inbox):
        give(folder, all_of_it=folder != folders.inbox)


# The folder of the course carries its own settings, so that a terminal in it needs no option.
SETTINGS = '''"""Made anew at each start of the hub."""

from pathlib import Path

from classroom.grading.course import configure

c = get_config()  # noqa: F821  nbgrader puts get_config here
configure(c, Path(__file__).resolve().parent)
c.Exchange.root = "/srv/exchange"
c.ExchangeFactory.collect = "deploy.hub.exchange.Collect"
'''


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.hub.prepare", description=__doc__.split("\n")[0])
    parser.add_argument("--class", dest="file", type=Path, default=HERE / "class.toml")
    parser.add_argument("--folder", type=Path, default=ROOT / "hub")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", module="nbgrader|sqlalchemy|alembic")  # nbgrader's own
    os.umask(0o077)
    try:
        lay_out(Folders(options.folder), read_class(options.file))
    except ClassError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
