"""Whether a database is whole: what it says of itself, and what must hold between its rows and the files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import Connection, text

from ablate.errors import DatabaseError
from ablate.store.database import Database
from ablate.store.litter import litter, pointers

#: Rows of one kind that are named; the others are counted.
_NAMED = 3

_DAMAGED = "Go back to a backup, or save what can be read: `sqlite3 {place} .recover | sqlite3 rescued.db`."
_INCONSISTENT = "Go back to a backup (`ablate db backup` makes them); please report how it came about."
_GONE = "Nothing: a job whose checkpoint is gone goes on from the one before, or starts anew."

#: What must never be found, each with the question that finds it: one text for each row.
_NEVER: Mapping[str, str] = MappingProxyType(
    {
        "jobs whose last attempt is missing or belongs to another job": """
            SELECT 'job ' || j.id FROM jobs j LEFT JOIN attempts a ON a.id = j.attempt
            WHERE j.attempt IS NOT NULL AND (a.id IS NULL OR a.job <> j.id)""",
        "running jobs whose attempt does not run": """
            SELECT 'job ' || j.id FROM jobs j JOIN attempts a ON a.id = j.attempt
            WHERE j.state = 'running' AND (a.state <> 'running' OR a.worker <> j.worker)""",
        "attempts that run while their job does not": """
            SELECT 'attempt ' || a.id || ' of job ' || a.job FROM attempts a JOIN jobs j ON j.id = a.job
            WHERE a.state = 'running' AND (j.state <> 'running' OR j.attempt <> a.id)""",
        "jobs with a result that their last attempt does not have": """
            SELECT 'job ' || j.id FROM jobs j LEFT JOIN attempts a ON a.id = j.attempt
            WHERE j.state IN ('succeeded', 'diverged') AND (a.state IS NULL OR a.state <> j.state)""",
        "jobs whose attempts are not counted right": """
            SELECT 'job ' || j.id FROM jobs j LEFT JOIN attempts a ON a.job = j.id
            GROUP BY j.id, j.attempt_count
            HAVING count(a.id) <> j.attempt_count OR coalesce(max(a.number), 0) <> j.attempt_count""",
        "epochs of an attempt of another job": """
            SELECT 'job ' || e.job || ', epoch ' || e.epoch FROM epochs e JOIN attempts a ON a.id = e.attempt
            WHERE a.job <> e.job""",
        "jobs with gaps between their epochs": """
            SELECT 'job ' || e.job FROM epochs e JOIN jobs j ON j.id = e.job JOIN variants v ON v.id = j.variant
            WHERE v.recipe IS NOT NULL GROUP BY e.job HAVING count(*) <> max(e.epoch)""",
        "succeeded jobs without the epoch that was selected": """
            SELECT 'job ' || j.id FROM jobs j JOIN attempts a ON a.id = j.attempt
            JOIN variants v ON v.id = j.variant LEFT JOIN epochs e ON e.job = j.id AND e.epoch = a.selected_epoch
            WHERE j.state = 'succeeded' AND v.recipe IS NOT NULL AND e.job IS NULL""",
        "jobs with more epochs than were ever counted": """
            SELECT 'job ' || j.id FROM jobs j WHERE j.state IN ('succeeded', 'diverged')
            AND j.furthest_epoch < (SELECT coalesce(max(e.epoch), 0) FROM epochs e WHERE e.job = j.id)""",
        "jobs of a variant of another study": """
            SELECT 'job ' || j.id FROM jobs j JOIN variants v ON v.id = j.variant WHERE v.study <> j.study""",
        "files of an attempt of another job": """
            SELECT f.name FROM artifacts f JOIN attempts a ON a.id = f.attempt WHERE a.job <> f.job""",
        "studies whose revisions are not numbered from 1 on": """
            SELECT 'study ' || s.name FROM studies s LEFT JOIN revisions r ON r.study = s.id
            GROUP BY s.id, s.name HAVING count(r.id) = 0 OR count(r.id) <> max(r.number)""",
    }
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be."""

    #: What, and how often.
    text: str
    #: What to do about it.
    cure: str
    #: Whether results may be wrong or lost; else it only takes up room, or mends itself.
    bad: bool = True


def check(db: Database, *, quick: bool = False) -> tuple[Finding, ...]:
    """Everything that is wrong with a database; nothing when it is whole. Reads all of it, writes nothing.

    Args:
        db: The experiment database.
        quick: Leave out what takes a look at every row.

    Raises:
        DatabaseError: It is so damaged that the checks themselves stumble, or cannot be read at all.
    """
    with db.read() as connection:
        found = list(_own_words(connection, db.place, quick=quick))
        if not quick and not found:
            found += _rows(connection)
    return (*found, *_files(db)) if not found and not quick else tuple(found)


def sound(db: Database) -> None:
    """Refuse a database that is damaged, by its own quick check.

    Raises:
        DatabaseError: It is damaged.
    """
    for finding in check(db, quick=True):
        raise DatabaseError(f"{db.place}: {finding.text}.", cure=finding.cure)


def _own_words(connection: Connection, place: str, *, quick: bool) -> Iterator[Finding]:
    """What SQLite says; PostgreSQL keeps its foreign keys by itself and looks at its pages by `pg_amcheck`."""
    if connection.dialect.name != "sqlite":
        return
    pragma = "quick_check" if quick else "integrity_check"
    said = [str(line) for line in connection.execute(text(f"PRAGMA {pragma}(20)")).scalars()]
    if said != ["ok"]:
        yield Finding(text=f"it is damaged: {_some(said)}", cure=_DAMAGED.format(place=place))
        return
    if not quick:
        lost = [f"{row[0]} row {row[1]}" for row in connection.execute(text("PRAGMA foreign_key_check"))]
        if lost:
            yield Finding(text=f"rows that point at nothing: {_some(lost)}", cure=_INCONSISTENT)


def _rows(connection: Connection) -> Iterator[Finding]:
    for what, question in _NEVER.items():
        found = [str(row) for row in connection.execute(text(question)).scalars()]
        if found:
            yield Finding(text=f"{what}: {_some(found)}", cure=_INCONSISTENT)


def _files(db: Database) -> Iterator[Finding]:
    gone, changed = [], []
    for pointer in pointers(db):
        try:
            size = (db.artifacts / pointer.name).stat().st_size
        except OSError:
            gone.append(pointer.name)
        else:
            if size != pointer.size:
                changed.append(pointer.name)
    if gone:
        yield Finding(text=f"checkpoints that are gone: {_some(gone)}", cure=_GONE, bad=False)
    if changed:
        yield Finding(text=f"checkpoints of another size than was written: {_some(changed)}", cure=_GONE, bad=False)
    left = litter(db)
    if left.files:
        yield Finding(text=left.describe(), cure="Remove them: `ablate db gc --yes`.", bad=False)


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f", and {more} more" if more > 0 else "")
