"""Who is in the class: `roster.csv` in the course's folder, with the columns student, name, email, lms_id.

Only `student`, the name of the folder in submitted/, is needed; the file itself is not.
"""

import csv
from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One line of the roster."""

    student: str
    name: str = ""
    email: str = ""
    lms_id: str = ""


class Roster:
    """The people of a course by student id; without a file everybody is only an id."""

    def __init__(self, root):
        self.path, self.people = root / "roster.csv", {}
        if self.path.is_file():
            with open(self.path, newline="", encoding="utf-8-sig") as file:
                for row in csv.DictReader(file):
                    row = {(key or "").strip().lower(): (value or "").strip() for key, value in row.items()}
                    fields = {key: row.get(key, "") for key in ("student", "name", "email", "lms_id")}
                    if fields["student"]:
                        self.people[fields["student"]] = Person(**fields)

    def person(self, student):
        """The person with this id; an unknown one has the id alone."""
        return self.people.get(student, Person(student))

    def find(self, *hints):
        """The id of the one whose LMS id, id, e-mail or name is among `hints`, or None."""
        wanted = {_plain(hint) for hint in hints if hint}
        for key in ("lms_id", "student", "email", "name"):
            for person in self.people.values():
                if getattr(person, key) and _plain(getattr(person, key)) in wanted:
                    return person.student
        return None


def _plain(text):
    return "".join(c for c in text.casefold() if c.isalnum())
