"""What a supervisor makes of the reports of a pack's trainer: a real queue, and a trainer that only plays a script."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ablate.protocol import FailureKind
from ablate.recipe.packing import Pack
from ablate.store import Database, submission
from ablate.store.admin import cancel
from ablate.store.queue import Queue
from ablate.worker import supervisor
from ablate.worker.messages import (
    Broke,
    DivergedAway,
    Drop,
    EpochDone,
    Finished,
    Join,
    Order,
    PackOver,
    Report,
    Room,
    Stop,
    Stopped,
    Train,
    TrainPack,
    Unpackable,
)
from ablate.worker.settings import WorkerSettings
from ablate.worker.supervisor import Supervisor
from ablate.worker.watchdog import Watchdog
from tests.store.store_cases import metrics, outcome, rows, submit_small

#: Answers an order with reports; None: the process dies.
Script = Callable[[Order], list[Report] | None]


class Stage:
    """Where scripted trainers play; what they were ordered, and how many there were."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.script: Script = lambda _: []
        self.orders: list[Order] = []
        self.trainers = 0
        self._supervisors: list[Supervisor] = []
        self.supervisor = self.worker("cpu")

    def worker(self, device: str) -> Supervisor:
        settings = WorkerSettings(id="w", device=device, artifacts=self.db.artifacts, drain=True)
        self.supervisor = Supervisor(Queue(self.db), settings)
        self._supervisors.append(self.supervisor)
        return self.supervisor

    def close(self) -> None:
        for each in self._supervisors:
            each._ours.close()
            each._wake.close()

    def child(self, _line: object) -> "ScriptedChild":
        self.trainers += 1
        return ScriptedChild(self)

    def play(self, script: Script) -> list[str]:
        """Let a worker drain the queue; the states of all jobs then."""
        self.script = script
        self.supervisor.run()
        return [str(state) for (state,) in rows(self.db, "SELECT state FROM jobs ORDER BY position")]

    def attempts(self) -> list[tuple[object, ...]]:
        return rows(self.db, "SELECT state, count(*) FROM attempts GROUP BY state ORDER BY state")


