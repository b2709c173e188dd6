"""Ctrl-C and SIGTERM while workers run."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """While this lasts, SIGTERM is treated like Ctrl-C, and neither gets lost.

    Python raises KeyboardInterrupt wherever it happens to be. In a finalizer or a callback from C (SQLite's, say) it
    prints the exception and forgets it; so the signals are counted, and `check` raises what was lost.

    Only the main thread may set handlers. In another one nothing is changed: signals go to the main thread, and whoever
    waits there says what they mean.
    """

    def __init__(self) -> None:
        self._came = 0
        self._answered = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt for a signal that was not answered yet."""
        if self._came > self._answered:
            raise KeyboardInterrupt

    def answered(self) -> None:
        """All signals so far have led to what they should."""
        self._answered = self._came

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._came += 1
        raise KeyboardInterrupt
