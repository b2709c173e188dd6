"""What is kept of a job's attempts, and which jobs are given another chance; on both databases."""

import pytest

from ablate.errors import UsageError
from ablate.protocol import MAX_FRUITLESS_ATTEMPTS, PRINTED, AttemptState, Failure, FailureKind, JobState
from ablate.store.admin import cancel, retry
from ablate.store.history import by_study, histories, job
from tests.store.store_cases import claim, expire, metrics, outcome, submit_small


def fail(queue, kind: FailureKind) -> int:
    ticket = claim(queue).ticket
    queue.record_epoch(ticket, metrics(1))
    queue.fail(ticket, Failure(kind=kind, message=f"it was {kind}", details="Traceback"))
    return ticket.job


def test_attempts_are_never_mixed(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    number = fail(queue, FailureKind.USER_ERROR)
    assert retry(db, "small") == 1
    queue.release(claim(queue).ticket)
    claim(queue, "w2")
    record = job(db, number)
    assert record.state is JobState.RUNNING
    assert [(one.number, one.state) for one in record.attempts] == [
        (1, AttemptState.FAILED),
        (2, AttemptState.RELEASED),
        (3, AttemptState.RUNNING),
    ]
    first = record.attempts[0]
    assert (first.failure_kind, first.failure_message, first.failure_details) == (
        FailureKind.USER_ERROR,
        "it was user_error",
        "Traceback",
    )
    assert record.attempts[2].ended_at is None
    assert record.epochs == 1
    assert record.recipe["training"]["epochs"] >= 1


def test_only_jobs_with_a_history_are_told_of(db, queue):
    submit_small(db, seeds=(0, 1), batch_sizes=(64, 32))
    quiet = claim(queue).ticket
    queue.finish(quiet, outcome())
    failed = claim(queue).ticket
    queue.fail(failed, Failure(kind=FailureKind.USER_ERROR, message="no", facts={PRINTED: "the last words"}))
    moved = claim(queue).ticket
    queue.release(moved)
    queue.finish(claim(queue).ticket, outcome())
    submit_small(db, name="other", seeds=(0,))
    found = histories(db, "small")
    assert {job: [one.state for one in tries] for job, tries in found.items()} == {
        failed.job: [AttemptState.FAILED],
        moved.job: [AttemptState.RELEASED, AttemptState.SUCCEEDED],
    }
    assert [(one.printed, one.device, one.host) for one in found[failed.job]] == [("the last words", "cpu", "box")]
    with pytest.raises(UsageError, match="there is no study 'smal'"):
        histories(db, "smal")


def test_jobs_are_chosen_by_the_way_in_which_they_ended(db, queue):
    submit_small(db, seeds=(0, 1), batch_sizes=(64, 32))
    user = fail(queue, FailureKind.USER_ERROR)
    fail(queue, FailureKind.OUT_OF_MEMORY)
    for _ in range(MAX_FRUITLESS_ATTEMPTS):
        lost = claim(queue).ticket.job
        expire(db, lost)
    assert claim(queue).ticket.job != lost  # which rescues the lost one for the last time
    assert job(db, lost).state is JobState.FAILED
    cancel(db, "small", only=[user + 100])
    assert retry(db, "small", lost=True) == 1
    assert job(db, lost).state is JobState.QUEUED
    assert retry(db, "small", kinds=[FailureKind.OUT_OF_MEMORY]) == 1
    assert cancel(db, "small", only=[lost]) == 1
    assert retry(db, "small", cancelled=False) == 1
    assert job(db, user).state is JobState.QUEUED
    assert job(db, lost).state is JobState.CANCELLED
    assert retry(db, "small") == 1


def test_jobs_are_found_in_their_studies(db, queue):
    submit_small(db, name="one", seeds=(0,))
    submit_small(db, name="two", seeds=(0,))
    found = by_study(db, [1, 3, 4])
    assert found == {"one": {1}, "two": {3, 4}}
    with pytest.raises(UsageError, match="there are no jobs 7, 9"):
        by_study(db, [1, 7, 9])
    with pytest.raises(UsageError, match="there is no job 7"):
        job(db, 7)
