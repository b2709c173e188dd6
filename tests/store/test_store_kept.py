"""What a finished run keeps: metrics of the whole run, true classes once for all, and final weights."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from store_cases import checkpoint, claim, metrics, outcome, recipe, rows, submit_small

from ablate.metrics import Predictions, Weights
from ablate.store import Database, reading, schema
from ablate.store.code import rerun
from ablate.store.history import job

LABELS = b"\1\0\0\0\1\0"


def weights(which: str, sha256: str = "1" * 64) -> Weights:
    return Weights(which=which, epoch=2, name=f"weights/small/{which}.safetensors", size=10, sha256=sha256)


def said(**changes) -> Predictions:
    values = {"correct": b"\xa0", "predicted": b"\1\0" * 3, "confidence": b"\0\x3c" * 3, "count": 3}
    return Predictions(**{**values, "labels": LABELS, "classes": ("cat", "dog"), **changes})


def test_metrics_of_a_run_come_back_by_name_and_in_their_view(db, queue):
    submit_small(db, batch_sizes=(64,), seeds=(0, 1))
    first = claim(queue).ticket
    queue.finish(first, outcome(metrics={"test_macro_f1": 0.75, "bits": 3.0, "odd": float("nan")}))
    queue.finish(claim(queue).ticket, outcome())
    one, other = reading.runs(db, "small")
    assert (one.metrics, other.metrics) == ({"bits": 3.0, "odd": None, "test_macro_f1": 0.75}, {})
    assert job(db, first.job).metrics == one.metrics
    shown = "SELECT study, variant, seed, name, value FROM run_metrics_view ORDER BY name"
    assert rows(db, shown) == [
        ("small", "batch 64", 0, "bits", 3.0),
        ("small", "batch 64", 0, "odd", None),
        ("small", "batch 64", 0, "test_macro_f1", 0.75),
    ]


def test_metrics_belong_to_the_newest_attempt(db, queue):
    submit_small(db, batch_sizes=(64,), seeds=(0,))
    first = claim(queue).ticket
    queue.finish(first, outcome(metrics={"old": 1.0}))
    rerun(db, [first.job])
    queue.finish(claim(queue).ticket, outcome(metrics={"new": 2.0}))
    [run] = reading.runs(db, "small")
    assert run.metrics == {"new": 2.0}
    assert rows(db, "SELECT name FROM run_metrics_view") == [("new",)]


def test_true_classes_are_stored_once_and_come_back_with_each_run(db, queue):
    submit_small(db, batch_sizes=(64, 32), seeds=(0, 1))
    given = [said(), said(), said(classes=("cat", "d\0g")), said(labels=None, classes=())]
    for one in given:
        queue.finish(claim(queue).ticket, outcome(predictions=one))
    assert rows(db, "SELECT count(*) FROM test_sets") == [(2,)]
    found = {(one.variant, one.seed): one.predictions for one in reading.predictions(db, "small")}
    assert found == {
        ("batch 64", 0): said(),
        ("batch 32", 0): said(),
        ("batch 64", 1): said(classes=("cat", "d?g")),
        ("batch 32", 1): said(labels=None, classes=()),
    }
    assert found["batch 64", 0].labels is found["batch 32", 0].labels  # no copy for each run
    assert {one.variant for one in reading.predictions(db, "small", [recipe(32).key])} == {"batch 32"}


def test_which_images_were_right_comes_without_what_was_said_of_them(db, queue):
    submit_small(db, batch_sizes=(64, 32), seeds=(0, 1))
    for one in (said(), said(correct=b"\x40"), said(classes=("cat", "cow")), said(labels=None, classes=())):
        queue.finish(claim(queue).ticket, outcome(predictions=one))
    found = {(one.variant_key, one.seed): one for one in reading.correct(db, "small")}
    first, second, third = recipe(64).key, recipe(32).key, (recipe(64).key, 1)
    assert {place: one.correct for place, one in found.items()} == {
        (first, 0): b"\xa0",
        (second, 0): b"\x40",
        third: b"\xa0",
    }  # without true classes nobody knows which images these were
    assert found[first, 0].truth is found[second, 0].truth
    assert (found[first, 0].truth.labels, found[third].truth.classes) == (LABELS, ("cat", "cow"))
    assert found[third].truth.digest != found[first, 0].truth.digest


def test_the_data_tables_of_recipes_are_known_by_variant(db):
    submit_small(db, batch_sizes=(64, 32), seeds=(0,))
    found = reading.data_tables(db, "small")
    assert found == {one.key: one.canonical()["data"] for one in (recipe(64), recipe(32))}


def test_the_test_images_of_each_variant_are_told_without_reading_their_labels(db, queue):
    submit_small(db, batch_sizes=(64, 32), seeds=(0, 1))
    for one in (said(), said(), said(), said(labels=None, classes=())):
        queue.finish(claim(queue).ticket, outcome(predictions=one))
    first, unknown, known = reading.test_sets(db, "small")
    assert (first.variant_key, known.variant_key) == (recipe(64).key, recipe(32).key)
    assert first.digest == known.digest is not None
    assert (known.count, known.classes) == (3, 2)
    assert (unknown.variant_key, unknown.digest, unknown.count, unknown.classes) == (recipe(32).key, None, 3, None)


def test_a_claim_says_which_weights_the_newest_revision_keeps(db, queue):
    submit_small(db, seeds=(0, 1))
    assert claim(queue).keep == "none"
    changed = submit_small(db, seeds=(0, 1), keep="best+last", text="name = 'small'\nkeep = 'best+last'")
    assert (changed.new_revision, changed.added, changed.rerun) == (True, 0, 0)
    assert claim(queue).keep == "best+last"
    with db.write() as connection:  # as an older ablate stored it
        gone = "json_remove(outline, '$.keep')"
        if connection.dialect.name != "sqlite":
            gone = "(outline::jsonb - 'keep')::json"
        connection.execute(text(f"UPDATE revisions SET outline = {gone}"))
    assert claim(queue).keep == "none"


def test_weights_are_written_with_the_end_and_replaced_by_the_next_run(db, queue):
    submit_small(db, batch_sizes=(64,), seeds=(0,))
    first = claim(queue).ticket
    queue.record_epoch(first, metrics(1), checkpoint(first.attempt, 1))
    gone = queue.finish(first, outcome(weights=(weights("best"), weights("last"))))
    assert gone == (f"{first.attempt}-1.pt",)
    kept = job(db, first.job)
    assert [(one.name, one.epoch, one.size) for one in kept.weights] == [
        ("weights/small/best.safetensors", 2, 10),
        ("weights/small/last.safetensors", 2, 10),
    ]
    assert kept.checkpoints == ()
    rerun(db, [first.job])
    second = claim(queue).ticket
    queue.record_epoch(second, metrics(1), checkpoint(second.attempt, 1))
    running = job(db, first.job)
    assert (running.weights, running.checkpoints) == ((), (f"{second.attempt}-1.pt",))
    gone = queue.finish(second, outcome(weights=(weights("best", "2" * 64),)))
    assert set(gone) == {f"{second.attempt}-1.pt", "weights/small/last.safetensors"}
    [best] = job(db, first.job).weights
    assert best.sha256 == "2" * 64
    rerun(db, [first.job])
    assert queue.diverge(claim(queue).ticket, "NaN", seconds=1.0) == ("weights/small/best.safetensors",)
    assert rows(db, "SELECT count(*) FROM artifacts") == [(0,)]


@pytest.fixture
def third_schema(empty_url, monkeypatch):
    """A database that an ablate of the third schema left, with a finished and a running job."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")

    def older(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, "ablate_0003")
        key = recipe().key
        outline = (
            '{"name": "old", "title": "Old", "metric": "test_accuracy", "direction": "max", "select": "best_val", '
            f'"seeds": [0, 1], "baseline": "{key}", "variants": [{{"name": "base", "key": "{key}"}}]}}'
        )
        ended = "1, 'succeeded', true, 1, 1, 0, 5, 0, 0, 9, NULL, NULL"
        running = "2, 'running', true, 2, 1, 0, 1, 0, 0, NULL, 'w', 9e9"
        jobs = ", ".join(f"({seed + 1}, 1, 1, {seed}, {line})" for seed, line in ((0, ended), (1, running)))
        for statement in (
            "INSERT INTO studies (id, name, created_at) VALUES (1, 'old', 0)",
            "INSERT INTO revisions (id, study, number, text, sha256, settings, outline, execution, ablate_version, "
            f"created_at) VALUES (1, 1, 1, '', '', '[]', '{outline}', '{{}}', '0.1', 0)",
            "INSERT INTO variants (id, study, key, name, recipe, levels, position) "
            f"VALUES (1, 1, '{key}', 'base', '{{}}', '{{}}', 0)",
            "INSERT INTO workers (id, host, pid, device, device_name, provenance, started_at, seen_at) "
            "VALUES ('w', 'box', 1, 'cpu', 'A CPU', '{}', 0, 0)",
            "INSERT INTO jobs (id, study, variant, seed, position, state, listed, attempt, attempt_count, "
            "fruitless_attempts, furthest_epoch, retried_after, created_at, ended_at, worker, lease_expires_at) "
            f"VALUES {jobs}",
            "INSERT INTO attempts (id, job, number, worker, state, started_at, ended_at) VALUES "
            "(1, 1, 1, 'w', 'succeeded', 0, 1), (2, 2, 1, 'w', 'running', 0, NULL)",
            "INSERT INTO artifacts (job, attempt, kind, epoch, name, size, sha256) "
            "VALUES (2, 2, 'checkpoint', 1, '2-1.pt', 5, 'abc')",
        ):
            connection.exec_driver_sql(statement)
        blobs = {"correct": b"\xa0", "predicted": b"\1\0" * 3, "confidence": b"\0\x3c" * 3}
        insert = text("INSERT INTO predictions VALUES (1, 3, :correct, :predicted, :confidence)")
        connection.execute(insert, blobs)

    monkeypatch.setattr(schema, "create", older)
    with monkeypatch.context() as context:
        context.setattr(schema, "REVISIONS", ("ablate_0001", "ablate_0002", "ablate_0003"))
        Database.open(empty_url, create=True).close()
    return empty_url


def test_a_database_of_the_third_schema_keeps_what_it_has_and_can_keep_more(third_schema):
    with Database.open(third_schema) as db:
        [record] = reading.predictions(db, "old")
        assert record.predictions == said(labels=None, classes=())
        assert job(db, 2).checkpoints == ("2-1.pt",)
        assert reading.outline(db, "old").keep == "none"
        assert reading.runs(db, "old")[0].metrics == {}
        with db.write() as connection:
            new = "(job, attempt, kind, epoch, name, size, sha256) VALUES (1, 1, 'weights', 2, 'w', 1, 'x')"
            connection.execute(text(f"INSERT INTO artifacts {new}"))
        assert rows(db, "SELECT name FROM artifacts WHERE id > 1") == [("w",)]
        for refused in (
            "UPDATE artifacts SET kind = 'photo'",
            "UPDATE artifacts SET job = 99",
            "UPDATE artifacts SET name = 'w'",
            "UPDATE predictions SET attempt = 99",
            "UPDATE predictions SET test_set = 'gone'",
            "UPDATE predictions SET count = 30",
        ):
            with pytest.raises(IntegrityError), db.write() as connection:
                connection.execute(text(refused))
