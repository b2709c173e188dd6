"""Pictures are drawn by copies of the process where that is safe, and come out the same."""

import os
import subprocess
import sys
import threading

import pytest

from ablate.report.figures.copies import in_copies

SCRIPT = """
import os
from ablate.report.figures.copies import in_copies

def task(number):
    if number == {fails}:
        raise ValueError("of task 3")
    return number, os.getpid() != {parent} and os.getpid()

found = in_copies([lambda number=number: task(number) for number in range(8)])
print([number for number, _ in found], os.getpid() in [pid for _, pid in found])
"""


def said(script: str) -> subprocess.CompletedProcess[str]:
    """What a process prints that has no other thread."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux copies processes safely")
def test_results_come_in_order_and_from_other_processes() -> None:
    done = said(SCRIPT.format(fails=-1, parent=os.getpid()))
    in_parent = len(os.sched_getaffinity(0)) < 2
    assert done.stdout.strip() == f"{list(range(8))} {in_parent}", done.stderr


def test_what_a_task_raises_is_raised() -> None:
    done = said(SCRIPT.format(fails=3, parent=os.getpid()))
    assert done.returncode == 1
    assert "ValueError: of task 3" in done.stderr


def test_a_process_with_other_threads_does_it_all_by_itself() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        assert in_copies([os.getpid] * 8) == [os.getpid()] * 8
    finally:
        over.set()
        other.join()
