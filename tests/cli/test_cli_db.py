"""`ablate db`: what a person sees of it."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import Ablate


@pytest.fixture
def submitted(folder: Path, ablate: Ablate) -> Path:
    """A database with the tiny study queued."""
    assert ablate("submit", "tiny.toml").returncode == 0
    return folder


def test_a_database_is_checked_backed_up_and_cleaned(submitted: Path, ablate: Ablate) -> None:
    assert ablate("db", "check").stdout == "results.db is whole\n"
    assert "whole" in ablate("db", "backup", "copy.db").stdout
    assert json.loads(ablate("db", "check", "--db", "copy.db", "--json").stdout) == {
        "database": "copy.db",
        "findings": [],
    }
    assert "is up to date" in ablate("db", "migrate").stdout
    stray = submitted / ".ablate" / "checkpoints" / "1-1.pt"
    stray.parent.mkdir(parents=True)
    stray.touch()
    os.utime(stray, (0, 0))
    assert "`ablate db gc --yes` deletes them" in ablate("db", "gc").stdout
    assert stray.exists()
    assert "deleted" in ablate("db", "gc", "--yes").stdout
    assert not stray.exists()
    assert "MB now" in ablate("db", "vacuum").stdout


def test_a_contradiction_ends_with_status_6(submitted: Path, ablate: Ablate) -> None:
    with closing(sqlite3.connect(submitted / "results.db")) as connection:
        connection.execute("UPDATE jobs SET attempt_count = 3 WHERE id = 1")
        connection.commit()
    told = ablate("db", "check")
    assert told.returncode == 6
    assert "wrong: jobs whose attempts are not counted right: job 1" in told.stdout
    assert "results.db is not whole" in told.stderr


def test_a_study_is_deleted_only_when_it_is_meant(submitted: Path, ablate: Ablate) -> None:
    asked = ablate("db", "delete", "tiny")  # nobody answers
    assert asked.returncode == 1
    assert "4 jobs" in asked.stdout
    assert "tiny" in ablate("status").stdout
    assert ablate("db", "delete", "tiny", "--yes").returncode == 0
    assert "no study 'tiny'" in ablate("status", "tiny").stderr


def test_two_databases_become_one(submitted: Path, ablate: Ablate) -> None:
    elsewhere = submitted / "elsewhere"
    elsewhere.mkdir()
    (submitted / "results.db").rename(elsewhere / "results.db")
    told = ablate("db", "merge", "elsewhere/results.db")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == "results.db: 1 new study, 4 jobs added, 0 replaced, 0 kept as they were\n"
    assert "0 new studies, 0 jobs added, 0 replaced, 4 kept" in ablate("db", "merge", "elsewhere/results.db").stdout


def test_faults_of_a_database_end_with_status_6_and_leave_it_as_it_is(folder: Path, ablate: Ablate) -> None:
    damaged = folder / "damaged.db"
    assert ablate("submit", "tiny.toml", "--db", "damaged.db").returncode == 0
    content = damaged.read_bytes()
    newer = folder / "newer.db"
    newer.write_bytes(content)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ablate_9999'")
        connection.commit()
    damaged.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))
    for name, words in (("damaged.db", (".recover", "backup")), ("newer.db", ("pip install -U ablate-lab",))):
        before = (folder / name).read_bytes()
        for command in (["status"], ["submit", "tiny.toml"]):
            told = ablate(*command, "--db", name)
            assert told.returncode == 6, told
            assert all(word in told.stderr for word in words), told.stderr
            assert "Traceback" not in told.stderr
        assert (folder / name).read_bytes() == before
