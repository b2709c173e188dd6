"""Who shares a device: a job that ran out of memory beside others is tried once more with its device to itself.

Two workers share a device when they run on the same machine and name the same device. What other programs use, and
workers of which one has two GPUs and the other one of these, are not seen. On PostgreSQL two claims of the same
instant may overlook each other; such a job has had its second try in company.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Exists, FromClause, and_, bindparam, exists, not_, or_, select

from ablate.protocol import FailureKind, JobState, Ticket
from ablate.store.tables import attempts, jobs, workers


def _wants_alone(job: FromClause) -> Exists:
    """Whether a job ran out of memory since the last `ablate retry`."""
    tried = attempts.alias()
    return exists().where(
        tried.c.job == job.c.id,
        tried.c.failure_kind == FailureKind.OUT_OF_MEMORY.value,
        tried.c.number > job.c.retried_after,
    )


def _same_device(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    return and_(one.c.host == other.c.host, one.c.device == other.c.device, one.c.id != other.c.id)


def _beside(*conditions: ColumnElement[bool], running: FromClause) -> Exists:
    """Whether another worker runs a job on the device of the worker `worker_id`."""
    me, other = workers.alias(), workers.alias()
    return exists().where(
        me.c.id == bindparam("worker_id"),
        _same_device(me, other),
        running.c.worker == other.c.id,
        running.c.state == JobState.RUNNING.value,
        *conditions,
    )


def room() -> ColumnElement[bool]:
    """Whether a waiting job may join those that run on the device of the worker `worker_id`."""
    running = jobs.alias()
    nobody_minds = not_(_beside(_wants_alone(running), running=running))
    return and_(nobody_minds, or_(not_(_wants_alone(jobs)), not_(_beside(running=jobs.alias()))))


def welcome() -> ColumnElement[bool]:
    """Whether a waiting job may be trained together with others by the worker `worker_id`."""
    running = jobs.alias()
    return and_(not_(_beside(_wants_alone(running), running=running)), not_(_wants_alone(jobs)))


#: Whether the job `job_id` wants its device to itself.
WANTS_ALONE = select(_wants_alone(jobs)).where(jobs.c.id == bindparam("job_id"))


def was_shared(connection: Connection, ticket: Ticket) -> bool:
    """Whether another worker ran a job on the same device during an attempt."""
    mine, theirs, me, other = attempts.alias(), attempts.alias(), workers.alias(), workers.alias()
    found: Any = connection.execute(
        select(
            exists().where(
                mine.c.id == ticket.attempt,
                me.c.id == mine.c.worker,
                _same_device(me, other),
                theirs.c.worker == other.c.id,
                or_(theirs.c.ended_at.is_(None), theirs.c.ended_at >= mine.c.started_at),
            )
        )
    ).scalar_one()
    return bool(found)
