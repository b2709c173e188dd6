"""The nursery: a process that has imported PyTorch and computes nothing, so that trainers are forked in milliseconds.

    launcher -- line --+
    worker ---- line --+-- nursery -- fork --> trainer
    worker ---- line --+

Whoever holds a line may ask for trainers, or for a line for somebody else. The nursery tells supervisors how their
trainers ended, and ends those of supervisors that are gone. It ends when nobody is left who could ask. So nothing
outlives those whom it serves, however these went.

It starts no thread, runs no operation of PyTorch and makes no call to CUDA: threads and contexts survive no fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NoReturn

from ablate.worker.birth import begin
from ablate.worker.line import LINE, MOST_DESCRIPTORS, TRAINER, Circumstances

#: What trainers are made of.
_TRAINER = ("ablate.worker.trainer", "ablate.training.loop", "ablate.training.fused")
#: What PyTorch and numpy import at the first step of any optimizer and the first look at an array; they do without.
_LATER = ("torch._dynamo", "numpy.ma")


def serve(descriptor: int) -> NoReturn:
    """Be a nursery until nobody is left who could ask.

    Args:
        descriptor: The first line.
    """
    gc.disable()  # looking for garbage takes a sixth of the time of an import, and finds next to nothing
    for name in _TRAINER:
        importlib.import_module(name)
    for name in _LATER:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that no trainer's collector writes to the pages that it shares with the others
    gc.enable()
    _Nursery(socket.socket(fileno=descriptor)).run()


@dataclass(eq=False, slots=True)
class _Ward:
    """A trainer that was not reaped yet: until then no other process can get its number, or that of its group."""

    pid: int
    #: To its supervisor, who closes it to end the trainer, or when it is done with one that has ended.
    channel: socket.socket
    ended: bool = False
    forsaken: bool = False


class _Nursery:
    def __init__(self, line: socket.socket) -> None:
        self._lines = {line}
        self._wards: dict[socket.socket, _Ward] = {}
        self._bell, rope = socket.socketpair()
        self._rope = rope  # kept open
        for end in (self._bell, rope):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        for one in (line, self._bell):
            self._selector.register(one, selectors.EVENT_READ)
        self._leaving = False
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes the loop
        signal.signal(signal.SIGTERM, self._leave)
        signal.set_wakeup_fd(rope.fileno(), warn_on_full_buffer=False)

    def run(self) -> NoReturn:
        while (self._lines or self._wards) and not self._leaving:
            for key, _ in self._selector.select():
                one = key.fileobj
                if not isinstance(one, socket.socket):
                    continue
                if one is self._bell:
                    self._bell.recv(4096)
                elif one in self._lines:
                    self._hear(one)
                else:
                    self._forsake(self._wards[one])
            self._look()
        for ward in self._wards.values():
            _end(ward)
        os._exit(0)  # there is nothing to tidy up, and Python would take its time for it

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _hear(self, line: socket.socket) -> None:
        try:
            word, descriptors, _, _ = socket.recv_fds(line, 1, MOST_DESCRIPTORS)
        except OSError:
            word, descriptors = b"", []
        if word == LINE and len(descriptors) == 1:
            another = socket.socket(fileno=descriptors[0])
            self._lines.add(another)
            self._selector.register(another, selectors.EVENT_READ)
        elif word == TRAINER and len(descriptors) == MOST_DESCRIPTORS:
            self._bear(*descriptors)
        else:
            for descriptor in descriptors:
                os.close(descriptor)
            if not word:  # its holder is gone
                self._selector.unregister(line)
                self._lines.remove(line)
                line.close()

    def _bear(self, channel: int, connection: int, output: int, stacks: int) -> None:
        ward_channel = socket.socket(fileno=channel)
        try:
            pid = os.fork()
        except OSError:  # too many processes, no memory: its supervisor sees the channel close
            ward_channel.close()
        else:
            if pid == 0:
                ward_channel.close()
                self._become_trainer(connection, output, stacks)
            self._wards[ward_channel] = _Ward(pid, ward_channel)
            self._selector.register(ward_channel, selectors.EVENT_READ)
        for descriptor in (connection, output, stacks):
            os.close(descriptor)

    def _become_trainer(self, connection: int, output: int, stacks: int) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            self._selector.close()
            for one in (*self._lines, *self._wards, self._bell, self._rope):
                one.close()
            to_supervisor = Connection(connection)
            circumstances = to_supervisor.recv()
            if isinstance(circumstances, Circumstances):
                circumstances.take_over()
                begin(to_supervisor, Connection(output, readable=False), Connection(stacks, readable=False))
                status = 0
        except EOFError:  # the supervisor is gone already
            pass
        except BaseException:  # noqa: BLE001 - nothing may get back into the nursery's loop
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()
            os._exit(status)

    def _look(self) -> None:
        """Tell supervisors of trainers that have ended; reap those that nobody asks for any more."""
        for ward in list(self._wards.values()):
            options = os.WEXITED | os.WNOHANG | (0 if ward.forsaken else os.WNOWAIT)
            if ward.ended and not ward.forsaken:
                continue
            result = os.waitid(os.P_PID, ward.pid, options)
            if result is None:
                continue
            if ward.forsaken:
                self._wards.pop(ward.channel).channel.close()
                continue
            ward.ended = True
            code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
            with contextlib.suppress(OSError):
                ward.channel.send(code.to_bytes(4, "little", signed=True))

    def _forsake(self, ward: _Ward) -> None:
        """Its supervisor has closed the channel."""
        self._selector.unregister(ward.channel)
        ward.forsaken = True
        _end(ward)


def _end(ward: _Ward) -> None:
    """End a trainer and all that it has started; before it has a group of its own, itself."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(ward.pid, signal.SIGKILL)
