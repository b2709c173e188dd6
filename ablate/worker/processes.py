"""The process of a trainer, as its supervisor sees it: started by the system, or forked by a nursery."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
from multiprocessing.connection import Connection
from typing import Protocol

from ablate.worker.birth import begin

#: How long the end of a process that was killed is waited for, seconds.
END_SECONDS = 5.0


class Process(Protocol):
    """A trainer's process. Until `close` its number, and that of its group, belong to no other."""

    @property
    def sentinel(self) -> int:
        """Becomes ready when it ends."""

    def exit_code(self) -> int | None:
        """Exit status of a process whose end the sentinel told, negative for a signal; None if nobody can tell."""

    def close(self, *, begun: bool) -> None:
        """End the process if it lives, and wait for it.

        Args:
            begun: Whether the trainer has said that it is there.
        """


class Spawned:
    """Started by the system; it imports all that it needs.

    Args:
        connection: Its pipe to the supervisor.
        output: Takes what it prints; None where it prints to where the supervisor does.
        stacks: Takes where its threads are.
    """

    def __init__(self, connection: Connection, output: Connection | None, stacks: Connection) -> None:
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=begin, args=(connection, output, stacks), name="ablate-trainer")
        self._process.start()
        # The process itself where the system can: multiprocessing's own sentinel stays open in forked grandchildren.
        self._pidfd = os.pidfd_open(self._process.pid) if hasattr(os, "pidfd_open") and self._process.pid else None

    @property
    def sentinel(self) -> int:
        """See `Process`."""
        return self._process.sentinel if self._pidfd is None else self._pidfd

    def exit_code(self) -> int | None:
        """See `Process`."""
        self._process.join(timeout=END_SECONDS)  # reaps it: before that the status is unknown
        return self._process.exitcode

    def close(self, *, begun: bool) -> None:
        """See `Process`; what has not begun ends just as well."""
        self._process.kill()
        self._process.join()
        self._process.close()
        if self._pidfd is not None:
            os.close(self._pidfd)


class Forked:
    """Forked by a nursery, which reaps it.

    Args:
        channel: To the nursery, see `Line.trainer`.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    @property
    def sentinel(self) -> int:
        """See `Process`."""
        return self._channel.fileno()

    def exit_code(self) -> int | None:
        """See `Process`; None where the nursery ended first."""
        told = b""
        with contextlib.suppress(OSError):
            told = self._channel.recv(4)
        return int.from_bytes(told, "little", signed=True) if told else None

    def close(self, *, begun: bool) -> None:
        """See `Process`; what has not begun is not waited for, since the nursery may still be importing."""
        with self._channel as channel, contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_WR)  # the nursery ends the trainer, and closes its end when it has reaped it
            channel.settimeout(END_SECONDS)
            while begun and channel.recv(64):
                pass
