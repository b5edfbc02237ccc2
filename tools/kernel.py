"""What a chapter's kernel finds around it, whoever starts it: the build, the tests, the browser."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def chapter_environment():
    """The environment variables of a kernel that runs a chapter: no network, no data, nothing of this
    user's.
    """
    with tempfile.TemporaryDirectory() as empty:
        paths = [str(ROOT / "tools" / "offline"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        yield os.environ | {
            "LENET_DATA": empty,
            "LENET_PROGRESS": "off",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONHASHSEED": "0",
        }
