"""Connections: SQLite's with the settings that keep every acknowledged row, PostgreSQL's that survive a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, QueuePool, create_engine

from ablate.errors import DatabaseError
from ablate.store import faults
from ablate.store.address import Address
from ablate.store.serialization import dumps

#: Longest wait for a PostgreSQL server to answer, seconds.
_CONNECT_SECONDS = 10
#: Longest wait for SQLite while a new connection is set up, milliseconds.
_SETTING_UP_MILLISECONDS = 10_000


def engine_for(address: Address, *, readonly: bool) -> Engine:
    """A pool of connections to the database; none is made yet.

    Raises:
        DatabaseError: The driver is not installed.
    """
    path = address.path
    if path is not None:
        return create_engine(
            "sqlite://", creator=lambda: _connect(path, readonly), poolclass=QueuePool, json_serializer=dumps
        )
    try:
        return create_engine(
            address.url,
            pool_pre_ping=True,  # a restarted server is noticed here and not in the middle of a transaction
            json_serializer=dumps,
            connect_args={"connect_timeout": _CONNECT_SECONDS, "application_name": "ablate"},
        )
    except ModuleNotFoundError as error:
        raise DatabaseError(
            "PostgreSQL needs the package psycopg, which is not installed.",
            cure='Type `pip install "ablate-lab[postgresql]"`.',
        ) from error


def _connect(path: Path, readonly: bool) -> sqlite3.Connection:
    """A connection whose transactions are begun by `Database` alone."""
    if not readonly:
        mode = "rwc" if not path.exists() else "rw"
        connection = _plain(path, f"mode={mode}")
        # Whoever creates the schema locks everybody else out, and even a pragma reads the file: wait here, since
        # the retries of `Database` begin with the transaction.
        connection.execute(f"PRAGMA busy_timeout = {_SETTING_UP_MILLISECONDS}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL lost acknowledged epochs in simulated power cuts
        connection.execute("PRAGMA busy_timeout = 0")
        return connection
    connection = _plain(path, "mode=ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        log = path.with_name(path.name + "-wal")
        if faults.needs_writing(error) and not (log.exists() and log.stat().st_size):
            connection.close()
            # SQLite cannot make its shared memory here, but nothing waits in the log: the file alone is whole.
            return _plain(path, "immutable=1")
        if not faults.is_busy(error):
            connection.close()
            raise
    return connection


def _plain(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}", uri=True, timeout=0.0, isolation_level=None, check_same_thread=False
    )


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """SQLite's own connection below SQLAlchemy's."""
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)
