"""The course as a table: its chapters, what each asks first, and what a reader has done in them.

A chapter's row here and its row in README's table say the same, as its notebook does; tests compare
them. How to add a chapter: a `Chapter` in CHAPTERS, sections in their order.
"""

from dataclasses import dataclass

from ..wording import N_
from . import progress
from .questions import load_questions


@dataclass(frozen=True)
class Chapter:
    """One chapter: `name` is that of its notebook and of its questions.

    sections: number → the id of the cell that its heading stands in, then the names of its exercises.
    """

    name: str
    title: str
    minutes: int
    asks: str
    sections: dict

    @property
    def number(self):
        return int(self.name[:2])

    def exercises(self):
        """Names of the chapter's exercises, in order."""
        return [name for _cell, *names in self.sections.values() for name in names]

    def link(self, section=None):
        """Address of the chapter, or of one of its sections, from any other chapter's page."""
        cell = self.sections[section][0] if section in self.sections else None
        return f"{self.name}.ipynb" + (f"#cell-id={cell}" if cell else "")


CHAPTERS = (
    Chapter(
        "00-start-here",
        N_("Start here"),
        10,
        N_("An image grows to twice its side. How many times as many pixels does it hold?"),
        {
            "0.1": ("predict-intro",),
            "0.2": ("exercise-intro", "double"),
            "0.3": ("quiz-intro",),
            "0.4": ("doctor-intro",),
        },
    ),
    Chapter(
        "01-why-convolution",
        N_("Why convolution?"),
        120,
        N_("The pixels of every image change places, in all images alike. Which network loses by it?"),
        {
            "1.1": ("layout-predict", "undo_permutation"),
            "1.2": ("slide-predict", "cross_correlate"),
            "1.3": ("kernels-predict", "diagonal_detector"),
            "1.4": ("sizes-predict", "output_size"),
            "1.5": ("count-predict", "fair_count"),
            "1.6": ("shift-predict", "still_matches"),
            "1.7": ("matrix-predict",),
            "1.8": ("learn-predict", "shared_gradient"),
        },
    ),
    Chapter(
        "02-lenet-architecture",
        N_("LeNet's architecture"),
        120,
        N_("One 3×3 convolution reads three maps and makes one. How many trained numbers does that take?"),
        {
            "2.1": ("channels-predict", "conv_parameters"),
            "2.2": ("pooling-predict", "max_pool"),
            "2.3": ("ledger-predict", "build_lenet", "flatten_size"),
            "2.4": ("receptive-predict", "receptive_field"),
            "2.5": ("paper-predict", "c3_parameters"),
            "2.6": ("rbf-text",),
            "2.7": ("ladder-text",),
            "2.8": ("flaws-text", "flaws"),
            "2.9": ("activation-predict",),
            "2.10": ("digit-predict",),
        },
    ),
    Chapter(
        "03-training",
        N_("Training"),
        120,
        N_("What share of the digits lies wholly inside the central 20×20 pixels?"),
        {
            "3.1": ("data-intro",),
            "3.2": ("split-intro", "split_statistics"),
            "3.3": ("loop-intro", "training_loop"),
            "3.4": ("curves-intro", "mean_loss"),
            "3.5": ("mistakes-intro",),
            "3.6": ("inside-intro",),
            "3.7": ("save-intro", "resume"),
            "3.8": ("fashion-intro",),
            "3.9": ("clinic-intro", "fit_one_batch"),
        },
    ),
    Chapter(
        "04-tuning",
        N_("Tuning"),
        120,
        N_("Two runs differ by 0.3 points of accuracy. Is that real?"),
        {
            "4.0": ("levers-intro", "verdict", "bootstrap"),
            "4.1": ("depth-predict",),
            "4.2": ("kernel-predict",),
            "4.3": ("width-predict",),
            "4.4": ("rate-predict",),
            "4.5": ("regular-predict", "prepare", "keep_best", "stop_epoch"),
            "4.6": ("batch-predict",),
            "4.7": ("augment-predict", "winner"),
            "4.8": ("search-intro",),
            "4.9": ("project",),
            "4.10": ("cost-intro",),
        },
    ),
    Chapter(
        "05-beyond-the-test-set",
        N_("Beyond the test set"),
        75,
        N_("Every digit moves four pixels to the right. What is left of the network's 96 % accuracy?"),
        {
            "5.1": ("shift-text", "shift_images"),
            "5.2": ("own-text",),
            "5.3": ("draw-text",),
            "5.4": ("reasons-text",),
            "5.5": ("attack-text", "attack"),
            "5.6": ("confidence-text", "calibration_error", "temperature"),
            "5.7": ("rejection-text", "rejection_threshold"),
            "5.8": ("slices-text",),
        },
    ),
    Chapter(
        "06-lenet-from-nothing",
        N_("Appendix: LeNet from nothing"),
        60,
        N_("A dense layer's input and output are known. Which product gives the gradient for its weights?"),
        {
            "6.1": ("two-functions",),
            "6.2": ("loss-text",),
            "6.3": ("convolution-text", "convolve_backward"),
            "6.4": ("pooling-text", "max_pool_backward"),
            "6.5": ("network-text",),
            "6.6": ("check-text", "gradient_check"),
            "6.7": ("loop-text",),
            "6.8": ("framework-text",),
        },
    ),
)


def place(kind, key):
    """(chapter, section number or None) of an exercise or of a question "chapter/question"; None for others.

    kind: "exercises" or "quiz", as in the progress file.
    """
    for chapter in CHAPTERS:
        if kind == "exercises" and key in chapter.exercises():
            return chapter, next(n for n, (_cell, *names) in chapter.sections.items() if key in names)
        if kind == "quiz" and key.startswith(f"{chapter.name}/"):
            asked = {question.id: question.section for question in load_questions(chapter.name)}
            section = asked.get(key.split("/", 1)[1])
            return chapter, section if section in chapter.sections else None
    return None


def last_place():
    """(chapter, section or None, date "2026-11-25" or "") where the reader worked last; None if nowhere."""
    last = progress.get("last")
    kind, key, when = (last.get(name) for name in ("kind", "key", "when"))
    if not (isinstance(kind, str) and isinstance(key, str)):
        return None
    found = place(kind, key)
    return (*found, when[:10] if isinstance(when, str) else "") if found else None


def done(chapter):
    """(exercises solved, questions answered) of a chapter, from the progress file."""
    solved, answered = progress.get("exercises"), progress.get("quiz")
    return (
        sum(bool(solved.get(name)) for name in chapter.exercises()),
        sum(f"{chapter.name}/{question.id}" in answered for question in load_questions(chapter.name)),
    )
