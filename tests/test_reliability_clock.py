"""What is measured against the clock: alone, on a machine that has nothing else to do."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from reliability import observed

from tools.kernel import chapter_environment

ROOT = Path(__file__).parents[1]


@pytest.mark.proof
def test_eight_kernels_run_chapter_3_at_once_on_two_cores():
    notebook = ROOT / "notebooks" / "en" / "03-training.ipynb"
    cores = sorted(os.sched_getaffinity(0))[:2]

    def execute(environment):
        os.sched_setaffinity(0, cores)  # this thread's, and so the kernel's that it starts
        client = NotebookClient(
            nbformat.read(notebook, 4), timeout=600, kernel_name="python3",
            resources={"metadata": {"path": str(notebook.parent)}},
        )  # fmt: skip
        client.execute(env=environment)

    with chapter_environment() as environment, ThreadPoolExecutor(8) as pool:
        # As a learner's kernel starts: with as many threads as torch likes.
        environment = {name: value for name, value in environment.items() if name != "OMP_NUM_THREADS"}
        clock = time.monotonic()
        for one in [pool.submit(execute, environment) for _n in range(8)]:
            one.result()
        seconds = time.monotonic() - clock
    print(f"eight kernels: {seconds:.0f} s")
    assert seconds <= 100
    observed("Long", "eight kernels run chapter 3 at once on two cores", f"all ended in {seconds:.0f} s")
