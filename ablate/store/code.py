"""The user's own files: which a job runs with, and which its last attempt ran with."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, null, select, update

from ablate.protocol import JobState
from ablate.recipe import AnyRecipe
from ablate.store.database import Database
from ablate.store.lookup import newest
from ablate.store.records import CodeRecord
from ablate.store.tables import attempts, jobs, sources, studies, variants
from ablate.study.own_code import named_files, sha256, used

#: Key in an attempt's provenance: SHA-256 of each file by path.
SOURCES = "sources"
#: States in which a job has a result, or says why there is none.
WITH_RESULT = (JobState.SUCCEEDED, JobState.DIVERGED, JobState.FAILED)


def revision_sources(db: Database, study: str) -> dict[str, str]:
    """Text of the user's own files by path, as the newest revision has them.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        return _texts(connection, newest(connection, study).id)


def ran_with(db: Database, study: str) -> dict[tuple[str, int], CodeRecord]:
    """The files that each result was made with, by variant key and seed.

    Jobs that no file of the user's own took part in are left out; all are where there is no such study.
    """
    question = (
        select(jobs.c.id, jobs.c.seed, variants.c.key, attempts.c.provenance)
        .join_from(jobs, attempts, attempts.c.id == jobs.c.attempt)
        .join(variants, variants.c.id == jobs.c.variant)
        .join(studies, studies.c.id == jobs.c.study)
        .where(studies.c.name == study, jobs.c.state.in_([state.value for state in WITH_RESULT]))
    )
    with db.read() as connection:
        rows = connection.execute(question).all()
    return {
        (row.key, row.seed): CodeRecord(job=row.id, sources=row.provenance[SOURCES])
        for row in rows
        if row.provenance and SOURCES in row.provenance
    }


def rerun(db: Database, only: Collection[int]) -> int:
    """Queue jobs that have a result again; how many there were.

    Their attempts stay; the rows of their epochs are replaced as the new attempt records its own.

    Args:
        db: The experiment database.
        only: Numbers of the jobs.
    """
    with db.write() as connection:
        again = update(jobs).where(
            jobs.c.id.in_(sorted(only)), jobs.c.state.in_([state.value for state in WITH_RESULT])
        )
        again = again.values(
            state=JobState.QUEUED.value,
            ended_at=null(),
            error=null(),
            fruitless_attempts=0,
            furthest_epoch=0,
            retried_after=jobs.c.attempt_count,
        )
        return connection.execute(again).rowcount


def code_of(connection: Connection, revision: int, recipe: AnyRecipe) -> dict[str, str]:
    """Text of the user's own files that a recipe needs, by path; empty for most recipes."""
    files = named_files(recipe)
    return used(files, _texts(connection, revision)) if files else {}


def sign(connection: Connection, attempt: int, code: Mapping[str, str]) -> dict[str, str]:
    """Write into an attempt's provenance which files it runs with; their SHA-256 by path."""
    ran = {path: sha256(text) for path, text in code.items()}
    known = connection.execute(select(attempts.c.provenance).where(attempts.c.id == attempt)).scalar() or {}
    connection.execute(update(attempts).where(attempts.c.id == attempt).values(provenance={**known, SOURCES: ran}))
    return ran


def made_with(connection: Connection, attempt: int) -> dict[str, str]:
    """SHA-256 by path of the files that an attempt ran with."""
    known = connection.execute(select(attempts.c.provenance).where(attempts.c.id == attempt)).scalar() or {}
    return dict(known.get(SOURCES, {}))


def _texts(connection: Connection, revision: int) -> dict[str, str]:
    question = select(sources.c.path, sources.c.text).where(sources.c.revision == revision).order_by(sources.c.path)
    return {row.path: row.text for row in connection.execute(question)}
