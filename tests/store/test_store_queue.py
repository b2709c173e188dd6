"""The queue's contract, over both databases."""

import math

import pytest
from sqlalchemy import bindparam, text, update
from store_cases import (
    attempt_states,
    checkpoint,
    claim,
    expire,
    introduce,
    job_of,
    metrics,
    outcome,
    recipe,
    rows,
    submit_small,
)

from ablate.protocol import (
    MAX_FRUITLESS_ATTEMPTS,
    AttemptState,
    Failure,
    FailureKind,
    JobState,
    ReplacedError,
    Ticket,
    WorkerInfo,
)
from ablate.store import Database, leases
from ablate.store.admin import cancel, retry
from ablate.store.queue import Queue, release_worker
from ablate.store.tables import jobs


def test_claims_go_by_seed_then_by_the_variants_order(db, queue):
    submit_small(db, batch_sizes=(64, 32, 16), seeds=(1, 0))
    introduce(queue)
    order = [(each.seed, each.variant) for each in iter(lambda: queue.claim("w1"), None)]
    assert order == [(seed, f"batch {size}") for seed in (1, 0) for size in (64, 32, 16)]


def test_a_claim_brings_all_that_is_needed_to_train(db, queue):
    submit_small(db, execution={"threads": 3})
    first = claim(queue)
    assert (first.study, first.variant, first.seed, first.attempt_number) == ("small", "batch 64", 0, 1)
    assert first.recipe == recipe(64)
    assert first.execution == {"threads": 3}
    assert first.checkpoints == ()
    assert rows(db, "SELECT device, device_name, state, worker FROM attempts") == [("cpu", "A CPU", "running", "w1")]


def test_a_claim_can_be_kept_to_one_study(db, queue):
    submit_small(db, name="one")
    submit_small(db, name="two", batch_sizes=(16,), seeds=(0,))
    introduce(queue)
    assert queue.claim("w1", study="two").study == "two"
    assert queue.claim("w1", study="two") is None
    assert queue.claim("w1", study="none") is None
    assert queue.claim("w1").study == "one"


def test_a_worker_that_was_never_introduced_gets_nothing(db, queue):
    submit_small(db)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        queue.claim("stranger")
    assert rows(db, "SELECT DISTINCT state FROM jobs") == [("queued",)]


def test_introducing_a_worker_twice_changes_nothing(db, queue):
    introduce(queue)
    queue.introduce(WorkerInfo(id="w1", host="other", pid=2, device="cpu", device_name="", provenance={}))
    assert rows(db, "SELECT host FROM workers") == [("box",)]


def test_variants_that_a_worker_cannot_train_are_left_to_others(db, queue):
    submit_small(db, seeds=(0, 1), batch_sizes=(32, 64))
    first = claim(queue)
    queue.release(first.ticket)
    for study in (None, "small"):
        other = queue.claim("w1", study=study, without=[first.ticket.job])
        assert other.variant != first.variant
    assert queue.claim("w1", without=[first.ticket.job]) is None
    assert claim(queue, "w2").variant == first.variant


def test_a_run_from_claim_to_outcome(db, queue):
    submit_small(db)
    ticket = claim(queue).ticket
    queue.beat(ticket)
    for epoch in (1, 2):
        queue.record_epoch(ticket, metrics(epoch, custom={"oracle": 0.25}), checkpoint(ticket.attempt, epoch))
    assert set(queue.finish(ticket, outcome())) == {f"{ticket.attempt}-1.pt", f"{ticket.attempt}-2.pt"}
    job = job_of(db, ticket.job)
    assert (job["state"], job["worker"], job["lease_expires_at"], job["error"]) == ("succeeded", None, None, None)
    assert attempt_states(db, ticket.job) == ["succeeded"]
    assert rows(db, "SELECT epoch, value FROM custom_metrics ORDER BY epoch") == [(1, 0.25), (2, 0.25)]
    assert rows(db, "SELECT test_accuracy, flops, resumed_from FROM attempts") == [(0.9, 12345678901, 0)]
    assert rows(db, "SELECT count(*) FROM artifacts") == [(0,)]


