"""Choices for retuned levels are made once, and tuning runs stay out of what is reported."""

import threading

import pytest

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.store import reading
from ablate.store.submission import submit
from ablate.store.tunings import choices, keep_choice, tried
from ablate.study.outline import FIRST_TUNING_SEED, Outline, OutlineCandidate, OutlineTuning, OutlineVariant
from tests.store.store_cases import claim, metrics, outcome, recipe, rows, submit_small

SEED = FIRST_TUNING_SEED


def tuning(*sizes: int, chosen: int | None = None, name: str = "level (retuned)") -> OutlineTuning:
    return OutlineTuning(
        key="the tuning",
        name=name,
        candidates=tuple(
            OutlineCandidate(key=recipe(size).key, label=f"size = {size}", values={"data.batch_size": size})
            for size in sizes
        ),
        seeds=(SEED, SEED + 1),
        chosen=None if chosen is None else recipe(chosen).key,
    )


def submit_tuned(db, *tunings: OutlineTuning, batch_sizes=(64,)):
    outline = Outline(
        name="small",
        title="Small",
        metric="test_accuracy",
        direction="max",
        select="best_val",
        seeds=(0, 1),
        baseline=recipe(64).key,
        variants=tuple(OutlineVariant(name=f"batch {size}", key=recipe(size).key) for size in batch_sizes),
        tunings=tunings,
    )
    recipes = {recipe(size).key: recipe(size) for size in (16, 32, 64)}
    return submit(db, outline=outline, recipes=recipes, text="", settings=(), sources={}, execution={"threads": 1})


def test_tuning_runs_are_queued_first_and_once(db, queue):
    done = submit_tuned(db, tuning(16, 64), tuning(16, 32))
    assert done.added == 2 * 3 + 2
    claimed = [claim(queue, f"w{number}") for number in range(8)]
    assert [one.seed for one in claimed] == [SEED] * 3 + [SEED + 1] * 3 + [0, 1]
    assert claimed[0].variant == "level (retuned), size = 16"
    assert submit_tuned(db, tuning(16, 64), tuning(16, 32)).added == 0


def test_tuning_runs_are_neither_reported_nor_exported(db, queue):
    submit_tuned(db, tuning(16, 64))
    for _ in range(6):
        ticket = claim(queue).ticket
        for epoch in (1, 2):
            queue.record_epoch(ticket, metrics(epoch))
        queue.finish(ticket, outcome())
    assert {run.seed for run in reading.runs(db, "small")} == {0, 1}
    assert {row.seed for row in reading.epochs(db, "small")} == {0, 1}
    assert {one.seed for one in reading.predictions(db, "small")} == {0, 1}
    assert rows(db, "SELECT DISTINCT seed FROM runs_view ORDER BY seed") == [(0,), (1,)]
    assert rows(db, "SELECT DISTINCT seed FROM epochs_view ORDER BY seed") == [(0,), (1,)]
    assert reading.counts(db, "small")["small"][JobState.SUCCEEDED] == 6


def test_what_was_tried_is_told_with_the_accuracy_at_the_selected_epoch(db, queue):
    submit_tuned(db, tuning(16, 64))
    first = claim(queue).ticket
    for epoch in (1, 2, 3):
        queue.record_epoch(first, metrics(epoch, val_accuracy={1: 0.1, 2: 0.8, 3: 0.3}[epoch]))
    queue.finish(first, outcome(selected_epoch=2))
    second = claim(queue).ticket
    queue.record_epoch(second, metrics(1))
    queue.diverge(second, "the loss is not a number", seconds=1.0)
    assert tried(db, "small") == {
        (recipe(16).key, SEED): (JobState.SUCCEEDED, 0.8),
        (recipe(64).key, SEED): (JobState.DIVERGED, None),
        (recipe(16).key, SEED + 1): (JobState.QUEUED, None),
        (recipe(64).key, SEED + 1): (JobState.QUEUED, None),
    }


def test_the_first_choice_counts_for_everybody(db):
    submit_small(db)
    first = keep_choice(db, "small", tuning(16, 64, chosen=16))
    later = keep_choice(db, "small", tuning(16, 64, chosen=64, name="renamed"))
    assert first.chosen == later.chosen == recipe(16).key
    assert choices(db, "small") == {"the tuning": tuning(16, 64, chosen=16)}
    assert choices(db, "another") == {}


def test_processes_that_choose_at_once_agree(db):
    submit_small(db)
    kept = []
    threads = [
        threading.Thread(target=lambda size=size: kept.append(keep_choice(db, "small", tuning(16, 64, chosen=size))))
        for size in (16, 64) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 8
    assert len({one.chosen for one in kept}) == 1


def test_no_choice_is_no_choice(db):
    submit_small(db)
    with pytest.raises(ValueError, match="nothing was chosen"):
        keep_choice(db, "small", tuning(16, 64))
    with pytest.raises(UsageError):
        keep_choice(db, "unknown", tuning(16, 64, chosen=16))
