"""What readers get."""

import pytest
from sqlalchemy import event, text
from store_cases import EPOCHS, claim, metrics, outcome, recipe, rows, submit_small

from ablate.errors import UsageError
from ablate.protocol import Failure, FailureKind, JobState
from ablate.store import reading
from ablate.store.queue import release_worker


@pytest.fixture
def study(db, queue):
    """Seed 0: succeeded and failed; seed 1: diverged and running."""
    submit_small(db)
    first = claim(queue).ticket
    for epoch in (1, 2, 3):
        queue.record_epoch(first, metrics(epoch, custom={"oracle": epoch / 10}))
    queue.finish(first, outcome())
    facts = {"batch_size": 32}
    queue.fail(
        claim(queue).ticket,
        Failure(kind=FailureKind.USER_ERROR, message="shapes differ", details="Traceback", facts=facts),
    )
    third = claim(queue).ticket
    queue.record_epoch(third, metrics(1, loss=float("nan")))
    queue.diverge(third, "the training loss is NaN in epoch 1", seconds=1.5)
    fourth = claim(queue, "w2").ticket
    for epoch in (1, 2):
        queue.record_epoch(fourth, metrics(epoch))
    return db


def test_runs_tell_what_each_job_came_to(study):
    best, diverged, failed, running = reading.runs(study, "small")
    assert (best.variant, best.variant_key, best.seed, best.state) == ("batch 64", recipe(64).key, 0, "succeeded")
    assert (best.selected_epoch, best.test_accuracy, best.test_loss) == (2, 0.9, 0.4)
    assert (best.train_loss, best.train_accuracy) == (1.0, 0.5)
    assert (best.val_loss, best.val_accuracy) == (2.0, 0.02)
    assert (best.parameters, best.trainable_parameters, best.flops, best.seconds) == (100, 90, 12345678901, 6.5)
    assert (best.epochs, best.seconds_per_epoch, best.images_per_second) == (3, 2.0, 100.0)
    assert (best.peak_memory_bytes, best.device, best.device_name, best.attempt) == (3000, "cpu", "A CPU", 1)
    assert best.provenance == {"torch": "2.9"}
    assert best.fingerprints == {"first_step_loss": "2.3", "module_tree": "abc"}
    assert best.error is None
    assert (diverged.seed, diverged.state, diverged.train_loss, diverged.seconds) == (1, "diverged", None, 1.5)
    assert (failed.variant, failed.state, failed.error, failed.epochs) == ("batch 32", "failed", "shapes differ", 0)
    assert (running.state, running.epochs, running.test_accuracy) == (JobState.RUNNING, 2, None)


def test_epochs_come_by_variant_seed_and_epoch(study):
    records = reading.epochs(study, "small")
    assert [(each.variant, each.seed, each.epoch) for each in records] == [
        *(("batch 64", 0, epoch) for epoch in (1, 2, 3)),
        ("batch 64", 1, 1),
        *(("batch 32", 1, epoch) for epoch in (1, 2)),
    ]
    assert records[1].custom == {"oracle": 0.2}
    assert (records[1].val_accuracy, records[1].lr, records[1].attempt) == (0.02, 0.1, 1)
    assert records[3].train_loss is None
    assert records[4].custom == {}
    assert len(reading.epochs(study, "small", [recipe(32).key])) == 2
    assert reading.epochs(study, "small", []) == ()


def test_the_views_show_the_same_as_the_readers(study):
    columns = "variant, seed, state, selected_epoch, train_loss, val_accuracy, test_accuracy, seconds, attempt, error"
    viewed = rows(study, f"SELECT {columns} FROM runs_view WHERE study = 'small' ORDER BY variant DESC, seed")
    assert viewed == [tuple(getattr(run, name) for name in columns.split(", ")) for run in reading.runs(study, "small")]
    columns = (
        "variant, variant_key, seed, epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr, seconds, attempt"
    )
    viewed = rows(study, f"SELECT {columns} FROM epochs_view ORDER BY variant DESC, seed, epoch")
    assert viewed == [
        tuple(getattr(epoch, name) for name in columns.split(", ")) for epoch in reading.epochs(study, "small")
    ]


def test_predictions_come_back_bit_for_bit(study):
    [record] = reading.predictions(study, "small")
    assert (record.variant, record.variant_key, record.seed) == ("batch 64", recipe(64).key, 0)
    assert record.predictions == outcome().predictions


