"""How pytest runs the chapters: nbval with two faults of version 0.11 mended, in a kernel without network.

Every cell must run; the text of those tagged `check-output` must be what is stored.

And one fixture that several test files share.
"""

import atexit
from contextlib import ExitStack
from functools import partial

import nbval.kernel
import nbval.plugin
import pytest
import torch

from tools.notebooks import chapter_environment

nbval.plugin.metadata_tags["check-output"] = "check"

_open = ExitStack()
atexit.register(_open.close)
_environment = _open.enter_context(chapter_environment())
nbval.kernel.start_new_kernel = partial(nbval.kernel.start_new_kernel, env=_environment)


def _execute_cell_input(self, cell_input, allow_stdin=None):
    # Upstream passes store_history=False, under which IPython ignores a trailing semicolon.
    return self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


nbval.kernel.RunningKernel.execute_cell_input = _execute_cell_input


def pytest_itemcollected(item):
    if isinstance(item, nbval.plugin.IPyNbCell):
        # Upstream waits five seconds for an output's last message, whatever the cell's own limit.
        item.output_timeout = 120
        # A picture is stored as PNG alone (see tools.notebooks), but shown as HTML too.
        item.parent.skip_compare = tuple({*item.parent.skip_compare, "text/html"})


@pytest.fixture
def one_thread():
    """For results to the last bit: with two threads torch may add up in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
