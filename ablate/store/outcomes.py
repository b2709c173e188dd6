"""Which test images each run got right, without what else was predicted: an eighth of a byte an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.lookup import study_id
from ablate.store.records import CorrectRecord, TruthRecord
from ablate.store.results import COMPARED
from ablate.store.tables import jobs, predictions, test_sets, variants


def correct(db: Database, study: str) -> tuple[CorrectRecord, ...]:
    """Which test images each succeeded job got right, ordered by variant and seed.

    Only of jobs whose true classes were kept, since without them nobody knows which images these were. Records of
    the same test images share their true classes.

    Raises:
        UsageError: The database has no such study.
    """
    question = (
        select(variants.c.key, jobs.c.seed, predictions.c.test_set, predictions.c.correct)
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(predictions, predictions.c.attempt == jobs.c.attempt)
        .where(jobs.c.state == JobState.SUCCEEDED.value, COMPARED, predictions.c.test_set.is_not(None))
        .order_by(variants.c.position, jobs.c.seed)
    )
    with db.read() as connection:
        rows = connection.execute(question.where(jobs.c.study == study_id(connection, study))).all()
        met = sorted({row.test_set for row in rows})
        truth = {
            digest: TruthRecord(digest=digest, count=count, labels=labels, classes=tuple(classes))
            for digest, count, labels, classes in connection.execute(
                select(test_sets.c.digest, test_sets.c.count, test_sets.c.labels, test_sets.c.classes).where(
                    test_sets.c.digest.in_(met)
                )
            )
        }
    return tuple(
        CorrectRecord(variant_key=row.key, seed=row.seed, truth=truth[row.test_set], correct=row.correct)
        for row in rows
    )


def data_tables(db: Database, study: str) -> dict[str, Mapping[str, Any]]:
    """The `data` table of each variant's recipe in its canonical form, by key; imported results have none.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        of_study = variants.c.study == study_id(connection, study)
        wanted = select(variants.c.key, variants.c.recipe["data"].label("data"))
        rows = connection.execute(wanted.where(of_study, variants.c.recipe.is_not(None))).all()
    return {row.key: row.data for row in rows if row.data is not None}
