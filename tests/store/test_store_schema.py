"""The schema: guarded by the database itself, and the same however it came about."""

import re
import shutil
import textwrap
from contextlib import suppress

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from store_cases import checkpoint, claim, metrics, outcome, rows, submit_small

from ablate.protocol import AttemptState, FailureKind, JobState
from ablate.store import Database, schema
from ablate.store.tables import metadata


def _described(connection: Connection) -> list[str]:
    """Tables, columns, constraints, indexes, views and comments as the database itself tells them."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return sorted(_sorted_lines(f"{row.type} {row.name} {row.sql}") for row in found)
    questions = (
        "SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT viewname || definition FROM pg_views WHERE schemaname = 'public'",
        "SELECT attrelid::regclass || ' ' || attname || format_type(atttypid, atttypmod) || attnotnull || "
        "coalesce(pg_get_expr(adbin, adrelid), '') || coalesce(col_description(attrelid, attnum), 'no comment') "
        "FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid LEFT JOIN pg_attrdef "
        "ON adrelid = attrelid AND adnum = attnum WHERE relnamespace = 'public'::regnamespace "
        "AND attnum > 0 AND NOT attisdropped",
        "SELECT relname || coalesce(obj_description(oid), 'no comment') FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace",
    )
    return sorted(line for question in questions for line in connection.execute(text(question)).scalars())


def _sorted_lines(sql: str) -> str:
    """A statement whose lines may stand in any order, and whose table may have been renamed, which quotes it."""
    plain = re.sub(r'"(\w+)"', r"\1", sql)
    plain = re.sub(r", (?=\w+ [A-Z])", "\n", plain)  # a column that was added stands beside the one before it
    return "\n".join(sorted(re.sub(r"\s+", " ", line).strip(" ,") for line in plain.splitlines()))


@pytest.fixture
def bare(empty_url, monkeypatch):
    """An open database without a schema."""
    monkeypatch.setattr(schema, "create", lambda connection: None)
    with Database.open(empty_url, create=True) as db:
        yield db


def test_alembic_and_create_all_make_the_same_schema(bare, monkeypatch):
    monkeypatch.undo()
    described = []
    for make in (schema.create, schema.migrate):
        with suppress(InterruptedError), bare.write() as connection:
            make(connection)
            described.append(_described(connection))
            assert schema.found(connection, "here") == schema.REVISIONS[-1]
            raise InterruptedError  # both databases undo a change of the schema
    assert len(described[0]) >= len(metadata.tables) + 3
    assert described[0] == described[1]


def test_the_known_revisions_are_those_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert tuple(reversed([each.revision for each in script.walk_revisions()])) == schema.REVISIONS


def test_every_table_and_column_says_what_it_holds():
    silent = [table.name for table in metadata.sorted_tables if not table.comment]
    silent += [f"{column}" for table in metadata.sorted_tables for column in table.columns if not column.comment]
    assert silent == []


def test_an_older_schema_is_migrated_when_it_is_opened(url, tmp_path, monkeypatch):
    with Database.open(url) as db:
        submit_small(db)
        before = rows(db, "SELECT id, state FROM jobs ORDER BY id")
    later = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, later)
    (later / "versions" / "9999_colour.py").write_text(
        textwrap.dedent(f"""\
            import sqlalchemy as sa
            from alembic import op

            revision = "ablate_9999"
            down_revision = "{schema.REVISIONS[-1]}"


            def upgrade():
                with op.batch_alter_table("jobs", recreate="auto") as jobs:
                    jobs.add_column(sa.Column("colour", sa.String(8), server_default="blue", nullable=False))
        """)
    )
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "ablate_9999"))
    with pytest.raises(Exception, match="older ablate"):
        Database.open(url, readonly=True)
    with Database.open(url) as db:
        assert rows(db, "SELECT id, state FROM jobs ORDER BY id") == before
        assert rows(db, "SELECT DISTINCT colour FROM jobs") == [("blue",)]
        assert rows(db, "SELECT version_num FROM alembic_version") == [("ablate_9999",)]
        with pytest.raises(IntegrityError), db.write() as connection:
            connection.execute(text("UPDATE jobs SET study = 99"))


def _migrate_to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


#: Rows as the ablate that wrote schema 0003 left them.
_OF_0003 = (
    "INSERT INTO studies (id, name, created_at) VALUES (1, 'old', 0)",
    "INSERT INTO variants (id, study, key, name, levels, position) VALUES (1, 1, 'k', 'baseline', '{}', 0)",
    "INSERT INTO workers (id, host, pid, device, device_name, provenance, started_at, seen_at) "
    "VALUES ('w', 'box', 1, 'cpu', 'A CPU', '{}', 0, 0)",
    "INSERT INTO jobs (id, study, variant, seed, position, state, listed, attempt, attempt_count, fruitless_attempts, "
    "furthest_epoch, retried_after, created_at, ended_at) "
    "VALUES (1, 1, 1, 0, 0, 'succeeded', TRUE, 2, 2, 0, 1, 0, 0, 9)",
    "INSERT INTO attempts (id, job, number, worker, state, started_at, ended_at, failure_kind, failure_message, "
    "failure_details, failure_facts) VALUES (1, 1, 1, 'w', 'failed', 0, 1, 'killed', 'ended', 'é', '{\"rss\": 7}')",
    "INSERT INTO attempts (id, job, number, worker, state, started_at, ended_at, selected_epoch, test_accuracy, "
    "seconds) VALUES (2, 1, 2, 'w', 'succeeded', 1, 9, 1, 0.75, 8.5)",
    "INSERT INTO epochs (job, epoch, attempt, train_loss) VALUES (1, 1, 2, 0.5)",
    "INSERT INTO fingerprints (attempt, name, value) VALUES (2, 'module_tree', 'abc')",
)


def test_attempts_of_the_third_schema_are_kept_and_may_stall(bare, empty_url, monkeypatch):
    monkeypatch.undo()
    questions = ("SELECT * FROM attempts ORDER BY id", "SELECT * FROM runs_view", "SELECT * FROM epochs_view")
    with bare.write() as connection:
        _migrate_to(connection, "ablate_0003")
        for statement in _OF_0003:
            connection.exec_driver_sql(statement)
        before = [connection.exec_driver_sql(question).all() for question in questions]
    with Database.open(empty_url) as db:
        with db.read() as connection:
            after = [connection.exec_driver_sql(question).all() for question in questions]
            later = [
                [row[len(was) :] for row, was in zip(*each, strict=True)] for each in zip(after, before, strict=True)
            ]
            assert [
                [row[: len(was)] for row, was in zip(*each, strict=True)] for each in zip(after, before, strict=True)
            ] == before
            assert {value for each in later for row in each for value in row} == {None}
        with db.write() as connection:
            connection.exec_driver_sql("UPDATE attempts SET failure_kind = 'stalled' WHERE id = 1")
        for refused in (
            "UPDATE attempts SET failure_kind = 'bored' WHERE id = 1",
            "UPDATE attempts SET job = 99 WHERE id = 1",
            "UPDATE epochs SET attempt = 99",
            "UPDATE attempts SET state = 'running', ended_at = NULL",  # two of one job
        ):
            with pytest.raises(IntegrityError), db.write() as connection:
                connection.exec_driver_sql(refused)


_REFUSED = {
    "a job in an unknown state": "UPDATE jobs SET state = 'stale' WHERE state = 'queued'",
    "a running job without a lease": "UPDATE jobs SET lease_expires_at = NULL WHERE state = 'running'",
    "a running job without a worker": "UPDATE jobs SET worker = NULL WHERE state = 'running'",
    "a running job without an attempt": "UPDATE jobs SET attempt = NULL WHERE state = 'running'",
    "a waiting job with a lease": "UPDATE jobs SET lease_expires_at = 1 WHERE state = 'queued'",
    "a waiting job with an end": "UPDATE jobs SET ended_at = 1 WHERE state = 'queued'",
    "an ended job without an end": "UPDATE jobs SET ended_at = NULL WHERE state = 'succeeded'",
    "a negative seed": "UPDATE jobs SET seed = -1",
    "a job twice": "UPDATE jobs SET seed = 0, variant = (SELECT min(id) FROM variants)",
    "a job of no variant": "UPDATE jobs SET variant = 99",
    "an unknown attempt state": "UPDATE attempts SET state = 'gone'",
    "an attempt that runs and has ended": "UPDATE attempts SET ended_at = 1 WHERE state = 'running'",
    "an attempt that neither runs nor ended": "UPDATE attempts SET ended_at = NULL WHERE state = 'succeeded'",
    "two running attempts of a job": "INSERT INTO attempts (id, job, number, state, started_at) "
    "SELECT 99, job, 99, 'running', 0 FROM attempts WHERE state = 'running'",
    "an unknown failure": "UPDATE attempts SET failure_kind = 'bad luck'",
    "an accuracy in percent": "UPDATE attempts SET test_accuracy = 97.0 WHERE state = 'succeeded'",
    "epoch 0": "UPDATE epochs SET epoch = 0 WHERE epoch = 1",
    "an epoch twice": "UPDATE epochs SET epoch = 1",
    "an epoch of no attempt": "UPDATE epochs SET attempt = 99",
    "a validation accuracy above one": "UPDATE epochs SET val_accuracy = 1.5",
    "predictions of the wrong length": "UPDATE predictions SET count = 30",
    "a checkpoint of unknown kind": "UPDATE artifacts SET kind = 'photo'",
    "true classes of the wrong length": "UPDATE test_sets SET count = 30",
    "predictions for a test set that is not there": "UPDATE predictions SET test_set = 'gone'",
    "a metric of no run": "INSERT INTO run_metrics (attempt, name, value) VALUES (77, 'a', 0)",
    "a study's name twice": "INSERT INTO studies (name, created_at) VALUES ('small', 0)",
    "a custom metric of no epoch": "INSERT INTO custom_metrics (job, epoch, name, value) VALUES (1, 77, 'a', 0)",
}


@pytest.mark.parametrize("statement", _REFUSED.values(), ids=_REFUSED)
def test_the_database_refuses(db, queue, statement):
    submit_small(db)
    ended = claim(queue).ticket
    for epoch in (1, 2):
        queue.record_epoch(ended, metrics(epoch))
    queue.finish(ended, outcome())
    running = claim(queue).ticket
    queue.record_epoch(running, metrics(1), checkpoint(running.attempt, 1))
    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("jobs", "state", JobState),
        ("attempts", "state", AttemptState),
        ("attempts", "failure_kind", FailureKind),
    ],
)
def test_the_database_knows_every_state_of_the_protocol(table, column, values):
    checks = [str(check.sqltext) for check in metadata.tables[table].constraints if hasattr(check, "sqltext")]
    [known] = [check for check in checks if check.startswith(f"{column} IN")]
    assert re.findall(r"'(\w+)'", known) == list(values)
