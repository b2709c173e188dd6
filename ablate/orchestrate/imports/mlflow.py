"""MLflow's file store: `mlruns/EXPERIMENT/RUN/` with `meta.yaml`, `params/`, `tags/` and `metrics/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ablate.errors import UsageError
from ablate.orchestrate.imports.naming import Naming, untold
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.series import Tracked, sheets
from ablate.orchestrate.imports.sheet import Cell, Faults, Sheet

META = "meta.yaml"
#: MLflow's RunStatus by its number; newer stores have the name.
STATUS: Mapping[int, str] = {1: "running", 2: "scheduled", 3: "finished", 4: "failed", 5: "killed"}


def is_store(folder: Path) -> bool:
    """Whether a folder is a file store, one of its experiments, or one of its runs."""
    return (folder / META).is_file() or any(folder.glob(f"*/{META}"))


def read_mlflow(folder: Path, source: str, options: ImportOptions, faults: Faults) -> list[Sheet]:
    """The runs of an experiment, deleted ones left out.

    Raises:
        UsageError: There is no run, or there are several experiments with some.
    """
    runs = _runs(folder, source, faults)
    names, tracked = [], []
    for one, meta in runs:
        tags = _texts(one / "tags")
        identity: dict[str, Cell] = {f"params.{name}": text for name, text in _texts(one / "params").items()}
        identity |= {f"tags.{name}": text for name, text in tags.items() if not name.startswith("mlflow.")}
        names.append(str(meta.get("run_name") or tags.get("mlflow.runName") or one.name))
        whole = {"state": _status(meta), "seconds": _seconds(meta)}
        tracked.append(Tracked(place=str(one), curves=_curves(one, faults), identity=identity, whole=whole))
    wanted = untold({column for run in tracked for column in run.identity}, options)
    told = Naming(options.pattern).columns(source, names, faults, wanted=wanted)
    named = [
        Tracked(
            place=run.place,
            curves=run.curves,
            identity={**run.identity, **{part: column[number] for part, column in told.items()}},
            whole=run.whole,
        )
        for number, run in enumerate(tracked)
    ]
    return sheets(source, named, epoch_steps=options.epoch_steps, faults=faults)


def _runs(folder: Path, source: str, faults: Faults) -> list[tuple[Path, dict[str, Any]]]:
    """The folders of the runs with what their `meta.yaml` says."""
    found: dict[Path, list[tuple[Path, dict[str, Any]]]] = {}
    for file in sorted({*folder.glob(META), *folder.glob(f"*/{META}"), *folder.glob(f"*/*/{META}")}):
        if ".trash" in file.parts:
            continue
        try:
            meta = yaml.safe_load(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            faults.add(str(file), f"cannot be read: {' '.join(str(error).split())}")
            continue
        is_run = isinstance(meta, dict) and ("run_id" in meta or "run_uuid" in meta)
        if is_run and meta.get("lifecycle_stage", "active") == "active":
            found.setdefault(file.parent.parent, []).append((file.parent, meta))
    if not found and not len(faults):
        raise UsageError(f"{source} holds no run of MLflow.", cure="Name the folder `mlruns`, or an experiment in it.")
    if len(found) > 1:
        paths = ", ".join(f"{one} ({_title(one)})" for one in found)
        raise UsageError(f"{source} holds several experiments: {paths}.", cure="Name the folder of one of them.")
    return next(iter(found.values()), [])


def _title(experiment: Path) -> str:
    try:
        return str(yaml.safe_load((experiment / META).read_text("utf-8"))["name"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return "without a name"


def _texts(folder: Path) -> dict[str, str]:
    """The content of each file below a folder by its path, which is the name of a parameter or tag."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8", errors="replace").strip() for path in files}


def _status(meta: Mapping[str, Any]) -> str:
    status = meta.get("status", "")
    return STATUS.get(status, str(status)) if isinstance(status, int) else str(status)


def _seconds(meta: Mapping[str, Any]) -> float | None:
    """Wall time of a run; MLflow counts milliseconds."""
    begun, ended = meta.get("start_time"), meta.get("end_time")
    return (ended - begun) / 1000 if isinstance(begun, int) and isinstance(ended, int) else None


def _curves(run: Path, faults: Faults) -> dict[str, dict[int, float]]:
    """Value by step of each metric: lines of time (milliseconds), value, step; the last line of a step counts."""
    found: dict[str, dict[int, float]] = {}
    folder = run / "metrics"
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        curve = found.setdefault(file.relative_to(folder).as_posix(), {})
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), start=1):
            words = line.split()
            try:
                curve[int(words[2]) if len(words) > 2 else 0] = float(words[1])
            except (IndexError, ValueError):
                faults.add(f"{file}:{number}", f"{line[:40]!r} is no line of time, value and step")
    return found
