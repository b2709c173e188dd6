"""A pack as its trainer sees it: jobs that are trained together, some of which end or leave, and others that join."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Collection, Sequence
from multiprocessing.connection import Connection

from ablate import training
from ablate.metrics import Outcome
from ablate.recipe import Recipe
from ablate.worker import checkpoints
from ablate.worker.failures import broke, one_line
from ablate.worker.logs import ENDS, JOINS, PACK
from ablate.worker.messages import (
    Broke,
    DivergedAway,
    Drop,
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
from ablate.worker.reporting import Epochs, Pulse, keeping, send

_log = logging.getLogger(__name__)

#: Longest time between two signs of life while nothing is left to train, seconds.
_PATIENCE_SECONDS = 1.0


def train_together(order: TrainPack, connection: Connection) -> tuple[Report, bool]:
    """Train the jobs of a pack, and those that join it, to the end.

    Returns the last report, and whether this process may serve further jobs.
    """
    _log.info(PACK, len(order.orders), order.size)
    first = order.orders[0]
    crew = Crew(connection, Pulse(connection, first.alive_every))
    try:
        training.train_pack(
            crew.members(order.orders),
            crew,
            size=order.size,
            device=first.device.partition(",")[0],
            data_root=first.data_root,
            threads=first.threads,
        )
    except training.Stopped:
        return Stopped(), not crew.harmed
    except training.Unpackable as error:
        return Unpackable(str(error)), False
    except BaseException as error:  # noqa: BLE001 - whatever it is, one by one it will be seen whose fault it is
        _log.exception("the pack failed as a whole")
        return Unpackable(one_line(error)), False
    return PackOver(), not crew.harmed


class Crew:
    """Who is trained, between the supervisor and `training.train_pack`; implements `training.Crew`.

    Args:
        connection: The pipe to the supervisor.
        pulse: Its signs of life.
    """

    def __init__(self, connection: Connection, pulse: Pulse) -> None:
        self._connection = connection
        self._pulse = pulse
        #: Jobs that are trained, by attempt, and when each began.
        self._orders: dict[int, Train] = {}
        self._begun: dict[int, float] = {}
        self._joined: list[Train] = []
        self._left: set[int] = set()
        #: Questions for more jobs that were not answered yet.
        self._asked = 0
        self._stopping = False
        #: Whether a job failed, so that this process is not to be trusted any more.
        self.harmed = False

    def members(self, orders: Sequence[Train]) -> list[training.Member]:
        """Jobs as `train_pack` takes them; those whose checkpoint cannot be read have ended with that."""
        found = []
        for order in orders:
            self._orders[order.attempt], self._begun[order.attempt] = order, time.monotonic()
            try:
                found.append(self._member(order))
            except Exception as error:  # noqa: BLE001 - its own failure, not that of the others
                self.ended(order.attempt, error)
        return found

    def _member(self, order: Train) -> training.Member:
        if not isinstance(order.recipe, Recipe):
            raise TypeError(f"job {order.job} has a trainer of its own, which trains nothing else beside it")
        resume = checkpoints.load_newest(order.checkpoints, order.artifacts)
        _log.info(JOINS, order.attempt, order.job, resume["epoch"] if resume else 0)
        return training.Member(
            number=order.attempt,
            recipe=order.recipe,
            seed=order.seed,
            on_epoch=Epochs(order, self._connection, sharing=lambda: max(1, len(self._orders))),
            resume=resume,
            keeping=keeping(order),
        )

    def ended(self, number: int, result: Outcome | training.Diverged | Exception) -> None:
        """Report how one job ended."""
        order = self._orders.pop(number, None)
        if order is None:  # it was dropped
            return
        _log.info(ENDS, order.attempt, order.job)
        report: Finished | DivergedAway | Broke
        if isinstance(result, Outcome):
            report = Finished(attempt=number, outcome=result)
        elif isinstance(result, training.Diverged):
            seconds = time.monotonic() - self._begun[number]
            how = dict(result.execution)
            report = DivergedAway(attempt=number, message=str(result), seconds=seconds, execution=how)
        else:
            report, self.harmed = broke(result, order), True
        if not isinstance(report, Broke):
            shutil.rmtree(order.folder, ignore_errors=True)
        send(self._connection, report)

    def free(self, places: int) -> None:
        """Ask for more jobs."""
        self._asked += 1
        send(self._connection, Room(places))

    def joining(self, wait: bool) -> Sequence[training.Member]:
        """Jobs that came. With `wait` none came only where all questions were answered so."""
        self._hear()
        while wait and self._asked and not self._joined and not self._stopping:
            self._connection.poll(_PATIENCE_SECONDS)
            self._pulse.beat()
            self._hear()
        came, self._joined = self._joined, []
        return self.members(came)

    def left(self) -> Collection[int]:
        """Attempts that the supervisor wants dropped."""
        self._hear()
        return self._left

    def should_stop(self) -> bool:
        """Give a sign of life, and tell whether the supervisor said stop."""
        self._pulse.beat()
        self._hear()
        return self._stopping

    def _hear(self) -> None:
        """Take in what the supervisor said; ends the process where it is gone."""
        try:
            while self._connection.poll():
                self._heed(self._connection.recv())
        except (EOFError, OSError):
            os._exit(1)

    def _heed(self, said: object) -> None:
        match said:
            case Stop():
                self._stopping = True
            case Drop(attempt=attempt):
                self._left.add(attempt)
                if (order := self._orders.pop(attempt, None)) is not None:
                    _log.info(ENDS, order.attempt, order.job)
                self._joined = [one for one in self._joined if one.attempt != attempt]
            case Join(orders=orders):
                self._asked -= 1
                self._joined += orders
