"""What only some jobs keep: single steps, which test images they met, and labels for images without."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from ablate.metrics import Labelling
from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.lookup import study_id
from ablate.store.records import ImageSetRecord, LabellingRecord, StepRecord
from ablate.store.results import COMPARED
from ablate.store.tables import jobs, predictions, variants
from ablate.store.tables import labellings as labelling_rows
from ablate.store.tables import steps as step_rows
from ablate.store.tables import test_sets as test_set_rows


def steps(db: Database, study: str, variant_keys: Collection[str] | None = None) -> tuple[StepRecord, ...]:
    """A record for each step that was kept, ordered by variant, seed and step; of all variants or those given.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(step_rows, jobs.c.seed, variants.c.name.label("variant"), variants.c.key)
        .join_from(step_rows, jobs, jobs.c.id == step_rows.c.job)
        .join(variants, variants.c.id == jobs.c.variant)
        .where(COMPARED)
        .order_by(variants.c.position, jobs.c.seed, step_rows.c.step)
    )
    if variant_keys is not None:
        question = question.where(variants.c.key.in_(sorted(variant_keys)))
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).all()
    return tuple(
        StepRecord(
            variant=row.variant,
            variant_key=row.key,
            seed=row.seed,
            epoch=row.epoch,
            step=row.step,
            loss=row.loss,
            val_loss=row.val_loss,
            val_accuracy=row.val_accuracy,
        )
        for row in rows
    )


def test_sets(db: Database, study: str) -> tuple[ImageSetRecord, ...]:
    """The test images that each variant's succeeded jobs met, each once, ordered by variant; no labels are read.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(variants.c.key, variants.c.position, predictions.c.test_set, predictions.c.count)
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(predictions, predictions.c.attempt == jobs.c.attempt)
        .where(jobs.c.state == JobState.SUCCEEDED.value, COMPARED)
        .distinct()
    )
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).mappings().all()
        met = sorted({row["test_set"] for row in rows if row["test_set"] is not None})
        named = select(test_set_rows.c.digest, test_set_rows.c.classes).where(test_set_rows.c.digest.in_(met))
        classes = {digest: len(names) for digest, names in connection.execute(named)}
    return tuple(
        ImageSetRecord(
            variant_key=row["key"], digest=row["test_set"], count=row["count"], classes=classes.get(row["test_set"])
        )
        for row in sorted(rows, key=lambda row: (row["position"], row["test_set"] or "", row["count"]))
    )


def labellings(db: Database, study: str) -> tuple[LabellingRecord, ...]:
    """What each succeeded job's network said of images without labels, where there were any; by variant and seed.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(variants.c.name.label("variant"), variants.c.key, jobs.c.seed, labelling_rows.c.images)
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(labelling_rows, labelling_rows.c.attempt == jobs.c.attempt)
        .where(jobs.c.state == JobState.SUCCEEDED.value, COMPARED)
        .order_by(variants.c.position, jobs.c.seed)
    )
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).all()
    return tuple(
        LabellingRecord(variant=row.variant, variant_key=row.key, seed=row.seed, labelling=_labelling(row.images))
        for row in rows
    )


def _labelling(images: list[tuple[str, str, float]]) -> Labelling:
    return Labelling(
        files=tuple(file for file, _, _ in images),
        classes=tuple(label for _, label, _ in images),
        confidence=tuple(share for _, _, share in images),
    )
