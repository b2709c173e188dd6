"""The experiment database: opened with care, read in snapshots, written in short transactions."""

from __future__ import annotations

import random
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ablate.errors import DatabaseError
from ablate.store import faults, schema
from ablate.store.address import Address, check_file, write_refusal
from ablate.store.connections import engine_for, raw_connection

#: Longest wait for the write lock, seconds.
LOCK_SECONDS = 60.0
#: Pause between two tries for the write lock, drawn anew each time, seconds. SQLite's own waiting starves writers.
RETRY_SECONDS = (0.0002, 0.005)
#: Wait after which the longest pause is halved, seconds: who has waited longer tries more often. That brought the 99th
#: percentile of 8 writers that never rest from 55-102 ms to 32 ms (n = 2 x 10 s, 2 cores, SQLite 3.40.1).
IMPATIENCE_SECONDS = 0.01
#: Key of the advisory lock under which PostgreSQL's schema is made or migrated ("ablate" in ASCII).
_SCHEMA_LOCK = 0x61626C617465

_T = TypeVar("_T")


class Database:
    """An open experiment database. Use `Database.open`; it is a context manager and safe to share between threads."""

    def __init__(self, address: Address, *, artifacts: Path | None, refusal: DatabaseError | None) -> None:
        self._address = address
        self._refusal = refusal
        self._random = random.Random()  # noqa: S311 - jitter; its own stream, so that no caller's seed is disturbed
        #: Folder of checkpoints and logs.
        self.artifacts = artifacts or (address.path or Path("results.db")).absolute().parent / ".ablate"
        self._engine = engine_for(address, readonly=refusal is not None)
        weakref.finalize(self, self._engine.dispose)  # for those who never call `close`
        self._file: tuple[int, int] | None = None

    @classmethod
    def open(
        cls, url: str | Path, *, create: bool = False, readonly: bool = False, artifacts: Path | None = None
    ) -> Database:
        """Open an experiment database.

        A file that cannot be written is opened for reading; the first `write` then says why. An older schema is
        migrated first.

        Args:
            url: A path, `sqlite:///results.db`, or `postgresql+psycopg://user@host/name`.
            create: Make the database (not its folder) where there is none.
            readonly: Never write.
            artifacts: Folder of checkpoints; default `.ablate` beside the file, or here for a server.

        Raises:
            DatabaseError: It is missing, not a database, not ours, damaged, newer, or out of reach.
        """
        address = Address.parse(url)
        refusal = None
        if readonly:
            refusal = DatabaseError(f"{address.shown} was opened for reading only.")
        if address.path is not None:
            check_file(address.path, create=create)
            refusal = refusal or write_refusal(address.path)
            if create and refusal is not None:
                raise refusal
            if refusal is None and address.path.exists() and address.path.stat().st_size:
                _look(address)  # before a writing connection could change a byte of a file that is not ours
        db = cls(address, artifacts=artifacts, refusal=refusal)
        try:
            db._prepare(create=create)
        except BaseException:
            db.close()
            raise
        db._file = db._file_now()
        return db

    @property
    def url(self) -> str:
        """The database's place without its password, for messages and logs."""
        return self._address.shown if self._address.path is None else f"sqlite:///{self._address.shown}"

    @property
    def secret_url(self) -> str:
        """The URL that opens it from any folder, password included: for a child's environment, never for a log."""
        return self._address.url.render_as_string(hide_password=False)

    @property
    def place(self) -> str:
        """The file, or the server's URL without password, as messages name it."""
        return self._address.shown

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a server."""
        return self._address.path

    @property
    def readonly(self) -> bool:
        """Whether it can only be read."""
        return self._refusal is not None

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one unchanging state of the database.

        Raises:
            DatabaseError: The database cannot be read.
        """
        self._check_file()
        with self._translated(), self._engine.connect() as connection:
            if self._address.path is None:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            else:
                self._begin(connection, "BEGIN", "SELECT 1 FROM sqlite_master LIMIT 1")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on any error. Do nothing slow inside.

        Raises:
            DatabaseError: The database cannot be written.
        """
        if self._refusal is not None:
            raise self._refusal
        self._check_file()
        with self._translated(), self._engine.connect() as connection:
            if self._address.path is not None:
                self._begin(connection, "BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection outside of transactions, for commands that databases allow nowhere else, such as `VACUUM`.

        Raises:
            DatabaseError: The database cannot be written.
        """
        if self._refusal is not None:
            raise self._refusal
        self._check_file()
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def _check_file(self) -> None:
        """An open handle goes on writing into a file that was deleted, and all of it is lost: look each time."""
        if self._file is not None and self._file_now() != self._file:
            raise DatabaseError(
                f"{self.place} was removed or replaced while it was in use.",
                cure="What was written since is lost. Put the file back, or type the same command again to start anew.",
            )

    def _file_now(self) -> tuple[int, int] | None:
        """What tells the file at our path from another one; None for a server or where there is no file."""
        if self._address.path is None:
            return None
        try:
            found = self._address.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _prepare(self, *, create: bool) -> None:
        """See that the schema is the newest one."""
        with self.read() as connection:
            revision = schema.found(connection, self.place)
        if revision == schema.REVISIONS[-1] and self._refusal is None:
            self._use_wal()
        elif revision is None:
            if not create:
                raise DatabaseError(
                    f"{self.place} holds no results yet.", cure=f"Run `ablate run STUDY --db {self.url}` first."
                )
            self._use_wal()
            self._change_schema(schema.create)
        elif revision != schema.REVISIONS[-1]:
            if self._refusal is not None:
                raise DatabaseError(
                    f"{self.place} was written by an older ablate and must be migrated, but it cannot be written.",
                    cure="Open it once where it can be written, or read it with the ablate that wrote it.",
                ) from self._refusal
            self._use_wal()
            self._change_schema(schema.migrate)

    def _change_schema(self, change: Callable[[Connection], None]) -> None:
        """Create or migrate the schema while everybody else is locked out."""
        with self._translated(), self._engine.connect() as connection:
            if self._address.path is not None:
                connection.detach()  # closed afterwards, since it no longer checks foreign keys
                connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")  # tables are rebuilt to change them
                self._begin(connection, "BEGIN EXCLUSIVE")
            with connection.begin():
                if self._address.path is None:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
                if schema.found(connection, self.place) != schema.REVISIONS[-1]:  # nobody was faster
                    change(connection)

    def _use_wal(self) -> None:
        """Let readers and one writer work side by side; a file copied by `VACUUM INTO` has lost the setting."""
        if self._address.path is None:
            return
        with self._translated(), self._engine.connect() as connection:
            raw = raw_connection(connection)
            if self._retry(lambda: raw.execute("PRAGMA journal_mode = WAL").fetchone()[0]) != "wal":
                raise DatabaseError(
                    f"the file system of {self.place} cannot hold SQLite's write-ahead log.",
                    cure="Put it on a local disk, or use a server: `--db postgresql+psycopg://USER@HOST/NAME`.",
                )

    def _begin(self, connection: Connection, *statements: str) -> None:
        raw = raw_connection(connection)

        def attempt() -> None:
            try:
                for statement in statements:
                    raw.execute(statement).fetchone()
            except sqlite3.OperationalError:
                raw.rollback()
                raise

        self._retry(attempt)

    def _retry(self, action: Callable[[], _T]) -> _T:
        """Do something for which SQLite may be locked, again and again with short random pauses."""
        shortest, longest = RETRY_SECONDS
        begun = time.monotonic()
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - begun
                if not faults.is_busy(error) or waited >= LOCK_SECONDS:
                    raise
            time.sleep(self._random.uniform(shortest, max(2 * shortest, longest / (1 + waited / IMPATIENCE_SECONDS))))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            told = faults.translate(error, self.place)
            if told is None:
                raise
            raise told from error


