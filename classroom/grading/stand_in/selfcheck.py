"""In the place of the students' own check while a notebook is graded."""

from lenet_helpers.checks.points import points

__all__ = ["points"]
