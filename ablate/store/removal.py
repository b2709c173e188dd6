"""Deleting a study with all that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.lookup import study_id
from ablate.store.tables import (
    artifacts,
    attempts,
    calls,
    epochs,
    fingerprints,
    jobs,
    labellings,
    notes,
    predictions,
    revisions,
    run_metrics,
    sources,
    studies,
    test_sets,
    tunings,
    variants,
)

#: Tables of what attempts have measured at their end.
OF_ATTEMPTS = (predictions, labellings, fingerprints, run_metrics)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a study holds."""

    revisions: int
    jobs: int
    #: Jobs with a result.
    succeeded: int
    epochs: int

    def describe(self) -> str:
        """One line for people."""
        return f"{self.jobs} jobs ({self.succeeded} succeeded), {self.epochs} epochs, {self.revisions} revisions"


def contents(db: Database, study: str) -> Contents:
    """What `delete_study` would delete.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        number = study_id(connection, study)
        of_study = select(func.count()).select_from(jobs).where(jobs.c.study == number)
        recorded = select(func.count()).select_from(epochs).join(jobs, jobs.c.id == epochs.c.job)
        revised = select(func.count()).select_from(revisions).where(revisions.c.study == number)
        return Contents(
            revisions=connection.execute(revised).scalar_one(),
            jobs=connection.execute(of_study).scalar_one(),
            succeeded=connection.execute(of_study.where(jobs.c.state == JobState.SUCCEEDED.value)).scalar_one(),
            epochs=connection.execute(recorded.where(jobs.c.study == number)).scalar_one(),
        )


def delete_study(db: Database, study: str) -> None:
    """Delete a study: revisions, variants, jobs, results, and the checkpoints of its jobs; all or nothing.

    Raises:
        UsageError: The database has no such study, or a worker holds one of its jobs.
        DatabaseError: The database cannot be written.
    """
    with db.write() as connection:
        number = study_id(connection, study)
        of_study = select(jobs.c.id).where(jobs.c.study == number)
        held = of_study.where(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_expires_at > Now())
        running = len(connection.execute(held.with_for_update()).all())
        if running:
            raise UsageError(
                f"{running} {'job' if running == 1 else 'jobs'} of {study} run.",
                cure=f"Stop them first: `ablate cancel {study}`.",
            )
        tries = select(attempts.c.id).where(attempts.c.job.in_(of_study))
        met = select(predictions.c.test_set).where(predictions.c.test_set.is_not(None))
        revised = select(revisions.c.id).where(revisions.c.study == number)
        files = connection.execute(delete(artifacts).where(artifacts.c.job.in_(of_study)).returning(artifacts.c.name))
        names = files.scalars().all()
        for statement in (
            delete(epochs).where(epochs.c.job.in_(of_study)),  # with their steps and further metrics
            *(delete(table).where(table.c.attempt.in_(tries)) for table in OF_ATTEMPTS),
            delete(test_sets).where(test_sets.c.digest.not_in(met)),
            delete(notes).where(or_(notes.c.study == number, notes.c.job.in_(of_study))),
            delete(tunings).where(tunings.c.study == number),
            delete(attempts).where(attempts.c.job.in_(of_study)),
            delete(jobs).where(jobs.c.study == number),
            delete(variants).where(variants.c.study == number),
            *(delete(table).where(table.c.revision.in_(revised)) for table in (calls, sources)),
            delete(revisions).where(revisions.c.study == number),
            delete(studies).where(studies.c.id == number),
        ):
            connection.execute(statement)
    for name in names:
        (db.artifacts / name).unlink(missing_ok=True)
