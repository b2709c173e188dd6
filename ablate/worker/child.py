"""The supervisor's handle on its trainer: start it, order, listen, end it."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

from ablate.worker.messages import Report, Stop, Train


def _serve(connection: Connection) -> None:
    """First function of the child process: only here, in the child, PyTorch is imported."""
    if os.name == "posix":
        os.setpgid(0, 0)  # a Ctrl-C in the terminal is the supervisor's business
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    importlib.import_module("ablate.worker.trainer").serve(connection)


class Child:
    """A trainer process, started at once so that it imports PyTorch while the first job is claimed."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), name="ablate-trainer")
        self._process.start()
        theirs.close()  # so that the pipe breaks when the child dies

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process ends."""
        return self._process.sentinel

    @property
    def exit_code(self) -> int | None:
        """Exit status of a process whose end the sentinel told, negative for a signal."""
        self._process.join(timeout=5.0)  # reaps it: before that the status is unknown
        return self._process.exitcode

    def order(self, order: Train | Stop) -> None:
        """Send an order; a dead child is noticed by its sentinel, not here."""
        with contextlib.suppress(OSError):
            self.connection.send(order)

    def reports(self) -> list[Report]:
        """All reports that lie in the pipe, also those of a child that has died since."""
        found: list[Report] = []
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll():
                found.append(self.connection.recv())
        return found

    def end(self) -> None:
        """End the process and all that it has started now, and wait for it."""
        self.connection.close()
        if os.name == "posix" and self._process.pid is not None and self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):  # it has made no group of its own yet
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._process.close()
