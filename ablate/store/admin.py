"""What a person does to the queue: cancel jobs, and give failed ones another chance."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, null, or_, select, update

from ablate.errors import UsageError
from ablate.protocol import AttemptState, FailureKind, JobState
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.leases import close_attempts
from ablate.store.lookup import has_recipes, study_id
from ablate.store.tables import attempts, jobs


def cancel(db: Database, study: str, *, only: Collection[int] | None = None) -> int:
    """Cancel waiting and running jobs; how many there were.

    A running attempt loses its job at once: its worker's next call raises `ReplacedError` and ends the trainer.

    Args:
        db: The experiment database.
        study: Name of the study.
        only: Numbers of the jobs; None means all of the study.

    Raises:
        UsageError: The database has no such study.
    """
    with db.write() as connection:
        chosen = _chosen(study_id(connection, study), only)
        open_states = [JobState.QUEUED.value, JobState.RUNNING.value]
        locked = select(jobs.c.id, jobs.c.attempt).where(chosen, jobs.c.state.in_(open_states)).order_by(jobs.c.id)
        rows = connection.execute(locked.with_for_update()).all()
        cancelled = update(jobs).where(chosen, jobs.c.state.in_(open_states))
        connection.execute(
            cancelled.values(state=JobState.CANCELLED.value, worker=null(), lease_expires_at=null(), ended_at=Now())
        )
        close_attempts(connection, [row.attempt for row in rows if row.attempt is not None], AttemptState.CANCELLED)
    return len(rows)


def retry(
    db: Database,
    study: str,
    *,
    only: Collection[int] | None = None,
    kinds: Collection[FailureKind] | None = None,
    lost: bool = False,
    cancelled: bool = True,
) -> int:
    """Queue failed and cancelled jobs again, with all their chances; how many there were.

    Their epochs and attempts stay; a job goes on from its newest checkpoint.

    Args:
        db: The experiment database.
        study: Name of the study.
        only: Numbers of the jobs; None means all of the study.
        kinds: Only jobs that failed in these ways; None means in any way.
        lost: Only jobs whose last attempt was given up as lost, beside those of `kinds`.
        cancelled: Cancelled jobs too, where neither `kinds` nor `lost` is given.

    Raises:
        UsageError: The database has no such study, or its results were imported.
    """
    failed = jobs.c.state == JobState.FAILED.value
    wanted = or_(failed, jobs.c.state == JobState.CANCELLED.value) if cancelled else failed
    if kinds is not None or lost:
        ways = attempts.c.failure_kind.in_([kind.value for kind in kinds or ()])
        ended = or_(ways, attempts.c.state == AttemptState.LOST.value) if lost else ways
        wanted = failed & jobs.c.attempt.in_(select(attempts.c.id).where(ended))
    with db.write() as connection:
        if not has_recipes(connection, study) and study_id(connection, study):
            raise UsageError(
                f"{study} holds results from elsewhere, which cannot be run again.",
                cure=f"Import other ones in their place: `ablate import FILE --study {study} --replace`.",
            )
        again = update(jobs).where(_chosen(study_id(connection, study), only), wanted)
        again = again.values(
            state=JobState.QUEUED.value,
            ended_at=null(),
            error=null(),
            fruitless_attempts=0,
            retried_after=jobs.c.attempt_count,
        )
        return connection.execute(again).rowcount


def _chosen(study: int, only: Collection[int] | None) -> ColumnElement[bool]:
    of_study = jobs.c.study == study
    return of_study if only is None else of_study & jobs.c.id.in_(sorted(only))
