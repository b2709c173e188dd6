"""Lab C as a whole: a study of light variants from its first command to its report."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.on_gpu.work import Sizes

#: Dotted paths and the values that variants have in place of the baseline's.
VARIED: dict[str, list[Any]] = {
    "training.optimizer.lr": [0.001, 0.002, 0.005, 0.01, 0.02, 0.1],
    "training.optimizer.momentum": [0.0, 0.5, 0.8, 0.95],
    "training.optimizer.weight_decay": [0.0, 1e-4, 1e-3],
    "training.label_smoothing": [0.05, 0.1, 0.2],
    "training.clip_grad_norm": [1.0, 5.0],
    "model.dropout": [0.1, 0.25, 0.5],
    "model.norm": ["batch", "group"],
    "model.init": ["kaiming_uniform", "kaiming_normal", "xavier_uniform", "orthogonal"],
    "model.activation": ["leaky_relu", "elu"],
}


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What became of a study."""

    #: Jobs that were done, of all.
    done: int
    total: int
    #: Wall time of the command, seconds.
    seconds: float

    @property
    def expected(self) -> float:
        """Wall time of the whole study, seconds: measured, or by the share of jobs that were done."""
        return self.seconds if self.done == self.total else self.seconds * self.total / max(1, self.done)


def study_text(sizes: Sizes, **training: Any) -> str:
    """The study file: one variant beside the baseline for each value, as many as are asked for."""
    small = sizes.small(**training, epochs=sizes.epochs)
    variants = [(path, value) for path, values in VARIED.items() for value in values]
    lines = ['name = "gpu"', 'select = "last"', f"[seeds]\ncount = {sizes.seeds}"]
    for table in ("data", "model", "training"):
        lines += [f"[baseline.{table}]", *(f"{key} = {_toml(value)}" for key, value in small[table].items())]
    for path, value in itertools.islice(variants, sizes.variants - 1):
        name = f"{path.rpartition('.')[2]} {value}"
        lines += ["[[variants]]", f"name = {_toml(name)}", f'set = {{ "{path}" = {_toml(value)} }}']
    return "\n".join(lines) + "\n"


def whole_study(sizes: Sizes, folder: Path, root: Path, *, devices: str, workers: str, **training: Any) -> Whole:
    """Run the study by the command line, stopped where its time is over."""
    folder.mkdir(parents=True)
    (folder / "gpu.toml").write_text(study_text(sizes, **training), encoding="utf-8")
    run = ["run", "gpu.toml", "--plain", "--devices", devices, "--workers", workers, "--data-root", str(root)]
    started = time.perf_counter()
    done = _ablate(folder, *run, "--max-time", f"{sizes.study_seconds:.0f}s")
    seconds = time.perf_counter() - started
    told = _ablate(folder, "status", "gpu", "--json")
    if told.returncode != 0:
        raise RuntimeError(f"ablate run ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    jobs = json.loads(told.stdout)["studies"][0]["jobs"]
    ended = jobs["succeeded"] + jobs["diverged"]
    if jobs["failed"] or not ended:
        raise RuntimeError(f"{jobs['failed']} jobs failed, {ended} are done: {done.stderr.strip()[-300:]}")
    return Whole(done=ended, total=sum(jobs.values()), seconds=seconds)


def _ablate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ablate", *words]
    home = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))))
    there = {**os.environ, "PYTHONPATH": home, "ABLATE_DB": "sqlite:///results.db"}
    return subprocess.run(command, cwd=folder, env=there, capture_output=True, text=True, check=False)


def _toml(value: object) -> str:
    """A value as TOML; JSON is the same for all but tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