class ScriptedChild:
    """Stands for `Child`."""

    pid, exit_code = None, -9

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._said: list[Report] = []
        self.connection, self._speak = os.pipe()
        self.sentinel, self._live = os.pipe()

    def order(self, order: Order) -> None:
        self._stage.orders.append(order)
        said = self._stage.script(order)
        if said is None:
            os.close(self._live)
            self._live = -1
        elif said:
            self._said += said
            os.write(self._speak, b"!")

    def reports(self) -> list[Report]:
        said, self._said = self._said, []
        if said:
            os.read(self.connection, 100)
        return said

    def attempt_over(self) -> None:
        assert self.connection >= 0, "the trainer is gone"

    def stack(self) -> str:
        return ""

    def last_words(self) -> str:
        return ""

    def end(self) -> None:
        for end in (self.connection, self._speak, self.sentinel, self._live):
            if end >= 0:
                os.close(end)
        self.connection = -1


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Six jobs that fit together, four at a time."""
    pack = Pack(key="p", size=4)
    monkeypatch.setattr(submission, "packs_of", lambda recipes, _: dict.fromkeys(recipes, pack))
    with Database.open(tmp_path / "results.db", create=True) as db:
        submit_small(db, seeds=(0, 1, 2), execution={"threads": 1, "packing": 1})
        stage = Stage(db)
        monkeypatch.setattr(supervisor, "Child", stage.child)
        yield stage
        stage.close()


def epoch(attempt: int, number: int = 1) -> EpochDone:
    return EpochDone(attempt=attempt, metrics=metrics(number), checkpoint=None)


def done(attempt: int) -> list[Report]:
    return [epoch(attempt, 2), Finished(attempt=attempt, outcome=outcome())]


def alone(order: Order) -> list[Report]:
    """A trainer that has no trouble."""
    return done(order.attempt) if isinstance(order, Train) else [Stopped()]


def attempts_of(order: TrainPack | Join) -> list[int]:
    return [one.attempt for one in order.orders]


def finished(order: Order) -> list[Report]:
    """A trainer of packs that has no trouble, and asks for nobody."""
    if not isinstance(order, TrainPack):
        return alone(order)
    return [*(each for one in attempts_of(order) for each in done(one)), PackOver()]


def test_places_are_filled_until_nothing_is_left(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        match order:
            case TrainPack():
                assert order.size == 4
                first, *others = attempts_of(order)
                return [
                    *map(epoch, (first, *others)),
                    *done(first),
                    Room(1),
                    *(each for one in others for each in done(one)),
                ]
            case Join(orders=()):
                return [PackOver()]
            case Join():
                return [*(each for one in attempts_of(order) for each in done(one)), Room(1)]
        return []

    assert stage.play(script) == ["succeeded"] * 6
    assert [len(order.orders) for order in stage.orders if isinstance(order, TrainPack | Join)] == [4, 1, 1, 0]
    assert stage.trainers == 1
    assert rows(stage.db, "SELECT count(*) FROM epochs") == [(6 + 4,)]


def test_a_replaced_job_is_dropped_and_the_others_go_on(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        match order:
            case TrainPack():
                cancel(stage.db, "small", only=[order.orders[1].job])
                return [epoch(one) for one in attempts_of(order)]
            case Drop(attempt=attempt):
                assert attempt == 2
                return [*done(2), *(each for one in (1, 3, 4) for each in done(one)), PackOver()]
        return alone(order)

    stage.script = script
    submit_small(stage.db, seeds=(0, 1), execution={})  # four jobs are wanted now
    assert stage.play(script)[:4] == ["succeeded", "cancelled", "succeeded", "succeeded"]
    assert rows(stage.db, "SELECT count(*) FROM epochs WHERE attempt = 2") == [(0,)]
    assert stage.trainers == 1


def test_what_cannot_be_trained_together_is_trained_one_by_one(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        if isinstance(order, TrainPack):
            return [*done(1), Unpackable("no stacked form")]
        return alone(order)

    assert stage.play(script) == ["succeeded"] * 6
    assert sum(isinstance(order, TrainPack) for order in stage.orders) == 1  # it is remembered
    assert stage.attempts() == [("released", 3), ("succeeded", 6)]
    assert rows(stage.db, "SELECT max(fruitless_attempts) FROM jobs") == [(0,)]
    assert stage.trainers == 2


def test_a_stalled_pack_is_trained_one_by_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Watchdog):
        def barks(self, now: float) -> bool:
            return True

    def script(order: Order) -> list[Report]:
        if isinstance(order, TrainPack) and len(order.orders) > 1:
            os.write(stage.supervisor._wake.fileno(), b"1")  # nothing is said, but somebody looks
            return []
        return finished(order)

    monkeypatch.setattr(supervisor, "Watchdog", Impatient)
    assert stage.play(script) == ["succeeded"] * 6
    assert stage.attempts() == [("released", 4), ("succeeded", 6)]
    assert [len(order.orders) for order in stage.orders if isinstance(order, TrainPack)] == [4, *[1] * 6]


def test_the_failure_of_one_member_is_its_own(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        if isinstance(order, TrainPack):
            first, second, *others = attempts_of(order)
            broke = Broke(attempt=first, kind=FailureKind.USER_ERROR, message="no such layer", details="")
            diverged = DivergedAway(attempt=second, message="NaN", seconds=1.0, execution={"k": 4})
            return [broke, diverged, *(each for one in others for each in done(one)), PackOver()]
        return alone(order)

    states = stage.play(script)
    assert states[:4] == ["failed", "diverged", "succeeded", "succeeded"]
    assert stage.trainers == 2  # a process in which something failed serves no further pack
    assert rows(stage.db, "SELECT failure_message FROM attempts WHERE failure_kind = 'user_error'") == [
        ("no such layer",)
    ] * (1 + (states[4] == "failed"))


def test_missing_data_leave_a_variant_to_others_and_the_pack_goes_on(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        match order:
            case TrainPack():
                first, second, third, fourth = attempts_of(order)
                missing = Broke(attempt=first, kind=FailureKind.DATA_MISSING, message="no images", details="")
                return [missing, *done(second), Room(2), *done(third), *done(fourth)]
            case Join():
                return [*(each for one in attempts_of(order) for each in done(one)), PackOver()]
        return alone(order)

    with pytest.raises(Exception, match="no images"):
        stage.play(script)
    joined = next(order for order in stage.orders if isinstance(order, Join))
    assert [one.recipe.data.batch_size for one in joined.orders] == [32]
    assert rows(stage.db, "SELECT state, count(*) FROM jobs GROUP BY state ORDER BY state") == [
        ("queued", 2),
        ("succeeded", 4),
    ]


def test_a_pack_is_given_back_when_its_worker_stops(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        match order:
            case TrainPack():
                stage.supervisor.stop()
                return [*map(epoch, attempts_of(order)), Room(1)]
            case Join(orders=orders):
                assert orders == ()  # who stops takes nothing on
            case Stop():
                return [Stopped()]
        return []

    assert stage.play(script) == ["queued"] * 6
    assert stage.attempts() == [("released", 4)]


def test_when_a_pack_is_killed_those_without_progress_are_tried_without_company(stage: Stage) -> None:
    def script(order: Order) -> list[Report] | None:
        if isinstance(order, TrainPack):
            return [Room(3), *finished(order)] if stage.trainers > 1 else None
        return []

    assert stage.play(script) == ["succeeded"] * 6
    assert stage.attempts() == [("failed", 4), ("succeeded", 6)]
    packs = [order for order in stage.orders if isinstance(order, TrainPack)]
    assert [len(order.orders) for order in packs] == [4, 1, 1, 1, 1, 2]
    assert {order.size for order in packs} == {4}  # the same numbers
    joins = [order for order in stage.orders if isinstance(order, Join)]
    assert [len(order.orders) for order in joins] == [0] * 5  # nobody joins them


def test_a_lone_job_that_was_replaced_ends_its_trainer(stage: Stage) -> None:
    def script(order: Order) -> list[Report]:
        assert isinstance(order, Train)
        if order.attempt <= 2:
            cancel(stage.db, "small", only=[order.job])
        return done(order.attempt) if order.attempt != 2 else [Finished(attempt=2, outcome=outcome())]

    stage.worker("cuda:0")
    assert stage.play(script) == ["cancelled", "cancelled", *["succeeded"] * 4]
    assert rows(stage.db, "SELECT count(*) FROM epochs") == [(4,)]
    assert stage.trainers == 3


def test_on_a_gpu_jobs_are_packed_only_on_request(stage: Stage) -> None:
    stage.worker("cuda:0")
    assert stage.play(alone) == ["succeeded"] * 6
    assert {type(order) for order in stage.orders} == {Train}
