"""Tuning of retuned levels: what its runs reached, and the choices, each of which is made once."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlalchemy import text as sql

from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.lookup import study_id
from ablate.store.tables import attempts, epochs, jobs, studies, tunings, variants
from ablate.study.outline import FIRST_TUNING_SEED, OutlineTuning


def tried(db: Database, study: str) -> Mapping[tuple[str, int], tuple[JobState, float | None]]:
    """State of each tuning run, and its validation accuracy at the selected epoch, by variant key and seed.

    Nothing where the study was never submitted.
    """
    question = (
        select(variants.c.key, jobs.c.seed, jobs.c.state, epochs.c.val_accuracy)
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(studies, studies.c.id == jobs.c.study)
        .outerjoin(attempts, attempts.c.id == jobs.c.attempt)
        .outerjoin(epochs, (epochs.c.job == jobs.c.id) & (epochs.c.epoch == attempts.c.selected_epoch))
        .where(studies.c.name == study, jobs.c.seed >= FIRST_TUNING_SEED)
    )
    with db.read() as connection:
        rows = connection.execute(question).all()
    return {(key, seed): (JobState(state), accuracy) for key, seed, state, accuracy in rows}


def choices(db: Database, study: str) -> dict[str, OutlineTuning]:
    """The choices that were made, by the tuning's key; nothing where the study was never submitted."""
    question = (
        select(tunings.c.key, tunings.c.choice)
        .join(studies, studies.c.id == tunings.c.study)
        .where(studies.c.name == study)
    )
    with db.read() as connection:
        rows = connection.execute(question).all()
    return {key: OutlineTuning.model_validate(choice) for key, choice in rows}


def keep_choice(db: Database, study: str, made: OutlineTuning) -> OutlineTuning:
    """Store a choice unless there is one; the first one made counts for everybody.

    Args:
        db: The experiment database.
        study: Name of the study.
        made: The tuning with its choice and the figures that it rests on.

    Returns:
        The choice that counts.

    Raises:
        UsageError: The database has no such study.
        DatabaseError: The database cannot be written.
        ValueError: Nothing was chosen.
    """
    if made.chosen is None:
        raise ValueError(f"nothing was chosen for {made.name}")
    with db.write() as connection:
        if connection.dialect.name == "postgresql":  # two choices take turns; SQLite has a single writer anyway
            connection.execute(sql("LOCK TABLE tunings IN SHARE ROW EXCLUSIVE MODE"))
        number = study_id(connection, study)
        known = select(tunings.c.choice).where(tunings.c.study == number, tunings.c.key == made.key)
        stored = connection.execute(known).scalar()
        if stored is not None:
            return OutlineTuning.model_validate(stored)
        connection.execute(
            insert(tunings).values(
                study=number,
                key=made.key,
                name=made.name,
                chosen=made.chosen,
                choice=made.model_dump(mode="json"),
                created_at=Now(),
            )
        )
    return made