def exists(url: str | Path) -> bool:
    """Whether there is a database to open; what is there may still be refused by `Database.open`.

    Raises:
        DatabaseError: The URL is none, or the server does not answer.
    """
    address = Address.parse(url)
    if address.path is not None:
        try:
            return address.path.stat().st_size > 0
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # out of reach: opening it says why
    return _look(address) is not None


def revision(url: str | Path) -> str | None:
    """The revision of the schema, read without writing or migrating; None where nothing of ours is there.

    Raises:
        DatabaseError: There is no database, or it is not ours, damaged, newer, or out of reach.
    """
    address = Address.parse(url)
    if address.path is not None:
        check_file(address.path, create=False)
    return _look(address)


def is_ours(path: Path) -> bool:
    """Whether an SQLite file holds our tables, of whatever revision.

    Raises:
        DatabaseError: It cannot be read.
    """
    with _glance(Address.parse(path)) as connection:
        return schema.is_ours(connection)


def _look(address: Address) -> str | None:
    with _glance(address) as connection:
        return schema.found(connection, address.shown)


@contextmanager
def _glance(address: Address) -> Iterator[Connection]:
    """A connection that reads and has looked at nothing yet."""
    refusal = DatabaseError(f"{address.shown} is only looked at.")
    with closing(Database(address, artifacts=None, refusal=refusal)) as db, db.read() as connection:
        yield connection
