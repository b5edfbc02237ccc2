"""Quiz questions: read from a data file, asked one by one, with an answer to every choice.

`quiz("01-why-convolution", "layout")` asks one question, `quiz("01-why-convolution")`
all of the chapter's; `explorers.quiz_view` shows them.

How to add a question: an entry in `quizzes/en/<chapter>.yaml`, and its translation with
the same ids in `quizzes/<language>/<chapter>.yaml`::

    - id: layout                       # unique in the chapter, never changed afterwards
      section: "1.1"
      text: "Which accuracy falls when all pixels are permuted?"
      options:                         # 2 to 6; exactly one is correct
        - id: conv
          text: "the convolutional net's"
          correct: true
          feedback: "Yes: its 5×5 windows no longer hold neighbours."
        - id: dense
          text: "the dense net's"
          feedback: "A dense layer gives each pixel a weight of its own, wherever it stands."

Every option needs feedback that speaks to *that* choice: why someone picks it, and what
to think of instead.
"""

import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..wording import _, language
from . import progress

QUESTIONS = Path(__file__).parent


@dataclass(frozen=True)
class Option:
    """One choice of a question and what is said to whoever picks it."""

    id: str
    text: str
    feedback: str
    correct: bool = False


@dataclass(frozen=True)
class Question:
    """A question, its options in the file's order, and the section it belongs to."""

    id: str
    section: str
    text: str
    options: tuple

    def shuffled(self, seed=0):
        """The options in an order that `seed` fixes, another one for each question."""
        order = list(self.options)
        random.Random(f"{seed} {zlib.crc32(self.id.encode())}").shuffle(order)
        return order


def load_questions(chapter, code=None):
    """The chapter's questions in language `code` (default: the one in use), else in English.

    Raises ValueError, naming the question, when one is malformed.
    """
    file = QUESTIONS / (code or language()) / f"{chapter}.yaml"
    if not file.exists():
        file = QUESTIONS / "en" / f"{chapter}.yaml"
    if not file.exists():
        chapters = ", ".join(sorted(f.stem for f in (QUESTIONS / "en").glob("*.yaml")))
        raise ValueError(
            _("no questions for chapter {chapter!r}: choose one of {chapters}").format(
                chapter=chapter, chapters=chapters
            )
        )
    questions = [_question(entry, file) for entry in yaml.safe_load(file.read_text("utf-8"))]
    ids = [q.id for q in questions]
    if len(ids) != len(set(ids)):
        raise ValueError(f"{file.name}: two questions share an id")
    return questions


def _question(entry, file):
    options = tuple(Option(**option) for option in entry["options"])
    ids = {o.id for o in options}
    right = sum(o.correct for o in options)
    if (
        right != 1
        or not 2 <= len(options) <= 6
        or len(ids) != len(options)
        or not all(o.feedback for o in options)
    ):
        raise ValueError(
            f"{file.name}, {entry['id']}: wants 2 to 6 options with ids of their own, feedback for "
            f"each, and exactly one correct"
        )
    return Question(entry["id"], entry["section"], entry["text"], options)


class Quiz:
    """One question being asked: options in their order, answers given, what is stored. No widgets."""

    def __init__(self, chapter, question, seed=0):
        self.chapter, self.question = chapter, question
        self.options = question.shuffled(seed)
        self.answers = []

    @property
    def key(self):
        return f"{self.chapter}/{self.question.id}"

    def answer(self, option_id):
        """Record a choice and return its Option. Only the first answer of all counts for the score."""
        option = next((o for o in self.options if o.id == option_id), None)
        if option is None:
            ids = ", ".join(o.id for o in self.options)
            raise ValueError(_("no option {option!r}: choose one of {ids}").format(option=option_id, ids=ids))
        self.answers.append(option_id)
        stored = self.stored()
        progress.record(
            "quiz",
            self.key,
            {
                "first_try": stored.get("first_try", option.correct),
                "tries": stored.get("tries", 0) + 1,
                "solved": stored.get("solved", False) or option.correct,
                "chosen": option.id,
            },
        )
        progress.visited("quiz", self.key)
        return option

    def stored(self):
        """What the progress file holds on this question; empty before the first answer."""
        return progress.get("quiz").get(self.key, {})


def score(chapter):
    """(right at the first try, solved, asked in all) for one chapter, from the progress file."""
    stored = [progress.get("quiz").get(f"{chapter}/{q.id}", {}) for q in load_questions(chapter)]
    return (
        sum(bool(s.get("first_try")) for s in stored),
        sum(bool(s.get("solved")) for s in stored),
        len(stored),
    )
