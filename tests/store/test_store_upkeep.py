"""Backups, vacuum, litter and the deletion of studies."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from store_cases import checkpoint, claim, expire, metrics, outcome, rows, submit_small

from ablate.errors import UsageError
from ablate.protocol import ReplacedError
from ablate.store import Database
from ablate.store.integrity import check
from ablate.store.litter import litter, remove
from ablate.store.reading import counts, studies
from ablate.store.removal import contents, delete_study
from ablate.store.upkeep import backup, vacuum


def test_a_backup_is_one_state_of_a_database_that_is_being_written(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as db:
        submit_small(db)
        stop = threading.Event()

        def write() -> None:
            with Database.open(tmp_path / "results.db") as other:
                number = 0
                while not stop.is_set():
                    number += 1
                    submit_small(other, name=f"study-{number}")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(5):
                assert backup(db, tmp_path / f"copy-{number}.db") > 0
        finally:
            stop.set()
            writer.join()
    for number in range(5):
        with Database.open(tmp_path / f"copy-{number}.db") as copy:
            assert check(copy) == ()
            assert rows(copy, "SELECT count(*) FROM jobs") == [(4 * len(studies(copy)),)]
    assert [each.name for each in tmp_path.glob("*.tmp*")] == []


def test_a_backup_overwrites_nothing(tmp_path):
    target = tmp_path / "copy.db"
    target.write_bytes(b"something else")
    with Database.open(tmp_path / "results.db", create=True) as db, pytest.raises(UsageError, match="is there already"):
        backup(db, target)
    assert target.read_bytes() == b"something else"


def test_a_server_has_its_own_tool_for_backups(server, tmp_path):
    with Database.open(server.new("ablate_template")) as db, pytest.raises(UsageError, match="pg_dump") as caught:
        backup(db, tmp_path / "copy.db")
    assert "secret-word" not in str(caught.value)


def test_vacuum_waits_for_the_end_of_jobs_and_gives_room_back(db, queue):
    submit_small(db, name="big", batch_sizes=range(1, 300))
    submit_small(db)
    claim(queue)
    with pytest.raises(UsageError, match="1 job runs"):
        vacuum(db)
    queue.retire("w1")
    delete_study(db, "big")
    before, after = vacuum(db)
    assert after < before
    assert counts(db)["small"]["queued"] == 4


def test_a_deleted_study_leaves_nothing_behind_and_others_alone(db, queue):
    for name in ("small", "other"):
        submit_small(db, name=name, sources={"net.py": "x = 1"}, call=["small.toml"])
    for epoch in (1, 2):
        ticket = claim(queue).ticket if epoch == 1 else ticket  # noqa: F821
        queue.record_epoch(ticket, metrics(epoch, custom={"a": 1.0}), checkpoint(ticket.attempt, epoch))
    file = db.artifacts / checkpoint(ticket.attempt, 2).name
    file.parent.mkdir(parents=True)
    file.touch()
    with pytest.raises(UsageError, match=r"1 job of small run[\s\S]*ablate cancel small"):
        delete_study(db, "small")
    assert contents(db, "small").epochs == 2
    expire(db, ticket.job)
    delete_study(db, "small")
    with pytest.raises(UsageError, match="no study 'small'"):
        delete_study(db, "small")
    assert not file.exists()
    assert [study.name for study in studies(db)] == ["other"]
    assert check(db) == ()
    for table in ("epochs", "custom_metrics", "artifacts", "attempts"):
        assert rows(db, f"SELECT count(*) FROM {table}") == [(0,)]
    for table in ("revisions", "calls", "sources"):
        assert rows(db, f"SELECT count(*) FROM {table}") == [(1,)]


def test_a_worker_that_slept_through_a_deletion_writes_into_nobody_elses_job(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    asleep = claim(queue, "w1").ticket
    expire(db, asleep.job)
    delete_study(db, "small")
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    successor = claim(queue, "w2").ticket
    with pytest.raises(ReplacedError):
        queue.record_epoch(asleep, metrics(1))
    queue.record_epoch(successor, metrics(1))
    assert rows(db, "SELECT attempt FROM epochs") == [(successor.attempt,)]


def _old(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"ten bytes!")
    os.utime(file, (0, 0))
    return file


def test_litter_is_what_is_old_and_no_database_in_the_folder_needs(tmp_path):
    needed, stray = [], []
    for name in ("one.db", "two.db"):
        with Database.open(tmp_path / name, create=True) as db:
            submit_small(db, name=name.removesuffix(".db"))
            from ablate.store.queue import Queue

            ticket = claim(Queue(db), f"{name[:3]}-worker-of-a-long-name").ticket
            for _ in range(2 if name == "two.db" else 1):  # so that attempts have different numbers
                Queue(db).release(ticket)
                ticket = claim(Queue(db), ticket.worker).ticket
            pointer = checkpoint(ticket.attempt, 1)
            Queue(db).record_epoch(ticket, metrics(1), pointer)
            needed.append(_old(db.artifacts / pointer.name))
            needed.append(_old(db.artifacts / "logs" / f"worker-{ticket.worker[:8]}.log"))
    with closing(sqlite3.connect(tmp_path / "photos.db")) as stranger:
        stranger.execute("CREATE TABLE photos (id INTEGER)")
    folder = tmp_path / ".ablate"
    stray += [_old(folder / "checkpoints" / "7-1.pt"), _old(folder / "checkpoints" / "7-2.tmp")]
    stray += [_old(folder / "logs" / "worker-12345678.log")]
    code = _old(folder / "code" / "code-abc" / "net.py")
    young = folder / "checkpoints" / "8-1.pt"
    young.touch()
    with Database.open(tmp_path / "one.db") as db:
        found = litter(db)
        assert [name for name in found.files if name not in stray] == []
        assert found.size == 30
        Queue(db).retire("one-worker-of-a-long-name")
        remove(litter(db))
        assert code.exists()  # two.db still trains
        with Database.open(tmp_path / "two.db") as other:
            Queue(other).retire("two-worker-of-a-long-name")
        remove(litter(db))
    assert all(file.exists() for file in (*needed, young))
    assert not any(file.exists() for file in (*stray, code, code.parent))


def test_a_database_that_succeeded_needs_no_checkpoint(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    ticket = claim(queue).ticket
    for epoch in (1, 2):
        queue.record_epoch(ticket, metrics(epoch), checkpoint(ticket.attempt, epoch))
    queue.finish(ticket, outcome())
    left = _old(db.artifacts / "checkpoints" / f"{ticket.attempt}-1.pt")  # killed before it could delete it
    assert litter(db).files == (left,)
