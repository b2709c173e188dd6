"""The supervisor half of a worker: claims jobs, keeps their lease, and records what the trainer reports.

    idle -> claim -> busy (epochs, beats) -> finished | diverged | failed | released -> idle

It imports no PyTorch, so that it keeps beating and listening to signals whatever the trainer does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType

from ablate.errors import DataMissingError
from ablate.protocol import (
    BEAT_SECONDS,
    PRINTED,
    AttemptState,
    Claim,
    Failure,
    FailureKind,
    JobQueue,
    ReplacedError,
    WorkerInfo,
    job_folder,
)
from ablate.worker.child import Child
from ablate.worker.devices import device_name
from ablate.worker.last_words import last_words
from ablate.worker.line import Line
from ablate.worker.memory import MemoryWatch
from ablate.worker.messages import Alive, Broke, DivergedAway, EpochDone, Finished, Report, Spent, Stop, Stopped, Train
from ablate.worker.provenance import provenance
from ablate.worker.stalled import stalled
from ablate.worker.watchdog import STALL_SECONDS, Watchdog

_log = logging.getLogger(__name__)

#: Time in which a trainer must give its job back before it is ended, seconds.
RELEASE_SECONDS = 2.5
#: Pause between two looks at an empty queue, seconds.
IDLE_SECONDS = 0.5
#: Longest time between two signs of life of a trainer that goes on, seconds.
ALIVE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How one worker behaves."""

    #: uuid4, new at each start.
    id: str
    #: `cpu` or `cuda:0`.
    device: str
    #: Folder of checkpoints and other files.
    artifacts: Path
    #: Where data sets lie; None for the default.
    data_root: Path | None = None
    #: Serve only this study; None for all.
    study: str | None = None
    #: End when nothing is queued, instead of waiting for more.
    drain: bool = False
    #: Least time between two checkpoints of a job, seconds.
    checkpoint_every: float = 0.0
    #: Time without a sign of life of the trainer after which its job fails, seconds; None for never.
    stall_timeout: float | None = STALL_SECONDS
    #: Time after which no job is claimed and the running one is given back, seconds; None for no limit.
    max_time: float | None = None
    #: Time between two beats, seconds; at most a quarter of the lease.
    beat_seconds: float = BEAT_SECONDS


