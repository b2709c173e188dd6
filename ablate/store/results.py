"""What jobs measured: runs, epochs and predictions of the newest revision's jobs, without tuning runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import groupby
from operator import itemgetter
from statistics import median
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from ablate.metrics import Predictions
from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.lookup import study_id, utc
from ablate.store.records import EpochRecord, PredictionRecord, RunRecord
from ablate.store.tables import (
    attempts,
    custom_metrics,
    fingerprints,
    jobs,
    run_metrics,
    test_sets,
    variants,
)
from ablate.store.tables import (
    epochs as epoch_rows,
)
from ablate.store.tables import (
    predictions as prediction_rows,
)
from ablate.study.outline import FIRST_TUNING_SEED

#: Jobs that the newest revision compares: not those that only tune retuned levels.
COMPARED = jobs.c.listed & (jobs.c.seed < FIRST_TUNING_SEED)

#: Of which a run shows the last or the selected epoch's.
_OF_EPOCHS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def runs(db: Database, study: str) -> tuple[RunRecord, ...]:
    """A record for each job that is compared, ordered by variant and seed.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        number = study_id(connection, study)
        question = (
            select(
                attempts,
                jobs.c.id.label("job_id"),
                jobs.c.seed,
                jobs.c.state.label("job_state"),
                jobs.c.error,
                variants.c.name.label("variant"),
                variants.c.key,
            )
            .join_from(jobs, variants, variants.c.id == jobs.c.variant)
            .outerjoin(attempts, attempts.c.id == jobs.c.attempt)
            .where(jobs.c.study == number, COMPARED)
            .order_by(variants.c.position, jobs.c.seed)
        )
        rows = connection.execute(question).mappings().all()
        progress = _progress(connection, number)
        marks = _fingerprints(connection, number)
        values = _of_runs(connection, number)
    return tuple(
        _run(row, progress.get(row["job_id"], []), marks.get(row["job_id"], {}), values.get(row["job_id"], {}))
        for row in rows
    )


def epochs(db: Database, study: str, variant_keys: Collection[str] | None = None) -> tuple[EpochRecord, ...]:
    """A record for each epoch, ordered by variant, seed and epoch; of all variants or those given.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        number = study_id(connection, study)
        question = (
            select(
                epoch_rows,
                jobs.c.seed,
                variants.c.name.label("variant"),
                variants.c.key,
                attempts.c.number.label("attempt_number"),
                attempts.c.started_at.label("begun_at"),
            )
            .join_from(epoch_rows, jobs, jobs.c.id == epoch_rows.c.job)
            .join(variants, variants.c.id == jobs.c.variant)
            .join(attempts, attempts.c.id == epoch_rows.c.attempt)
            .where(jobs.c.study == number, COMPARED)
            .order_by(variants.c.position, jobs.c.seed, epoch_rows.c.epoch)
        )
        if variant_keys is not None:
            question = question.where(variants.c.key.in_(sorted(variant_keys)))
        rows = connection.execute(question).all()
        custom = _custom(connection, number)
    return tuple(
        EpochRecord(
            variant=row.variant,
            variant_key=row.key,
            seed=row.seed,
            epoch=row.epoch,
            train_loss=row.train_loss,
            train_accuracy=row.train_accuracy,
            val_loss=row.val_loss,
            val_accuracy=row.val_accuracy,
            lr=row.lr,
            seconds=row.seconds,
            images_per_second=row.images_per_second,
            peak_memory_bytes=row.peak_memory_bytes,
            attempt=row.attempt_number,
            custom=custom.get((row.job, row.epoch), {}),
            begun_at=utc(row.begun_at),
        )
        for row in rows
    )


def predictions(db: Database, study: str, variant_keys: Collection[str] | None = None) -> tuple[PredictionRecord, ...]:
    """What each succeeded job's network said of the test images, where that was kept, ordered by variant and seed.

    Of all variants or those given. Runs that met the same test images share their true classes.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(variants.c.name.label("variant"), variants.c.key, jobs.c.seed, prediction_rows)
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(prediction_rows, prediction_rows.c.attempt == jobs.c.attempt)
        .where(jobs.c.state == JobState.SUCCEEDED.value, COMPARED)
        .order_by(variants.c.position, jobs.c.seed)
    )
    if variant_keys is not None:
        question = question.where(variants.c.key.in_(sorted(variant_keys)))
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).mappings().all()
        needed = {row["test_set"] for row in rows if row["test_set"] is not None}
        truth = {
            row.digest: {"labels": row.labels, "classes": tuple(row.classes)}
            for row in connection.execute(select(test_sets).where(test_sets.c.digest.in_(sorted(needed))))
        }
    return tuple(
        PredictionRecord(
            variant=row["variant"],
            variant_key=row["key"],
            seed=row["seed"],
            predictions=Predictions(
                correct=row["correct"],
                predicted=row["predicted"],
                confidence=row["confidence"],
                count=row["count"],
                **truth.get(row["test_set"], {}),
            ),
        )
        for row in rows
    )


