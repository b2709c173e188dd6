"""What `ablate db check` finds, and that it finds nothing in what the store itself has written."""

import os
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text
from store_cases import checkpoint, claim, expire, metrics, outcome, submit_small

from ablate.errors import DatabaseError
from ablate.protocol import Failure, FailureKind
from ablate.store import Database
from ablate.store.admin import cancel, retry
from ablate.store.integrity import check, sound
from ablate.store.queue import release_worker

_DAMAGES = {
    "jobs whose last attempt is missing": "UPDATE jobs SET attempt = 999 WHERE state = 'succeeded'",
    "whose attempt does not run": "UPDATE attempts SET state = 'lost', ended_at = 1 WHERE state = 'running'",
    "attempts that run while their job": "UPDATE jobs SET state = 'queued', worker = NULL, lease_expires_at = NULL "
    "WHERE state = 'running'",
    "a result that their last attempt does not": "UPDATE attempts SET state = 'lost' WHERE state = 'succeeded'",
    "not counted right": "UPDATE jobs SET attempt_count = 7 WHERE state = 'queued'",
    "epochs of an attempt of another": "UPDATE epochs SET attempt = (SELECT attempt FROM jobs WHERE state = 'running') "
    "WHERE epoch = 2",
    "gaps between their epochs": "DELETE FROM epochs WHERE epoch = 1",
    "without the epoch that was selected": "UPDATE attempts SET selected_epoch = 4 WHERE state = 'succeeded'",
    "more epochs than were ever counted": "UPDATE jobs SET furthest_epoch = 1 WHERE state = 'succeeded'",
    "numbered from 1 on": "UPDATE revisions SET number = 2",
}


def _lived(db, queue):
    """A study with a bit of everything: succeeded, lost, failed, cancelled, retried, running."""
    submit_small(db, seeds=(0, 1, 2))
    done = claim(queue).ticket
    for epoch in (1, 2):
        queue.record_epoch(done, metrics(epoch))
    queue.finish(done, outcome())
    lost = claim(queue).ticket
    queue.record_epoch(lost, metrics(1))
    expire(db, lost.job)
    queue.fail(claim(queue, "w2").ticket, Failure(kind=FailureKind.USER_ERROR, message="no"))
    cancel(db, "small", only=[claim(queue, "w2").ticket.job])
    retry(db, "small")
    claim(queue, "w3")
    release_worker(db, "w3")
    claim(queue, "w1")


def test_nothing_is_wrong_with_what_the_store_has_written(db, queue):
    _lived(db, queue)
    assert check(db) == ()


@pytest.mark.parametrize("what", _DAMAGES)
def test_rows_that_contradict_each_other_are_found(db, queue, what):
    _lived(db, queue)
    with db.write() as connection:
        connection.execute(text(_DAMAGES[what]))
    found = check(db)
    assert any(what in finding.text and finding.bad and finding.cure for finding in found), found


def test_a_row_that_points_at_nothing_is_found(tmp_path):
    file = tmp_path / "results.db"
    with Database.open(file, create=True) as db:
        submit_small(db)
        with closing(sqlite3.connect(file)) as stranger:
            stranger.execute("DELETE FROM variants WHERE position = 1")
            stranger.commit()
        assert any("rows that point at nothing" in finding.text for finding in check(db))


def test_a_damaged_page_is_found_and_left_as_it_is(tmp_path):
    file = tmp_path / "results.db"
    with Database.open(file, create=True) as db:
        submit_small(db, batch_sizes=range(1, 100))
    content = bytearray(file.read_bytes())
    content[-4096:-4088] = b"\x5a" * 8  # the header of the last page
    file.write_bytes(content)
    with Database.open(file) as db:
        for look in (check, sound):
            with pytest.raises(DatabaseError, match="damaged") as caught:
                look(db)
            assert ".recover" in caught.value.cure
    assert file.read_bytes() == content


def test_a_wrong_index_is_found(tmp_path):
    file = tmp_path / "results.db"
    with Database.open(file, create=True) as db:
        submit_small(db)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "PRAGMA writable_schema = ON; "
            "UPDATE sqlite_master SET sql = replace(sql, 'jobs (state', 'jobs (seed') WHERE name = 'ix_jobs_queue'"
        )
    with Database.open(file) as db:
        [finding] = check(db)
        assert "it is damaged: " in finding.text
        assert ".recover" in finding.cure


def test_files_and_pointers_are_held_against_each_other(db, queue):
    submit_small(db)
    ticket = claim(queue).ticket
    folder = db.artifacts / "checkpoints"
    folder.mkdir(parents=True)
    for epoch, content in ((1, b"too short"), (2, b"ten bytes!")):
        pointer = checkpoint(ticket.attempt, epoch)
        (db.artifacts / pointer.name).write_bytes(content)
        queue.record_epoch(ticket, metrics(epoch), pointer)
    stray = folder / "99-1.pt"
    stray.write_bytes(b"nobody's")
    os.utime(stray, (0, 0))
    texts = [finding.text for finding in check(db)]
    assert [finding.bad for finding in check(db)] == [False, False]
    assert texts[0] == f"checkpoints of another size than was written: {ticket.attempt}-1.pt"
    assert texts[1].startswith("1 file that nothing needs")
    (db.artifacts / checkpoint(ticket.attempt, 2).name).unlink()
    assert f"checkpoints that are gone: {ticket.attempt}-2.pt" in [finding.text for finding in check(db)]