@pytest.mark.parametrize("end", ["succeeded", "diverged", "failed", "released", "rescued", "cancelled", "retired"])
def test_a_ticket_is_worth_nothing_after_the_attempt_ended(db, queue, end):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    ticket = claim(queue).ticket
    queue.record_epoch(ticket, metrics(1))
    if end == "succeeded":
        queue.finish(ticket, outcome())
    elif end == "diverged":
        queue.diverge(ticket, "NaN", seconds=1.0)
    elif end == "failed":
        queue.fail(ticket, Failure(kind=FailureKind.USER_ERROR, message="oops"))
    elif end == "released":
        queue.release(ticket)
    elif end == "rescued":
        expire(db, ticket.job)
        claim(queue, "w2")
    elif end == "cancelled":
        assert cancel(db, "small") == 1
    else:
        queue.retire("w1")
    _every_call_is_refused(db, queue, ticket)


def _every_call_is_refused(db: Database, queue: Queue, ticket: Ticket) -> None:
    before = _everything(db)
    for call in (
        lambda: queue.beat(ticket),
        lambda: queue.record_epoch(ticket, metrics(2), checkpoint(ticket.attempt, 2)),
        lambda: queue.finish(ticket, outcome()),
        lambda: queue.diverge(ticket, "NaN", seconds=1.0),
        lambda: queue.fail(ticket, Failure(kind=FailureKind.USER_ERROR, message="late")),
    ):
        with pytest.raises(ReplacedError):
            call()
    queue.release(ticket)  # says nothing, does nothing
    assert _everything(db) == before


