"""The transition table of jobs against a model in plain Python, by random sequences of everything that can happen."""

import shutil
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from store_cases import checkpoint, expire, introduce, metrics, outcome, rows, submit_small

from ablate.protocol import AttemptState, Failure, FailureKind, ReplacedError, Ticket
from ablate.store import Database, connections
from ablate.store.admin import cancel, retry
from ablate.store.queue import Queue, release_worker
from tests.witness import Told, damage

WORKERS = ("w1", "w2", "w3")
#: How often a failure of each kind is forgiven; a killed job is as long as it advances. What becomes of one that ran
#: out of memory depends on its neighbours: test_store_queue.py tells.
FORGIVEN = {FailureKind.USER_ERROR: 0, FailureKind.STALLED: 0, FailureKind.CUDA_FAULT: 2}
CHANCES = 3


@dataclass
class Try:
    """An attempt as the model sees it."""

    worker: str
    state: str = "running"
    failure: FailureKind | None = None
    #: Epoch that it records next.
    next: int = 1


@dataclass
class Model:
    """A job as the model sees it."""

    state: str = "queued"
    attempt: int | None = None
    fruitless: int = 0
    furthest: int = 0
    tries: dict[int, Try] = field(default_factory=dict)
    #: Attempts that count against it began after this one.
    retried_after: int = 0
    expired: bool = False
    #: Attempt by epoch.
    epochs: dict[int, int] = field(default_factory=dict)
    #: Epoch and attempt, newest first.
    checkpoints: list[tuple[int, int]] = field(default_factory=list)

    def leave(self, how: str, state: str = "queued") -> None:
        self.tries[self.attempt].state = how
        self.state = state
        self.expired = False

    def lose(self) -> None:
        self.leave("lost", "failed" if self.fruitless >= CHANCES else "queued")

    def give_back(self, how: str = "released") -> None:
        self.fruitless = max(0, self.fruitless - 1)
        self.leave(how)


