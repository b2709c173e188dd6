"""What a driver's error means to a person, and the cure.

Errors that are bugs of ours (a constraint that refuses a row, bad SQL) are left as they are.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError

from ablate.errors import DatabaseAwayError, DatabaseError

#: `SQLSTATE` of PostgreSQL's "insufficient privilege".
_NO_PRIVILEGE = "42501"
#: `SQLSTATE` of two transactions that met; the one that was undone is only to be repeated.
_MET = frozenset({"40001", "40P01", "55P03"})
#: Beginnings of `SQLSTATE` where waiting helps: no connection, want of room or memory, a server that stops or starts.
_AWAY = ("08", "53", "57P")
#: SQLite's codes where waiting helps.
_PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY})
#: Free space below which an error of the disk means that it is full, bytes: SQLite's shared memory alone takes 32 KiB.
_NO_ROOM = 64 * 1024

_CURES = {
    sqlite3.SQLITE_NOTADB: (
        "is not a whole SQLite database",
        "If it is another file, give the database's path by `--db`; nothing in it was changed.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "It is left as it is. Go back to a backup, or save what can be read: "
        "`sqlite3 {place} .recover | sqlite3 rescued.db`, then use `--db rescued.db`.",
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full",
        "Nothing was lost. Free some space (`df -h`), then type the same command again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written: it lies on a read-only medium or belongs to another user",
        "Copy it to a place of your own, or choose another one by `--db PATH`.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Look at the permissions of the file, of its folder, and of the `-wal` file beside it: `ls -l {place}*`.",
    ),
    sqlite3.SQLITE_PERM: ("cannot be opened: no permission", "Look at its permissions: `ls -l {place}`."),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk reports an error",
        "Look at the system's log (`dmesg`) and at the free space (`df -h`); make a copy before anything else.",
    ),
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "Close programs that write it, such as an open transaction in `sqlite3`, and try again.",
    ),
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds the lock, so that trying again helps."""
    return _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def needs_writing(error: sqlite3.Error) -> bool:
    """Whether SQLite failed because it may not write beside the file (or at all)."""
    return _primary(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)


def translate(error: Exception, place: str) -> DatabaseError | None:
    """The error as one that a user can mend; None where it is a bug.

    Args:
        error: What SQLAlchemy or the driver raised.
        place: File or URL (without password) of the database.
    """
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        return None
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.Error):
        return _of_sqlite(origin, place)
    if isinstance(error, DBAPIError):
        return _of_postgresql(error, place)
    return None


def _of_sqlite(error: sqlite3.Error, place: str) -> DatabaseError | None:
    code = _primary(error)
    if code not in _CURES:
        return None
    if code == sqlite3.SQLITE_IOERR and _full(Path(place)):  # the write-ahead log's index could not grow
        code = sqlite3.SQLITE_FULL
    what, cure = _CURES[code]
    kind = DatabaseAwayError if code in _PASSING else DatabaseError
    return kind(f"{place} {what} ({error}).", cure=cure.format(place=place))


def _full(path: Path) -> bool:
    try:
        found = os.statvfs(path.absolute().parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _NO_ROOM


def _of_postgresql(error: DBAPIError, place: str) -> DatabaseError | None:
    lines = [line.strip() for line in str(error.orig).strip().splitlines()] or [type(error.orig).__name__]
    state = getattr(error.orig, "sqlstate", None)
    if state == _NO_PRIVILEGE:
        return DatabaseError(
            f"{place}: {lines[0]}.", cure="Ask the owner of the database for the right: `GRANT ALL ON SCHEMA public`."
        )
    if type(error).__name__ not in ("OperationalError", "InterfaceError"):
        return None
    reason = next((line for line in lines if "does not exist" in line), lines[0])
    if "does not exist" in reason and "database" in reason:
        return DatabaseError(f"{place}: {reason}.", cure="Make it with `createdb`, then type the same command again.")
    if state in _MET:
        return DatabaseAwayError(
            f"{place}: another transaction was in the way: {reason}.", cure="Type the same command again."
        )
    if state is not None and not state.startswith(_AWAY):
        return DatabaseError(f"{place}: {reason}.", cure="Look into the server's log for what it says about it.")
    return DatabaseAwayError(
        f"the server of {place} does not answer: {reason}.",
        cure="Look whether it runs and whether host, port, user and password of `--db` are right: `pg_isready`.",
    )


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code; extended codes keep it in their low byte. -1 where the driver raised by itself."""
    code = getattr(error, "sqlite_errorcode", -1)
    return code & 0xFF if code >= 0 else -1
