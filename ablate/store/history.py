"""What happened to one job: its attempts, and how each went."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from sqlalchemy import RowMapping, func, select

from ablate.errors import UsageError
from ablate.protocol import PRINTED, AttemptState, FailureKind, JobState
from ablate.store.database import Database
from ablate.store.lookup import study_id, utc
from ablate.store.results import COMPARED
from ablate.store.tables import (
    CHECKPOINT,
    WEIGHTS,
    artifacts,
    attempts,
    epochs,
    jobs,
    run_metrics,
    studies,
    variants,
    workers,
)


@dataclass(frozen=True, kw_only=True)
class AttemptRecord:
    """One execution of a job."""

    #: Counted from 1 within the job.
    number: int
    #: Number in the database; the worker's log and the checkpoints name it.
    id: int
    state: AttemptState
    started_at: datetime
    #: None while it runs.
    ended_at: datetime | None
    #: Epoch after which it went on; 0: from the start; None: no epoch yet.
    resumed_from: int | None
    #: Id of the worker; None for imported results.
    worker: str | None
    #: Machine of the worker.
    host: str | None
    #: `cpu` or `cuda:0`.
    device: str | None
    #: Model of the processor or GPU.
    device_name: str | None
    failure_kind: FailureKind | None
    #: One line on the failure or the divergence.
    failure_message: str | None
    #: The traceback, or where the trainer stood; None or empty where nothing is known.
    failure_details: str | None
    #: The end of what a failed attempt printed; empty where nothing was kept.
    printed: str
    #: Versions, git commit, whether the tree was dirty.
    provenance: Mapping[str, Any]
    #: How it was computed, see `Outcome.execution`; empty where that is not known, as while it runs.
    execution: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class WeightsRecord:
    """A file with final weights."""

    #: Path below the artifacts.
    name: str
    #: Epoch after which the network had them, counted from 1.
    epoch: int
    #: Bytes.
    size: int
    #: SHA-256 of the file, hexadecimal.
    sha256: str


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A job with its history."""

    #: Number of the job.
    id: int
    #: Name of the study.
    study: str
    #: Name of the variant.
    variant: str
    variant_key: str
    #: Seed index.
    seed: int
    state: JobState
    #: Whether the newest revision of its study asks for it.
    listed: bool
    #: One line on why it failed or diverged.
    error: str | None
    #: The recipe, defaults left out; empty for imported results.
    recipe: Mapping[str, Any]
    #: Epochs that are recorded.
    epochs: int
    #: Paths of its checkpoints below the artifacts, newest first.
    checkpoints: tuple[str, ...]
    #: Final weights of its newest attempt; empty where none are kept.
    weights: tuple[WeightsRecord, ...]
    #: Further values of the whole run by name.
    metrics: Mapping[str, float | None]
    #: In their order.
    attempts: tuple[AttemptRecord, ...]


def job(db: Database, number: int) -> JobRecord:
    """A job and its attempts.

    Raises:
        UsageError: There is no job of this number.
    """
    question = (
        select(
            jobs, studies.c.name.label("study_name"), variants.c.name.label("variant_name"), variants.c.key,
            variants.c.recipe,
        )
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(studies, studies.c.id == jobs.c.study)
        .where(jobs.c.id == number)
    )  # fmt: skip
    tries = (
        select(attempts, workers.c.host)
        .outerjoin(workers, workers.c.id == attempts.c.worker)
        .where(attempts.c.job == number)
        .order_by(attempts.c.number)
    )
    kept = select(artifacts).where(artifacts.c.job == number).order_by(artifacts.c.epoch.desc(), artifacts.c.name)
    with db.read() as connection:
        row = connection.execute(question).mappings().one_or_none()
        if row is None:
            raise _unknown([number])
        done = connection.execute(select(func.count()).where(epochs.c.job == number)).scalar_one()
        files = connection.execute(kept).all()
        measured = select(run_metrics.c.name, run_metrics.c.value).where(run_metrics.c.attempt == row["attempt"])
        metrics = {each.name: each.value for each in connection.execute(measured.order_by(run_metrics.c.name))}
        history = connection.execute(tries).mappings().all()
    return JobRecord(
        id=number,
        study=row["study_name"],
        variant=row["variant_name"],
        variant_key=row["key"],
        seed=row["seed"],
        state=JobState(row["state"]),
        listed=row["listed"],
        error=row["error"],
        recipe=row["recipe"] or {},
        epochs=done,
        checkpoints=tuple(file.name for file in files if file.kind == CHECKPOINT),
        weights=tuple(
            WeightsRecord(name=file.name, epoch=file.epoch, size=file.size, sha256=file.sha256)
            for file in files
            if file.kind == WEIGHTS and file.attempt == row["attempt"]
        ),
        metrics=metrics,
        attempts=tuple(_attempt(one) for one in history),
    )


def histories(db: Database, study: str) -> dict[int, tuple[AttemptRecord, ...]]:
    """The attempts of each compared job that took more than one or has not succeeded, by its number, in their order.

    Raises:
        UsageError: There is no such study.
    """
    eventful = (jobs.c.attempt_count > 1) | (jobs.c.state != JobState.SUCCEEDED.value)
    question = (
        select(attempts, workers.c.host)
        .join_from(attempts, jobs, jobs.c.id == attempts.c.job)
        .outerjoin(workers, workers.c.id == attempts.c.worker)
        .where(COMPARED, eventful)
        .order_by(attempts.c.job, attempts.c.number)
    )
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).mappings().all()
    return {job: tuple(map(_attempt, tries)) for job, tries in groupby(rows, key=itemgetter("job"))}


def by_study(db: Database, numbers: Collection[int]) -> dict[str, set[int]]:
    """The studies that jobs belong to, with their jobs.

    Raises:
        UsageError: There is no job of one of these numbers.
    """
    question = select(studies.c.name, jobs.c.id).join_from(jobs, studies, studies.c.id == jobs.c.study)
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.id.in_(sorted(numbers)))).all()
    found: dict[str, set[int]] = {}
    for name, number in rows:
        found.setdefault(name, set()).add(number)
    if missing := sorted(set(numbers) - {number for _, number in rows}):
        raise _unknown(missing)
    return found


def _unknown(numbers: list[int]) -> UsageError:
    who = f"is no job {numbers[0]}" if len(numbers) == 1 else f"are no jobs {', '.join(map(str, numbers))}"
    return UsageError(f"there {who} in the database.", cure="`ablate show STUDY` lists the jobs of a study.")


def _attempt(row: RowMapping) -> AttemptRecord:
    return AttemptRecord(
        number=row["number"],
        id=row["id"],
        state=AttemptState(row["state"]),
        started_at=utc(row["started_at"]),
        ended_at=None if row["ended_at"] is None else utc(row["ended_at"]),
        resumed_from=row["resumed_from"],
        worker=row["worker"],
        host=row["host"],
        device=row["device"],
        device_name=row["device_name"],
        failure_kind=None if row["failure_kind"] is None else FailureKind(row["failure_kind"]),
        failure_message=row["failure_message"],
        failure_details=row["failure_details"],
        printed=str((row["failure_facts"] or {}).get(PRINTED, "")),
        provenance=row["provenance"] or {},
        execution=row["execution"] or {},
    )
