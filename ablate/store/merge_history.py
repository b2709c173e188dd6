"""Revisions of a study that two databases know: all different ones, numbered anew in the order of their time."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from ablate.store.tables import calls, revisions, sources

#: Added to numbers while they change, since no two may be equal at any moment.
_ASIDE = 1_000_000


def merge_revisions(ours: Connection, theirs: Connection, study: int, their_study: int) -> None:
    """Take over the revisions that are missing, with their files and calls. The youngest of all is the newest.

    Args:
        ours: Connection of the database that grows, within a transaction.
        theirs: Connection of the other one.
        study: Number of the study in ours.
        their_study: Its number in theirs.
    """
    known = {_identity(ours, row): row["id"] for row in _rows(ours, study)}
    for row in _rows(theirs, their_study):
        identity = _identity(theirs, row)
        if identity not in known:
            values = {name: value for name, value in row.items() if name != "id"}
            values |= {"study": study, "number": row["number"] + 2 * _ASIDE}
            known[identity] = ours.execute(insert(revisions).values(values).returning(revisions.c.id)).scalar_one()
            copied = [
                {**one, "revision": known[identity]}
                for one in theirs.execute(select(sources).where(sources.c.revision == row["id"])).mappings()
            ]
            if copied:
                ours.execute(insert(sources), copied)
        _merge_calls(ours, theirs, known[identity], row["id"])
    _number_anew(ours, study)


def _rows(connection: Connection, study: int) -> list[dict[str, Any]]:
    question = select(revisions).where(revisions.c.study == study).order_by(revisions.c.number)
    return [dict(row) for row in connection.execute(question).mappings()]


def _identity(connection: Connection, row: dict[str, Any]) -> tuple[str, str, str, frozenset[tuple[str, str]]]:
    files = select(sources.c.path, sources.c.sha256).where(sources.c.revision == row["id"])
    return (
        row["text"],
        json.dumps(row["settings"]),
        json.dumps(row["outline"], sort_keys=True),
        frozenset((one.path, one.sha256) for one in connection.execute(files)),
    )


def _merge_calls(ours: Connection, theirs: Connection, revision: int, their_revision: int) -> None:
    of_revision = select(calls).where(calls.c.revision == revision).order_by(calls.c.number)
    known = [row.arguments for row in ours.execute(of_revision)]
    there = select(calls).where(calls.c.revision == their_revision).order_by(calls.c.number)
    for row in theirs.execute(there).mappings():
        if row["arguments"] not in known:
            known.append(row["arguments"])
            ours.execute(insert(calls).values({**row, "revision": revision, "number": len(known)}))


def _number_anew(connection: Connection, study: int) -> None:
    of_study = revisions.c.study == study
    in_time = select(revisions.c.id).where(of_study).order_by(revisions.c.created_at, revisions.c.number)
    ids = connection.execute(in_time).scalars().all()
    connection.execute(update(revisions).where(of_study).values(number=revisions.c.number + 10 * _ASIDE))
    numbered = [{"row": row, "place": place} for place, row in enumerate(ids, start=1)]
    connection.execute(
        update(revisions).where(revisions.c.id == bindparam("row")).values(number=bindparam("place")), numbered
    )
