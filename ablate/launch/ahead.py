"""Work that is needed at the end of a run, done while others compute."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable


class Ahead:
    """Does something once, in a thread of its own, when the first job has ended: by then all workers have started.

    Args:
        work: What to do, as importing what a report needs. What it raises will be raised again when that is needed.
        done: Jobs that had ended before.
    """

    def __init__(self, work: Callable[[], None], done: int) -> None:
        self._work = work
        self._done = done
        self._thread: threading.Thread | None = None

    def look(self, done: int) -> None:
        """Begin where more jobs have ended now."""
        if self._thread is None and done > self._done:
            self._thread = threading.Thread(target=self._try, name="ablate-ahead", daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait until it is done, where it has begun."""
        if self._thread is not None:
            self._thread.join()

    def _try(self) -> None:
        with contextlib.suppress(Exception):
            self._work()
