"""The queue as workers see it: claims, beats, epochs and ends, each in one transaction behind the fence."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from ablate.errors import DatabaseError
from ablate.metrics import EpochMetrics, Labelling, Outcome, StepMetrics
from ablate.protocol import (
    LEASE_SECONDS,
    AttemptState,
    Checkpoint,
    Claim,
    Failure,
    FailureKind,
    JobState,
    Ticket,
    WorkerInfo,
)
from ablate.recipe import AnyRecipe, read_recipe
from ablate.store import schema
from ablate.store.code import code_of, made_with, sign
from ablate.store.company import was_shared
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.kept import keep_metrics, keep_predictions
from ablate.store.leases import close_attempts, give_back, pass_fence, rescue_expired, rescue_from
from ablate.store.pointers import drop_checkpoints, exchange_checkpoints, exchange_weights
from ablate.store.retries import after_failure
from ablate.store.serialization import finite, words
from ablate.store.statements import (
    ADVANCE,
    CHECKPOINTS,
    CLAIM_ANY,
    CLAIM_OF_STUDY,
    CLAIMED,
    FIRST_EPOCH,
    GLANCE,
    OPEN_ATTEMPT,
    OVERTAKEN,
    SEEN,
    claim_statement,
)
from ablate.store.tables import (
    attempts,
    custom_metrics,
    epochs,
    fingerprints,
    jobs,
    labellings,
    steps,
    workers,
)


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

        Attempts whose lease has run out are rescued first. Studies are served in the order of their first submission.
        Variants of the jobs in `without` are left to others.

        Raises:
            DatabaseError: A newer ablate has migrated the database, or wrote a recipe that this one cannot read.
        """
        with self._db.write() as connection:
            glance = connection.execute(GLANCE).one()
            schema.check(glance.revision, self._db.place)
            if glance.expired:
                rescue_expired(connection)
            who: dict[str, Any] = {"worker_id": worker, "lease": self._lease}
            if study is not None:
                who["study_name"] = study
            statement = CLAIM_ANY if study is None else CLAIM_OF_STUDY
            if without:
                statement = claim_statement(one_study=study is not None, without=without)
            job = connection.execute(statement, who).one_or_none()
            if job is None:
                connection.execute(SEEN, {"worker_id": worker})
                return None
            opened = {
                "attempt_id": job.attempt,
                "job_id": job.id,
                "attempt_number": job.attempt_count,
                "worker_id": worker,
            }
            connection.execute(OPEN_ATTEMPT, opened)
            about = connection.execute(CLAIMED, {"variant_id": job.variant}).one()
            checkpoints = connection.execute(CHECKPOINTS, {"job_id": job.id}).all() if job.attempt_count > 1 else []
            recipe = _recipe(about.recipe, about.variant)
            code = code_of(connection, about.revision, recipe)
            if code:
                ran = sign(connection, job.attempt, code)
                checkpoints = [row for row in checkpoints if made_with(connection, row.attempt) == ran]
        return Claim(
            ticket=Ticket(job=job.id, attempt=job.attempt, worker=worker),
            study=about.name,
            variant=about.variant,
            seed=job.seed,
            recipe=recipe,
            execution=about.execution,
            checkpoints=tuple(
                Checkpoint(epoch=row.epoch, name=row.name, size=row.size, sha256=row.sha256) for row in checkpoints
            ),
            attempt_number=job.attempt_count,
            sources=code,
            keep=about.keep or "none",
        )

    def beat(self, ticket: Ticket) -> None:
        """Renew the lease. Raises `ReplacedError` when the job was cancelled, rescued, or ended."""
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            connection.execute(SEEN, {"worker_id": ticket.worker})

    def record_epoch(
        self, ticket: Ticket, metrics: EpochMetrics, checkpoint: Checkpoint | None = None
    ) -> Collection[str]:
        """Write an epoch's row, what was measured at its steps, and the checkpoint that contains it, all or nothing.

        Rows of earlier attempts from this epoch on are replaced, and their checkpoints dropped. Returns the names of
        checkpoints that are no longer needed, to be deleted after the transaction. Raises `ReplacedError`.
        """
        key = {"job_id": ticket.job, "attempt_id": ticket.attempt, "new_epoch": metrics.epoch}
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            connection.execute(ADVANCE, key)
            connection.execute(FIRST_EPOCH, {**key, "epoch_before": metrics.epoch - 1})
            connection.execute(OVERTAKEN, key)
            connection.execute(insert(epochs), _epoch_row(ticket, metrics))
            if metrics.custom:
                connection.execute(
                    insert(custom_metrics),
                    [
                        {"job": ticket.job, "epoch": metrics.epoch, "name": name, "value": finite(value)}
                        for name, value in metrics.custom.items()
                    ],
                )
            if metrics.steps:
                connection.execute(insert(steps), [_step_row(ticket, metrics.epoch, step) for step in metrics.steps])
            return exchange_checkpoints(connection, ticket, metrics.epoch, checkpoint)

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

    def diverge(self, ticket: Ticket, message: str, *, seconds: float) -> Collection[str]:
        """Close the attempt and the job as diverged: a finding, not an error.

        Returns the names of the job's checkpoints, and of weights of an earlier run of it, which are no longer needed.
        Raises `ReplacedError`.
        """
        told = words(message)
        with self._db.write() as connection:
            pass_fence(connection, ticket, self._lease)
            about = {"failure_message": told, "seconds": seconds}
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

    def disown(self, worker: str) -> None:
        """Give back what a worker holds without knowing: the answer to its last claim was lost on the way."""
        with self._db.write() as connection:
            give_back(connection, jobs.c.worker == worker, AttemptState.RELEASED)

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


def _recipe(stored: object, variant: str) -> AnyRecipe:
    try:
        return read_recipe(stored)
    except ValueError as error:
        raise DatabaseError(
            f"the recipe of {variant!r} cannot be read by this ablate: {error}",
            cure="Train it with the ablate that submitted it, or upgrade: `pip install -U ablate-lab`.",
        ) from error


def _epoch_row(ticket: Ticket, metrics: EpochMetrics) -> dict[str, Any]:
    return {
        "job": ticket.job,
        "epoch": metrics.epoch,
        "attempt": ticket.attempt,
        "train_loss": finite(metrics.train_loss),
        "train_accuracy": finite(metrics.train_accuracy),
        "val_loss": finite(metrics.val_loss),
        "val_accuracy": finite(metrics.val_accuracy),
        "lr": finite(metrics.lr),
        "seconds": metrics.seconds,
        "images_per_second": finite(metrics.images_per_second),
        "peak_memory_bytes": metrics.peak_memory_bytes,
    }


def _step_row(ticket: Ticket, epoch: int, metrics: StepMetrics) -> dict[str, Any]:
    return {
        "job": ticket.job,
        "step": metrics.step,
        "epoch": epoch,
        "loss": finite(metrics.loss),
        "val_loss": finite(metrics.val_loss),
        "val_accuracy": finite(metrics.val_accuracy),
    }


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
