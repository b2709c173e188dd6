"""How far a download or a decoding is, for whoever wants to draw it; and work in slices that tells it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

#: Threads that decode at most; more wait for the disk and for each other.
MAX_THREADS = 16


def _silent(*_told: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where progress is told."""

    #: Called with a task (`decoding cifar10, train`), what is done of it, and the whole, from one thread at a time; the
    #: whole is 0 where nobody knows it.
    tell: Callable[[str, int, int], None] = _silent
    #: Called with a line that people should read, however the work goes on; perhaps several times with the same one.
    remark: Callable[[str], None] = _silent
    #: Whether a download may draw torchvision's bar on standard error.
    draw_downloads: bool = False


SILENT = Progress()


def in_slices(total: int, size: int, work: Callable[[int, int], None], task: str, progress: Progress) -> None:
    """Call `work(start, stop)` for consecutive slices of 0..total, on a few threads; its first exception is raised.

    Args:
        total: Number of images.
        size: Images in a slice.
        work: Does a slice; Pillow and NumPy let other threads compute meanwhile.
        task: What `progress` is told is being done.
        progress: Hears of each slice that is done.
    """
    if not total:
        return
    done, guard = 0, threading.Lock()

    def step(start: int) -> None:
        nonlocal done
        stop = min(start + size, total)
        work(start, stop)
        with guard:
            done += stop - start
            progress.tell(task, done, total)

    progress.tell(task, 0, total)
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(step, start) for start in range(0, total, size)]
        try:
            for future in futures:
                future.result()
        except BaseException:  # Ctrl-C too: what has not begun is not begun
            pool.shutdown(cancel_futures=True)
            raise