def _of_study(question: Select[Any], study: int) -> Select[Any]:
    return question.where(jobs.c.study == study, COMPARED)


def _progress(connection: Connection, study: int) -> dict[int, list[RowMapping]]:
    """Epochs of each job, in order."""
    question = select(epoch_rows).join(jobs, jobs.c.id == epoch_rows.c.job)
    rows = connection.execute(_of_study(question, study).order_by(epoch_rows.c.job, epoch_rows.c.epoch))
    return {job: list(group) for job, group in groupby(rows.mappings(), key=itemgetter("job"))}


def _fingerprints(connection: Connection, study: int) -> dict[int, dict[str, str]]:
    question = select(jobs.c.id, fingerprints.c.name, fingerprints.c.value)
    question = question.join(fingerprints, fingerprints.c.attempt == jobs.c.attempt)
    found: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for job, name, value in connection.execute(_of_study(question, study).order_by(fingerprints.c.name)):
        found[job][name] = value
    return found


def _of_runs(connection: Connection, study: int) -> dict[int, dict[str, float | None]]:
    """Metrics of each whole run, by job."""
    question = select(jobs.c.id, run_metrics.c.name, run_metrics.c.value)
    question = question.join(run_metrics, run_metrics.c.attempt == jobs.c.attempt)
    found: defaultdict[int, dict[str, float | None]] = defaultdict(dict)
    for job, name, value in connection.execute(_of_study(question, study).order_by(run_metrics.c.name)):
        found[job][name] = value
    return found


def _custom(connection: Connection, study: int) -> dict[tuple[int, int], dict[str, float | None]]:
    question = select(custom_metrics).join(jobs, jobs.c.id == custom_metrics.c.job)
    found: defaultdict[tuple[int, int], dict[str, float | None]] = defaultdict(dict)
    for row in connection.execute(_of_study(question, study).order_by(custom_metrics.c.name)):
        found[row.job, row.epoch][row.name] = row.value
    return found


def _run(
    row: RowMapping, progress: list[RowMapping], marks: Mapping[str, str], metrics: Mapping[str, float | None]
) -> RunRecord:
    last = progress[-1] if progress else None
    # Imported runs without epochs have these of the whole run.
    alone = {} if progress else {name: metrics[name] for name in _OF_EPOCHS if name in metrics}
    selected = next((epoch for epoch in progress if epoch["epoch"] == row["selected_epoch"]), None)
    return RunRecord(
        job=row["job_id"],
        variant=row["variant"],
        variant_key=row["key"],
        seed=row["seed"],
        state=JobState(row["job_state"]),
        selected_epoch=row["selected_epoch"],
        train_loss=alone.get("train_loss") if last is None else last["train_loss"],
        train_accuracy=alone.get("train_accuracy") if last is None else last["train_accuracy"],
        val_loss=alone.get("val_loss") if selected is None else selected["val_loss"],
        val_accuracy=alone.get("val_accuracy") if selected is None else selected["val_accuracy"],
        test_accuracy=row["test_accuracy"],
        test_loss=row["test_loss"],
        parameters=row["parameters"],
        trainable_parameters=row["trainable_parameters"],
        flops=row["flops"],
        seconds=row["seconds"],
        epochs=len(progress),
        seconds_per_epoch=_median(progress, "seconds"),
        images_per_second=_median(progress, "images_per_second"),
        peak_memory_bytes=max((epoch["peak_memory_bytes"] or 0 for epoch in progress), default=0) or None,
        device=row["device"],
        device_name=row["device_name"],
        attempt=row["number"] or 0,
        error=row["error"],
        provenance=row["provenance"] or {},
        fingerprints=marks,
        metrics={name: value for name, value in metrics.items() if name not in alone},
        started_at=None if row["started_at"] is None else utc(row["started_at"]),
        ended_at=None if row["ended_at"] is None else utc(row["ended_at"]),
        worker=row["worker"],
        execution=row["execution"] or {},
    )


def _median(progress: list[RowMapping], name: str) -> float | None:
    values = [value for epoch in progress if (value := epoch[name]) is not None]
    return median(values) if values else None
