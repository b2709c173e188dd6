"""The first moments of a trainer process, however it came to be: whom it answers, where it writes, when it ends."""

from __future__ import annotations

import faulthandler
import importlib
import io
import os
import select
import signal
import sys
import threading
from multiprocessing.connection import Connection

from ablate.worker.messages import Here


def begin(connection: Connection, output: Connection | None, stacks: Connection) -> None:
    """Make this process a trainer, and train until its supervisor is gone or a job has failed.

    Args:
        connection: The pipe to the supervisor.
        output: Takes all that this process and those that it starts write to descriptors 1 and 2; None leaves them.
        stacks: Takes where its threads are, when SIGUSR1 asks.
    """
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
    try:
        connection.send(Here(os.getpid()))
    except OSError:  # the supervisor is gone already
        return
    importlib.import_module("ablate.worker.trainer").serve(connection, rearm)  # only here PyTorch is imported


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
