"""The course as nbgrader sees it: its folders, its settings, its gradebook."""

import os
import sys
from pathlib import Path

import nbgrader
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import preprocessors as pp
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from .marks import Examine, HideTests, SaveGrades, Screen, ShowGrades, as_number, rounded

HERE = Path(__file__).resolve().parents[1]
ENGLISH = "en"
# What stands where students write in words.
TEXT_STUBS = {ENGLISH: "*Write your answer here.*", "zh": "*在这里写下你的回答。*"}


def configure(c, root=HERE):
    """Fill nbgrader's configuration `c`; `nbgrader_config.py` and the grader both use this."""
    c.CourseDirectory.root = str(root)
    c.CourseDirectory.course_id = "lenet"
    c.CourseDirectory.db_url = f"sqlite:///{root}/gradebook.db"
    # The checks read NotImplementedError as "not started".
    c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("replace this line by your code")'}
    c.ClearSolutions.text_stub = TEXT_STUBS[ENGLISH]
    c.GenerateAssignment.preprocessors = [
        pp.LockCells,
        pp.ClearSolutions,
        pp.ClearOutput,
        pp.CheckCellMetadata,
        pp.ComputeChecksums,
        pp.SaveCells,
        pp.ClearHiddenTests,
        pp.ClearMarkScheme,
        pp.ComputeChecksums,
        pp.CheckCellMetadata,
    ]
    c.Autograde.sanitize_preprocessors = [
        Screen,
        pp.ClearOutput,
        pp.DeduplicateIds,
        pp.OverwriteCells,
        pp.CheckCellMetadata,
    ]
    c.Screen.root = c.Examine.root = str(root)
    c.Autograde.autograde_preprocessors = [
        Examine,
        pp.LimitOutput,
        SaveGrades,
        pp.AssignLatePenalties,
        pp.CheckCellMetadata,
    ]
    c.GenerateFeedback.preprocessors = [HideTests, ShowGrades, CSSHTMLHeaderPreprocessor]
    # Ours come first: no page that a teacher or a student opens loads a script from elsewhere.
    templates = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
    c.HTMLExporter.extra_template_basedirs = [str(HERE / "grading" / "templates"), str(templates)]
    c.HTMLExporter.filters = {"float": as_number, "round": rounded}
    # For `nbgrader validate` and the Validate button, which run on the student's machine.
    c.ExecutePreprocessor.timeout = 120
    c.Execute.timeout = 120
    return c


def source_of(language):
    """Name of the folder with the assignments in a language."""
    return "source" if language == ENGLISH else f"source-{language}"


class UnknownName(ValueError):
    """There is no such assignment or student."""


class Course:
    """A course folder with source/, submitted/ and the folders that nbgrader makes."""

    def __init__(self, root=HERE):
        self.root = Path(root).resolve()
        # A new gradebook is made by the program alembic, which nbgrader looks for in PATH alone.
        here = str(Path(sys.executable).parent)
        if here not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = here + os.pathsep + os.environ.get("PATH", "")
        self.config = configure(Config(), self.root)
        settings = self.root / "nbgrader_config.py"
        if settings.is_file():  # the late policy, for one, is the teacher's
            self.config.merge(PyFileConfigLoader(settings.name, str(self.root)).load_config())

    def directory(self, assignment, student="*"):
        """nbgrader's CourseDirectory for one assignment and one student (or all)."""
        return CourseDirectory(config=self.config, assignment_id=assignment, student_id=student)

    def gradebook(self):
        """The gradebook; use as a context manager."""
        return Gradebook(self.config.CourseDirectory.db_url, "lenet")

    def assignments(self, language=ENGLISH):
        """Names of the assignments in source/, or in that of another language, in order."""
        folder = self.root / source_of(language)
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def chosen(self, names=None, language=ENGLISH):
        """`names` if they are assignments, all if there are none; UnknownName otherwise."""
        known = self.assignments(language)
        if not known:
            raise UnknownName(f"no assignments in {self.root / source_of(language)}")
        for name in names or ():
            if name not in known:
                raise UnknownName(f"no assignment {name!r}: choose from {', '.join(known)}")
        return list(names or known)

    def submissions(self, assignment):
        """(student, folder) of everything handed in for one assignment, by student."""
        return sorted((p.parent.name, p) for p in self.root.glob(f"submitted/*/{assignment}") if p.is_dir())

    def folder(self, kind, student, assignment):
        """The folder of one student's assignment in submitted/, autograded/ or feedback/."""
        return self.root / kind / student / assignment
