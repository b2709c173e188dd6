"""Who may ask a worker for a clean end: signals, and the launcher by being gone."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from ablate.worker.supervisor import Supervisor


@contextlib.contextmanager
def stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    """While this lasts, SIGINT, SIGTERM and SIGUSR2 (preemption, as Slurm has it) ask for a clean end."""

    def ask(number: int, _frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGUSR2", None):
            supervisor.preempt()
        else:
            supervisor.stop()

    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR2") if hasattr(signal, name)]
    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {
        number: signal.signal(number, ask) for number in wanted
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_when_closed(descriptor: int, supervisor: Supervisor) -> None:
    """Ask the supervisor for a clean end when this file descriptor closes: the launcher is gone."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 1):
                pass
        supervisor.stop()

    threading.Thread(target=watch, name="ablate-launcher-watch", daemon=True).start()
