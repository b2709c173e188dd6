"""Which study a name means, and what several readers share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from ablate.errors import UsageError
from ablate.recipe.packing import Pack
from ablate.store.database import Database
from ablate.store.records import StudyRecord
from ablate.store.tables import calls as call_rows
from ablate.store.tables import revisions, variants
from ablate.store.tables import studies as study_rows
from ablate.study.outline import Outline


def study_id(connection: Connection, name: str) -> int:
    """Number of the study of this name.

    Raises:
        UsageError: There is none.
    """
    found = connection.execute(select(study_rows.c.id).where(study_rows.c.name == name)).scalar()
    if found is not None:
        return int(found)
    known = list(connection.execute(select(study_rows.c.name).order_by(study_rows.c.id)).scalars())
    if not known:
        raise UsageError(f"there is no study {name!r}: the database holds none yet.", cure="Run `ablate run STUDY`.")
    close = difflib.get_close_matches(name, known, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    raise UsageError(
        f"there is no study {name!r} in the database.",
        cure=f"{guess}It holds {', '.join(known[:10])}{', ...' if len(known) > 10 else ''}.",
    )


def has_recipes(connection: Connection, study: str) -> bool:
    """Whether ablate itself runs a study; those with results from elsewhere have no recipes."""
    return _counts(connection, study, variants.c.recipe.is_not(None)) > 0


def refuse_imported(connection: Connection, study: str) -> None:
    """See that a study may be run under its name.

    Raises:
        UsageError: Results from elsewhere were imported under it.
    """
    if _counts(connection, study, variants.c.recipe.is_(None)):
        raise UsageError(
            f"{study} holds results from elsewhere: own runs would mix with them.",
            cure="Give the study another `name`; the imported one is shown by "
            f"`ablate report {study}`, and deleted by `ablate db delete {study}`.",
        )


def runnable(db: Database, study: str) -> None:
    """The same question in a transaction of its own.

    Raises:
        UsageError: Results from elsewhere were imported under the name.
    """
    with db.read() as connection:
        refuse_imported(connection, study)


def _counts(connection: Connection, study: str, condition: ColumnElement[bool]) -> int:
    question = select(func.count()).select_from(variants).join(study_rows, study_rows.c.id == variants.c.study)
    return int(connection.execute(question.where(study_rows.c.name == study, condition)).scalar_one())


def studies(db: Database) -> tuple[StudyRecord, ...]:
    """All studies in the order of their first submission."""
    newest = revisions.alias()
    last = select(newest.c.number).where(newest.c.study == study_rows.c.id).order_by(newest.c.number.desc()).limit(1)
    question = (
        select(
            study_rows.c.name,
            revisions.c.outline["title"].as_string().label("title"),
            revisions.c.number,
            study_rows.c.created_at,
        )
        .join_from(
            study_rows,
            revisions,
            (revisions.c.study == study_rows.c.id) & (revisions.c.number == last.scalar_subquery()),
        )
        .order_by(study_rows.c.id)
    )
    with db.read() as connection:
        rows = connection.execute(question).all()
    return tuple(
        StudyRecord(name=row.name, title=row.title, revision=row.number, created_at=utc(row.created_at)) for row in rows
    )


def outline(db: Database, study: str) -> Outline:
    """The newest revision of a study, as reports show it.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        stored = newest(connection, study).outline
    return Outline.model_validate(stored)


def revision_text(db: Database, study: str) -> str:
    """The study file of the newest revision, word for word.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        return str(newest(connection, study).text)


def revision_settings(db: Database, study: str) -> tuple[str, ...]:
    """The `--set` options of the newest revision.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        return tuple(newest(connection, study).settings)


def calls(db: Database, study: str) -> tuple[tuple[str, ...], ...]:
    """The commands by which the newest revision was submitted, in the order of their first use.

    Each is what stands after `ablate run`; none are known of revisions that an older ablate wrote.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        of_revision = select(call_rows.c.arguments).where(call_rows.c.revision == newest(connection, study).id)
        return tuple(tuple(words) for words in connection.execute(of_revision.order_by(call_rows.c.number)).scalars())


def recipe(db: Database, study: str, key: str) -> Mapping[str, Any]:
    """The recipe of a variant in its canonical form; empty for imported results.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        of_variant = select(variants.c.recipe).where(
            variants.c.study == study_id(connection, study), variants.c.key == key
        )
        return connection.execute(of_variant).scalar() or {}


def recipes(db: Database, study: str) -> dict[str, Mapping[str, Any]]:
    """The recipes of all variants of a study in canonical form, by key; imported results have none.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        of_study = variants.c.study == study_id(connection, study)
        rows = connection.execute(select(variants.c.key, variants.c.recipe).where(of_study)).all()
    return {row.key: row.recipe for row in rows if row.recipe is not None}


def planned_epochs(db: Database, study: str) -> dict[str, int]:
    """Epochs that the recipes of a study's variants ask for, by variant key; imported results have none.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        wanted = variants.c.recipe["training"]["epochs"].as_integer().label("epochs")
        of_study = variants.c.study == study_id(connection, study)
        rows = connection.execute(select(variants.c.key, wanted).where(of_study, variants.c.recipe.is_not(None))).all()
    return {row.key: row.epochs for row in rows if row.epochs is not None}


def packs(db: Database, study: str) -> dict[str, Pack | None]:
    """The packs of a study's variants and of what is tried in tunings, by key; None where runs are trained alone.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        of_study = variants.c.study == study_id(connection, study)
        rows = connection.execute(select(variants.c.key, variants.c.pack, variants.c.pack_size).where(of_study)).all()
    return {row.key: None if row.pack is None else Pack(key=row.pack, size=row.pack_size) for row in rows}


def execution(db: Database, study: str) -> Mapping[str, Any]:
    """Settings that change bits, which a study keeps from its first revision on.

    Raises:
        UsageError: There is no such study.
    """
    with db.read() as connection:
        settled: Mapping[str, Any] = newest(connection, study).execution
    return settled


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def newest(connection: Connection, study: str) -> Row[Any]:
    """The newest revision of a study.

    Raises:
        UsageError: There is no such study.
    """
    of_study = select(revisions).where(revisions.c.study == study_id(connection, study))
    return connection.execute(of_study.order_by(revisions.c.number.desc()).limit(1)).one()
