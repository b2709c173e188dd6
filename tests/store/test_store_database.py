"""Opening, and everything that can be in the way."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from store_cases import rows, submit_small

from ablate.errors import DatabaseError
from ablate.store import Database, database, exists
from ablate.store.address import Address, network_file_system
from ablate.store.reading import counts, studies
from ablate.store.schema import REVISIONS


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _filled(path: Path) -> Path:
    with Database.open(path, create=True) as db:
        submit_small(db)
    return path


def _refused(path: Path | str, **options: bool) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        Database.open(path, **options)
    assert caught.value.cure, "an error without a cure"
    assert caught.value.exit_code == 6
    return caught.value


def test_what_was_stored_is_there_after_opening_again(empty_url):
    assert not exists(empty_url)
    with Database.open(empty_url, create=True) as db:
        submit_small(db)
    assert exists(empty_url)
    with Database.open(empty_url, create=True) as db:
        assert [study.name for study in studies(db)] == ["small"]
    with Database.open(empty_url, readonly=True) as db:
        assert [study.name for study in studies(db)] == ["small"]


def test_without_create_nothing_is_made(empty_url):
    error = _refused(empty_url)
    assert "ablate run STUDY" in error.cure
    assert not exists(empty_url)


def test_a_bare_path_and_an_url_mean_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _filled(Path("my results #1%.db"))
    for url in ("my results #1%.db", "sqlite:///my results #1%.db", tmp_path / "my results #1%.db"):
        with Database.open(url) as db:
            assert db.artifacts == tmp_path / ".ablate"
    with Database.open("my results #1%.db") as db, Database.open(db.secret_url) as other:
        assert counts(db) == counts(other)
        assert db.url == "sqlite:///my results #1%.db"


def test_the_password_is_shown_nowhere():
    address = Address.parse("postgresql://someone:secret-word@db.example:5433/name?password=secret-word")
    assert address.shown == "postgresql+psycopg://someone:***@db.example:5433/name"
    assert "secret-word" not in repr(address)


def test_a_server_that_does_not_answer_is_named_without_the_password():
    error = _refused("postgresql://someone:secret-word@127.0.0.1:1/name")
    assert "127.0.0.1:1/name" in str(error)
    assert "refused" in str(error)
    assert "secret-word" not in str(error)
    assert "pg_isready" in error.cure


def test_a_database_that_the_server_lacks(server):
    assert "createdb" in _refused(server.new().rsplit("/", 1)[0] + "/nowhere").cure


@pytest.mark.parametrize("url", ["mysql://host/name", "http://example.org/results.db", "sqlite+aiosqlite:///x", "://"])
def test_an_unknown_kind_of_database(url):
    assert "sqlite:///results.db" in _refused(url).cure


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=memory", "a\0b"])
def test_what_is_no_file(url):
    _refused(url, create=True)


def test_a_folder(tmp_path):
    assert "is a folder" in str(_refused(tmp_path, create=True))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in str(_refused(tmp_path / "pipe", create=True))


def test_a_missing_folder_is_not_made(tmp_path):
    assert "mkdir -p" in _refused(tmp_path / "nowhere" / "results.db", create=True).cure
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_file_holds_no_results_but_can_be_filled(tmp_path):
    file = tmp_path / "results.db"
    file.touch()
    assert "ablate run STUDY" in _refused(file).cure
    assert not exists(file)
    _filled(file)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    "content", [b"name = 'a study'\n", b"SQLite format 3\0", b"SQLite format 3\0" + b"\x07" * 5000]
)
def test_a_file_that_is_no_database_stays_as_it_is(tmp_path, content, create):
    file = tmp_path / "results.db"
    file.write_bytes(content)
    _refused(file, create=create)
    assert file.read_bytes() == content


def test_the_database_of_another_program_stays_as_it_is(tmp_path):
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "CREATE TABLE studies (id INTEGER); CREATE TABLE alembic_version (version_num TEXT);"
            "INSERT INTO alembic_version VALUES ('v3.0.0.d')"
        )
    before = _digest(file)
    assert "another program" in str(_refused(file, create=True))
    assert _digest(file) == before


def test_a_server_may_hold_tables_of_others_but_none_of_our_names(server):
    url = server.new()
    with Database.open(url, create=True) as db, db.write() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    assert "another program" in str(_refused(url, create=True))


def test_a_newer_schema_is_refused_and_stays_as_it_is(url):
    with Database.open(url) as db, db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'ablate_9999'"))
    file = Address.parse(url).path
    before = None if file is None else _digest(file)
    for create in (True, False):
        assert "pip install -U ablate-lab" in _refused(url, create=create).cure
    assert before is None or _digest(file) == before


@pytest.mark.parametrize("size", [50, 4096, 20_000])
def test_a_truncated_file_is_never_made_anew(tmp_path, size):
    file = _filled(tmp_path / "results.db")
    os.truncate(file, size)
    before = _digest(file)
    for create in (True, False):
        _refused(file, create=create)
    assert _digest(file) == before


def test_a_damaged_page_is_told_with_the_way_out(tmp_path):
    file = _filled(tmp_path / "results.db")
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(DatabaseError, match="damaged") as caught, Database.open(file) as db:
        counts(db)
    assert ".recover" in caught.value.cure
    assert file.read_bytes() == content


def test_a_file_that_may_not_be_read(ordinary_user):
    file = _filled(ordinary_user / "results.db")
    file.chmod(0)
    assert "chmod u+r" in _refused(file).cure


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_without_permission_to_write_results_can_still_be_read(ordinary_user, locked):
    file = _filled(ordinary_user / "results.db")
    place = file if locked == "file" else ordinary_user
    place.chmod(0o400 if locked == "file" else 0o500)
    before = _digest(file)
    try:
        assert "no permission to write" in str(_refused(file, create=True))
        with Database.open(file) as db:
            assert db.readonly
            assert counts(db)["small"]["queued"] == 4
            with pytest.raises(DatabaseError, match="no permission to write"), db.write():
                pass
    finally:
        place.chmod(0o700)
    assert _digest(file) == before


def test_a_folder_where_nothing_may_be_made(ordinary_user):
    ordinary_user.chmod(0o500)
    try:
        assert "no permission to write" in str(_refused(ordinary_user / "results.db", create=True))
    finally:
        ordinary_user.chmod(0o700)


def _fill(db: Database) -> None:
    with db.write() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))  # SQLite's own way to run out of room
        connection.execute(text("UPDATE jobs SET error = 'half done'"))
        for number in range(10_000):
            connection.execute(text(f"INSERT INTO studies (name, created_at) VALUES ('s{number}', 0)"))


def test_a_full_disk_is_told_and_loses_nothing(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as db:
        submit_small(db)
        before = rows(db, "SELECT * FROM jobs")
        with pytest.raises(DatabaseError, match="disk is full"):
            _fill(db)
        assert rows(db, "SELECT * FROM jobs") == before


def test_a_lock_that_is_never_given_back(tmp_path, monkeypatch):
    file = _filled(tmp_path / "results.db")
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as other, Database.open(file) as db:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="locked by another process"), db.write():
            pass
        assert counts(db)["small"]["queued"] == 4  # readers go on
        other.execute("ROLLBACK")
        with db.write():
            pass


@pytest.mark.parametrize(
    ("mount", "kind"),
    [
        ("nfs4", "nfs4"),
        ("cifs", "cifs"),
        ("fuse.sshfs", "fuse.sshfs"),
        ("9p", "9p"),
        ("lustre", "lustre"),
        ("ext4", None),
    ],
)
def test_network_file_systems_are_known_by_their_mounts(tmp_path, mount, kind):
    folder = tmp_path / "my home"
    (folder / "deep").mkdir(parents=True)
    escaped = str(folder).replace(" ", "\\040")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {escaped} {mount} rw 0 0\n")
    assert network_file_system(folder / "deep", mounts) == kind
    assert network_file_system(tmp_path, mounts) is None


def test_sqlite_on_a_network_file_system_names_postgresql(tmp_path, monkeypatch):
    monkeypatch.setattr("ablate.store.address.network_file_system", lambda _folder: "nfs4")
    assert "postgresql" in _refused(tmp_path / "results.db", create=True).cure


def test_every_acknowledged_row_survives_a_power_cut(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as db:
        assert rows(db, "PRAGMA journal_mode") == [("wal",)]
        with db.write() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_copy_without_the_write_ahead_log_gets_it_back(tmp_path):
    file = _filled(tmp_path / "results.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"VACUUM INTO '{tmp_path / 'copy.db'}'")
    with Database.open(tmp_path / "copy.db") as db:
        assert rows(db, "PRAGMA journal_mode") == [("wal",)]


def test_a_reader_sees_one_state_while_others_write(db):
    submit_small(db)
    with db.read() as reader:
        question = text("SELECT count(*) FROM jobs")
        before = reader.execute(question).scalar()
        submit_small(db, batch_sizes=(64, 32, 16))
        assert reader.execute(question).scalar() == before
    assert rows(db, "SELECT count(*) FROM jobs") == [(6,)]


def test_an_error_inside_a_transaction_undoes_it(db):
    with suppress(KeyError), db.write() as connection:
        connection.execute(text("INSERT INTO studies (name, created_at) VALUES ('half', 0)"))
        raise KeyError
    assert studies(db) == ()


def test_a_reader_cannot_write(url):
    with Database.open(url, readonly=True) as db:
        with pytest.raises(DatabaseError, match="for reading only"), db.write():
            pass
        with pytest.raises(Exception, match=r"(?i)read-?only"), db.read() as connection:
            connection.execute(text("DELETE FROM studies"))


def test_the_same_database_goes_on_after_its_server_crashed(server):
    with Database.open(server.new("ablate_template")) as db:
        submit_small(db)
        before = rows(db, "SELECT * FROM jobs ORDER BY id")
        server.restart()
        assert rows(db, "SELECT * FROM jobs ORDER BY id") == before
        submit_small(db, name="another")


def test_two_processes_may_create_the_same_database_at_once(empty_url):
    code = "import sys; from ablate.store import Database; Database.open(sys.argv[1], create=True).close()"
    started = [subprocess.Popen([sys.executable, "-c", code, empty_url], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(timeout=100)[1] for process in started] == [b""] * 3
    with Database.open(empty_url) as db:
        assert rows(db, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_opening_loads_nothing_heavy(tmp_path):
    code = (
        "import sys; from ablate.store import Database, reading, queue, submission; "
        "Database.open(sys.argv[1], create=True).close(); "
        "print([name for name in ('alembic', 'torch', 'pandas', 'numpy', 'psycopg') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "results.db"], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_the_views_are_readable_by_any_sqlite_client(tmp_path):
    file = _filled(tmp_path / "results.db")
    client = shutil.which("sqlite3")
    question = "SELECT study, variant, seed, state FROM runs_view ORDER BY variant DESC, seed"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        assert connection.execute(question).fetchone() == ("small", "batch 64", 0, "queued")
        with pytest.raises(sqlite3.OperationalError, match="cannot modify"):
            connection.execute("DELETE FROM runs_view")
    if client:
        told = subprocess.run([client, "-readonly", file, question], capture_output=True, text=True, check=True)
        assert told.stdout.splitlines()[0] == "small|batch 64|0|queued"


def test_a_file_that_is_removed_or_replaced_in_use_is_noticed(tmp_path):
    path = tmp_path / "results.db"
    with Database.open(path, create=True) as db:
        path.rename(tmp_path / "elsewhere.db")
        for act in (db.read, db.write):
            with pytest.raises(DatabaseError, match="removed or replaced"), act():
                pass
        path.write_bytes((tmp_path / "elsewhere.db").read_bytes())
        with pytest.raises(DatabaseError, match="removed or replaced"), db.write():
            pass
