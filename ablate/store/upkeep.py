"""Backups, and room that a database no longer needs."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select, text

from ablate.errors import DatabaseError, UsageError
from ablate.protocol import JobState
from ablate.store import faults
from ablate.store.connections import raw_connection
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.integrity import sound
from ablate.store.tables import jobs


def backup(db: Database, target: Path) -> int:
    """Copy a database into a new file, while workers go on; bytes of the copy.

    The copy is one state of the database: SQLite makes it within one transaction that only reads. It is looked through,
    made durable, and only then gets its name. Checkpoints are not in it: a job that ran goes on from files that are
    still there, or starts anew.

    Args:
        db: The experiment database.
        target: The new file; its folder must be there.

    Raises:
        UsageError: The database is on a server, or `target` is there already.
        DatabaseError: The database or the target's disk is at fault.
    """
    if db.path is None:
        server = db.place.replace("+psycopg", "").replace(":***", "")
        raise UsageError(
            f"{db.place} is on a server, which has a better tool for it.",
            cure=f"Type `pg_dump --format=custom --file={target} {server}` with the password in PGPASSWORD; "
            "`pg_restore` reads it.",
        )
    if target.exists():
        raise UsageError(f"{target} is there already.", cure="Choose another name, or move it away first.")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {target.absolute().parent}.", cure="Make it, or choose another place.")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        _copy(db, unfinished)
        with Database.open(unfinished, readonly=True) as copy:
            sound(copy)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(target)
    except OSError as error:
        raise DatabaseError(f"{target} cannot be written: {error.strerror}.", cure="Choose another place.") from error
    finally:
        for name in (
            unfinished,
            *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-shm", "-journal")),
        ):
            name.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(db: Database, target: Path) -> None:
    try:
        with db.read() as connection, closing(sqlite3.connect(target)) as copy:
            raw_connection(connection).backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # a single file, with no log beside it to be forgotten
    except sqlite3.Error as error:
        told = faults.translate(error, str(target))
        if told is None:
            raise
        raise told from error


def vacuum(db: Database) -> tuple[int, int]:
    """Write the database anew without the room of what was deleted; bytes before and after.

    Raises:
        UsageError: Jobs run, which would wait for it.
        DatabaseError: There is no room for a second copy, or the database cannot be written.
    """
    refuse_running(db)
    before = size(db)
    if db.path is not None and (free := shutil.disk_usage(db.path.absolute().parent).free) < before:
        raise DatabaseError(
            f"{db.place} takes {before / 1e6:,.1f} MB, and only {free / 1e6:,.1f} MB are free to write it anew.",
            cure="Free some space first (`df -h`).",
        )
    with db.alone() as connection:
        if db.path is None:
            connection.execute(text("VACUUM (FULL, ANALYZE)"))
        else:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return before, size(db)


def size(db: Database) -> int:
    """Bytes that the database takes."""
    if db.path is not None:
        log = db.path.with_name(db.path.name + "-wal")
        return db.path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    with db.read() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def refuse_running(db: Database) -> None:
    """Refuse to go on while a worker holds a job.

    Raises:
        UsageError: A job runs, and its lease has not run out.
    """
    with db.read() as connection:
        held = (jobs.c.state == JobState.RUNNING.value) & (jobs.c.lease_expires_at > Now())
        count = connection.execute(select(func.count()).select_from(jobs).where(held)).scalar_one()
    if count:
        raise UsageError(
            f"{count} {'job runs' if count == 1 else 'jobs run'} in {db.place}.",
            cure="Wait for their end (`ablate status`), or stop their workers with Ctrl-C.",
        )