def _everything(db: Database) -> list[object]:
    tables = ("jobs", "attempts", "epochs", "artifacts", "predictions", "fingerprints", "workers")
    return [rows(db, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


@pytest.mark.parametrize("fenced", [True, False])
def test_without_its_fence_a_stalled_worker_would_overwrite_its_successor(db, queue, monkeypatch, fenced):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    stalled = claim(queue, "w1").ticket
    queue.record_epoch(stalled, metrics(1))
    expire(db, stalled.job)
    successor = claim(queue, "w2").ticket
    queue.record_epoch(successor, metrics(1, loss=0.5))
    if fenced:
        with pytest.raises(ReplacedError):
            queue.record_epoch(stalled, metrics(1, loss=99.0))
        assert rows(db, "SELECT attempt, train_loss FROM epochs") == [(successor.attempt, 0.5)]
    else:
        unfenced = update(jobs).where(jobs.c.id == bindparam("job_id"))
        monkeypatch.setattr(leases, "FENCE", unfenced.values(lease_expires_at=bindparam("lease")))
        queue.record_epoch(stalled, metrics(1, loss=99.0))
        assert rows(db, "SELECT attempt, train_loss FROM epochs") == [(stalled.attempt, 99.0)]


def test_a_lease_that_ran_out_is_rescued_by_the_next_claim_and_the_job_goes_on(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    first = claim(queue).ticket
    for epoch in (1, 2, 3):
        queue.record_epoch(first, metrics(epoch), checkpoint(first.attempt, epoch))
    introduce(queue, "w2")
    assert queue.claim("w2") is None
    expire(db, first.job)
    second = queue.claim("w2")
    assert second.ticket.job == first.job
    assert second.ticket.attempt != first.attempt
    assert second.attempt_number == 2
    assert [each.epoch for each in second.checkpoints] == [3, 2]
    assert attempt_states(db, first.job) == ["lost", "running"]


def test_a_lease_is_still_good_after_it_ran_out_until_somebody_rescues_it(db, queue):
    submit_small(db)
    ticket = claim(queue).ticket
    expire(db, ticket.job)
    queue.beat(ticket)
    claim(queue, "w2")
    queue.beat(ticket)


def test_leases_follow_the_clock_of_the_database(db):
    submit_small(db)
    ticket = claim(Queue(db, lease_seconds=1000.0)).ticket
    clock = "julianday('now') * 86400.0 - 210866760000.0"
    if "postgresql" in db.url:
        clock = "extract(epoch FROM clock_timestamp())"
    [(left,)] = rows(db, f"SELECT lease_expires_at - ({clock}) FROM jobs WHERE id = {ticket.job}")
    assert 900 < left <= 1000.01


def test_epochs_beyond_the_point_of_resume_are_replaced_with_their_checkpoints(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    first = claim(queue, "w1").ticket
    for epoch in (1, 2, 3, 4):
        custom = {"oracle": 0.1}
        queue.record_epoch(first, metrics(epoch, custom=custom), checkpoint(first.attempt, epoch))
    release_worker(db, "w1")
    second = claim(queue, "w2").ticket  # finds the checkpoint of epoch 4 damaged, goes on after 3... and after 2
    deleted = queue.record_epoch(second, metrics(3, loss=0.5), checkpoint(second.attempt, 3))
    assert set(deleted) == {f"{first.attempt}-3.pt", f"{first.attempt}-4.pt"}
    assert rows(db, "SELECT epoch, attempt, train_loss FROM epochs ORDER BY epoch") == [
        (1, first.attempt, 1.0),
        (2, first.attempt, 1.0),
        (3, second.attempt, 0.5),
    ]
    assert rows(db, "SELECT epoch FROM custom_metrics ORDER BY epoch") == [(1,), (2,)]
    assert rows(db, f"SELECT resumed_from FROM attempts WHERE id = {second.attempt}") == [(2,)]


def test_only_the_newest_two_checkpoints_are_kept(db, queue):
    submit_small(db)
    ticket = claim(queue).ticket
    deleted = [queue.record_epoch(ticket, metrics(e), checkpoint(ticket.attempt, e)) for e in (1, 2, 3, 4)]
    assert [list(names) for names in deleted] == [[], [], [f"{ticket.attempt}-1.pt"], [f"{ticket.attempt}-2.pt"]]
    assert rows(db, "SELECT epoch FROM artifacts ORDER BY epoch") == [(3,), (4,)]


def test_an_epoch_that_is_told_twice_has_one_row(db, queue):
    submit_small(db)
    ticket = claim(queue).ticket
    for _ in range(2):  # the answer to the first was lost on the way
        assert queue.record_epoch(ticket, metrics(1, custom={"a": 1.0}), checkpoint(ticket.attempt, 1)) == ()
    assert rows(db, "SELECT count(*) FROM epochs") == [(1,)]
    assert rows(db, "SELECT count(*) FROM artifacts") == [(1,)]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_losses_that_are_no_numbers_are_null(db, queue, loss):
    submit_small(db)
    ticket = claim(queue).ticket
    queue.record_epoch(ticket, metrics(1, loss=loss, val_loss=math.nan, custom={"a": math.nan}))
    queue.diverge(ticket, "the training loss is NaN in epoch 1", seconds=2.0)
    assert rows(db, "SELECT train_loss, val_loss FROM epochs") == [(None, None)]
    assert rows(db, "SELECT value FROM custom_metrics") == [(None,)]
    assert attempt_states(db, ticket.job) == ["diverged"]
    assert job_of(db, ticket.job)["error"] == "the training loss is NaN in epoch 1"


def _fail(queue: Queue, kind: FailureKind, *, epoch: int | None = None) -> JobState:
    ticket = claim(queue).ticket
    if epoch is not None:
        queue.record_epoch(ticket, metrics(epoch))
    return queue.fail(ticket, Failure(kind=kind, message=f"{kind}", details="Traceback", facts={"rss": math.nan}))


@pytest.mark.parametrize(
    ("kind", "tries"),
    [
        (FailureKind.USER_ERROR, 1),
        (FailureKind.DATA_MISSING, 1),
        (FailureKind.OUT_OF_MEMORY, 1),
        (FailureKind.STALLED, 1),
        (FailureKind.CUDA_FAULT, 3),
        (FailureKind.KILLED, MAX_FRUITLESS_ATTEMPTS),
    ],
)
def test_how_often_each_kind_of_failure_is_tried_again(db, queue, kind, tries):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    for _ in range(2):  # `ablate retry` gives all chances anew
        states = [_fail(queue, kind) for _ in range(tries)]
        assert states == [JobState.QUEUED] * (tries - 1) + [JobState.FAILED]
        assert queue.claim("w1") is None
        assert retry(db, "small", kinds=[kind]) == 1
    assert rows(db, "SELECT failure_kind, failure_details FROM attempts")[0] == (kind.value, "Traceback")


def _out_of_memory(queue: Queue, ticket: Ticket) -> JobState:
    return queue.fail(ticket, Failure(kind=FailureKind.OUT_OF_MEMORY, message="too much"))


def test_a_job_that_ran_out_of_memory_beside_others_is_tried_once_more_alone(db, queue):
    submit_small(db, seeds=(0, 1))
    big, other = claim(queue, "w1").ticket, claim(queue, "w2").ticket
    assert _out_of_memory(queue, big) is JobState.QUEUED
    third = claim(queue, "w1").ticket  # not the first job: w2 is at work on the same device
    assert third.job not in (big.job, other.job)
    queue.finish(other, outcome())
    fourth = claim(queue, "w2").ticket
    queue.finish(third, outcome())
    assert queue.claim("w1") is None
    queue.finish(fourth, outcome())
    alone = claim(queue, "w1").ticket
    assert alone.job == big.job
    submit_small(db, seeds=(0, 1, 2))
    assert queue.claim("w2") is None  # nobody joins it
    queue.introduce(WorkerInfo(id="w3", host="box", pid=2, device="cuda:1", device_name="A GPU", provenance={}))
    assert queue.claim("w3") is not None  # on another device
    queue.release(alone, AttemptState.PREEMPTED)
    again = claim(queue, "w1").ticket
    assert again.job == big.job
    assert _out_of_memory(queue, again) is JobState.FAILED
    assert retry(db, "small", only=[big.job]) == 1
    assert claim(queue, "w1").ticket.job == big.job
    assert queue.claim("w2") is not None  # `ablate retry` forgets


def test_a_job_that_ran_out_of_memory_after_others_had_gone_fails(db, queue):
    submit_small(db)
    queue.finish(claim(queue, "w1").ticket, outcome())
    assert _out_of_memory(queue, claim(queue, "w2").ticket) is JobState.FAILED


def test_a_job_that_advances_may_be_killed_as_often_as_it_likes(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    assert {_fail(queue, FailureKind.KILLED, epoch=epoch) for epoch in range(1, 8)} == {JobState.QUEUED}
    states = [_fail(queue, FailureKind.KILLED, epoch=3) for _ in range(MAX_FRUITLESS_ATTEMPTS)]  # nothing new
    assert states[-1] is JobState.FAILED


def test_a_job_whose_workers_vanish_fails_in_the_end(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    for number in range(MAX_FRUITLESS_ATTEMPTS):
        claim(queue, f"w{number}")
        release_worker(db, f"w{number}")
    introduce(queue, "last")
    assert queue.claim("last") is None
    [(state, error)] = rows(db, "SELECT state, error FROM jobs")
    assert state == "failed"
    assert "lost 3 times" in error
    assert retry(db, "small") == 1
    assert queue.claim("last").attempt_number == MAX_FRUITLESS_ATTEMPTS + 1


@pytest.mark.parametrize("state", [AttemptState.RELEASED, AttemptState.PREEMPTED])
def test_what_is_given_back_does_not_count_against_the_job(db, queue, state):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    for _ in range(MAX_FRUITLESS_ATTEMPTS + 2):
        queue.release(claim(queue).ticket, state)
    claim(queue)
    queue.retire("w1")
    job = claim(queue, "w2").ticket.job
    assert attempt_states(db, job)[-3:] == [state.value, "released", "running"]


def test_failure_texts_may_hold_anything(db, queue):
    submit_small(db)
    ticket = claim(queue).ticket
    queue.fail(
        ticket,
        Failure(
            kind=FailureKind.USER_ERROR,
            message="nul \0 and \udce9",
            details="\ud800 模型 مرحبا",
            facts={"peak": math.inf, "path": "\udce9", "list": [math.nan, 1]},
        ),
    )
    [(message, details)] = rows(db, "SELECT failure_message, failure_details FROM attempts")
    assert message == "nul ? and ?"
    assert details == "? 模型 مرحبا"


def test_cancelled_and_failed_jobs_come_back_only_by_retry(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64, 32))
    running = claim(queue).ticket
    assert cancel(db, "small", only=[running.job]) == 1
    assert attempt_states(db, running.job) == ["cancelled"]
    assert cancel(db, "small") == 1
    submit_small(db, seeds=(0,), batch_sizes=(64, 32))
    assert queue.claim("w1") is None
    assert retry(db, "small", kinds=[FailureKind.KILLED]) == 0
    assert retry(db, "small", only=[running.job]) == 1
    assert retry(db, "small") == 1
    assert retry(db, "small") == 0
    assert queue.claim("w1").attempt_number == 2


def test_succeeded_and_diverged_jobs_are_never_touched_again(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64, 32))
    queue.finish(claim(queue).ticket, outcome())
    queue.diverge(claim(queue).ticket, "NaN", seconds=1.0)
    assert (cancel(db, "small"), retry(db, "small")) == (0, 0)
    with db.write() as connection:
        connection.execute(text("UPDATE workers SET ended_at = NULL"))
    release_worker(db, "w1")
    assert sorted(rows(db, "SELECT state FROM jobs")) == [("diverged",), ("succeeded",)]
