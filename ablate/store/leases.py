"""Who holds a job: the fence that every write of a worker passes first, and the ways back to the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, null, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from ablate.protocol import MAX_FRUITLESS_ATTEMPTS, AttemptState, JobState, ReplacedError, Ticket
from ablate.store.expressions import Now
from ablate.store.retries import LOST
from ablate.store.tables import attempts, jobs

#: Whether the job still belongs to the attempt. The worker's id is in it because SQLite gives the numbers of deleted
#: jobs and attempts out again: a worker that slept through `ablate db delete` must not meet its own numbers.
OWNED = and_(
    jobs.c.id == bindparam("job_id"),
    jobs.c.attempt == bindparam("attempt_id"),
    jobs.c.worker == bindparam("worker_id"),
    jobs.c.state == JobState.RUNNING.value,
)
_RENEW = update(jobs).values(lease_expires_at=Now() + bindparam("lease"))
#: The first statement of every transaction of a worker: renew the lease if it is still ours.
FENCE = _RENEW.where(OWNED)

#: Columns of a job that nobody runs.
_LET_GO = {"worker": null(), "lease_expires_at": null()}
#: Attempts without a new epoch, the one that ends uncounted left out.
_UNCOUNTED = case((jobs.c.fruitless_attempts > 0, jobs.c.fruitless_attempts - 1), else_=0)
_TOO_MANY = jobs.c.fruitless_attempts >= MAX_FRUITLESS_ATTEMPTS


def pass_fence(connection: Connection, ticket: Ticket, lease: float) -> None:
    """Renew the lease, `lease` seconds from now by the database's clock.

    Raises:
        ReplacedError: The attempt no longer owns its job.
    """
    where = {"job_id": ticket.job, "attempt_id": ticket.attempt, "worker_id": ticket.worker, "lease": lease}
    if connection.execute(FENCE, where).rowcount == 0:
        raise ReplacedError(f"attempt {ticket.attempt} no longer owns job {ticket.job}")


def pass_fences(connection: Connection, tickets: Collection[Ticket], lease: float) -> frozenset[Ticket]:
    """As `pass_fence` for several tickets of one worker, in one statement; those that still own their jobs."""
    if not tickets:
        return frozenset()
    where = {
        "job_ids": [ticket.job for ticket in tickets],
        "attempt_ids": [ticket.attempt for ticket in tickets],
        "worker_id": next(iter(tickets)).worker,
        "lease": lease,
    }
    ours = {(row.id, row.attempt) for row in connection.execute(FENCES, where)}
    return frozenset(
        ticket for ticket in tickets if (ticket.job, ticket.attempt) in ours and ticket.worker == where["worker_id"]
    )


def close_attempts(connection: Connection, ids: Sequence[int], state: AttemptState) -> None:
    """Date the end of running attempts."""
    if ids:
        closed = update(attempts).where(attempts.c.id.in_(ids), attempts.c.state == AttemptState.RUNNING.value)
        connection.execute(closed.values(state=state.value, ended_at=Now()))


def give_back(connection: Connection, condition: ColumnElement[bool], state: AttemptState) -> None:
    """Put running jobs that meet `condition` back into the queue, uncounted.

    State, attempt and condition stand in the WHERE of one statement, so that a job that ended or changed hands
    meanwhile is left alone.
    """
    freed = update(jobs).where(
        jobs.c.id.in_(_running(condition, wait=True)), jobs.c.state == JobState.RUNNING.value, condition
    )
    freed = freed.values(state=JobState.QUEUED.value, fruitless_attempts=_UNCOUNTED, **_LET_GO)
    rows = connection.execute(freed.returning(jobs.c.attempt)).scalars().all()
    close_attempts(connection, rows, state)


def _taken(condition: ColumnElement[bool], *, wait: bool) -> ReturningUpdate[int]:
    """Take running jobs from workers that are gone: queued again, or failed where too many attempts were fruitless."""
    lost = update(jobs).where(
        jobs.c.id.in_(_running(condition, wait=wait)), jobs.c.state == JobState.RUNNING.value, condition
    )
    return lost.values(
        state=case((_TOO_MANY, JobState.FAILED.value), else_=JobState.QUEUED.value),
        ended_at=case((_TOO_MANY, Now()), else_=null()),
        error=case((_TOO_MANY, LOST), else_=jobs.c.error),
        **_LET_GO,
    ).returning(jobs.c.attempt)


def _running(condition: ColumnElement[bool], *, wait: bool) -> Select[int]:
    """Ids of running jobs, locked in one order on PostgreSQL, so that two that wait for each other never meet.

    Jobs that another connection is just changing are waited for, or passed over.
    """
    found = select(jobs.c.id).where(jobs.c.state == JobState.RUNNING.value, condition).order_by(jobs.c.id)
    return found.with_for_update(skip_locked=not wait)


#: Of a running job: its worker gave no sign of life for a whole lease.
EXPIRED = jobs.c.lease_expires_at < Now()
_TAKE_EXPIRED = _taken(EXPIRED, wait=False)
_TAKE_FROM_WORKER = _taken(jobs.c.worker == bindparam("gone"), wait=True)


#: The fence of several attempts of one worker.
_HELD = and_(
    jobs.c.id.in_(bindparam("job_ids", expanding=True)),
    jobs.c.attempt.in_(bindparam("attempt_ids", expanding=True)),
    jobs.c.worker == bindparam("worker_id"),
)
FENCES = _RENEW.where(
    jobs.c.id.in_(_running(_HELD, wait=True)), jobs.c.state == JobState.RUNNING.value, _HELD
).returning(jobs.c.id, jobs.c.attempt)


def rescue_expired(connection: Connection) -> None:
    """Take jobs whose lease has run out from their workers."""
    lost = connection.execute(_TAKE_EXPIRED).scalars().all()
    close_attempts(connection, lost, AttemptState.LOST)


def rescue_from(connection: Connection, worker: str) -> None:
    """Take all jobs from a worker that is gone."""
    lost = connection.execute(_TAKE_FROM_WORKER, {"gone": worker}).scalars().all()
    close_attempts(connection, lost, AttemptState.LOST)
