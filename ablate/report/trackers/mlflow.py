"""MLflow's file store: `EXPERIMENT/RUN/` with `meta.yaml`, `params/`, `metrics/` and `tags/`.

The layout is MLflow's `FileStore`; `mlflow ui --backend-store-uri DIR` shows it. A study is an experiment, a run is a
variant with a seed; numbers of both are hashes of their names, so that equal rows give equal folders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.protocol import JobState
from ablate.report.trackers.runs import Point, Setting, TrackedRun

#: MLflow's RunStatus. A run that diverged went to its end: what it found is its NaN.
STATUS: Mapping[JobState, int] = {
    JobState.RUNNING: 1,
    JobState.QUEUED: 2,
    JobState.SUCCEEDED: 3,
    JobState.DIVERGED: 3,
    JobState.FAILED: 4,
    JobState.CANCELLED: 5,
}
#: Most characters of a parameter that MLflow takes.
LONGEST_PARAM = 6000
#: MLflow's SourceType LOCAL.
LOCAL = 4


def write_mlflow(runs: Sequence[TrackedRun], folder: Path, final: Path) -> None:
    """Write the store.

    Args:
        runs: Of one study.
        folder: Where to write.
        final: Where all of it will lie: MLflow wants to know where its artifacts are.
    """
    for study in dict.fromkeys(run.study for run in runs):
        members = [run for run in runs if run.study == study]
        number = str(int(_digest(study)[:15], 16))
        place, uri = folder / number, f"{final.resolve().as_uri()}/{number}"
        begun = min(run.started for run in members)
        about = {
            "artifact_location": uri,
            "creation_time": _milliseconds(begun),
            "experiment_id": number,
            "last_update_time": _milliseconds(max(run.ended or run.started for run in members)),
            "lifecycle_stage": "active",
            "name": study,
        }
        _write_yaml(place / "meta.yaml", about)
        _write_texts(place / "tags", {"mlflow.note.content": members[0].title})
        for run in members:
            _write_run(run, place, number, uri)


def _write_run(run: TrackedRun, experiment: Path, number: str, uri: str) -> None:
    name = _digest(f"{run.study}\n{run.variant_key}\n{run.seed}")[:32]
    place = experiment / name
    (place / "artifacts").mkdir(parents=True)
    about: dict[str, object] = {
        "artifact_uri": f"{uri}/{name}/artifacts",
        "end_time": None if run.ended is None else _milliseconds(run.ended),
        "entry_point_name": "",
        "experiment_id": number,
        "lifecycle_stage": "active",
        "run_id": name,
        "run_name": f"{run.variant}, seed {run.seed}",
        "run_uuid": name,
        "source_name": "",
        "source_type": LOCAL,
        "source_version": "",
        "start_time": _milliseconds(run.started),
        "status": STATUS[run.state],
        "tags": [],
        "user_id": "",
    }
    if run.state == JobState.DIVERGED and not any(point.value != point.value for point in run.curves["train_loss"]):
        about["status"] = STATUS[JobState.FAILED]
    _write_yaml(place / "meta.yaml", about)
    settings: dict[str, Setting] = {**run.settings, "variant": run.variant, "seed": run.seed}
    _write_texts(place / "params", {key: _text(value)[:LONGEST_PARAM] for key, value in settings.items()})
    _write_texts(place / "tags", {**run.facts, "mlflow.runName": f"{run.variant}, seed {run.seed}"})
    curves: dict[str, Sequence[Point]] = {**run.curves, **{name: [point] for name, point in run.figures.items()}}
    lines = {
        name: "".join(f"{_milliseconds(one.time)} {one.value!r} {one.step}\n" for one in curve)
        for name, curve in curves.items()
    }
    _write_texts(place / "metrics", lines)


def _write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(content), allow_unicode=True), encoding="utf-8", newline="\n")


def _text(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
