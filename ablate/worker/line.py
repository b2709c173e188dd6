"""How launchers and supervisors speak to a nursery. It imports little, because `ablate run` begins with it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

#: What is said through a line; the descriptors that belong to it go with it.
LINE, TRAINER = b"L", b"T"
#: Descriptors of a trainer: the channel on which its end is told, and its three pipes.
MOST_DESCRIPTORS = 4
#: How long a nursery that was told to end is waited for, seconds.
END_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a process has from the one that started it; a forked trainer takes those of its supervisor over."""

    environment: dict[str, str]
    arguments: list[str]
    #: Where modules are looked for.
    path: list[str]
    folder: str

    @classmethod
    def of_this_process(cls) -> Circumstances:
        """As they are now."""
        return cls(
            environment=dict(os.environ),
            arguments=list(sys.argv),
            path=list(sys.path),
            folder=os.getcwd(),  # noqa: PTH109 - as `chdir` takes it
        )

    def take_over(self) -> None:
        """Make them those of this process."""
        os.environ.clear()
        os.environ.update(self.environment)
        sys.argv[:] = self.arguments
        sys.path[:] = self.path
        os.chdir(self.folder)


class Line:
    """A connection to a nursery. What is asked while it still imports is done when it has.

    Args:
        end: The near end.
        process: The nursery, where it is there for this line and those that come from it.
    """

    def __init__(self, end: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._end = end
        self._process = process

    def trainer(self, connection: int, output: int, stacks: int) -> socket.socket | None:
        """Ask for a trainer.

        Args:
            connection: Descriptor of its pipe to the supervisor, on which it first takes `Circumstances`.
            output: Descriptor of the pipe for what it prints.
            stacks: Descriptor of the pipe for where its threads are.

        Returns:
            A channel on which the nursery tells how the trainer ended, as its status in four bytes; closing it ends the
            trainer. It breaks when the nursery is gone. None if it was gone before.
        """
        return self._ask(TRAINER, connection, output, stacks)

    def another(self) -> socket.socket | None:
        """The near end of a line for somebody else; None if the nursery is gone."""
        return self._ask(LINE)

    def close(self) -> None:
        """Ask for nothing more; a nursery of one's own ends, and with it all its trainers."""
        self._end.close()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, word: bytes, *descriptors: int) -> socket.socket | None:
        near, far = socket.socketpair()
        with far:
            try:
                socket.send_fds(self._end, [word], [far.fileno(), *descriptors])
            except OSError:
                near.close()
                return None
        return near


@contextlib.contextmanager
def nursery(descriptor: int | None = None) -> Iterator[Line | None]:
    """A line to a nursery while this lasts, or until it is closed.

    Args:
        descriptor: The near end of a line that somebody else gave; None starts a nursery of one's own, which imports
            PyTorch while this process goes on.

    Yields:
        None where processes cannot be forked once PyTorch is imported: trainers are then started the slow way.
    """
    if sys.platform != "linux":  # macOS has libraries that break in forked processes, Windows has no fork
        yield None
        return
    line = _started() if descriptor is None else Line(socket.socket(fileno=descriptor))
    try:
        yield line
    finally:
        line.close()


def _started() -> Line:
    near, far = socket.socketpair()
    with far:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", f"from ablate.worker.nursery import serve; serve({far.fileno()})"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # where PyTorch cannot be imported, trainers that try it themselves tell why
            pass_fds=[far.fileno()],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # trainers have its streams
            start_new_session=True,  # a Ctrl-C in the terminal is the launcher's business
        )
    return Line(near, process)
