"""The trainer half of a worker: a child process that trains one job after the other.

It ends when the pipe to its supervisor closes, so that no orphan keeps a processor or a GPU busy.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from ablate import training
from ablate.errors import AblateError
from ablate.metrics import Outcome
from ablate.protocol import CODE_FOLDER
from ablate.study.own_code import laid_out
from ablate.worker import checkpoints
from ablate.worker.crew import train_together
from ablate.worker.failures import broke
from ablate.worker.logs import BEGINS
from ablate.worker.messages import Broke, DivergedAway, Finished, Report, Spent, Stop, Stopped, Train, TrainPack
from ablate.worker.reporting import Epochs, Pulse, keeping, send
from ablate.worker.restore import Before

_log = logging.getLogger(__name__)


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
        if isinstance(order, Train):
            report, healthy = _train(order, connection)
        elif isinstance(order, TrainPack):
            report, healthy = train_together(order, connection)
        else:  # crossed with the end of what it was meant for
            continue
        left_behind = before.restore()
        if left_behind is not None and healthy:
            send(connection, Spent(f"{_whose(order)} changed more than its own: {left_behind}"))
        send(connection, report)
        if left_behind is not None or not healthy:
            return


def _whose(order: Train | TrainPack) -> str:
    if isinstance(order, Train):
        return f"the code of job {order.job}"
    return f"a pack that began with job {order.orders[0].job}"


def _train(order: Train, connection: Connection) -> tuple[Report, bool]:
    """Train one job; the last report of it, and whether this process may serve further ones."""
    try:
        with laid_out(order.sources, under=order.artifacts / CODE_FOLDER) as code_root:
            report = _attempt(order, connection, code_root)
    except (AblateError, OSError) as error:  # the files cannot be written
        return broke(error, order), False
    if isinstance(report, Finished | DivergedAway):
        shutil.rmtree(order.folder, ignore_errors=True)
    return report, not isinstance(report, Broke)


def _attempt(order: Train, connection: Connection, code_root: Path | None) -> Report:
    """Whatever a model, a data set or PyTorch raises is the job's failure, `sys.exit` too."""
    started = time.monotonic()
    pulse = Pulse(connection, order.alive_every)
    try:
        return Finished(attempt=order.attempt, outcome=_run(order, connection, pulse, code_root))
    except training.Stopped:
        return Stopped()
    except training.Diverged as finding:
        seconds, how = time.monotonic() - started, dict(finding.execution)
        return DivergedAway(attempt=order.attempt, message=str(finding), seconds=seconds, execution=how)
    except BaseException as error:  # noqa: BLE001 - see above
        return broke(error, order)  # while the lines of the user's own files can be read


def _run(order: Train, connection: Connection, pulse: Pulse, code_root: Path | None) -> Outcome:
    resume = checkpoints.load_newest(order.checkpoints, order.artifacts)
    _log.info(BEGINS, order.attempt, order.job, resume["epoch"] if resume else 0)

    def should_stop() -> bool:
        pulse.beat()
        return _told_to_stop(connection)

    return training.train(
        order.recipe,
        seed=order.seed,
        device=order.device,
        data_root=order.data_root,
        on_epoch=Epochs(order, connection),
        should_stop=should_stop,
        resume=resume,
        threads=order.threads,
        code_root=code_root,
        folder=order.folder,
        keeping=keeping(order),
    )


def _told_to_stop(connection: Connection) -> bool:
    """Whether the supervisor said stop; ends the process when the supervisor is gone."""
    try:
        return connection.poll() and isinstance(connection.recv(), Stop)
    except (EOFError, OSError):
        os._exit(1)
