"""Which schema a database holds: none, ours, an older one of ours, a newer one, or somebody else's.

A new database is created straight from `tables` and stamped; alembic is imported only to migrate an older one.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select

from ablate.errors import DatabaseError
from ablate.store import views  # noqa: F401 - adds the views to what `create` makes
from ablate.store.tables import metadata

#: Revisions of the schema, oldest first, by their names under `migrations/versions`.
REVISIONS = ("ablate_0001", "ablate_0002", "ablate_0003", "ablate_0004", "ablate_0005", "ablate_0006", "ablate_0007")
#: Folder of the migrations.
MIGRATIONS = Path(__file__).parent / "migrations"
#: Tables that tell our database from that of another program which uses alembic.
_MARKS = frozenset({"studies", "revisions", "variants", "jobs"})
#: alembic's own table, made as alembic makes it.
_STAMP = Table("alembic_version", MetaData(), Column("version_num", String(32)))
_STAMP.append_constraint(PrimaryKeyConstraint("version_num", name="alembic_version_pkc"))
#: The revision that a database of ours holds.
VERSION = select(_STAMP.c.version_num)


def is_ours(connection: Connection) -> bool:
    """Whether the database holds our tables, of whatever revision."""
    return set(inspect(connection).get_table_names()) >= _MARKS | {"alembic_version"}


def found(connection: Connection, place: str) -> str | None:
    """The schema's revision, or None where the database holds nothing of ours and has room for it.

    Raises:
        DatabaseError: It belongs to another program, or a newer ablate wrote it.
    """
    names = set(inspect(connection).get_table_names())
    if names >= _MARKS | {"alembic_version"}:
        revision = str(connection.execute(VERSION).scalar_one())
        if revision not in REVISIONS:
            raise _newer(place)
        return revision
    strange = names if connection.dialect.name == "sqlite" else names & {*metadata.tables, "alembic_version"}
    if strange:
        raise DatabaseError(
            f"{place} is the database of another program: it holds the tables {', '.join(sorted(strange)[:4])}.",
            cure="Choose another place by `--db`; nothing in this one was changed.",
        )
    return None


def check(revision: str | None, place: str) -> None:
    """Refuse to go on where another process migrated the database meanwhile.

    Args:
        revision: What `VERSION` said just now.
        place: The database, for the message.

    Raises:
        DatabaseError: The schema is no longer the one that this ablate writes.
    """
    if revision != REVISIONS[-1]:
        raise _newer(place)


def create(connection: Connection) -> None:
    """Make all tables and views and stamp them with the newest revision, in the connection's transaction."""
    metadata.create_all(connection, checkfirst=False)
    _STAMP.create(connection)
    connection.execute(insert(_STAMP).values(version_num=REVISIONS[-1]))


def migrate(connection: Connection) -> None:
    """Bring an older schema (or none) to the newest revision, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _newer(place: str) -> DatabaseError:
    return DatabaseError(
        f"{place} was written by a newer ablate than this one.", cure="Upgrade: `pip install -U ablate-lab`."
    )
