"""Where jobs stand: counts, running jobs, failures and durations, without a look at most of the epochs."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import case, func, select

from ablate.protocol import REMOTE_LEASE_SECONDS, FailureKind, JobState
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.lookup import study_id, utc
from ablate.store.records import FailureRecord, RunningRecord, WorkerRecord
from ablate.store.tables import attempts, epochs, jobs, revisions, studies, variants
from ablate.store.tables import workers as worker_rows

#: Time after which a worker that was not seen is no longer shown, seconds.
_OUT_OF_SIGHT = 2 * REMOTE_LEASE_SECONDS


def counts(db: Database, study: str | None = None) -> dict[str, dict[JobState, int]]:
    """Jobs of the newest revision by state, every state there, for one study or all.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(jobs.c.study, jobs.c.state, func.count())
        .where(jobs.c.state.in_([str(state) for state in JobState]), jobs.c.listed)  # so that the index is enough
        .group_by(jobs.c.study, jobs.c.state)
    )
    names = select(studies.c.id, studies.c.name).order_by(studies.c.id)
    with db.read() as connection:
        if study is not None:
            number = study_id(connection, study)
            question, names = question.where(jobs.c.study == number), names.where(studies.c.id == number)
        name_of = {row.id: row.name for row in connection.execute(names)}
        rows = connection.execute(question).all()
    found = {name: dict.fromkeys(JobState, 0) for name in name_of.values()}
    for number, state, count in rows:
        found[name_of[number]][JobState(state)] = count
    return found


def states(db: Database, study: str) -> tuple[int | None, Mapping[tuple[str, int], JobState]]:
    """The newest revision's number and the state of every job, left out or not, by variant key and seed.

    None and nothing where the study was never submitted.
    """
    question = (
        select(variants.c.key, jobs.c.seed, jobs.c.state)
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(studies, studies.c.id == jobs.c.study)
        .where(studies.c.name == study)
    )
    last = select(func.max(revisions.c.number)).join(studies, studies.c.id == revisions.c.study)
    state_of = {str(state): state for state in JobState}
    with db.read() as connection:
        revision = connection.execute(last.where(studies.c.name == study)).scalar()
        rows = connection.execute(question).all()
    return revision, {(key, seed): state_of[state] for key, seed, state in rows}


def running(db: Database, study: str | None = None) -> tuple[RunningRecord, ...]:
    """Jobs that workers hold, in the order of their claims, for one study or all.

    Raises:
        UsageError: The database has no such study.
    """
    seen = epochs.alias()
    last = select(func.max(seen.c.epoch)).where(seen.c.job == jobs.c.id).scalar_subquery()
    question = (
        select(
            jobs.c.id,
            studies.c.name.label("study"),
            variants.c.name.label("variant"),
            variants.c.recipe,
            jobs.c.seed,
            jobs.c.worker,
            jobs.c.started_at,
            epochs.c.epoch,
            epochs.c.val_accuracy,
            epochs.c.train_loss,
            epochs.c.images_per_second,
            epochs.c.peak_memory_bytes,
        )
        .join_from(jobs, studies, studies.c.id == jobs.c.study)
        .join(variants, variants.c.id == jobs.c.variant)
        .outerjoin(epochs, (epochs.c.job == jobs.c.id) & (epochs.c.epoch == last))
        .where(jobs.c.state == JobState.RUNNING.value, jobs.c.listed.in_([True, False]))  # as the index goes
        .order_by(jobs.c.study, jobs.c.position)
    )
    with db.read() as connection:
        if study is not None:
            question = question.where(jobs.c.study == study_id(connection, study))
        rows = connection.execute(question).all()
    return tuple(
        RunningRecord(
            job=row.id,
            study=row.study,
            variant=row.variant,
            seed=row.seed,
            worker=row.worker,
            epoch=row.epoch or 0,
            epochs_total=row.recipe["training"].get("epochs"),
            val_accuracy=row.val_accuracy,
            train_loss=row.train_loss,
            images_per_second=row.images_per_second,
            peak_memory_bytes=row.peak_memory_bytes,
            started_at=utc(row.started_at),
        )
        for row in rows
    )


