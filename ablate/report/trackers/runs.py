"""What every tracker is told of a run: its settings, its curves, its figures, and when all of it was."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ablate.metrics import OF_EPOCHS
from ablate.protocol import JobState
from ablate.report.trackers.names import folder_names, tag_names
from ablate.store import Database
from ablate.store.records import EpochRecord, RunRecord
from ablate.study.outline import Outline, OutlineVariant

#: What runs have columns for and no epoch tells. How long a run took is told by its times.
OF_RUNS = ("test_accuracy", "test_loss", "selected_epoch", "parameters", "trainable_parameters", "flops")
#: What the epochs of a run tell; of a run without epochs they are figures of the whole run.
OF_EITHER = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
Setting = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value of a metric."""

    #: Epoch, counted from 1.
    step: int
    #: NaN: the loss of a run that diverged.
    value: float
    #: When it was measured, seconds since 1970 UTC.
    time: float


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run, ready to be written. Names of metrics and settings are safe in paths; those of people are as they are."""

    study: str
    title: str
    variant: str
    #: The variant's key, hexadecimal.
    variant_key: str
    #: Seed index.
    seed: int
    #: A name for the variant's folder; no other variant of the study has it.
    folder: str
    state: JobState
    #: Start of the run and its end, seconds since 1970 UTC; None while it runs.
    started: float
    ended: float | None
    #: Factor levels, then the recipe as dotted paths; what is a default is left out.
    settings: Mapping[str, Setting]
    #: Each epoch metric, by epoch.
    curves: Mapping[str, Sequence[Point]]
    #: Each metric of the whole run.
    figures: Mapping[str, Point]
    #: Texts by name: device, error and the like; what is empty is left out.
    facts: Mapping[str, str]


def tracked_runs(db: Database, study: str) -> tuple[TrackedRun, ...]:
    """All runs of a study that have begun, by variant and seed.

    Raises:
        UsageError: The database has no such study.
    """
    from ablate.store import reading

    outline = reading.outline(db, study)
    variants = {variant.key: variant for variant in outline.variants}
    runs = [run for run in reading.runs(db, study) if run.started_at is not None and run.variant_key in variants]
    rows: dict[tuple[str, int], list[EpochRecord]] = {}
    for row in reading.epochs(db, study):
        rows.setdefault((row.variant_key, row.seed), []).append(row)
    recipes = {key: dict(_flat(reading.recipe(db, study, key))) for key in variants}
    return tuple(_tracked(outline, variants, recipes, runs, rows))


def _tracked(
    outline: Outline,
    variants: Mapping[str, OutlineVariant],
    recipes: Mapping[str, Mapping[str, Setting]],
    runs: Sequence[RunRecord],
    rows: Mapping[tuple[str, int], Sequence[EpochRecord]],
) -> Iterator[TrackedRun]:
    folders = folder_names({key: variant.name for key, variant in variants.items()})
    settings = {key: {**recipes[key], **variant.levels} for key, variant in variants.items()}
    setting_tags = tag_names(name for one in settings.values() for name in one)
    of_epochs = {*OF_EPOCHS, *(name for of_run in rows.values() for row in of_run for name in row.custom)}
    epoch_tags = tag_names(of_epochs)
    of_runs = {*OF_RUNS, *(name for run in runs for name in run.metrics)}
    run_tags = {**epoch_tags, **tag_names(f"run_{name}" if name in of_epochs else name for name in of_runs)}
    for run in runs:
        epochs = rows.get((run.variant_key, run.seed), ())
        times = _times(run, epochs)
        yield TrackedRun(
            study=outline.name,
            title=outline.title,
            variant=run.variant,
            variant_key=run.variant_key,
            seed=run.seed,
            folder=folders[run.variant_key],
            state=run.state,
            started=_started(run, epochs),
            ended=_ended(run, epochs),
            settings={setting_tags[name]: value for name, value in settings[run.variant_key].items()},
            curves={
                epoch_tags[name]: points for name in sorted(of_epochs) if (points := _curve(run, epochs, times, name))
            },
            figures=dict(_figures(run, epochs, times, run_tags, of_epochs)),
            facts=_facts(run),
        )


def _times(run: RunRecord, epochs: Sequence[EpochRecord]) -> list[float]:
    """When each epoch ended: its attempt began, and the epochs of that attempt took so long one after another."""
    found: list[float] = []
    spent: dict[int, float] = {}
    for row in epochs:
        spent[row.attempt] = spent.get(row.attempt, 0.0) + (row.seconds or 0.0)
        begun = row.begun_at or run.started_at
        found.append((0.0 if begun is None else begun.timestamp()) + spent[row.attempt])
    return found


def _started(run: RunRecord, epochs: Sequence[EpochRecord]) -> float:
    begun = [moment for row in epochs[:1] if (moment := row.begun_at)]
    known: list[datetime] = [*begun, *([run.started_at] if run.started_at else [])]
    return min(known).timestamp()


def _ended(run: RunRecord, epochs: Sequence[EpochRecord]) -> float | None:
    """The end of a run such that it took as long as it trained, without the time between its attempts."""
    if run.seconds is not None:
        return _started(run, epochs) + run.seconds
    return None if run.ended_at is None else run.ended_at.timestamp()


def _curve(run: RunRecord, epochs: Sequence[EpochRecord], times: Sequence[float], name: str) -> list[Point]:
    found = []
    for row, time in zip(epochs, times, strict=True):
        value = getattr(row, name) if name in OF_EPOCHS else row.custom.get(name)
        if value is None and name == "train_loss" and run.state == JobState.DIVERGED:
            value = math.nan  # a database has no NaN; where a run diverged, this is one
        if value is not None:
            found.append(Point(step=row.epoch, value=float(value), time=time))
    return found


def _figures(
    run: RunRecord,
    epochs: Sequence[EpochRecord],
    times: Sequence[float],
    tags: Mapping[str, str],
    of_epochs: set[str],
) -> Iterator[tuple[str, Point]]:
    """Metrics of the whole run, at the epoch whose weights they belong to."""
    places = {row.epoch: time for row, time in zip(epochs, times, strict=True)}
    step = run.selected_epoch or max(places, default=0)
    time = max([*times, _ended(run, epochs) or _started(run, epochs)])
    for name in OF_EITHER if not epochs else ():
        if (value := getattr(run, name)) is not None:
            yield tags[name], Point(step=step, value=float(value), time=time)
    known: dict[str, float | None] = {name: getattr(run, name) for name in OF_RUNS}
    for name, value in {**known, **{key: run.metrics[key] for key in sorted(run.metrics)}}.items():
        if value is not None:
            tag = tags[f"run_{name}" if name in of_epochs else name]
            yield tag, Point(step=step, value=float(value), time=time)


def _facts(run: RunRecord) -> dict[str, str]:
    found = {
        "variant_key": run.variant_key,
        "state": str(run.state),
        "attempt": str(run.attempt),
        "device": run.device,
        "device_name": run.device_name,
        "error": run.error,
        "commit": run.provenance.get("commit"),
    }
    return {name: str(value) for name, value in found.items() if value}


def _flat(given: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Setting]]:
    """A recipe as dotted paths; lists are JSON."""
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, bool | int | float | str):
            yield f"{before}{name}", value
        else:
            yield f"{before}{name}", json.dumps(value, ensure_ascii=False)
