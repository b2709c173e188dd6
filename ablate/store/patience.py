"""Waiting for a database that is away: a full disk, a lock that is not given back, a server that restarts.

A worker pauses, tries again, and goes on where it was; its trainer keeps what it has computed. After `AWAY_SECONDS` it
gives up with the error. A call whose answer was lost on the way may have been carried out: each is safe to repeat.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from ablate.errors import DatabaseAwayError
from ablate.metrics import Outcome
from ablate.protocol import (
    AWAY_SECONDS,
    AttemptState,
    Claim,
    Failure,
    JobState,
    Measured,
    Packing,
    Recorded,
    Ticket,
    WorkerInfo,
)
from ablate.recipe.packing import Pack
from ablate.store.queue import Queue

_log = logging.getLogger(__name__)

#: First and longest pause between two tries, seconds; each is twice the one before.
PAUSE_SECONDS = (0.1, 5.0)
#: How often a pause looks whether it should end, seconds.
_LOOK_SECONDS = 0.1

_T = TypeVar("_T")


class Patience:
    """Repeats what fails because the database is away.

    Args:
        seconds: How long in all, until something succeeds again.
        stopping: Whether to give up at once, asked while waiting.
    """

    def __init__(self, *, seconds: float = AWAY_SECONDS, stopping: Callable[[], bool] = lambda: False) -> None:
        self._seconds = seconds
        self._stopping = stopping
        #: When it gives up, by the monotonic clock; None while all is well.
        self._deadline: float | None = None

    def __call__(self, action: Callable[[], _T], *, again: Callable[[], object] = lambda: None) -> _T:
        """The result of `action`; `again` is called before each repetition.

        Raises:
            DatabaseAwayError: The database stayed away, or the wait was told to stop.
        """
        pause, longest = PAUSE_SECONDS
        failed = False
        while True:
            try:
                if failed:
                    again()
                found = action()
            except DatabaseAwayError as error:
                failed = True
                if self._deadline is None:
                    self._deadline = time.monotonic() + self._seconds
                    _log.warning("%s Waiting up to %.0f s.", error.message, self._seconds)
                if not self._wait(pause):
                    raise
                pause = min(2 * pause, longest)
            else:
                if self._deadline is not None:
                    _log.warning("the database is back")
                    self._deadline = None
                return found

    def _wait(self, pause: float) -> bool:
        """Sleep, in small steps; whether to try again."""
        until = time.monotonic() + pause
        while not self._stopping():
            now = time.monotonic()
            if self._deadline is None or now >= self._deadline:
                return False
            if now >= until:
                return True
            time.sleep(min(_LOOK_SECONDS, until - now))
        return False


class PatientQueue:
    """A queue that waits where `Queue` fails because the database is away; implements `ablate.protocol.JobQueue`.

    Args:
        queue: What is asked.
        patience: How long it waits.
    """

    def __init__(self, queue: Queue, patience: Patience) -> None:
        self._queue = queue
        self._patiently = patience

    def introduce(self, worker: WorkerInfo) -> None:
        """Register a worker before its first claim; a second time changes nothing."""
        self._patiently(lambda: self._queue.introduce(worker))

    def claim_pack(
        self,
        worker: str,
        *,
        study: str | None = None,
        without: Collection[int] = (),
        packing: Packing = Packing.ALWAYS,
        alone: Collection[str] = (),
        apart: Collection[str] = (),
    ) -> tuple[Claim, ...]:
        """As `Queue.claim_pack`; jobs that were claimed without our hearing of it are given back first."""
        return self._patiently(
            lambda: self._queue.claim_pack(
                worker, study=study, without=without, packing=packing, alone=alone, apart=apart
            ),
            again=lambda: self._queue.disown(worker),
        )

    def join(
        self,
        worker: str,
        pack: Pack,
        room: int,
        *,
        study: str,
        without: Collection[int] = (),
        packing: Packing = Packing.ALWAYS,
        held: Collection[Ticket] = (),
    ) -> tuple[Claim, ...]:
        """As `Queue.join`; jobs that joined without our hearing of it are given back first."""
        return self._patiently(
            lambda: self._queue.join(worker, pack, room, study=study, without=without, packing=packing, held=held),
            again=lambda: self._queue.disown(worker, held=held),
        )

    def beat_all(self, tickets: Collection[Ticket]) -> frozenset[Ticket]:
        """As `Queue.beat_all`."""
        return self._patiently(lambda: self._queue.beat_all(tickets))

    def record_epochs(self, items: Sequence[Measured]) -> Recorded:
        """As `Queue.record_epochs`; told twice, an epoch has one row."""
        return self._patiently(lambda: self._queue.record_epochs(items))

    def finish(self, ticket: Ticket, outcome: Outcome) -> Collection[str]:
        """As `Queue.finish`; raises `ReplacedError` where an earlier try, whose answer was lost, ended the job."""
        return self._patiently(lambda: self._queue.finish(ticket, outcome))

    def diverge(
        self, ticket: Ticket, message: str, *, seconds: float, execution: Mapping[str, Any] | None = None
    ) -> Collection[str]:
        """As `Queue.diverge`; raises `ReplacedError` as `finish` does."""
        return self._patiently(lambda: self._queue.diverge(ticket, message, seconds=seconds, execution=execution))

    def fail(self, ticket: Ticket, failure: Failure) -> JobState:
        """As `Queue.fail`; raises `ReplacedError` as `finish` does."""
        return self._patiently(lambda: self._queue.fail(ticket, failure))

    def release(self, ticket: Ticket, state: AttemptState = AttemptState.RELEASED) -> None:
        """As `Queue.release`."""
        self._patiently(lambda: self._queue.release(ticket, state))

    def retire(self, worker: str) -> None:
        """As `Queue.retire`."""
        self._patiently(lambda: self._queue.retire(worker))
