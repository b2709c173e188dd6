"""What the trainer of a pack says and heeds, with a scripted training in place of the real one."""

from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path

import pytest

from ablate import training
from ablate.errors import DataMissingError
from ablate.protocol import FailureKind
from ablate.worker.crew import train_together
from ablate.worker.messages import (
    Alive,
    Broke,
    DivergedAway,
    Drop,
    EpochDone,
    Finished,
    Join,
    PackOver,
    Report,
    Room,
    Stop,
    Stopped,
    Train,
    TrainPack,
    Unpackable,
)
from tests.store.store_cases import metrics, outcome, recipe

HOW = {"tier": "fused", "k": 4}


def order(job: int, folder: Path) -> Train:
    """Attempt 10 + `job` of a job."""
    return Train(
        job=job, attempt=10 + job, recipe=recipe(), seed=job, device="cpu", threads=1, data_root=None, artifacts=folder,
        checkpoints=(), checkpoint_every=0.0, alive_every=60.0, sources={}, folder=folder / f"job-{job}", study="mine",
        keep="none",
    )  # fmt: skip


class Trainer:
    """A pack of the jobs 1 and 2 with places for four, and the supervisor's end of its pipe."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        self.pipe, self._theirs = Pipe()

    def run(self, script: Callable[..., None]) -> tuple[list[Report], Report, bool]:
        """All reports but signs of life, the last one, and whether the process may go on."""
        self._patch.setattr(training, "train_pack", script)
        pack = TrainPack(orders=(order(1, self.folder), order(2, self.folder)), size=4)
        last, healthy = train_together(pack, self._theirs)
        told: list[Report] = []
        while self.pipe.poll():
            told.append(self.pipe.recv())
        return [one for one in told if not isinstance(one, Alive)], last, healthy


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    return Trainer(tmp_path, monkeypatch)


def test_members_end_leave_and_join_while_the_others_go_on(trainer: Trainer) -> None:
    def script(members, crew, *, size, device, data_root, threads):
        assert [(one.number, one.seed, one.resume) for one in members] == [(11, 1, None), (12, 2, None)]
        assert (size, device, data_root, threads) == (4, "cpu", None, 1)
        assert crew.joining(wait=True) == []  # nobody was asked for more
        crew.free(2)
        crew.free(1)
        for one in members:
            one.on_epoch(metrics(1, custom={}), dict)
        crew.ended(11, outcome())
        trainer.pipe.send(Join((order(3, trainer.folder),)))
        [third] = crew.joining(wait=True)
        assert third.number == 13
        trainer.pipe.send(Drop(12))
        assert 12 in crew.left()
        crew.ended(12, outcome())  # of which nobody wants to hear
        trainer.pipe.send(Join(()))
        assert crew.joining(wait=True) == []
        crew.ended(13, training.Diverged(1, "the loss is NaN", HOW))

    told, last, healthy = trainer.run(script)
    assert (last, healthy) == (PackOver(), True)
    assert [type(one) for one in told] == [Room, Room, EpochDone, EpochDone, Finished, DivergedAway]
    assert [getattr(one, "attempt", None) for one in told] == [None, None, 11, 12, 11, 13]
    assert all(one.checkpoint is not None for one in told if isinstance(one, EpochDone))
    assert told[0] == Room(2)
    assert isinstance(told[-1], DivergedAway)
    assert (told[-1].message, told[-1].execution) == ("the loss is NaN", HOW)


def test_a_member_whose_set_up_fails_has_failed_alone(trainer: Trainer) -> None:
    def script(members, crew, **_):
        crew.ended(11, DataMissingError("no images"))
        crew.ended(12, outcome())

    told, last, healthy = trainer.run(script)
    assert isinstance(told[0], Broke)
    assert (told[0].attempt, told[0].kind, told[0].message) == (11, FailureKind.DATA_MISSING, "no images")
    assert isinstance(told[1], Finished)
    assert (last, healthy) == (PackOver(), False)  # the process is replaced


def test_what_breaks_as_a_whole_is_to_be_trained_one_by_one(trainer: Trainer) -> None:
    for error, reason in (
        (training.Unpackable("no stacked form"), "no stacked form"),
        (MemoryError("so much\nand more"), "MemoryError: so much"),
        (SystemExit(3), "SystemExit: 3"),
    ):

        def script(*_: object, raised: BaseException = error, **__: object) -> None:
            raise raised

        assert trainer.run(script) == ([], Unpackable(reason), False)


def test_a_pack_stops_when_it_is_told_to(trainer: Trainer) -> None:
    def script(members, crew, **_):
        assert not crew.should_stop()
        crew.free(1)
        trainer.pipe.send(Stop())
        assert crew.should_stop()
        assert crew.joining(wait=True) == []  # without an answer to its question
        raise training.Stopped(0)

    assert trainer.run(script) == ([Room(1)], Stopped(), True)


def test_checkpoints_of_many_take_no_more_time_than_those_of_one(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("ablate.worker.reporting.time.monotonic", lambda: float(next(clock)))

    def script(members, crew, **_):
        for epoch in range(1, 5):
            for one in members:
                one.on_epoch(metrics(epoch, custom={}), dict)

    told, _, _ = trainer.run(script)
    written = [(one.attempt, one.metrics.epoch) for one in told if isinstance(one, EpochDone) and one.checkpoint]
    assert written == [(11, 1), (12, 1)]