class Jobs(RuleBasedStateMachine):
    """Workers, deaths, people and clocks at one small study."""

    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue(self.db)
        self.told: list[Told] = []
        self.tickets: list[Ticket] = []
        submit_small(self.db, seeds=range(4), batch_sizes=(64, 32))
        self.jobs = {job: Model() for (job,) in rows(self.db, "SELECT id FROM jobs ORDER BY position")}
        for worker in WORKERS:
            introduce(self.queue, worker)

    def teardown(self) -> None:
        try:
            assert damage(self.told, self.db) == []
        finally:
            self.db.close()

    def _ticket(self, data: st.DataObject) -> Ticket | None:
        """A ticket that holds its job, often a new one, or one time in five any that was ever given out.

        Claims are not left to their own rule: Hypothesis leaves out some rules of each run.
        """
        which = data.draw(st.integers(0, 4))
        if which <= 1 or not self.tickets:
            self.claim(data.draw(st.sampled_from(WORKERS)))
        good = [ticket for ticket in self.tickets if self._owned(ticket)]
        among = good if good and which < 4 else self.tickets
        return data.draw(st.sampled_from(among)) if among else None

    def _owned(self, ticket: Ticket) -> Model | None:
        """The job if the ticket still holds it."""
        model = self.jobs[ticket.job]
        return model if (model.state, model.attempt) == ("running", ticket.attempt) else None

    def _fenced(self, ticket: Ticket, act) -> Model | None:
        """Do what only the owner may do; None where it was refused, as it must be."""
        model = self._owned(ticket)
        if model is None:
            with pytest.raises(ReplacedError):
                act()
        else:
            act()
            model.expired = False
        return model

    def claim(self, worker: str) -> None:
        found = self.queue.claim(worker)
        for model in self.jobs.values():
            if model.state == "running" and model.expired:
                model.lose()
        waiting = [job for job, model in self.jobs.items() if model.state == "queued"]
        if not waiting:
            assert found is None
            return
        model = self.jobs[waiting[0]]
        assert (found.ticket.job, found.attempt_number) == (waiting[0], len(model.tries) + 1)
        assert found.ticket.attempt > max((one for each in self.jobs.values() for one in each.tries), default=0)
        assert [each.epoch for each in found.checkpoints] == [epoch for epoch, _ in model.checkpoints]
        resumed = model.checkpoints[0][0] if model.checkpoints else 0
        model.state, model.attempt, model.expired = "running", found.ticket.attempt, False
        model.fruitless += 1
        model.tries[found.ticket.attempt] = Try(worker=worker, next=resumed + 1)
        self.tickets.append(found.ticket)

    @rule(data=st.data(), saved=st.lists(st.booleans(), min_size=1, max_size=3))
    def record(self, data: st.DataObject, saved: list[bool]) -> None:
        ticket = self._ticket(data)
        if ticket is None:
            return
        for each in saved:
            self._record(ticket, saved=each)

    def _record(self, ticket: Ticket, *, saved: bool) -> None:
        one = self.jobs[ticket.job].tries[ticket.attempt]
        epoch, loss = one.next, float(ticket.attempt * 1000 + one.next)
        pointer = checkpoint(ticket.attempt, epoch) if saved else None
        model = self._fenced(ticket, lambda: self.queue.record_epoch(ticket, metrics(epoch, loss=loss), pointer))
        if model is None:
            return
        one.next += 1
        self.told.append(Told(job=ticket.job, attempt=ticket.attempt, epoch=epoch, loss=loss))
        if epoch > model.furthest:
            model.furthest, model.fruitless = epoch, 0
        model.epochs = {each: by for each, by in model.epochs.items() if each < epoch or by == ticket.attempt}
        model.epochs[epoch] = ticket.attempt
        kept = [(each, by) for each, by in model.checkpoints if each < epoch or (each > epoch and by == ticket.attempt)]
        model.checkpoints = ([(epoch, ticket.attempt)] if saved else []) + kept[: 2 - saved]

    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        ticket = self._ticket(data)
        if ticket is None:
            return
        self._fenced(ticket, lambda: self.queue.beat(ticket))

    @rule(data=st.data(), diverged=st.booleans())
    def end(self, data: st.DataObject, diverged: bool) -> None:
        ticket = self._ticket(data)
        if ticket is None:
            return
        if not self.jobs[ticket.job].epochs or data.draw(st.booleans()):  # what has ended takes part no more
            return
        last = max(self.jobs[ticket.job].epochs)
        if diverged:
            model = self._fenced(ticket, lambda: self.queue.diverge(ticket, "NaN", seconds=1.0))
        else:
            model = self._fenced(ticket, lambda: self.queue.finish(ticket, outcome(selected_epoch=last)))
        if model is not None:
            state = "diverged" if diverged else "succeeded"
            model.leave(state, state)
            model.checkpoints = []
            if not diverged:
                self.told.append(Told(job=ticket.job, attempt=ticket.attempt, epoch=None))

    @rule(data=st.data(), kind=st.sampled_from([*FORGIVEN, FailureKind.KILLED]))
    def fail(self, data: st.DataObject, kind: FailureKind) -> None:
        ticket = self._ticket(data)
        if ticket is None:
            return
        failure = Failure(kind=kind, message="broke")
        model = self._fenced(ticket, lambda: self.queue.fail(ticket, failure))
        if model is None:
            return
        numbered = enumerate(model.tries.values(), start=1)
        before = sum(one.failure is kind for number, one in numbered if number > model.retried_after)
        again = model.fruitless < CHANCES if kind is FailureKind.KILLED else before < FORGIVEN[kind]
        model.tries[ticket.attempt].failure = kind
        model.leave("failed", "queued" if again else "failed")

    @rule(data=st.data(), how=st.sampled_from([AttemptState.RELEASED, AttemptState.PREEMPTED]))
    def release(self, data: st.DataObject, how: AttemptState) -> None:
        ticket = self._ticket(data)
        if ticket is None:
            return
        self.queue.release(ticket, how)
        if model := self._owned(ticket):
            model.give_back(how.value)

    @precondition(lambda self: any(model.state == "running" for model in self.jobs.values()))
    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        running = [job for job, model in self.jobs.items() if model.state == "running"]
        job = data.draw(st.sampled_from(running))
        expire(self.db, job)
        self.jobs[job].expired = True

    @rule(worker=st.sampled_from(WORKERS), orderly=st.booleans())
    def worker_ends(self, worker: str, orderly: bool) -> None:
        if orderly:
            self.queue.retire(worker)
        else:
            release_worker(self.db, worker)
        for model in self.jobs.values():
            if model.state == "running" and model.tries[model.attempt].worker == worker:
                model.give_back() if orderly else model.lose()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.jobs)))
        model = self.jobs[job]
        assert cancel(self.db, "small", only=[job]) == (model.state in ("queued", "running"))
        if model.state == "running":
            model.leave("cancelled", "cancelled")
        elif model.state == "queued":
            model.state = "cancelled"

    @rule()
    def retry(self) -> None:
        again = [model for model in self.jobs.values() if model.state in ("failed", "cancelled")]
        assert retry(self.db, "small") == len(again)
        for model in again:
            model.state, model.fruitless, model.retried_after = "queued", 0, len(model.tries)

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        columns = "id, state, attempt, attempt_count, fruitless_attempts, furthest_epoch"
        assert rows(self.db, f"SELECT {columns} FROM jobs ORDER BY id") == [
            (job, model.state, model.attempt, len(model.tries), model.fruitless, model.furthest)
            for job, model in sorted(self.jobs.items())
        ]
        assert rows(self.db, "SELECT id, job, state FROM attempts ORDER BY id") == sorted(
            (attempt, job, one.state) for job, model in self.jobs.items() for attempt, one in model.tries.items()
        )
        assert rows(self.db, "SELECT job, epoch, attempt FROM epochs ORDER BY job, epoch") == sorted(
            (job, epoch, attempt) for job, model in self.jobs.items() for epoch, attempt in model.epochs.items()
        )
        assert rows(self.db, "SELECT job, epoch, attempt FROM artifacts ORDER BY job, epoch DESC, id DESC") == [
            (job, epoch, attempt) for job, model in sorted(self.jobs.items()) for epoch, attempt in model.checkpoints
        ]


@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        ("sqlite", 10),
        ("postgresql", 2),
        pytest.param("sqlite", 300, marks=pytest.mark.soak),
        pytest.param("postgresql", 100, marks=pytest.mark.soak),
    ],
)
def test_whatever_happens_jobs_go_as_the_table_says(request, tmp_path, monkeypatch, kind, examples):
    connect = connections._connect

    def without_fsync(*words):  # power cuts have a test of their own
        made = connect(*words)
        made.execute("PRAGMA synchronous = OFF")
        return made

    monkeypatch.setattr(connections, "_connect", without_fsync)
    template = tmp_path / "template.db"
    Database.open(template, create=True).close()
    numbers = count()

    def machine() -> Jobs:
        if kind == "sqlite":
            place = tmp_path / f"{next(numbers)}.db"
            shutil.copy(template, place)
        else:
            place = request.getfixturevalue("server").new("ablate_template")
        Jobs.db = Database.open(place, artifacts=tmp_path / "artifacts")
        return Jobs()

    quick = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=quick)
