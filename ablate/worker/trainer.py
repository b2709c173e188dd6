"""The trainer half of a worker: a child process that trains one job after the other.

It ends when the pipe to its supervisor closes, so that no orphan keeps a processor or a GPU busy.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ablate import training
from ablate.errors import AblateError
from ablate.metrics import EpochMetrics, Outcome
from ablate.protocol import CODE_FOLDER, WEIGHTS_FOLDER
from ablate.study.own_code import laid_out
from ablate.worker import checkpoints
from ablate.worker.failures import broke
from ablate.worker.logs import BEGINS
from ablate.worker.messages import Alive, Broke, DivergedAway, EpochDone, Finished, Report, Spent, Stop, Stopped, Train
from ablate.worker.restore import Before

_log = logging.getLogger(__name__)

#: Most of a job's time that checkpoints may take: long epochs are all kept, short ones in groups.
CHECKPOINT_SHARE = 0.05


def serve(connection: Connection, rearm: Callable[[], None]) -> None:
    """Train jobs from the pipe until it closes or one fails; a process that failed once is not to be trusted.

    Args:
        connection: The pipe to the supervisor.
        rearm: Puts back how this process answers its supervisor, whatever a job's code did to that.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    before = Before(rearm)
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if isinstance(order, Stop):  # crossed with the end of the job that it was meant for
            continue
        report = _train(order, connection)
        left_behind = before.restore()
        if left_behind is not None and not isinstance(report, Broke):
            _send(connection, Spent(f"the code of job {order.job} changed more than its own: {left_behind}"))
        _send(connection, report)
        if left_behind is not None or isinstance(report, Broke):
            return


def _train(order: Train, connection: Connection) -> Report:
    try:
        with laid_out(order.sources, under=order.artifacts / CODE_FOLDER) as code_root:
            report = _attempt(order, connection, code_root)
    except (AblateError, OSError) as error:  # the files cannot be written
        return broke(error, order)
    if isinstance(report, Finished | DivergedAway):
        shutil.rmtree(order.folder, ignore_errors=True)
    return report


def _attempt(order: Train, connection: Connection, code_root: Path | None) -> Report:
    """Whatever a model, a data set or PyTorch raises is the job's failure, `sys.exit` too."""
    started = time.monotonic()
    pulse = _Pulse(connection, order.alive_every)
    try:
        return Finished(outcome=_run(order, connection, pulse, code_root))
    except training.Stopped:
        return Stopped()
    except training.Diverged as finding:
        return DivergedAway(message=str(finding), seconds=time.monotonic() - started)
    except BaseException as error:  # noqa: BLE001 - see above
        return broke(error, order)  # while the lines of the user's own files can be read


def _run(order: Train, connection: Connection, pulse: _Pulse, code_root: Path | None) -> Outcome:
    resume = checkpoints.load_newest(order.checkpoints, order.artifacts)
    _log.info(BEGINS, order.attempt, order.job, resume["epoch"] if resume else 0)
    due = 0.0  # when the next checkpoint may be written

    def on_epoch(metrics: EpochMetrics, state: Callable[[], Mapping[str, Any]] | None) -> None:
        nonlocal due
        checkpoint = None
        last = metrics.epoch == order.recipe.training.epochs
        begun = time.monotonic()
        if state is not None and metrics.finite and not last and begun >= due:
            try:
                checkpoint = checkpoints.save(
                    state(), attempt=order.attempt, epoch=metrics.epoch, artifacts=order.artifacts
                )
            except OSError as error:  # a full disk, say: the epoch counts all the same
                _log.warning("epoch %d has no checkpoint, and goes on without: %s", metrics.epoch, error)
            ended = time.monotonic()
            due = ended + max(order.checkpoint_every, (ended - begun) / CHECKPOINT_SHARE)
        _send(connection, EpochDone(metrics=metrics, checkpoint=checkpoint))

    def should_stop() -> bool:
        pulse.beat()
        return _told_to_stop(connection)

    return training.train(
        order.recipe,
        seed=order.seed,
        device=order.device,
        data_root=order.data_root,
        on_epoch=on_epoch,
        should_stop=should_stop,
        resume=resume,
        threads=order.threads,
        code_root=code_root,
        folder=order.folder,
        keeping=_keeping(order),
    )


def _keeping(order: Train) -> training.Keeping | None:
    """Where the final weights of a job go; a job that is run again writes the same files, so that old ones are gone."""
    if order.keep == "none":
        return None
    stem = f"{WEIGHTS_FOLDER}/{order.study}/{order.recipe.key}-{order.seed}"
    return training.Keeping(keep=order.keep, artifacts=order.artifacts, stem=stem)


class _Pulse:
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
            _send(self._connection, Alive())


def _told_to_stop(connection: Connection) -> bool:
    """Whether the supervisor said stop; ends the process when the supervisor is gone."""
    try:
        return connection.poll() and isinstance(connection.recv(), Stop)
    except (EOFError, OSError):
        os._exit(1)


def _send(connection: Connection, report: Report) -> None:
    try:
        connection.send(report)
    except OSError:  # the supervisor is gone, and with it the reason to go on
        os._exit(1)
