"""Jobs that were trained twice outside the queue, to learn by how much two equal runs differ.

They belong to a recipe and a device model, not to a study: whichever study has the recipe may show them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.records import RepeatRecord
from ablate.store.tables import repeats as repeat_rows

#: Columns of a record, as they are named there.
_COLUMNS = tuple(column for column in repeat_rows.c if column.name not in ("id", "created_at"))


def keep_repeat(db: Database, made: RepeatRecord) -> None:
    """Store what two runs of one recipe and seed came to.

    Raises:
        DatabaseError: The database cannot be written.
    """
    values = {column.name: getattr(made, column.name) for column in _COLUMNS}
    plain = {name: dict(values[name]) for name in ("provenance", "first", "second")}
    with db.write() as connection:
        connection.execute(insert(repeat_rows).values(**(values | plain), created_at=Now()))


def repeats(db: Database, keys: Collection[str]) -> tuple[RepeatRecord, ...]:
    """What was stored for recipes with these keys: of each recipe, seed and device model the last, in that order."""
    question = select(*_COLUMNS).where(repeat_rows.c.key.in_(sorted(keys))).order_by(repeat_rows.c.id)
    with db.read() as connection:
        rows = connection.execute(question).mappings().all()
    last = {(row["key"], row["seed"], row["device_name"]): RepeatRecord(**row) for row in rows}
    return tuple(last[place] for place in sorted(last))


def merge_repeats(ours: Connection, theirs: Connection) -> None:
    """Take over the rows that another database has and this one has not."""
    known = {_identity(row) for row in ours.execute(select(repeat_rows)).mappings()}
    fresh = [dict(row) for row in theirs.execute(select(repeat_rows).order_by(repeat_rows.c.id)).mappings()]
    fresh = [row for row in fresh if _identity(row) not in known]
    for row in fresh:
        del row["id"]
    if fresh:
        ours.execute(insert(repeat_rows), fresh)


def _identity(row: Mapping[str, Any] | RowMapping) -> tuple[object, ...]:
    return tuple(row[name] for name in ("key", "seed", "device_name", "created_at"))
