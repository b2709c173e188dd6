"""Submitting: all or nothing, only what is missing, and never twice."""

import hashlib

import pytest
from store_cases import claim, introduce, outcome, recipe, rows, submit_small

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.store.queue import Queue
from ablate.store.reading import counts, outline, revision_text, runs, states
from ablate.store.submission import submit


def test_the_first_submission_stores_the_study_and_queues_every_cell(db):
    told = submit_small(db, settings=["training.epochs=5"], sources={"net.py": "class Net: ..."})
    assert (told.study, told.revision, told.new_revision) == ("small", 1, True)
    assert (told.added, told.existing, told.requeued, told.left_out) == (4, 0, 0, 0)
    assert told.describe() == "small, revision 1: 4 jobs queued"
    assert revision_text(db, "small") == "name = 'small'"
    assert [variant.name for variant in outline(db, "small").variants] == ["batch 64", "batch 32"]
    assert states(db, "small") == (
        1,
        {(recipe(size).key, seed): JobState.QUEUED for size in (64, 32) for seed in (0, 1)},
    )
    assert rows(db, "SELECT path, text FROM sources") == [("net.py", "class Net: ...")]
    digest = hashlib.sha256(b"name = 'small'").hexdigest()
    assert rows(db, "SELECT sha256 FROM revisions") == [(digest,)]


def test_the_same_study_again_adds_nothing(db):
    submit_small(db, sources={"net.py": "1"})
    told = submit_small(db, sources={"net.py": "1"})
    assert (told.revision, told.new_revision, told.added, told.existing) == (1, False, 0, 4)
    assert told.describe() == "small, revision 1: nothing new to run, 4 already known"
    assert rows(db, "SELECT count(*) FROM jobs") == [(4,)]


@pytest.mark.parametrize(
    "change",
    [
        {"text": "name = 'small' # better"},
        {"settings": ["a=1"]},
        {"seeds": (0, 1, 2)},
        {"prefix": "B="},
        {"sources": {"net.py": "2"}},
        {"sources": {}},
    ],
)
def test_whatever_changes_is_kept_as_a_new_revision(db, change):
    submit_small(db, sources={"net.py": "1"})
    told = submit_small(db, **{"sources": {"net.py": "1"}, **change})
    assert (told.revision, told.new_revision) == (2, True)
    assert rows(db, "SELECT number FROM revisions ORDER BY number") == [(1,), (2,)]


def test_growing_a_study_runs_only_what_is_new_in_the_new_order(db, queue):
    submit_small(db)
    queue.finish(claim(queue).ticket, outcome())
    told = submit_small(db, batch_sizes=(16, 64, 32), seeds=(0, 1, 2))
    assert (told.added, told.existing) == (5, 4)
    order = [(each.seed, each.variant) for each in iter(lambda: queue.claim("w1"), None)]
    assert order == [(0, "batch 16"), (0, "batch 32")] + [(s, f"batch {b}") for s in (1, 2) for b in (16, 64, 32)]


def test_a_new_name_reruns_nothing(db, queue):
    submit_small(db, seeds=(0,))
    queue.finish(claim(queue).ticket, outcome())
    told = submit_small(db, seeds=(0,), prefix="B=")
    assert (told.added, told.existing) == (0, 2)
    assert [(run.variant, run.state) for run in runs(db, "small")] == [("B=64", "succeeded"), ("B=32", "queued")]


def test_cells_that_a_revision_drops_wait_until_one_asks_for_them_again(db, queue):
    submit_small(db, batch_sizes=(64, 32, 16))
    ended = claim(queue).ticket
    running = claim(queue).ticket  # batch 32
    queue.finish(ended, outcome())
    told = submit_small(db, batch_sizes=(64, 16), seeds=(0,))
    assert (told.added, told.existing, told.left_out) == (0, 2, 4)
    assert counts(db, "small")["small"] == {**dict.fromkeys(JobState, 0), "succeeded": 1, "queued": 1}
    assert [run.variant for run in runs(db, "small")] == ["batch 64", "batch 16"]
    assert rows(db, "SELECT count(*) FROM runs_view") == [(2,)]
    queue.beat(running)  # what runs may run to its end
    queue.release(running)
    assert queue.claim("w1").variant == "batch 16"
    assert queue.claim("w1") is None
    told = submit_small(db, batch_sizes=(64, 32, 16))
    assert (told.added, told.existing, told.requeued, told.left_out) == (0, 6, 4, 0)
    assert queue.claim("w1").variant == "batch 32"


def test_execution_settings_stay_those_of_the_first_revision(db, queue):
    assert submit_small(db, execution={"threads": 1}).execution == {"threads": 1}
    told = submit_small(db, execution={"threads": 8}, seeds=(0, 1, 2))
    assert told.execution == {"threads": 1}
    introduce(queue)
    assert {tuple(each.execution.items()) for each in iter(lambda: queue.claim("w1"), None)} == {(("threads", 1),)}


def test_imported_results_cannot_be_run_and_nothing_is_stored(db):
    submit_small(db)
    shown = outline(db, "small").model_copy(update={"name": "imported"})
    with pytest.raises(UsageError, match="'batch 64' of imported has no recipe"):
        submit(db, outline=shown, recipes={}, text="", settings=[], sources={}, execution={})
    assert states(db, "imported") == (None, {})


def test_ten_thousand_jobs_are_queued_and_found_again(db):
    sizes = range(1, 1001)
    assert submit_small(db, batch_sizes=sizes, seeds=range(10)).added == 10_000
    assert submit_small(db, batch_sizes=sizes, seeds=range(10)).added == 0
    assert counts(db)["small"]["queued"] == 10_000


def test_a_part_is_queued_alone_and_the_rest_later(db):
    baseline, other = recipe(64).key, recipe(32).key
    queue = Queue(db)
    told = submit_small(db, only={(baseline, 0), (other, 0)})
    assert (told.added, told.left_out) == (2, 0)
    for _ in range(2):
        queue.finish(claim(queue).ticket, outcome())
    assert submit_small(db, only={(baseline, 1)}).added == 1
    told = submit_small(db, only={(other, 1)})
    assert (told.new_revision, told.added, told.existing, told.left_out) == (False, 1, 2, 1)
    last = claim(queue)
    assert (last.variant, last.seed) == ("batch 32", 1)
    queue.finish(last.ticket, outcome())
    assert queue.claim("w1") is None
    assert len(runs(db, "small")) == 3
    told = submit_small(db)
    assert (told.added, told.existing, told.requeued) == (0, 4, 1)
    assert len(runs(db, "small")) == 4
