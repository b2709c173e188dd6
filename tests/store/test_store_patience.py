"""A database that is away is waited for, and nothing is done twice meanwhile."""

import pytest
from store_cases import attempt_states, checkpoint, claim, claim_pack, introduce, metrics, outcome, rows, submit_small

from ablate.errors import DatabaseAwayError, DatabaseError
from ablate.protocol import ReplacedError, Ticket
from ablate.store import Database, patience
from ablate.store.patience import Patience, PatientQueue
from ablate.store.queue import Queue


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", (0.0, 0.0))


class LostAnswers(Queue):
    """A queue whose server is gone right after it has done what was asked, once for each kind of call."""

    lost: frozenset[str] = frozenset()

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name not in ("claim_pack", "record_epochs", "finish") or name in self.lost:
            return found

        def call(*words, **more):
            self.lost |= {name}
            found(*words, **more)
            raise DatabaseAwayError("the server is gone")

        return call


def _failing(times: int, error: type[Exception] = DatabaseAwayError):
    left = iter(range(times))

    def action() -> str:
        for _ in left:
            raise error("away")
        return "done"

    return action


def test_what_fails_for_now_is_repeated_until_it_succeeds():
    assert Patience(seconds=60)(_failing(5)) == "done"


def test_what_waiting_does_not_mend_is_told_at_once():
    with pytest.raises(DatabaseError):
        Patience(seconds=60)(_failing(1, DatabaseError))


def test_the_wait_ends_and_is_not_begun_anew_by_the_next_call():
    patiently = Patience(seconds=0)
    for _ in range(2):
        with pytest.raises(DatabaseAwayError):
            patiently(_failing(1))
    assert patiently(_failing(0)) == "done"


def test_who_is_told_to_stop_waits_no_longer():
    with pytest.raises(DatabaseAwayError):
        Patience(seconds=60, stopping=lambda: True)(_failing(1))


def test_answers_that_were_lost_on_the_way_change_nothing(db):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    queue = PatientQueue(LostAnswers(db), Patience(seconds=60))
    (ticket,) = (one.ticket for one in claim_pack(queue))
    assert attempt_states(db, ticket.job) == ["released", "running"]
    assert list(queue.record_epochs([(ticket, metrics(1), checkpoint(ticket.attempt, 1))]).unneeded) == []
    queue.record_epochs([(ticket, metrics(2), None)])
    assert rows(db, "SELECT epoch, attempt FROM epochs ORDER BY epoch") == [(1, ticket.attempt), (2, ticket.attempt)]
    assert rows(db, "SELECT count(*) FROM artifacts") == [(1,)]
    with pytest.raises(ReplacedError):
        queue.finish(ticket, outcome())
    assert rows(db, "SELECT state FROM jobs") == [("succeeded",)]
    assert rows(db, "SELECT test_accuracy FROM attempts WHERE state = 'succeeded'") == [(0.9,)]


def test_a_worker_goes_on_when_the_server_comes_back(server):
    with Database.open(server.new("ablate_template")) as db:
        submit_small(db, seeds=(0,), batch_sizes=(64,))
        down = True

        def look() -> bool:  # asked while the queue waits
            nonlocal down
            if down:
                server.start()
                down = False
            return False

        queue = PatientQueue(Queue(db), Patience(seconds=60, stopping=look))
        (ticket,) = (one.ticket for one in claim_pack(queue))
        queue.record_epochs([(ticket, metrics(1), None)])
        server.control("stop", "-m", "immediate")
        queue.record_epochs([(ticket, metrics(2), None)])
        assert not down
        queue.finish(ticket, outcome())
        assert rows(db, "SELECT epoch, attempt FROM epochs ORDER BY epoch") == [
            (1, ticket.attempt),
            (2, ticket.attempt),
        ]
        assert rows(db, "SELECT state FROM jobs") == [("succeeded",)]


def test_numbers_that_are_given_out_again_do_not_let_an_old_worker_in(db, queue):
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    ours = claim(queue, "w1").ticket
    introduce(queue, "w2")
    stranger = Ticket(job=ours.job, attempt=ours.attempt, worker="w2")
    for act in (
        lambda: queue.beat(stranger),
        lambda: queue.record_epoch(stranger, metrics(1)),
        lambda: queue.finish(stranger, outcome()),
    ):
        with pytest.raises(ReplacedError):
            act()
    queue.release(stranger)
    assert attempt_states(db, ours.job) == ["running"]
