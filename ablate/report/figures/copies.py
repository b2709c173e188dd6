"""Pictures drawn side by side, by copies of this process.

A report of a study has some twenty, which know nothing of each other, and drawing is most of the time that it takes.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")

#: Fewer tasks than this are done before copies would have begun.
FEW = 4
#: What is to be done, where copies find it: tasks are closures, which cannot be sent.
_tasks: list[Callable[[], object]] = []


def in_copies(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Results of tasks in their order; done one after the other where this process cannot be copied safely.

    A copy has the locks of other threads as they were, held by nobody who would let go of them; so there must be none.

    Args:
        tasks: They share nothing, and their results can be pickled.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    if cores < 2 or len(tasks) < FEW or threading.active_count() > 1:
        return [task() for task in tasks]
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    _tasks[:] = tasks
    try:
        with warnings.catch_warnings():
            # Python cannot know that the threads which it sees are those of a library of matrices, now idle.
            warnings.simplefilter("ignore", DeprecationWarning)
            with ProcessPoolExecutor(min(cores, len(tasks)), mp_context=get_context("fork")) as pool:
                found: list[Result] = list(pool.map(_task, range(len(tasks))))  # type: ignore[arg-type]
                return found
    except BrokenProcessPool:  # one was ended, as for want of memory
        return [task() for task in tasks]
    finally:
        _tasks.clear()


def _task(number: int) -> object:
    return _tasks[number]()