def test_counts_name_every_state(study):
    submit_small(study, name="other", seeds=(0,))
    small = {"queued": 0, "running": 1, "succeeded": 1, "diverged": 1, "failed": 1, "cancelled": 0}
    assert reading.counts(study, "small") == {"small": small}
    assert reading.counts(study)["other"]["queued"] == 2
    assert list(reading.counts(study)) == ["small", "other"]


def test_running_jobs_show_their_last_epoch(study, queue):
    [job] = reading.running(study, "small")
    assert (job.variant, job.seed, job.worker, job.epoch, job.epochs_total) == ("batch 32", 1, "w2", 2, EPOCHS)
    assert (job.val_accuracy, job.train_loss, job.study) == (0.02, 1.0, "small")
    assert (job.images_per_second, job.peak_memory_bytes) == (100.0, 2000)
    submit_small(study, name="other", seeds=(0,))
    claim(queue)
    assert [(each.study, each.epoch) for each in reading.running(study)] == [("small", 2), ("other", 0)]


def test_workers_are_shown_while_they_are_seen(study, queue):
    assert [(worker.id, worker.job) for worker in reading.workers(study)] == [
        ("w1", None),
        ("w2", reading.running(study)[0].job),
    ]
    queue.retire("w1")
    release_worker(study, "w2")
    assert reading.workers(study) == ()
    claim(queue, "w3")
    assert [worker.id for worker in reading.workers(study)] == ["w3"]
    with study.write() as connection:
        connection.execute(text("UPDATE workers SET seen_at = seen_at - 1000"))
    assert [worker.id for worker in reading.workers(study)] == ["w3"], "a claim is a sign of life"
    with study.write() as connection:
        connection.execute(text("UPDATE jobs SET started_at = started_at - 1000"))
    assert reading.workers(study) == ()


def test_failures_tell_why(study):
    diverged, failed = reading.failures(study, "small")
    assert (diverged.state, diverged.kind, diverged.seed) == ("diverged", None, 1)
    assert diverged.error == "the training loss is NaN in epoch 1"
    assert (failed.state, failed.kind, failed.error) == ("failed", FailureKind.USER_ERROR, "shapes differ")
    assert (failed.facts, failed.attempt) == ({"batch_size": 32}, 1)


def test_durations_are_those_of_succeeded_jobs(study):
    assert reading.durations(study, "small") == [(recipe(64).key, 6.5)]
    assert reading.durations(study, "never submitted") == []
    assert reading.mean_duration(study, "small") == 6.5
    assert reading.mean_duration(study, "never submitted") is None


def test_studies_come_in_the_order_of_their_submission(db):
    submit_small(db, name="zebra")
    submit_small(db, name="ant")
    submit_small(db, name="zebra", seeds=(0,))
    assert [(each.name, each.title, each.revision) for each in reading.studies(db)] == [
        ("zebra", "The zebra study", 2),
        ("ant", "The ant study", 1),
    ]


@pytest.mark.parametrize(
    "ask", ["outline", "revision_text", "counts", "runs", "epochs", "running", "predictions", "failures", "test_sets"]
)
def test_a_study_that_is_not_there_is_told_with_the_nearest_name(db, ask):
    with pytest.raises(UsageError, match="holds none yet"):
        getattr(reading, ask)(db, "smal")
    submit_small(db)
    with pytest.raises(UsageError, match="Did you mean 'small'"):
        getattr(reading, ask)(db, "smal")


def test_status_needs_no_look_at_all_jobs_or_epochs(study):
    """Counts and running jobs are answered from indexes, however many epochs there are."""
    asked: list[tuple[str, object]] = []
    engine = study._engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, sql, values, *_: asked.append((sql, values)))
    reading.counts(study, "small")
    reading.running(study, "small")
    reading.running(study)
    questions = [each for each in asked if "FROM jobs" in each[0]]
    assert len(questions) == 3
    sqlite = study.url.startswith("sqlite")
    with study.read() as connection:
        if not sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # so small a table is read whole otherwise
        for question, values in questions:
            explained = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{question}", values)
            plan = " / ".join(str(row[-1]) for row in explained)
            assert "SCAN jobs" not in plan
            assert "SCAN epochs" not in plan
            assert "Seq Scan" not in plan
            assert not sqlite or "ix_jobs_queue" in plan


def test_recipes_of_all_variants_are_read_at_once(db):
    submit_small(db)
    assert reading.recipes(db, "small") == {recipe(size).key: recipe(size).canonical() for size in (64, 32)}
    with pytest.raises(UsageError, match="no study 'other'"):
        reading.recipes(db, "other")
