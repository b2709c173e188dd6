"""Workers as processes of this machine: started, watched, replaced when they die, stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ablate.errors import DatabaseError, DataMissingError, JobsFailedError, UsageError
from ablate.protocol import LOGS_FOLDER
from ablate.worker.devices import cuda_names, usable_cores
from ablate.worker.line import Line
from ablate.worker.logs import log_file
from ablate.worker.watchdog import STALL_SECONDS

#: More than this is a slip of the finger.
MAX_WORKERS = 1024
#: Time in which workers must end after they were asked to, seconds.
STOP_SECONDS = 5.0
#: Workers in a row that may die without one more job being done, before the launch gives up.
MAX_DEATHS = 3


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How many workers run, and where."""

    #: Device of each worker, as `cpu` or `cuda:0`; several GPUs have commas between them.
    devices: tuple[str, ...]
    #: Where their number is to be found by probing: most workers on each device. 0: `devices` are all.
    most: int = 0


def place(workers: int | None, devices: Sequence[str] | None = None, *, each: int = 1) -> Placement:
    """Choose devices for workers.

    Args:
        workers: How many; None chooses by the machine: a worker for each core (it computes with one thread), or one
            for each GPU to begin with, and more as far as `probing.py` finds them worth it, never more than cores.
        devices: `cpu`, or indices of GPUs as `0` and `cuda:2`; None takes all GPUs, or the processor where there are
            none.
        each: Devices over which the study spreads a job; every worker gets so many GPUs, or on the processor as many
            processes when it needs them.

    Raises:
        UsageError: A device does not exist on this machine, or there are fewer than one job takes.
    """
    gpus = len(cuda_names())
    chosen = [_device(item, gpus) for item in devices] if devices else [f"cuda:{i}" for i in range(gpus)] or ["cpu"]
    on_gpu = chosen != ["cpu"]
    if on_gpu and each > 1:
        if len(chosen) < each:
            raise UsageError(
                f"the study spreads a job over {each} devices, and {len(chosen)} are to be used: {', '.join(chosen)}",
                cure="Name more with `--devices`, set `training.devices`, or use `--devices cpu`.",
            )
        chosen = [",".join(chosen[start : start + each]) for start in range(0, len(chosen) - each + 1, each)]
    if workers is None and on_gpu:
        return Placement(devices=tuple(chosen), most=usable_cores() // len(chosen) if each == 1 else 0)
    if workers is None:
        workers = max(1, usable_cores() // each)
    return Placement(devices=tuple(chosen[i % len(chosen)] for i in range(workers)))


def _device(item: str, gpus: int) -> str:
    word = item.strip().removeprefix("cuda:")
    if word == "cpu":
        return "cpu"
    if not word.isdecimal() or int(word) >= gpus:
        have = f"this machine has cuda:0 to cuda:{gpus - 1}" if gpus else "this machine has no GPU"
        raise UsageError(f"there is no device {item.strip()!r}: {have}", cure="Use `--devices cpu`, or leave it out.")
    return f"cuda:{word}"


@dataclass(kw_only=True)
class _Running:
    """A worker process."""

    worker: str
    device: str
    log: Path
    process: subprocess.Popen[bytes]
    #: It was asked to end, since fewer are wanted.
    leaving: bool = False


@dataclass(kw_only=True)
class LocalWorkers:
    """The workers of one `ablate run`. Leaving the context ends them, whatever happened.

    Args:
        placement: How many and where.
        database: URL; handed over by the environment, never in the command line, since it may hold a password.
        study: The study they serve.
        artifacts: Folder of their log files and checkpoints.
        data_root: Where data sets lie; None for the default.
        on_death: Called with the id of a worker that ended without being asked, before it is replaced, so that its job
            can be given back at once.
        drain: Whether workers end when nothing is queued; else they wait for more until they are stopped.
        stall_timeout: Time without a sign of life after which a job fails, seconds; None for never.
        line: To the nursery that trainers come from; None has every worker start one of its own.
    """

    placement: Placement
    database: str
    study: str
    artifacts: Path
    data_root: Path | None
    on_death: Callable[[str], None]
    #: Workers end when nothing is queued; else they wait for more until they are stopped.
    drain: bool = True
    stall_timeout: float | None = STALL_SECONDS
    line: Line | None = None
    _running: list[_Running] = field(default_factory=list)
    _deaths: int = 0
    #: What a worker said that found nothing but jobs without data.
    _missing: str = ""

    def __enter__(self) -> LocalWorkers:
        try:
            (self.artifacts / LOGS_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"the folder {self.artifacts / LOGS_FOLDER} for the workers' logs cannot be made: {error.strerror}.",
                cure="Mend its permissions or move what is in its place, then type the same command again.",
            ) from error
        for device in self.placement.devices:
            self._start(device)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def alive(self) -> int:
        """How many workers live."""
        return len(self._running)

    @property
    def names(self) -> frozenset[str]:
        """Ids of those that are to stay."""
        return frozenset(running.worker for running in self._running if not running.leaving)

    def resize(self, devices: Sequence[str]) -> None:
        """Have as many workers on each device as it is named; the newest of those too many give their jobs back."""
        for device in sorted({*devices, *(running.device for running in self._running)}):
            there = [running for running in self._running if running.device == device and not running.leaving]
            for running in there[devices.count(device) :]:
                running.leaving = True
                running.process.terminate()
            for _ in range(devices.count(device) - len(there)):
                self._start(device)

    def look(self, *, progressed: bool, work_left: bool) -> None:
        """Notice workers that ended: give their jobs back, and replace them while there is work.

        Args:
            progressed: Whether a job was done since the last look.
            work_left: Whether jobs wait or run.

        Raises:
            DataMissingError: The jobs that are left lack their data set or their weights.
            DatabaseError: A worker could not use the database.
            JobsFailedError: Workers die one after the other.
        """
        if progressed:
            self._deaths = 0
        for gone in [running for running in self._running if running.process.poll() is not None]:
            self._running.remove(gone)
            _close(gone.process)
            code = gone.process.returncode
            if gone.leaving:
                if code != 0:
                    self.on_death(gone.worker)
                continue
            if code == 0:  # drained; whether new work appeared since is decided below
                if work_left and not self._running:
                    self._start(gone.device)
                continue
            self.on_death(gone.worker)
            if code == DatabaseError.exit_code:
                if words := _last_words(gone.log):
                    raise DatabaseError(words)
                raise DatabaseError(
                    f"a worker could not use the database, and found no room in its log {gone.log} to say why.",
                    cure="Free some space (`df -h`), then type the same command again.",
                )
            if code == DataMissingError.exit_code:  # nothing else was left for it; others may still train
                self._missing = _last_words(gone.log)
                continue
            self._deaths += 1
            if self._deaths >= MAX_DEATHS:
                raise JobsFailedError(
                    f"{self._deaths} workers in a row ended without finishing a job (exit status {code}):\n"
                    + (_last_words(gone.log) or "they said nothing"),
                    cure=f"The whole log is in {gone.log}.",
                )
            if work_left:
                self._start(gone.device)
        if self._missing and not self._running:
            raise DataMissingError(self._missing)

    def join(self) -> None:
        """Wait for workers that have nothing more to do; what does not end in time is ended."""
        deadline = time.monotonic() + STOP_SECONDS
        for running in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        self.kill()

    def stop(self) -> None:
        """Ask all workers for a clean end and wait; what does not end in time is ended."""
        for running in self._running:
            running.process.terminate()
        self.join()

    def preempt(self) -> None:
        """Do as `stop` does, and let the attempts be recorded as preempted where the system has a signal to say so."""
        if os.name != "posix":
            self.stop()
            return
        for running in self._running:
            running.process.send_signal(signal.SIGUSR2)
        self.join()

    def kill(self) -> None:
        """End all workers now and give their jobs back. Their trainers end by themselves when their pipe closes."""
        for running in self._running:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait()
            _close(running.process)
            if running.process.returncode != 0:
                self.on_death(running.worker)
        self._running.clear()

    def _start(self, device: str) -> None:
        worker = str(uuid.uuid4())
        log = log_file(self.artifacts, worker)
        command = [sys.executable, "-m", "ablate", "worker", "--study", self.study, "--device", device]
        command += ["--id", worker, "--linked", *(["--drain"] if self.drain else [])]
        command += ["--stall-timeout", "0" if self.stall_timeout is None else f"{self.stall_timeout:.3f}s"]
        if self.data_root is not None:
            command += ["--data-root", str(self.data_root)]
        line = self.line.another() if self.line is not None else None
        if line is not None:
            command += ["--nursery", str(line.fileno())]
        with log.open("wb") as output, line or contextlib.nullcontext():
            process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.PIPE,  # closes when this process is gone, however it went
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "ABLATE_DB": self.database, "PYTHONUNBUFFERED": "1"},
                pass_fds=[] if line is None else [line.fileno()],
                start_new_session=True,  # a Ctrl-C in the terminal is the launcher's business
            )
        self._running.append(_Running(worker=worker, device=device, log=log, process=process))


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _last_words(log: Path, lines: int = 15) -> str:
    """The error that ended a worker, or else the end of its log."""
    text = "\n" + log.read_text(encoding="utf-8", errors="replace").strip()
    _, found, error = text.rpartition("\nerror: ")
    return error if found else "\n".join(text.splitlines()[-lines:]).strip()
