"""The course as nbgrader sees it: its folders, its settings, its gradebook."""

import os
import sys
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import preprocessors as pp
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from .marks import HideTests, RunInSandbox, SaveGrades, Screen

HERE = Path(__file__).resolve().parents[1]


def configure(c, root=HERE):
    """Fill nbgrader's configuration `c`; `nbgrader_config.py` and the grader both use this."""
    c.CourseDirectory.root = str(root)
    c.CourseDirectory.course_id = "lenet"
    c.CourseDirectory.db_url = f"sqlite:///{root}/gradebook.db"
    # The checks read NotImplementedError as "not started".
    c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("replace this line by your code")'}
    c.ClearSolutions.text_stub = "*Write your answer here.*"
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
        pp.OverwriteKernelspec,
        pp.OverwriteCells,
        pp.CheckCellMetadata,
    ]
    c.Autograde.autograde_preprocessors = [
        RunInSandbox,
        pp.LimitOutput,
        SaveGrades,
        pp.AssignLatePenalties,
        pp.CheckCellMetadata,
    ]
    c.GenerateFeedback.preprocessors = [HideTests, pp.GetGrades, CSSHTMLHeaderPreprocessor]
    # For `nbgrader validate` and the Validate button, which run on the student's machine.
    c.ExecutePreprocessor.timeout = 120
    c.Execute.timeout = 120
    return c


class Course:
    """A course folder with source/, submitted/ and the folders that nbgrader makes."""

    def __init__(self, root=HERE):
        self.root = Path(root).resolve()
        # A new gradebook is made by the program alembic, which nbgrader looks for in PATH alone.
        here = str(Path(sys.executable).parent)
        if here not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = here + os.pathsep + os.environ.get("PATH", "")
        self.config = configure(Config(), self.root)

    def directory(self, assignment, student="*"):
        """nbgrader's CourseDirectory for one assignment and one student (or all)."""
        return CourseDirectory(config=self.config, assignment_id=assignment, student_id=student)

    def gradebook(self):
        """The gradebook; use as a context manager."""
        return Gradebook(self.config.CourseDirectory.db_url, "lenet")

    def assignments(self):
        """Names of the assignments in source/, in order."""
        return sorted(p.name for p in (self.root / "source").iterdir() if p.is_dir())

    def submissions(self, assignment):
        """(student, folder) of everything handed in for one assignment, by student."""
        return sorted((p.parent.name, p) for p in self.root.glob(f"submitted/*/{assignment}") if p.is_dir())

    def folder(self, kind, student, assignment):
        """The folder of one student's assignment in submitted/, autograded/ or feedback/."""
        return self.root / kind / student / assignment
