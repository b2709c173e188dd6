"""`ablate export STUDY --to TOOL DIR`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from ablate.errors import UsageError
from ablate.report.trackers.folder import whole_folder
from ablate.report.trackers.mlflow import write_mlflow
from ablate.report.trackers.runs import tracked_runs
from ablate.report.trackers.tensorboard import write_tensorboard
from ablate.report.trackers.wandb import write_wandb
from ablate.store import Database


class Tracker(StrEnum):
    """Tools that runs are written for."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"


def write_tracked(db: Database, study: str, tracker: Tracker, folder: Path, *, force: bool = False) -> int:
    """Write all runs of a study that have begun for a tracker, all or nothing, and return their number.

    Args:
        db: The experiment database.
        study: Name of the study.
        tracker: For which tool.
        folder: Which is made.
        force: Replace an earlier export there.

    Raises:
        UsageError: There is no such study or no run in it, what the tool needs is not installed, or the folder exists
            or cannot be written.
    """
    runs = tracked_runs(db, study)
    if not runs:
        raise UsageError(
            f"no run of {study} has begun, so there is nothing to export.", cure="Type `ablate run` first."
        )
    with whole_folder(folder, mark={"study": study, "to": tracker.value}, force=force) as made:
        if tracker is Tracker.TENSORBOARD:
            write_tensorboard(runs, made)
        elif tracker is Tracker.MLFLOW:
            write_mlflow(runs, made, folder)
        else:
            write_wandb(runs, made)
    return len(runs)