class Supervisor:
    """One worker's life. `run` returns when the queue is drained or the worker was told to stop.

    Args:
        queue: The worker's side of the experiment database.
        settings: How this worker behaves.
        line: To the nursery that its trainers come from; None has each import PyTorch by itself.
    """

    def __init__(self, queue: JobQueue, settings: WorkerSettings, line: Line | None = None) -> None:
        self._queue = queue
        self._settings = settings
        self._line = line
        self._child: Child | None = None
        self._stopping = False
        #: How attempts end that are given back.
        self._given_back = AttemptState.RELEASED
        #: When the time is over, by the monotonic clock.
        self._time_over = time.monotonic() + (float("inf") if settings.max_time is None else settings.max_time)
        #: Whether the trainer will serve no further job.
        self._spent = False
        #: Jobs whose data set or weights this worker could not get, with what was said of them.
        self._missing: dict[int, str] = {}
        self._ours, self._wake = socket.socketpair()
        self._wake.setblocking(False)

    @property
    def stopping(self) -> bool:
        """Whether it was asked for an end."""
        return self._stopping

    def stop(self) -> None:
        """Ask for a clean end, from a signal handler or another thread; asked twice, the trainer is ended at once."""
        twice, self._stopping = self._stopping, True
        with contextlib.suppress(BlockingIOError):
            self._wake.send(b"2" if twice else b"1")

    def preempt(self) -> None:
        """Ask for a clean end as `stop` does: the machine is needed, or the time is over."""
        if not self._stopping:
            self._given_back = AttemptState.PREEMPTED
        self.stop()

    def run(self) -> None:
        """Serve jobs.

        A variant whose data set or pretrained weights cannot be had is given back and left alone; the others go on.

        Raises:
            DataMissingError: Only such variants are left.
        """
        settings = self._settings
        self._queue.introduce(
            WorkerInfo(
                id=settings.id,
                host=socket.gethostname(),
                pid=os.getpid(),
                device=settings.device,
                device_name=device_name(settings.device),
                provenance=provenance(),
            )
        )
        self._child = Child(self._line)
        try:
            while not self._stopping and time.monotonic() < self._time_over:
                claim = self._queue.claim(settings.id, study=settings.study, without=self._missing)
                if claim is not None:
                    self._serve(claim)
                elif self._missing:
                    raise DataMissingError("\n".join(dict.fromkeys(self._missing.values())))
                elif settings.drain:
                    return
                else:
                    wait([self._ours], timeout=max(0.0, min(IDLE_SECONDS, self._time_over - time.monotonic())))
        finally:
            self._discard_child()
            self._queue.retire(settings.id)

    def _serve(self, claim: Claim) -> None:
        """Have one job trained, from its claim to its end."""
        try:
            self._drive(claim)
        except ReplacedError:
            _log.warning("job %d was taken away from this worker; its trainer is ended", claim.ticket.job)
            self._discard_child()
        if self._child is not None:
            self._child.attempt_over()
        if self._spent:
            self._discard_child()

    def _drive(self, claim: Claim) -> None:
        child = self._child = self._child or Child(self._line)
        child.order(self._order(claim))
        watchdog, memory = Watchdog(self._settings.stall_timeout, time.monotonic()), MemoryWatch()
        next_beat = time.monotonic() + self._settings.beat_seconds
        give_up = float("inf")  # when a stopping trainer has had its time
        while True:
            soonest = min(next_beat, give_up, watchdog.due, float("inf") if self._stopping else self._time_over)
            ready = wait([child.connection, child.sentinel, self._ours], timeout=max(0.0, soonest - time.monotonic()))
            reports = child.reports()
            memory.look(child.pid)
            for report in reports:
                watchdog.sign(time.monotonic())
                if self._record(claim, report):
                    return
            if child.sentinel in ready:
                self._record(claim, _obituary(child, memory))
                return
            hurry = self._ours in ready and b"2" in self._ours.recv(64)
            if hurry or time.monotonic() >= give_up:
                self._discard_child()
                self._queue.release(claim.ticket, self._given_back)
                return
            if watchdog.barks(time.monotonic()):
                self._record(claim, stalled(child.stack(), self._settings.stall_timeout, self._settings.artifacts))
                return
            if not self._stopping and time.monotonic() >= self._time_over:
                self.preempt()
            if self._stopping and give_up == float("inf"):
                child.order(Stop())
                give_up = time.monotonic() + RELEASE_SECONDS
            if time.monotonic() >= next_beat:
                self._queue.beat(claim.ticket)
                next_beat = time.monotonic() + self._settings.beat_seconds

    def _record(self, claim: Claim, report: Report) -> bool:
        """Write what the trainer reports; whether that ended the job."""
        match report:
            case Alive():
                return False
            case Spent(reason=reason):
                _log.warning("%s; its trainer is replaced", reason)
                self._spent = True
                return False
            case EpochDone(metrics=metrics, checkpoint=checkpoint):
                self._delete(self._queue.record_epoch(claim.ticket, metrics, checkpoint))
                return False
            case Finished(outcome=outcome):
                self._delete(self._queue.finish(claim.ticket, outcome))
            case DivergedAway(message=message, seconds=seconds):
                self._delete(self._queue.diverge(claim.ticket, message, seconds=seconds))
            case Stopped():
                self._queue.release(claim.ticket, self._given_back)
            case Broke(kind=FailureKind.DATA_MISSING, message=message):
                self._discard_child()
                self._queue.release(claim.ticket)
                self._missing[claim.ticket.job] = message
                _log.warning("job %d (%s) waits: %s", claim.ticket.job, claim.variant, message)
            case Broke(kind=kind, message=message, details=details, facts=facts):
                facts = {**facts, **self._last_words()}
                self._discard_child()
                failure = Failure(kind=kind, message=message, details=details, facts=facts)
                state = self._queue.fail(claim.ticket, failure)
                name = f"job {claim.ticket.job} ({claim.variant}, seed {claim.seed})"
                _log.warning("%s is %s: %s", name, state, message)
        return True

    def _order(self, claim: Claim) -> Train:
        return Train(
            job=claim.ticket.job,
            attempt=claim.ticket.attempt,
            recipe=claim.recipe,
            seed=claim.seed,
            device=self._settings.device,
            threads=int(claim.execution.get("threads", 1)),
            data_root=self._settings.data_root,
            artifacts=self._settings.artifacts,
            folder=self._settings.artifacts / job_folder(claim.study, claim.recipe.key, claim.seed),
            checkpoints=claim.checkpoints,
            checkpoint_every=self._settings.checkpoint_every,
            alive_every=min(ALIVE_SECONDS, (self._settings.stall_timeout or float("inf")) / 4),
            sources=dict(claim.sources),
            study=claim.study,
            keep=claim.keep,
        )

    def _discard_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child, self._spent = None, False

    def _last_words(self) -> dict[str, str]:
        """What the trainer printed last, as a fact of its failure; the log itself may lie on another machine."""
        printed = "" if self._child is None else last_words(self._child.last_words(), self._settings.artifacts)
        return {PRINTED: printed} if printed else {}

    def _delete(self, names: Collection[str]) -> None:
        for name in names:
            (self._settings.artifacts / name).unlink(missing_ok=True)


def _obituary(child: Child, memory: MemoryWatch) -> Broke:
    """What there is to say of a trainer that died without a word."""
    code = child.exit_code
    if code is not None and code >= 0:
        return Broke(kind=FailureKind.KILLED, message=f"the trainer ended with exit status {code}", details="")
    hint, facts = memory.obituary()
    if code is None:
        message = f"the process that trainers are forked from was ended, and this trainer with it{hint}"
    else:
        name = signal.Signals(-code).name
        message = f"the trainer was ended by {name}{hint if name == 'SIGKILL' else ''}"
    return Broke(kind=FailureKind.KILLED, message=message, details="", facts=facts)


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
