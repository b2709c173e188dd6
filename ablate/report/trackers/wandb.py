"""Weights & Biases: an offline folder for each run, written by `wandb` itself (`ablate-lab[wandb]`).

Nothing is sent anywhere; `wandb sync DIR/offline-run-*` does, when its user wants it. Variants are groups, steps are
epochs.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.report.trackers.runs import TrackedRun

CURE = "Install it: `pip install 'ablate-lab[wandb]'`."
#: Nothing of this machine is written: what belongs to a run is what the database knows of it.
SETTINGS: Mapping[str, Any] = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "save_code": False,
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
    "host": "",
    "username": "",
    "program": "ablate",
}
#: Most characters of the name of a run and of a group.
LONGEST_NAME, LONGEST_GROUP = 128, 128


def write_wandb(runs: Sequence[TrackedRun], folder: Path) -> None:
    """Write a folder for each run.

    Raises:
        UsageError: The package `wandb` is not installed.
    """
    try:
        import wandb
    except ImportError as error:
        raise UsageError(
            "folders of Weights & Biases are written by `wandb`, which is not installed.", cure=CURE
        ) from error
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="wandb-") as name:
        for run in runs:
            _write_run(wandb, run, Path(name))
        for made in sorted(Path(name).glob("wandb/offline-run-*")):
            shutil.rmtree(made / "logs", ignore_errors=True)  # they tell of this machine
            made.rename(folder / made.name)


def _write_run(wandb: Any, run: TrackedRun, folder: Path) -> None:  # noqa: ANN401 - has its types only where it is installed
    steps: dict[int, dict[str, float]] = {}
    for name, curve in run.curves.items():
        for point in curve:
            steps.setdefault(point.step, {"_timestamp": point.time, "epoch": point.step})[name] = point.value
    tracked = wandb.init(
        mode="offline",
        dir=folder,
        project=run.study,
        id=hashlib.sha256(f"{run.study}\n{run.variant_key}\n{run.seed}".encode()).hexdigest()[:16],
        name=f"{run.variant}, seed {run.seed}"[-LONGEST_NAME:],
        group=run.variant[:LONGEST_GROUP],
        notes=run.title,
        config={**run.settings, "variant": run.variant, "seed": run.seed},
        settings=wandb.Settings(**SETTINGS),
    )
    for step in sorted(steps):
        tracked.log(steps[step], step=step)
    figures = {name: point.value for name, point in run.figures.items() if math.isfinite(point.value)}
    tracked.summary.update({**figures, **run.facts})
    tracked.finish(exit_code=int(run.state in (JobState.FAILED, JobState.CANCELLED)))
