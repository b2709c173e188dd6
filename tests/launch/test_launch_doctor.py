"""What `ablate doctor` finds."""

import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ablate.launch import doctor
from ablate.launch.doctor import examine
from ablate.launch.machine import Verdict, sqlite_library
from ablate.protocol import WorkerInfo
from ablate.store import Database
from ablate.store.queue import Queue


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A sound database, and a data root beside it."""
    (tmp_path / "data").mkdir()
    with Database.open(tmp_path / "results.db", create=True):
        return tmp_path / "results.db"


def found(place: Path, name: str) -> tuple[Verdict, str]:
    """Verdict and words on one thing; the last where there are several of a name."""
    [*_, one] = [each for each in examine(str(place), place.parent / "data") if each.name == name]
    assert (one.verdict == Verdict.OK) == (one.cure == "")
    return one.verdict, f"{one.text} {one.cure}"


def silent(database: Path, pid: int) -> None:
    """A worker of this machine that was last seen long ago."""
    with Database.open(database) as db:
        worker = f"worker-{pid}"
        Queue(db).introduce(
            WorkerInfo(id=worker, host=socket.gethostname(), pid=pid, device="cpu", device_name="", provenance={})
        )
        with db.write() as connection:
            connection.exec_driver_sql("UPDATE workers SET seen_at = seen_at - 1000")


def test_a_sound_database(database: Path) -> None:
    verdicts = {one.name: one.verdict for one in examine(str(database), database.parent / "data")}
    assert set(verdicts) == {
        "Python", "PyTorch", "GPUs", "SQLite", "disk", "database", "artifacts", "workers", "data root", "fonts",
    }  # fmt: skip
    assert Verdict.FAIL not in verdicts.values()
    assert verdicts["database"] == verdicts["workers"] == verdicts["artifacts"] == Verdict.OK


def test_looking_changes_nothing(database: Path) -> None:
    def standing() -> tuple[bytes, list[str]]:
        kept = [file.name for file in database.parent.rglob("*") if not file.name.endswith(("-wal", "-shm"))]
        return database.read_bytes(), sorted(kept)

    before = standing()
    list(examine(str(database), database.parent / "data"))
    assert standing() == before


def test_a_database_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert found(tmp_path / "results.db", "database")[0] == Verdict.OK
    assert found(tmp_path / "nowhere" / "results.db", "disk")[0] == Verdict.FAIL


def test_a_damaged_database_fails_with_the_way_out(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[-4096:] = b"\x5a" * 4096
    database.write_bytes(content)
    verdict, words = found(database, "database")
    assert verdict == Verdict.FAIL
    assert ".recover" in words


def test_a_newer_schema_fails_and_an_older_one_is_a_warning(database: Path) -> None:
    for revision, expected, said in (
        ("ablate_9999", Verdict.FAIL, "pip install -U ablate-lab"),
        ("ablate_0001", Verdict.WARN, "ablate db migrate"),
    ):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
            connection.commit()
        verdict, words = found(database, "database")
        assert verdict == expected
        assert said in words


def test_a_network_file_system_fails_with_postgresql_named(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "network_file_system", lambda _folder: "nfs4")
    verdict, words = found(database, "disk")
    assert verdict == Verdict.FAIL
    assert "postgresql" in words


def test_little_room_is_a_warning(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    assert found(database, "disk")[0] == found(database, "data root")[0] == Verdict.WARN


def test_a_process_that_was_a_worker_and_says_nothing_is_told(database: Path) -> None:
    silent(database, 2**22 + 1)  # higher than any process
    assert found(database, "workers")[0] == Verdict.OK
    silent(database, os.getpid())
    verdict, words = found(database, "workers")
    assert verdict == Verdict.WARN
    assert f"kill {os.getpid()}" in words


def test_litter_is_a_warning(database: Path) -> None:
    stray = database.parent / ".ablate" / "checkpoints" / "9-9.pt"
    stray.parent.mkdir(parents=True)
    stray.touch()
    os.utime(stray, (0, 0))
    verdict, words = found(database, "artifacts")
    assert verdict == Verdict.WARN
    assert "ablate db gc" in words


def test_a_data_root_that_is_a_file_fails(database: Path) -> None:
    (database.parent / "data").rmdir()
    (database.parent / "data").touch()
    assert found(database, "data root")[0] == Verdict.FAIL


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 7, 0), Verdict.WARN), ((3, 51, 2), Verdict.WARN), ((3, 51, 3), Verdict.OK), ((3, 6, 23), Verdict.OK)],
)
def test_versions_of_sqlite_with_the_bug_of_its_log(version: tuple[int, ...], verdict: Verdict) -> None:
    assert sqlite_library(version).verdict == verdict
