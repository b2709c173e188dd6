"""The trainer's process as it was before a job's code could change it, so that a job cannot harm the next one.

What the code of a job did to imported modules and their objects (a patched `torch.relu`) is not seen.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

_log = logging.getLogger(__name__)

#: How long a thread that is about to end is waited for, seconds.
GRACE_SECONDS = 0.1


class Before:
    """Settings of this process, remembered now and put back by `restore`.

    Args:
        rearm: Puts back what this class does not know, such as handlers outside of Python.
    """

    def __init__(self, rearm: Callable[[], None]) -> None:
        self._rearm = rearm
        self._folder = os.getcwd()  # noqa: PTH109 - as `chdir` takes it
        self._environment = dict(os.environ)
        self._arguments = list(sys.argv)
        self._path = list(sys.path)
        self._hooks = (sys.excepthook, threading.excepthook, sys.getrecursionlimit())
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._descriptors = [os.dup(number) for number in (1, 2)]
        self._warnings = _watched_warnings()
        self._collector = (gc.isenabled(), gc.get_threshold())
        self._signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._logging = _Logging()
        self._numpy = (np.geterr(), np.geterrcall())
        self._torch = _Torch()
        self._threads = set(threading.enumerate())

    def restore(self) -> str | None:
        """Put everything back; what could not be put back or was left running, or None."""
        try:
            self._put_back()
        except Exception as error:  # noqa: BLE001 - whatever it is, another process will do better
            return f"it left this process in a state that cannot be mended ({type(error).__name__}: {error})"
        if threads := self._left_threads():
            return f"it left {_several(len(threads), 'thread')} running: {', '.join(threads)}"
        return "it left a process running" if _has_children() else None

    def _put_back(self) -> None:
        self._warnings.__exit__(None, None, None)
        self._warnings = _watched_warnings()
        for stream, number, saved in zip(self._streams[1:], (1, 2), self._descriptors, strict=True):
            with contextlib.suppress(ValueError, OSError):
                stream.flush()
            os.dup2(saved, number)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if any(stream is not None and stream.closed for stream in self._streams[1:]):
            raise ValueError("standard output was closed")
        os.chdir(self._folder)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        sys.argv[:] = self._arguments
        sys.path[:] = self._path
        sys.excepthook, threading.excepthook = self._hooks[:2]
        sys.setrecursionlimit(self._hooks[2])
        sys.settrace(None)
        sys.setprofile(None)
        (gc.enable if self._collector[0] else gc.disable)()
        gc.set_threshold(*self._collector[1])
        self._put_signals_back()
        self._logging.restore()
        np.seterr(**self._numpy[0])
        np.seterrcall(self._numpy[1])
        self._torch.restore()

    def _put_signals_back(self) -> None:
        if hasattr(signal, "setitimer"):
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number, handler in self._signals.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        self._rearm()

    def _left_threads(self) -> list[str]:
        """Names of threads that were not there before; those that came from C code are its own business."""
        left = [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads and not isinstance(thread, threading._DummyThread)
        ]
        for thread in left:
            thread.join(GRACE_SECONDS)
        return [thread.name for thread in left if thread.is_alive()]


def _watched_warnings() -> warnings.catch_warnings[None]:
    """A context whose end puts the filters of warnings back."""
    context = warnings.catch_warnings()
    context.__enter__()
    return context


class _Logging:
    """The root logger and ours: levels, handlers, and whether they are heard at all."""

    def __init__(self) -> None:
        self._disabled = logging.root.manager.disable
        self._loggers = [
            (logger, logger.level, list(logger.handlers), logger.disabled, logger.propagate) for logger in _loggers()
        ]

    def restore(self) -> None:
        logging.disable(self._disabled)
        known = {logger for logger, *_ in self._loggers}
        for logger, level, handlers, disabled, propagate in self._loggers:
            logger.setLevel(level)
            logger.handlers[:] = handlers
            logger.disabled, logger.propagate = disabled, propagate
        for logger in _loggers():
            if logger not in known:  # a room of ours that was imported by this job
                logger.setLevel(logging.NOTSET)
                logger.disabled, logger.propagate = False, True


def _loggers() -> list[logging.Logger]:
    found = [
        logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.split(".")[0] == "ablate"
    ]
    return [logging.root, *found]


class _Torch:
    """PyTorch's settings of a process; `training.device` sets what a run needs beyond these."""

    def __init__(self) -> None:
        self._dtype = torch.get_default_dtype()
        self._deterministic = (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        self._anomaly = (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
        self._precision = torch.get_float32_matmul_precision()
        self._flags = [(where, name, getattr(where, name)) for where, name in _flags()]

    def restore(self) -> None:
        if torch.is_inference_mode_enabled():
            raise RuntimeError("torch.inference_mode was entered and not left")
        torch.set_default_dtype(self._dtype)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(self._deterministic[0], warn_only=self._deterministic[1])
        torch.autograd.set_detect_anomaly(*self._anomaly)
        if torch.get_float32_matmul_precision() != self._precision:
            torch.set_float32_matmul_precision(self._precision)
        for where, name, value in self._flags:
            setattr(where, name, value)
        for device in ("cpu", "cuda"):
            torch.set_autocast_enabled(device, False)
        torch.cuda.empty_cache()  # the workers beside this one may need it; nothing happens where CUDA was not used


def _flags() -> list[tuple[Any, str]]:
    backends = torch.backends
    return [
        (backends.cudnn, "enabled"),
        (backends.cudnn, "benchmark"),
        (backends.cudnn, "deterministic"),
        (backends.mkldnn, "enabled"),
    ]


def _has_children() -> bool:
    """Whether processes were started that nobody has waited for."""
    if not hasattr(os, "waitid"):
        return False
    multiprocessing.active_children()  # waits for those of its own that have ended
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _several(count: int, noun: str) -> str:
    return f"a {noun}" if count == 1 else f"{count} {noun}s"