def workers(db: Database) -> tuple[WorkerRecord, ...]:
    """Workers that have not ended and were seen lately, in the order of their start."""
    return tuple(record for record, silent in leftover_workers(db) if silent < _OUT_OF_SIGHT)


def leftover_workers(db: Database) -> tuple[tuple[WorkerRecord, float], ...]:
    """Workers that have not ended, seen lately or not, each with the seconds since it was seen; by start."""
    claimed = func.max(jobs.c.started_at)  # a sign of life that the worker's own row does not repeat
    seen = case((claimed > worker_rows.c.seen_at, claimed), else_=worker_rows.c.seen_at)
    question = (
        select(worker_rows, func.min(jobs.c.id).label("job"), seen.label("seen"), (Now() - seen).label("silent"))
        .outerjoin(jobs, (jobs.c.worker == worker_rows.c.id) & (jobs.c.state == JobState.RUNNING.value))
        .where(worker_rows.c.ended_at.is_(None))
        .group_by(worker_rows.c.id)
        .order_by(worker_rows.c.started_at, worker_rows.c.id)
    )
    with db.read() as connection:
        rows = connection.execute(question).all()
    return tuple(
        (
            WorkerRecord(
                id=row.id,
                host=row.host,
                pid=row.pid,
                device=row.device,
                device_name=row.device_name,
                started_at=utc(row.started_at),
                seen_at=utc(row.seen),
                job=row.job,
            ),
            row.silent,
        )
        for row in rows
    )


def out_of_memory(db: Database, study: str) -> int:
    """Attempts of a study that ended for want of memory, also those whose job went on later."""
    question = (
        select(func.count())
        .select_from(attempts)
        .join(jobs, jobs.c.id == attempts.c.job)
        .join(studies, studies.c.id == jobs.c.study)
        .where(studies.c.name == study, attempts.c.failure_kind == FailureKind.OUT_OF_MEMORY.value)
    )
    with db.read() as connection:
        return int(connection.execute(question).scalar_one())


def durations(db: Database, study: str) -> list[tuple[str, float]]:
    """Variant key and wall time in seconds of each job that succeeded; empty where there is no such study."""
    question = (
        select(variants.c.key, attempts.c.seconds)
        .join_from(jobs, attempts, attempts.c.id == jobs.c.attempt)
        .join(variants, variants.c.id == jobs.c.variant)
        .join(studies, studies.c.id == jobs.c.study)
        .where(studies.c.name == study, jobs.c.state == JobState.SUCCEEDED.value, attempts.c.seconds.is_not(None))
        .order_by(jobs.c.id)
    )
    with db.read() as connection:
        return [(key, seconds) for key, seconds in connection.execute(question)]


def mean_duration(db: Database, study: str) -> float | None:
    """Mean wall time of the jobs that succeeded, seconds; None where none has, or there is no such study."""
    question = (
        select(func.avg(attempts.c.seconds))
        .join_from(jobs, attempts, attempts.c.id == jobs.c.attempt)
        .join(studies, studies.c.id == jobs.c.study)
        .where(studies.c.name == study, jobs.c.state == JobState.SUCCEEDED.value)
    )
    with db.read() as connection:
        return connection.execute(question).scalar()


def failures(db: Database, study: str) -> tuple[FailureRecord, ...]:
    """Jobs of the newest revision that failed or diverged, by variant and seed.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(
            jobs.c.id,
            jobs.c.seed,
            jobs.c.state,
            jobs.c.error,
            jobs.c.ended_at,
            variants.c.name.label("variant"),
            variants.c.key,
            attempts.c.number,
            attempts.c.failure_kind,
            attempts.c.failure_facts,
        )
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(attempts, attempts.c.id == jobs.c.attempt)
        .where(jobs.c.state.in_([JobState.FAILED.value, JobState.DIVERGED.value]), jobs.c.listed)
        .order_by(variants.c.position, jobs.c.seed)
    )
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).all()
    return tuple(
        FailureRecord(
            job=row.id,
            variant=row.variant,
            variant_key=row.key,
            seed=row.seed,
            state=JobState(row.state),
            attempt=row.number,
            error=row.error or "",
            kind=None if row.failure_kind is None else FailureKind(row.failure_kind),
            facts=row.failure_facts or {},
            ended_at=utc(row.ended_at),
        )
        for row in rows
    )
