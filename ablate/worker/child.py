"""The supervisor's handle on its trainer: start it, order, listen, look into it, end it."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import io
import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection, wait

from ablate.worker.messages import Report, Stop, Train
from ablate.worker.output import CHUNK_BYTES, Output

#: How long a trainer has to write where it is, seconds.
STACK_SECONDS = 1.0
#: How long nothing may come before its answer counts as complete, seconds.
QUIET_SECONDS = 0.2


def _serve(connection: Connection, output: Connection | None, stacks: Connection) -> None:
    """First function of the child process: only here, in the child, PyTorch is imported."""
    if os.name == "posix":
        os.setpgid(0, 0)  # a Ctrl-C in the terminal is the supervisor's business
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if output is not None:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
    _keep_to_itself(connection, stacks)

    def rearm() -> None:
        if hasattr(faulthandler, "register"):
            faulthandler.unregister(signal.SIGUSR1)
            faulthandler.register(signal.SIGUSR1, file=stacks.fileno())

    rearm()
    faulthandler.enable()  # a crash in C code tells the log which line of Python it was
    if hasattr(select, "poll"):
        threading.Thread(target=_end_with, args=(connection,), name="ablate-lifeline", daemon=True).start()
    importlib.import_module("ablate.worker.trainer").serve(connection, rearm)


def _keep_to_itself(*connections: Connection) -> None:
    """Let no process that a job's code starts hold these pipes open, or speak through them."""
    for connection in connections:
        os.set_inheritable(connection.fileno(), False)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=connections[0].close)


def _end_with(connection: Connection) -> None:
    """End this process and all that it has started when its supervisor is gone, even in the midst of a job's code."""
    hang_up = select.poll()
    hang_up.register(connection.fileno(), 0)  # which is told unasked
    hang_up.poll()
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


class Child:
    """A trainer process, started at once so that it imports PyTorch while the first job is claimed."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._stacks, stacks = context.Pipe(duplex=False)
        self._output = Output() if os.name == "posix" else None
        writer = self._output.writer if self._output else None
        self._process = context.Process(target=_serve, args=(theirs, writer, stacks), name="ablate-trainer")
        self._process.start()
        for end in (theirs, stacks, *([writer] if writer else [])):
            end.close()  # so that the pipes break when the child dies
        # The process itself where the system can: multiprocessing's own sentinel stays open in forked grandchildren.
        self._pidfd = os.pidfd_open(self._process.pid) if hasattr(os, "pidfd_open") and self._process.pid else None

        self._reaped = False

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process ends."""
        return self._process.sentinel if self._pidfd is None else self._pidfd

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit status of a process whose end the sentinel told, negative for a signal."""
        self._signal_group(signal.SIGKILL)  # what it has started; while it is not reaped the group's number is its own
        self._process.join(timeout=5.0)  # reaps it: before that the status is unknown
        self._reaped = True
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
        self.connection.close()
        self._signal_group(signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._process.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
        if self._output is not None:
            self._output.close()
        self._stacks.close()

    def _signal_group(self, number: signal.Signals) -> None:
        """Signal the child and what it has started, also where the child has ended and was not reaped yet."""
        if os.name != "posix" or self._process.pid is None or self._reaped:
            return
        with contextlib.suppress(ProcessLookupError):  # it has made no group of its own yet
            os.killpg(self._process.pid, number)
