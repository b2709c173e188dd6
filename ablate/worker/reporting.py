"""What a trainer says of a job while it goes on: epochs with their checkpoints, and signs of life."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any

from ablate import training
from ablate.metrics import EpochMetrics
from ablate.protocol import WEIGHTS_FOLDER
from ablate.worker import checkpoints
from ablate.worker.messages import Alive, EpochDone, Report, Train

_log = logging.getLogger(__name__)

#: Most of a job's time that checkpoints may take: long epochs are all kept, short ones in groups.
CHECKPOINT_SHARE = 0.05


def send(connection: Connection, report: Report) -> None:
    """Report; ends the process where the supervisor is gone."""
    try:
        connection.send(report)
    except OSError:  # and with it the reason to go on
        os._exit(1)


def keeping(order: Train) -> training.Keeping | None:
    """Where the final weights of a job go; a job that is run again writes the same files, so that old ones are gone."""
    if order.keep == "none":
        return None
    stem = f"{WEIGHTS_FOLDER}/{order.study}/{order.recipe.key}-{order.seed}"
    return training.Keeping(keep=order.keep, artifacts=order.artifacts, stem=stem)


class Epochs:
    """Reports the epochs of one job, and writes checkpoints; called as `training.train` calls `on_epoch`.

    Args:
        order: The job.
        connection: The pipe to the supervisor.
        sharing: How many jobs share the process's time, this one included.
    """

    def __init__(self, order: Train, connection: Connection, *, sharing: Callable[[], int] = lambda: 1) -> None:
        self._order = order
        self._connection = connection
        self._sharing = sharing
        #: When the next checkpoint may be written.
        self._due = 0.0

    def __call__(self, metrics: EpochMetrics, state: Callable[[], Mapping[str, Any]] | None) -> None:
        """An epoch was trained."""
        order, checkpoint = self._order, None
        last = metrics.epoch == order.recipe.training.epochs
        begun = time.monotonic()
        if state is not None and metrics.finite and not last and begun >= self._due:
            try:
                checkpoint = checkpoints.save(
                    state(), attempt=order.attempt, epoch=metrics.epoch, artifacts=order.artifacts
                )
            except OSError as error:  # a full disk, say: the epoch counts all the same
                _log.warning("epoch %d has no checkpoint, and goes on without: %s", metrics.epoch, error)
            ended = time.monotonic()
            worth = (ended - begun) * self._sharing() / CHECKPOINT_SHARE
            self._due = ended + max(order.checkpoint_every, worth)
        send(self._connection, EpochDone(attempt=order.attempt, metrics=metrics, checkpoint=checkpoint))


class Pulse:
    """Signs of life to the supervisor, from the first batch on, seldom enough to cost nothing.

    Args:
        connection: The pipe to the supervisor.
        every: Least time between two signs, seconds.
    """

    def __init__(self, connection: Connection, every: float) -> None:
        self._connection = connection
        self._every = every
        self._due = 0.0

    def beat(self) -> None:
        """The job goes on."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._every
            send(self._connection, Alive())
