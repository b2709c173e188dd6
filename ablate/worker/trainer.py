"""The trainer half of a worker: a child process that trains one job after the other.

It ends when the pipe to its supervisor closes, so that no orphan keeps a processor or a GPU busy.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ablate import training
from ablate.errors import AblateError, DataMissingError
from ablate.metrics import EpochMetrics, Outcome
from ablate.protocol import FailureKind
from ablate.study.own_code import laid_out
from ablate.worker import checkpoints
from ablate.worker.logs import BEGINS
from ablate.worker.messages import Broke, DivergedAway, EpochDone, Finished, Report, Stop, Stopped, Train

_log = logging.getLogger(__name__)

#: Most of a job's time that checkpoints may take: long epochs are all kept, short ones in groups.
CHECKPOINT_SHARE = 0.05
#: Folder below the artifacts where the user's own files lie while a job runs.
CODE = "code"
#: Folder below the artifacts with a folder for each job that a trainer of the user's own trains.
JOBS = "jobs"
#: Folder below the artifacts with a folder for each study that keeps final weights.
WEIGHTS = "weights"


def serve(connection: Connection) -> None:
    """Train jobs from the pipe until it closes or one fails; a process that failed once is not to be trusted."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if isinstance(order, Stop):  # crossed with the end of the job that it was meant for
            continue
        report = _train(order, connection)
        try:
            connection.send(report)
        except BrokenPipeError:
            return
        if isinstance(report, Broke):
            return


def _train(order: Train, connection: Connection) -> Report:
    with laid_out(order.sources, under=order.artifacts / CODE) as code_root:
        report = _attempt(order, connection, code_root)
    if isinstance(report, Finished | DivergedAway):
        shutil.rmtree(_job_folder(order), ignore_errors=True)
    if code_root is not None and isinstance(report, Broke):  # as the user knows the files
        return replace(report, details=report.details.replace(f"{code_root}{os.sep}", ""))
    return report


def _attempt(order: Train, connection: Connection, code_root: Path | None) -> Report:
    started = time.monotonic()
    try:
        return Finished(outcome=_run(order, connection, code_root))
    except training.Stopped:
        return Stopped()
    except training.Diverged as finding:
        return DivergedAway(message=str(finding), seconds=time.monotonic() - started)
    except DataMissingError as error:
        return Broke(kind=FailureKind.DATA_MISSING, message=str(error), details="")
    except AblateError as error:
        details = traceback.format_exc() if error.__cause__ is not None else ""
        return Broke(kind=FailureKind.USER_ERROR, message=str(error), details=details)
    except Exception as error:  # noqa: BLE001 - whatever a model, a data set or PyTorch raises is the job's failure
        return Broke(kind=_kind(error), message=_one_line(error), details=traceback.format_exc())


def _run(order: Train, connection: Connection, code_root: Path | None) -> Outcome:
    resume = checkpoints.load_newest(order.checkpoints, order.artifacts)
    _log.info(BEGINS, order.attempt, order.job, resume["epoch"] if resume else 0)
    due = 0.0  # when the next checkpoint may be written

    def on_epoch(metrics: EpochMetrics, state: Callable[[], Mapping[str, Any]] | None) -> None:
        nonlocal due
        checkpoint = None
        last = metrics.epoch == order.recipe.training.epochs
        begun = time.monotonic()
        if state is not None and metrics.finite and not last and begun >= due:
            checkpoint = checkpoints.save(
                state(), attempt=order.attempt, epoch=metrics.epoch, artifacts=order.artifacts
            )
            ended = time.monotonic()
            due = ended + max(order.checkpoint_every, (ended - begun) / CHECKPOINT_SHARE)
        _send(connection, EpochDone(metrics=metrics, checkpoint=checkpoint))

    return training.train(
        order.recipe,
        seed=order.seed,
        device=order.device,
        data_root=order.data_root,
        on_epoch=on_epoch,
        should_stop=lambda: _told_to_stop(connection),
        resume=resume,
        threads=order.threads,
        code_root=code_root,
        folder=_job_folder(order),
        keeping=_keeping(order),
    )


def _keeping(order: Train) -> training.Keeping | None:
    """Where the final weights of a job go; a job that is run again writes the same files, so that old ones are gone."""
    if order.keep == "none":
        return None
    stem = f"{WEIGHTS}/{order.study}/{order.recipe.key}-{order.seed}"
    return training.Keeping(keep=order.keep, artifacts=order.artifacts, stem=stem)


def _job_folder(order: Train) -> Path:
    """A folder of one job, which a trainer of the user's own may write into until the job has ended."""
    return order.artifacts / JOBS / str(order.job)


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


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, training.Killed):
        return FailureKind.KILLED
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return FailureKind.OUT_OF_MEMORY
    accelerator_error = getattr(torch, "AcceleratorError", None)  # PyTorch >= 2.8
    if accelerator_error is not None and isinstance(error, accelerator_error):
        return FailureKind.CUDA_FAULT
    return FailureKind.USER_ERROR


def _one_line(error: Exception) -> str:
    first = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__
