"""What only some jobs keep: measurements at single steps, and labels for images that nobody has labelled."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from ablate.metrics import Labelling
from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.lookup import study_id
from ablate.store.records import LabellingRecord, StepRecord
from ablate.store.results import COMPARED
from ablate.store.tables import jobs, variants
from ablate.store.tables import labellings as labelling_rows
from ablate.store.tables import steps as step_rows


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
