"""The user's own files: handed out with a claim, remembered with the attempt, and run again when they have changed."""

from collections.abc import Mapping

import pytest
from sqlalchemy import text
from store_cases import checkpoint, introduce, metrics, outcome, rows

from ablate.errors import DatabaseError
from ablate.protocol import Claim, Failure, FailureKind, JobState
from ablate.recipe import Recipe
from ablate.store import Database
from ablate.store.code import rerun
from ablate.store.queue import Queue
from ablate.store.reading import epochs, ran_with, revision_sources, runs, states
from ablate.store.submission import submit
from ablate.study.outline import Outline, OutlineVariant
from ablate.study.own_code import sha256

FILES = {"blocks.py": "x = 1\n", "nets.py": "import blocks\n", "other.py": "y = 1\n"}


def recipe(model: str) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"name": "digits"},
            "model": {"name": model},
            "training": {"epochs": 5, "optimizer": {"name": "SGD", "lr": 0.1}},
        }
    )


OWN, OTHER, PLAIN = recipe("nets.py:Net"), recipe("other.py:Net"), recipe("convnet")


def submitted(db: Database, files: Mapping[str, str], *recipes: Recipe) -> None:
    submit(
        db,
        outline=Outline(
            name="own",
            title="own",
            metric="test_accuracy",
            direction="max",
            select="best_val",
            seeds=(0,),
            baseline=recipes[0].key,
            variants=tuple(OutlineVariant(name=one.model.name, key=one.key) for one in recipes),
        ),
        recipes={one.key: one for one in recipes},
        text="name = 'own'",
        settings=(),
        sources=files,
        execution={"threads": 1},
    )


def claimed(queue: Queue) -> Claim:
    introduce(queue)
    found = queue.claim("w1")
    assert found is not None
    return found


def hashes(*paths: str, files: Mapping[str, str] = FILES) -> dict[str, str]:
    return {path: sha256(files[path]) for path in paths}


def test_a_claim_carries_the_files_that_its_model_needs_and_the_attempt_remembers_them(db):
    submitted(db, FILES, OWN, OTHER, PLAIN)
    assert revision_sources(db, "own") == FILES
    queue = Queue(db)
    for needed in (["blocks.py", "nets.py"], ["other.py"], []):
        found = claimed(queue)
        assert found.sources == {path: FILES[path] for path in needed}
        queue.finish(found.ticket, outcome(predictions=None))
    ran = ran_with(db, "own")
    assert {key: dict(record.sources) for (key, _), record in ran.items()} == {
        OWN.key: hashes("blocks.py", "nets.py"),
        OTHER.key: hashes("other.py"),
    }
    provenance = [run.provenance for run in runs(db, "own")]
    assert provenance[0] == {"torch": "2.9", "sources": hashes("blocks.py", "nets.py")}
    assert provenance[2] == {"torch": "2.9"}


def test_only_results_are_held_against_the_files(db):
    submitted(db, FILES, OWN, OTHER)
    queue = Queue(db)
    running = claimed(queue)
    assert ran_with(db, "own") == {}
    queue.fail(running.ticket, Failure(kind=FailureKind.USER_ERROR, message="NameError"))
    assert list(ran_with(db, "own")) == [(OWN.key, 0)]
    assert ran_with(db, "elsewhere") == {}


def test_jobs_that_run_again_keep_their_history_and_replace_their_rows(db):
    submitted(db, FILES, OWN, OTHER)
    queue = Queue(db)
    first = claimed(queue)
    for epoch in (1, 2, 3):
        queue.record_epoch(first.ticket, metrics(epoch, loss=1.0))
    queue.finish(first.ticket, outcome())
    changed = {**FILES, "blocks.py": "x = 2\n"}
    submitted(db, changed, OWN, OTHER)
    record = ran_with(db, "own")[OWN.key, 0]
    assert rerun(db, [record.job]) == 1
    assert rerun(db, [record.job]) == 0
    assert states(db, "own")[1][OWN.key, 0] == JobState.QUEUED
    assert [row.train_loss for row in epochs(db, "own")] == [1.0, 1.0, 1.0]
    second = claimed(queue)
    assert (second.ticket.job, second.attempt_number, second.sources["blocks.py"]) == (first.ticket.job, 2, "x = 2\n")
    queue.record_epoch(second.ticket, metrics(1, loss=2.0))
    assert [(row.epoch, row.train_loss) for row in epochs(db, "own")] == [(1, 2.0)]
    queue.finish(second.ticket, outcome(test_accuracy=0.5))
    assert dict(ran_with(db, "own")[OWN.key, 0].sources) == hashes("blocks.py", "nets.py", files=changed)
    assert rows(db, "SELECT number, state, test_accuracy FROM attempts ORDER BY number") == [
        (1, "succeeded", 0.9),
        (2, "succeeded", 0.5),
    ]


def test_a_checkpoint_of_older_files_is_not_gone_on_from(db):
    submitted(db, FILES, OWN)
    queue = Queue(db)
    first = claimed(queue)
    queue.record_epoch(first.ticket, metrics(1), checkpoint(first.ticket.attempt, 1))
    queue.release(first.ticket)
    same = claimed(queue)
    assert [one.epoch for one in same.checkpoints] == [1]
    queue.release(same.ticket)
    submitted(db, {**FILES, "nets.py": "import blocks  # better\n"}, OWN)
    assert list(claimed(queue).checkpoints) == []


def test_a_recipe_without_a_model_is_still_refused_in_words(db):
    submitted(db, {}, PLAIN)
    with db.write() as connection:
        connection.execute(text("UPDATE variants SET recipe = '{}'"))
    queue = Queue(db)
    introduce(queue)
    with pytest.raises(DatabaseError, match="cannot be read by this ablate"):
        queue.claim("w1")
