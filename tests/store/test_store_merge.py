"""Two databases become one."""

from hashlib import sha256

import pytest
from store_cases import claim, expire, metrics, outcome, rows, submit_small

from ablate.errors import DatabaseError, UsageError
from ablate.metrics import Labelling
from ablate.protocol import Checkpoint, Failure, FailureKind
from ablate.store import Database, merge_files
from ablate.store.integrity import check
from ablate.store.merge import merge
from ablate.store.queue import Queue
from ablate.store.reading import counts, epochs, labellings, outline, predictions, runs


@pytest.fixture
def other(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with Database.open(folder / "results.db", create=True) as database:
        yield database


def _train(db, *, worker="w1", accuracy=0.9, epochs=2, end=True):
    queue = Queue(db)
    ticket = claim(queue, worker).ticket
    for epoch in range(1, epochs + 1):
        content = f"state {epoch} of {worker}".encode()
        name = f"checkpoints/{ticket.attempt}-{epoch}.pt"
        (db.artifacts / "checkpoints").mkdir(parents=True, exist_ok=True)
        (db.artifacts / name).write_bytes(content)
        pointer = Checkpoint(epoch=epoch, name=name, size=len(content), sha256=sha256(content).hexdigest())
        queue.record_epoch(ticket, metrics(epoch, custom={"oracle": accuracy}), pointer)
    if end:
        said = Labelling(files=("a.png",), classes=("cat",), confidence=(0.5,))
        queue.finish(ticket, outcome(test_accuracy=accuracy, labelling=said))
    return ticket


def _told(db, study="small"):
    """All that a report is made of, without numbers of rows."""
    return (
        outline(db, study),
        [(run.variant_key, run.seed, run.state, run.test_accuracy, run.parameters) for run in runs(db, study)],
        [
            (row.variant_key, row.seed, row.epoch, row.train_loss, row.attempt, dict(row.custom))
            for row in epochs(db, study)
        ],
        predictions(db, study),
        labellings(db, study),
    )


def test_a_study_that_only_the_other_knows_comes_over_whole(db, other):
    submit_small(db, name="mine")
    submit_small(other, sources={"net.py": "x = 1"}, call=["small.toml"])
    for number in range(3):
        _train(other, accuracy=0.5 + number / 10)
    merged = merge(db, other)
    assert (merged.studies, merged.added, merged.replaced, merged.kept) == (["small"], 4, 0, 0)
    assert _told(db) == _told(other)
    assert check(db) == ()
    assert counts(db)["small"]["queued"] == 1
    found = claim(Queue(db), "w9")
    assert found.study == "mine"
    Queue(db).release(found.ticket)
    again = merge(db, other)
    assert (again.studies, again.added, again.replaced, again.conflicts) == ([], 0, 0, [])


def test_halves_of_one_study_become_the_whole(db, other):
    submit_small(db, seeds=(0, 1), only=[(key, 0) for key in _keys(db)])
    submit_small(other, seeds=(0, 1), only=[(key, 1) for key in _keys(other)])
    for part in (db, other):
        for _ in range(2):
            _train(part, worker=part.place[-12:])
    merged = merge(db, other)
    assert (merged.added, merged.kept) == (2, 0)
    assert counts(db)["small"]["succeeded"] == 4
    assert rows(db, "SELECT count(*) FROM revisions") == [(1,)]
    assert check(db) == ()


def _keys(db):
    submit_small(db, seeds=(0, 1), only=[])
    return [variant.key for variant in outline(db, "small").variants]


def test_a_result_wins_over_a_job_without_and_what_was_tried_stays(db, other):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    submit_small(other, seeds=(0,), batch_sizes=(64,))
    mine = _train(db, epochs=1, end=False)
    left = list(db.artifacts.rglob("*.pt"))
    Queue(db).fail(mine, Failure(kind=FailureKind.USER_ERROR, message="no"))
    _train(other, worker="w2")
    merged = merge(db, other)
    assert (merged.added, merged.replaced, merged.kept) == (0, 1, 0)
    assert rows(db, "SELECT state, attempt_count FROM jobs") == [("succeeded", 2)]
    assert rows(db, "SELECT number, state, worker FROM attempts ORDER BY number") == [
        (1, "failed", "w1"),
        (2, "succeeded", "w2"),
    ]
    assert len(left) == 1
    assert not left[0].exists()
    assert check(db) == ()
    assert (merge(other, db).replaced, merge(other, db).kept) == (0, 1)


def test_of_two_results_ours_stays_and_a_difference_is_told(db, other):
    for part, accuracy in ((db, 0.9), (other, 0.8)):
        submit_small(part, seeds=(0,), batch_sizes=(64, 32))
        _train(part, accuracy=accuracy)
        _train(part, accuracy=0.7)
    before = _told(db)
    merged = merge(db, other)
    assert merged.conflicts == ["small, batch 64, seed 0: test accuracy 0.9 here, 0.8 there"]
    assert (merged.kept, _told(db)) == (2, before)


def test_an_unfinished_job_comes_with_its_checkpoint_and_goes_on_from_it(db, other):
    submit_small(other, seeds=(0,), batch_sizes=(64,))
    gone = _train(other, epochs=3, end=False)
    with pytest.raises(UsageError, match="1 job runs in"):
        merge(db, other)
    expire(other, gone.job)
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    assert merge(db, other).replaced == 1
    found = claim(Queue(db), "w7")
    assert [each.epoch for each in found.checkpoints] == [3, 2]
    assert (db.artifacts / found.checkpoints[0].name).read_bytes() == b"state 3 of w1"
    assert rows(db, "SELECT state FROM attempts ORDER BY number") == [("lost",), ("running",)]
    assert check(db) == ()


def test_checkpoints_that_are_damaged_do_not_come_over(db, other):
    submit_small(other, seeds=(0,), batch_sizes=(64,))
    ticket = _train(other, epochs=2, end=False)
    Queue(other).release(ticket)
    (other.artifacts / f"checkpoints/{ticket.attempt}-2.pt").write_bytes(b"damaged")
    assert merge(db, other).lost_files == 1
    assert [each.epoch for each in claim(Queue(db), "w7").checkpoints] == [1]


def test_revisions_of_both_are_kept_in_the_order_of_their_time(db, other):
    submit_small(db, text="first")
    submit_small(other, text="second", seeds=(0, 1, 2))
    submit_small(db, text="third", seeds=(0,))
    merge(db, other)
    assert rows(db, "SELECT number, text FROM revisions ORDER BY number") == [(1, "first"), (2, "second"), (3, "third")]
    assert rows(db, "SELECT seed, count(*) FROM jobs WHERE listed = true GROUP BY seed") == [(0, 2)]
    assert check(db) == ()


def test_results_of_other_settings_are_refused_and_nothing_is_changed(db, other):
    submit_small(db)
    submit_small(other, name="new")
    submit_small(other, execution={"threads": 4})
    with pytest.raises(UsageError, match="not comparable"):
        merge(db, other)
    assert list(counts(db)) == ["small"]


def test_a_full_disk_undoes_all_of_it(db, other, monkeypatch):
    submit_small(other, seeds=(0,))
    Queue(other).release(_train(other, epochs=2, end=False))
    calls = iter(range(1))

    def fsync(_descriptor):
        if next(calls, None) is None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(merge_files.os, "fsync", fsync)
    with pytest.raises(DatabaseError, match="No space left"):
        merge(db, other)
    assert counts(db) == {}
    assert list(db.artifacts.rglob("*.pt")) == []


def test_a_database_is_not_merged_with_itself(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as db:
        (tmp_path / "link.db").symlink_to("results.db")
        with Database.open(tmp_path / "link.db") as again, pytest.raises(UsageError, match="same database"):
            merge(db, again)
