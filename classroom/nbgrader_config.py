"""nbgrader's settings for this course; read by every `nbgrader` command run in this folder and by the
Formgrader.

`nbgrader autograde` and the Formgrader's button run students' code in the same sandbox
as `make grade`, only one after another. Without bubblewrap they refuse, unless the
environment variable CLASSROOM_WITHOUT_SANDBOX=1 says that you accept the risk.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from classroom.grading.course import configure  # noqa: E402

configure(get_config(), HERE)  # noqa: F821  nbgrader puts get_config here
