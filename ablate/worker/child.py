"""The supervisor's handle on its trainer: start it, order, listen, look into it, end it."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection, wait

from ablate.worker.line import Circumstances, Line
from ablate.worker.messages import Here, Order, Report
from ablate.worker.output import CHUNK_BYTES, Output
from ablate.worker.processes import Forked, Process, Spawned

#: How long a trainer has to write where it is, seconds.
STACK_SECONDS = 1.0
#: How long nothing may come before its answer counts as complete, seconds.
QUIET_SECONDS = 0.2


class Child:
    """A trainer process, started at once so that it is ready, or nearly so, when the first job was claimed.

    Args:
        line: To the nursery that forks it; None starts it as a process that imports PyTorch by itself, as does a line
            whose nursery is gone.
    """

    def __init__(self, line: Line | None = None) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self._stacks, stacks = multiprocessing.Pipe(duplex=False)
        self._output = Output() if os.name == "posix" else None
        writer = self._output.writer if self._output else None
        self._process = self._started(line, theirs, writer, stacks)
        for end in (theirs, stacks, *([writer] if writer else [])):
            end.close()  # so that the pipes break when the child dies
        #: Its process id; None until it has begun, and leads a process group of its own.
        self.pid: int | None = None
        self._over = False

    def _started(
        self, line: Line | None, connection: Connection, output: Connection | None, stacks: Connection
    ) -> Process:
        if line is not None and output is not None:
            channel = line.trainer(connection.fileno(), output.fileno(), stacks.fileno())
            if channel is not None:
                self.connection.send(Circumstances.of_this_process())
                return Forked(channel)
        return Spawned(connection, output, stacks)

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process ends."""
        return self._process.sentinel

    @property
    def exit_code(self) -> int | None:
        """Exit status of a process whose end the sentinel told, negative for a signal; None if nobody can tell."""
        self._signal_group(signal.SIGKILL)  # what it has started; while it is not reaped the group's number is its own
        self._over = True
        return self._process.exit_code()

    def order(self, order: Order) -> None:
        """Send an order; a dead child is noticed by its sentinel, not here."""
        with contextlib.suppress(OSError):
            self.connection.send(order)

    def reports(self) -> list[Report]:
        """All reports that lie in the pipe, also those of a child that has died since."""
        found: list[Report] = []
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll():
                said = self.connection.recv()
                if isinstance(said, Here):
                    self.pid = said.pid
                else:
                    found.append(said)
        return found

    def attempt_over(self) -> None:
        """What the child says from now on belongs to another attempt."""
        if self._output is not None:
            self._output.cut()

    def last_words(self) -> str:
        """The end of what the child and all that it has started printed in this attempt, where the system can tell."""
        return "" if self._output is None else self._output.recent()

    def stack(self) -> str:
        """Where every thread of the trainer is, and of processes that it forked; empty where it does not answer."""
        if not hasattr(faulthandler, "register"):
            return ""
        self._signal_group(signal.SIGUSR1)
        told = b""
        deadline = time.monotonic() + STACK_SECONDS
        patience = STACK_SECONDS
        while (left := min(patience, deadline - time.monotonic())) > 0 and wait([self._stacks], timeout=left):
            chunk = os.read(self._stacks.fileno(), CHUNK_BYTES)
            if not chunk:
                break
            told += chunk
            patience = QUIET_SECONDS
        return told.decode("utf-8", "replace")

    def end(self) -> None:
        """End the process and all that it has started now, and wait for it."""
        if self.pid is None:
            self.reports()  # it may have begun
        self.connection.close()
        self._signal_group(signal.SIGKILL)
        self._process.close(begun=self.pid is not None)
        if self._output is not None:
            self._output.close()
        self._stacks.close()

    def _signal_group(self, number: signal.Signals) -> None:
        """Signal the child and what it has started, also where the child has ended and was not reaped yet."""
        if os.name != "posix" or self.pid is None or self._over:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
