"""The supervisor half of a worker: claims jobs, keeps their lease, and records what the trainer reports.

    idle -> claim -> busy (epochs, beats) -> finished | diverged | failed | released -> idle

A claim is one job, or a pack of them that one trainer trains together; then others join as places become free.

It imports no PyTorch, so that it keeps beating and listening to signals whatever the trainer does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any

from ablate.errors import DataMissingError
from ablate.protocol import (
    PRINTED,
    AttemptState,
    Claim,
    FailureKind,
    JobQueue,
    Packing,
    WorkerInfo,
)
from ablate.worker.child import Child
from ablate.worker.devices import device_name
from ablate.worker.held import Held
from ablate.worker.last_words import last_words
from ablate.worker.line import Line
from ablate.worker.memory import MemoryWatch
from ablate.worker.messages import (
    Alive,
    Broke,
    DivergedAway,
    Drop,
    EpochDone,
    Finished,
    Join,
    PackOver,
    Report,
    Room,
    Spent,
    Stop,
    Stopped,
    TrainPack,
    Unpackable,
)
from ablate.worker.provenance import provenance
from ablate.worker.settings import WorkerSettings
from ablate.worker.stalled import stalled
from ablate.worker.watchdog import Watchdog

_log = logging.getLogger(__name__)

#: Time in which a trainer must give its job back before it is ended, seconds.
RELEASE_SECONDS = 2.5
#: Pause between two looks at an empty queue, seconds.
IDLE_SECONDS = 0.5


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
        self._held = Held(queue, settings.artifacts)
        #: What is trained: a claim of the pack, None for a lone job; and whether the trainer is done with the pack.
        self._pack: Claim | None = None
        self._over = False
        #: A GPU is filled by one job more often than a core is.
        self._packing = Packing.ALWAYS if settings.device == "cpu" else Packing.ASKED
        #: Keys of packs that could not be trained here, and of those in which a trainer stalled.
        self._alone: set[str] = set()
        self._apart: set[str] = set()
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
                claims = self._queue.claim_pack(
                    settings.id,
                    study=settings.study,
                    without=self._held.missing,
                    packing=self._packing,
                    alone=self._alone,
                    apart=self._apart,
                )
                if claims:
                    self._serve(claims)
                elif self._held.missing:
                    raise DataMissingError("\n".join(dict.fromkeys(self._held.missing.values())))
                elif settings.drain:
                    return
                else:
                    wait([self._ours], timeout=max(0.0, min(IDLE_SECONDS, self._time_over - time.monotonic())))
        finally:
            self._discard_child()
            self._queue.retire(settings.id)

    def _serve(self, claims: tuple[Claim, ...]) -> None:
        """Have one job trained, or a pack, from its claim to its end."""
        self._held.take(claims)
        self._pack, self._over = claims[0] if claims[0].pack else None, False
        self._drive(claims)
        if self._child is not None:
            self._child.attempt_over()
        if self._spent:
            self._discard_child()

    def _drive(self, claims: tuple[Claim, ...]) -> None:
        child = self._child = self._child or Child(self._line)
        orders = tuple(self._settings.order(claim) for claim in claims)
        pack = claims[0].pack
        child.order(orders[0] if pack is None else TrainPack(orders=orders, size=pack.size))
        watchdog, memory = Watchdog(self._settings.stall_timeout, time.monotonic()), MemoryWatch()
        next_beat = time.monotonic() + self._settings.beat_seconds
        give_up = float("inf")  # when a stopping trainer has had its time
        while not self._done():
            soonest = min(next_beat, give_up, watchdog.due, float("inf") if self._stopping else self._time_over)
            ready = wait([child.connection, child.sentinel, self._ours], timeout=max(0.0, soonest - time.monotonic()))
            reports = child.reports()
            memory.look(child.pid)
            if reports:
                watchdog.sign(time.monotonic())
                self._record(child, reports)
            if self._done():
                return
            if child.sentinel in ready:
                self._fail(_obituary(child, memory))
                return
            hurry = self._ours in ready and b"2" in self._ours.recv(64)
            if hurry or time.monotonic() >= give_up:
                self._discard_child()
                self._held.release(self._given_back)
                return
            if watchdog.barks(time.monotonic()):
                self._fail(stalled(child.stack(), self._settings.stall_timeout, self._settings.artifacts))
                return
            if not self._stopping and time.monotonic() >= self._time_over:
                self.preempt()
            if self._stopping and give_up == float("inf"):
                child.order(Stop())
                give_up = time.monotonic() + RELEASE_SECONDS
            if time.monotonic() >= next_beat:
                self._drop(self._held.beat())
                next_beat = time.monotonic() + self._settings.beat_seconds

    def _done(self) -> bool:
        """Whether the trainer has nothing left to do; that of a pack says so itself."""
        return self._over or (self._pack is None and not self._held)

    def _record(self, child: Child, reports: list[Report]) -> None:
        """Write what the trainer reports, epochs first: those of one job come before its end in any case."""
        self._drop(self._held.record(report for report in reports if isinstance(report, EpochDone)))
        for report in reports:
            match report:
                case Alive() | EpochDone():
                    pass
                case Spent(reason=reason):
                    _log.warning("%s; its trainer is replaced", reason)
                    self._spent = True
                case Finished() | DivergedAway():
                    self._drop(self._held.end(report))
                    if self._pack is not None:  # the others go on, and others may join
                        child.attempt_over()
                case Broke():
                    report = self._with_last_words(report)
                    if self._pack is None:
                        self._discard_child()
                    self._spent = self._pack is not None  # the others go on; then it is replaced
                    self._drop(self._held.end(report))
                case Room(places=places):
                    self._fill(child, places)
                case Unpackable(reason=reason):
                    self._part(reason, self._alone)
                case Stopped() | PackOver():
                    self._held.release(self._given_back)
                    self._over = True

    def _fill(self, child: Child, places: int) -> None:
        """Let waiting jobs join the pack; the trainer is answered in any case."""
        claims: tuple[Claim, ...] = ()
        first = self._pack
        if first is not None and first.pack is not None and first.company and not self._stopping:
            claims = self._queue.join(
                self._settings.id,
                first.pack,
                places,
                study=first.study,
                without=self._held.missing,
                packing=self._packing,
                held=self._held.tickets,
            )
        self._held.take(claims)
        child.order(Join(tuple(self._settings.order(claim) for claim in claims)))

    def _drop(self, attempts: Collection[int]) -> None:
        """Have jobs that were replaced trained no longer: a lone one by ending its trainer."""
        for attempt in attempts:
            if self._pack is None:
                self._discard_child()
            elif self._child is not None:
                self._child.order(Drop(attempt))

    def _part(self, reason: str, kept: set[str]) -> None:
        """Give the jobs of a pack back, to be trained one by one from now on: `kept` gets its key."""
        self._discard_child()
        self._over = True
        if self._pack is not None and self._pack.pack is not None:
            _log.warning("a pack of %d jobs is trained one by one: %s", len(self._held), reason)
            kept.add(self._pack.pack.key)
        self._held.release()

    def _fail(self, report: Broke) -> None:
        """The trainer is gone or to be given up, and with it all that it had."""
        stalled_together = self._pack is not None and len(self._held) > 1 and report.kind is FailureKind.STALLED
        if stalled_together:  # whose fault it is will be seen
            self._part(report.message, self._apart)
            return
        report = self._with_last_words(report)
        self._discard_child()
        self._held.fail(report)

    def _discard_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child, self._spent = None, False

    def _with_last_words(self, report: Broke) -> Broke:
        """With what the trainer printed last, as a fact of its failure; the log itself may lie on another machine."""
        printed = "" if self._child is None else last_words(self._child.last_words(), self._settings.artifacts)
        return replace(report, facts={**report.facts, PRINTED: printed}) if printed else report


def _obituary(child: Child, memory: MemoryWatch) -> Broke:
    """What there is to say of a trainer that died without a word."""
    code = child.exit_code
    if code is not None and code >= 0:
        return _killed(f"the trainer ended with exit status {code}")
    hint, facts = memory.obituary()
    if code is None:
        return _killed(f"the process that trainers are forked from was ended, and this trainer with it{hint}", facts)
    name = signal.Signals(-code).name
    return _killed(f"the trainer was ended by {name}{hint if name == 'SIGKILL' else ''}", facts)


def _killed(message: str, facts: Mapping[str, Any] | None = None) -> Broke:
    return Broke(attempt=None, kind=FailureKind.KILLED, message=message, details="", facts=facts or {})
