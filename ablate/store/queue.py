"""The queue as workers see it: claims, beats, epochs and ends, each in one transaction behind the fence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from ablate.metrics import EpochMetrics, Labelling, Outcome
from ablate.protocol import (
    LEASE_SECONDS,
    AttemptState,
    Checkpoint,
    Claim,
    Failure,
    FailureKind,
    JobState,
    Measured,
    Packing,
    Recorded,
    Ticket,
    WorkerInfo,
)
from ablate.recipe.packing import Pack
from ablate.store.claims import Asking, look_around, mates, may_be_packed, next_job, with_mates
from ablate.store.company import was_shared
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.kept import keep_metrics, keep_predictions
from ablate.store.leases import close_attempts, give_back, pass_fence, pass_fences, rescue_from
from ablate.store.pointers import drop_checkpoints, exchange_weights
from ablate.store.recording import write_epochs
from ablate.store.retries import after_failure
from ablate.store.serialization import finite, words
from ablate.store.statements import SEEN
from ablate.store.tables import attempts, fingerprints, jobs, labellings, workers


class Queue:
    """The worker's side of the experiment database; implements `ablate.protocol.JobQueue`.

    Args:
        db: The experiment database.
        lease_seconds: Time without a beat after which an attempt counts as lost, seconds.
    """

    def __init__(self, db: Database, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._db = db
        self._lease = lease_seconds

    def introduce(self, worker: WorkerInfo) -> None:
        """Register a worker before its first claim; a second time changes nothing."""
        with self._db.write() as connection:
            if connection.execute(select(workers.c.id).where(workers.c.id == worker.id)).scalar() is None:
                row = {
                    "id": worker.id,
                    "host": words(worker.host),
                    "pid": worker.pid,
                    "device": worker.device,
                    "device_name": words(worker.device_name),
                    "provenance": dict(worker.provenance),
                    "started_at": Now(),
                    "seen_at": Now(),
                }
                connection.execute(insert(workers).values(row))

    def claim(self, worker: str, *, study: str | None = None, without: Collection[int] = ()) -> Claim | None:
        """Open an attempt on the next queued job (seed-major, then the variants' order), or None when none is queued.

        It is handed out alone, whatever pack it may belong to. The rest is as in `claim_pack`.
        """
        claims = self.claim_pack(worker, study=study, without=without, packing=Packing.NEVER)
        return claims[0] if claims else None

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
        """Open attempts on the next queued job and on those that are trained together with it; none when none waits.

        Attempts whose lease has run out are rescued first. Studies are served in the order of their first submission.
        A job that belongs to a pack comes with as many waiting jobs of its study and pack as there are places. One
        whose last attempt died without a new epoch comes in its pack, for the same numbers, but without company; one
        that ran out of memory comes without its pack.

        Args:
            worker: Id of the worker.
            study: Only jobs of this study; None for all.
            without: Jobs whose variants are left to other workers.
            packing: Which jobs are handed out together.
            alone: Keys of packs that cannot be trained: their jobs come without them.
            apart: Keys of packs whose jobs come one by one, each in its pack.

        Raises:
            DatabaseError: A newer ablate has migrated the database, or wrote a recipe that this one cannot read.
        """
        asking = Asking(
            worker=worker, lease=self._lease, study=study, without=without, packing=packing, alone=alone, apart=apart
        )
        with self._db.write() as connection:
            look_around(connection, self._db.place)
            found = next_job(connection, asking)
            if found is None:
                return ()
            claim, pack = found
            if pack is None or not may_be_packed(asking, claim, pack):
                return (claim,)
            return with_mates(connection, asking, claim, pack)

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
        """Open attempts on waiting jobs of a pack that is being trained, at most `room`.

        Args:
            worker: Id of the worker.
            pack: What it trains.
            room: Places that became free.
            study: Name of the pack's study.
            without: Jobs whose variants are left to other workers.
            packing: Which jobs are handed out together.
            held: What the worker holds already; a queue that repeats a call gives the rest back first.
        """
        asking = Asking(worker=worker, lease=self._lease, study=study, without=without, packing=packing)
        with self._db.write() as connection:
            look_around(connection, self._db.place)
            return mates(connection, asking, pack, room)

    def beat(self, ticket: Ticket) -> None:
        """Renew one lease. Raises `ReplacedError` when the job was cancelled, rescued, or ended."""
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            connection.execute(SEEN, {"worker_id": ticket.worker})

    def beat_all(self, tickets: Collection[Ticket]) -> frozenset[Ticket]:
        """Renew the leases of one worker; the tickets that were replaced."""
        with self._db.write() as connection:
            ours = pass_fences(connection, tickets, self._lease)
            for worker in {ticket.worker for ticket in ours}:
                connection.execute(SEEN, {"worker_id": worker})
        return frozenset(tickets) - ours

    def record_epoch(
        self, ticket: Ticket, metrics: EpochMetrics, checkpoint: Checkpoint | None = None
    ) -> Collection[str]:
        """Write one epoch as `record_epochs` does; the names of checkpoints to delete. Raises `ReplacedError`."""
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            return write_epochs(connection, [(ticket, metrics, checkpoint)])

    def record_epochs(self, items: Sequence[Measured]) -> Recorded:
        """Write epochs of one worker's jobs, what was measured at their steps, and checkpoints, in one transaction.

        Each stands behind the fence of its own ticket: of those that were replaced nothing is written. Rows of earlier
        attempts from an epoch on are replaced, and their checkpoints dropped.
        """
        with self._db.write() as connection:
            ours = pass_fences(connection, {ticket for ticket, _, _ in items}, self._lease)
            unneeded = write_epochs(connection, [item for item in items if item[0] in ours])
        return Recorded(unneeded=unneeded, replaced=frozenset(ticket for ticket, _, _ in items) - ours)

    def finish(self, ticket: Ticket, outcome: Outcome) -> Collection[str]:
        """Close the attempt and the job as succeeded.

        Returns the names of the job's checkpoints, and of weights of an earlier run of it that this one did not write
        anew, which are no longer needed. Raises `ReplacedError`.
        """
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            measured: dict[str, object] = {
                "selected_epoch": outcome.selected_epoch,
                "test_loss": finite(outcome.test_loss),
                "test_accuracy": finite(outcome.test_accuracy),
                "parameters": outcome.parameters,
                "trainable_parameters": outcome.trainable_parameters,
                "flops": outcome.flops,
                "seconds": outcome.seconds,
                "execution": dict(outcome.execution) or None,
            }
            _end(connection, ticket, JobState.SUCCEEDED, AttemptState.SUCCEEDED, error=None, **measured)
            if outcome.fingerprints:
                connection.execute(
                    insert(fingerprints),
                    [
                        {"attempt": ticket.attempt, "name": name, "value": value}
                        for name, value in outcome.fingerprints.items()
                    ],
                )
            keep_metrics(connection, ticket, outcome.metrics)
            if outcome.predictions is not None:
                keep_predictions(connection, ticket, outcome.predictions)
            if outcome.labelling is not None:
                connection.execute(insert(labellings), _labelling_row(ticket, outcome.labelling))
            overtaken = exchange_weights(connection, ticket, outcome.weights)
            return (*drop_checkpoints(connection, ticket.job), *overtaken)

    def diverge(
        self, ticket: Ticket, message: str, *, seconds: float, execution: Mapping[str, Any] | None = None
    ) -> Collection[str]:
        """Close the attempt and the job as diverged: a finding, not an error. `execution` is as in `Outcome`.

        Returns the names of the job's checkpoints, and of weights of an earlier run of it, which are no longer needed.
        Raises `ReplacedError`.
        """
        told = words(message)
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            about = {"failure_message": told, "seconds": seconds, "execution": dict(execution or {}) or None}
            _end(connection, ticket, JobState.DIVERGED, AttemptState.DIVERGED, error=told, **about)
            return (*drop_checkpoints(connection, ticket.job), *exchange_weights(connection, ticket, ()))

    def fail(self, ticket: Ticket, failure: Failure) -> JobState:
        """Close the attempt as failed; the job fails, or is queued again where the kind of failure allows.

        Raises `ReplacedError`.
        """
        told = words(failure.message)
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            state = after_failure(
                failure.kind,
                of_this_kind=_failures(connection, ticket.job, failure.kind) + 1,
                fruitless=connection.execute(
                    select(jobs.c.fruitless_attempts).where(jobs.c.id == ticket.job)
                ).scalar_one(),
                shared=failure.kind is FailureKind.OUT_OF_MEMORY and was_shared(connection, ticket),
            )
            about = {
                "failure_kind": failure.kind.value,
                "failure_message": told,
                "failure_details": words(failure.details),
                "failure_facts": dict(failure.facts),
            }
            _end(connection, ticket, state, AttemptState.FAILED, error=told, **about)
        return state

    def release(self, ticket: Ticket, state: AttemptState = AttemptState.RELEASED) -> None:
        """Give the job back to the queue, uncounted. Does nothing where the attempt no longer owns it."""
        with self._db.write() as connection:
            ours = and_(jobs.c.id == ticket.job, jobs.c.attempt == ticket.attempt, jobs.c.worker == ticket.worker)
            give_back(connection, ours, state)

    def disown(self, worker: str, *, held: Collection[Ticket] = ()) -> None:
        """Give back what a worker holds without knowing: the answer to its last claim was lost on the way.

        Args:
            worker: Id of the worker.
            held: What it does know of.
        """
        unknown = jobs.c.attempt.not_in([ticket.attempt for ticket in held])
        with self._db.write() as connection:
            give_back(connection, and_(jobs.c.worker == worker, unknown), AttemptState.RELEASED)

    def retire(self, worker: str) -> None:
        """A worker ends; attempts that it still holds are released."""
        with self._db.write() as connection:
            give_back(connection, jobs.c.worker == worker, AttemptState.RELEASED)
            _leave(connection, worker)


def release_worker(db: Database, worker: str) -> None:
    """Take the jobs of a worker that was seen to die, without waiting for its lease.

    Its attempts count as lost: a job fails once too many in a row brought no new epoch.
    """
    with db.write() as connection:
        rescue_from(connection, worker)
        _leave(connection, worker)


def _leave(connection: Connection, worker: str) -> None:
    left = update(workers).where(workers.c.id == worker, workers.c.ended_at.is_(None))
    connection.execute(left.values(ended_at=Now()))


def _labelling_row(ticket: Ticket, said: Labelling) -> dict[str, Any]:
    images = zip(said.files, said.classes, said.confidence, strict=True)
    return {"attempt": ticket.attempt, "count": len(said.files), "images": [list(image) for image in images]}


def _end(
    connection: Connection,
    ticket: Ticket,
    state: JobState,
    attempt_state: AttemptState,
    *,
    error: str | None,
    **about: object,
) -> None:
    """Close a job and its attempt after the fence."""
    ended = None if state is JobState.QUEUED else Now()
    connection.execute(
        update(jobs)
        .where(jobs.c.id == ticket.job)
        .values(state=state.value, worker=None, lease_expires_at=None, ended_at=ended, error=error)
    )
    connection.execute(update(attempts).where(attempts.c.id == ticket.attempt).values(**about))
    close_attempts(connection, [ticket.attempt], attempt_state)


def _failures(connection: Connection, job: int, kind: FailureKind) -> int:
    """Earlier failures of this kind, those before the last `ablate retry` forgotten."""
    counted = (
        select(func.count())
        .select_from(attempts)
        .join(jobs, jobs.c.id == attempts.c.job)
        .where(attempts.c.job == job, attempts.c.failure_kind == kind.value, attempts.c.number > jobs.c.retried_after)
    )
    return int(connection.execute(counted).scalar_one())
