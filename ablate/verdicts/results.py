"""All stored rows of one study, read once; everything else in this room works on them alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ablate.metrics import METRICS, OF_EPOCHS, ORACLE, Metric, named_metric
from ablate.protocol import FailureKind, JobState
from ablate.recipe.compare import differences
from ablate.store import Database
from ablate.store.history import AttemptRecord
from ablate.store.records import EpochRecord, FailureRecord, ImageSetRecord, RepeatRecord, RunRecord
from ablate.study.outline import FIRST_TUNING_SEED, Outline, OutlineVariant
from ablate.study.own_code import sha256
from ablate.study.report_table import EPOCH_METRICS
from ablate.verdicts.class_counts import ClassCounts, class_counts
from ablate.verdicts.outcomes import Outcomes, outcomes
from ablate.verdicts.steps import StepCurve, step_curves

#: The machine's fault, as is a lost worker (no kind): such a run may be left out, for it says nothing of its variant.
MACHINE = (FailureKind.KILLED, FailureKind.CUDA_FAULT, FailureKind.DATA_MISSING)
#: States in which a job may still bring a value.
PENDING = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLED)
#: Variants whose steps are read together.
VARIANTS_AT_A_TIME = 8
#: Classes up to which a report shows each.
MOST_CLASSES = 20


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a report is drawn from."""

    #: The newest revision, laid out.
    outline: Outline
    #: A row for each job that the outline asks for, whatever its state.
    runs: tuple[RunRecord, ...]
    #: A row for each epoch of those jobs.
    epochs: tuple[EpochRecord, ...] = ()
    #: What was measured at single steps, by variant key and seed; only of runs that kept some.
    steps: Mapping[tuple[str, int], StepCurve] = field(default_factory=dict)
    #: What the selected network took each class for, by variant key and seed; only of runs that kept true classes, and
    #: not too many.
    classes: Mapping[tuple[str, int], ClassCounts] = field(default_factory=dict)
    #: Which test images each run got right, by variant key and seed; only of runs that kept true classes.
    outcomes: Mapping[tuple[str, int], Outcomes] = field(default_factory=dict)
    #: Which test images each variant met; only of runs whose predictions were kept.
    test_sets: tuple[ImageSetRecord, ...] = ()
    #: Recipes of the study that were trained twice outside the queue.
    repeats: tuple[RepeatRecord, ...] = ()
    #: Why jobs failed, without tuning runs.
    failures: tuple[FailureRecord, ...] = ()
    #: The attempts of each job that took several or has not succeeded, by number of the job.
    attempts: Mapping[int, tuple[AttemptRecord, ...]] = field(default_factory=dict)
    #: The baseline's recipe in its canonical form; empty for results from elsewhere.
    recipe: Mapping[str, Any] = field(default_factory=dict)
    #: Where each variant's recipe departs from the baseline's, by variant key: dotted path, the baseline's value and
    #: its own; None stands for a default.
    changes: Mapping[str, tuple[tuple[str, Any, Any], ...]] = field(default_factory=dict)
    #: Epochs that each variant's recipe asks for, by variant key.
    planned: Mapping[str, int] = field(default_factory=dict)
    #: The `--set` options of that revision.
    settings: tuple[str, ...] = ()
    #: The commands by which that revision was submitted: what stands after `ablate run`.
    calls: tuple[tuple[str, ...], ...] = ()
    #: Number of that revision, counted from 1.
    revision: int = 1
    #: SHA-256 of each of the user's own files of that revision, by path.
    sources: Mapping[str, str] = field(default_factory=dict)
    #: First submission of the study, UTC.
    submitted: datetime | None = None

    @classmethod
    def load(cls, db: Database, study: str) -> Results:
        """Read a study. Raises the store's error where the database knows no such study."""
        from ablate.store import reading

        judged = cls.for_verdicts(db, study)
        outline = judged.outline
        recipes = reading.recipes(db, study)
        record = next((record for record in reading.studies(db) if record.name == study), None)
        return replace(
            judged,
            steps=_steps(db, study, [variant.key for variant in outline.variants]),
            classes=class_counts(db, study, [variant.key for variant in outline.variants], most=MOST_CLASSES),
            outcomes=outcomes(db, study, judged.runs),
            attempts=reading.histories(db, study),
            repeats=reading.repeats(db, [variant.key for variant in outline.variants]),
            recipe=recipes.get(outline.baseline, {}),
            changes={key: tuple(differences(recipes.get(outline.baseline, {}), one)) for key, one in recipes.items()},
            planned=reading.planned_epochs(db, study),
            settings=reading.revision_settings(db, study),
            calls=reading.calls(db, study),
            sources={path: sha256(text) for path, text in reading.revision_sources(db, study).items()},
            revision=1 if record is None else record.revision,
            submitted=None if record is None else record.created_at,
        )

    @classmethod
    def for_verdicts(cls, db: Database, study: str) -> Results:
        """What verdicts need of a study: its runs and their epochs, nothing that is only shown.

        Raises the store's error where the database knows no such study.
        """
        from ablate.store import reading

        return cls(
            outline=reading.outline(db, study),
            runs=tuple(reading.runs(db, study)),
            epochs=tuple(reading.epochs(db, study)),
            test_sets=reading.test_sets(db, study),
            failures=tuple(one for one in reading.failures(db, study) if one.seed < FIRST_TUNING_SEED),
        )

    @cached_property
    def metric(self) -> Metric:
        """The ranked metric; one that ablate does not know is what its name says, as `named_metric` reads it."""
        return named_metric(self.outline.metric, self.outline.direction)

    @cached_property
    def baseline(self) -> OutlineVariant:
        """The variant that all others are compared with."""
        return self.outline.variant(self.outline.baseline)

    def reference(self, variant: OutlineVariant, design: str = "") -> OutlineVariant:
        """What a variant is compared with: the baseline, or for a retuned level the equally retuned baseline.

        Args:
            variant: The variant.
            design: Name of the design that compares; the first one that has another reference where none is named.
        """
        return self.outline.reference(variant, design)

    @cached_property
    def _runs(self) -> Mapping[str, tuple[RunRecord, ...]]:
        grouped: dict[str, list[RunRecord]] = {variant.key: [] for variant in self.outline.variants}
        for run in sorted(self.runs, key=lambda run: run.seed):
            if run.variant_key in grouped:
                grouped[run.variant_key].append(run)
        return {key: tuple(runs) for key, runs in grouped.items()}

    @cached_property
    def _epochs(self) -> Mapping[tuple[str, int], tuple[EpochRecord, ...]]:
        grouped: dict[tuple[str, int], list[EpochRecord]] = {}
        for row in sorted(self.epochs, key=lambda row: row.epoch):
            grouped.setdefault((row.variant_key, row.seed), []).append(row)
        return {place: tuple(rows) for place, rows in grouped.items()}

    @cached_property
    def excused(self) -> frozenset[int]:
        """Numbers of the jobs that failed by the machine's fault."""
        return frozenset(one.job for one in self.failures if one.kind is None or one.kind in MACHINE)

    def runs_of(self, key: str) -> tuple[RunRecord, ...]:
        """A variant's runs, by seed, whatever their state."""
        return self._runs.get(key, ())

    def is_run(self, key: str) -> bool:
        """Whether any run of a variant is over: succeeded, diverged, or failed."""
        return any(run.state not in PENDING for run in self.runs_of(key))

    def epochs_of(self, run: RunRecord) -> tuple[EpochRecord, ...]:
        """A run's epochs, in order."""
        return self._epochs.get((run.variant_key, run.seed), ())

    def value(self, run: RunRecord) -> float | None:
        """The ranked metric of a run: None unless it succeeded and measured it, and for curves of the test set.

        It is what the run has a column for, else a metric of the whole run, else one of its selected epoch.
        """
        if run.state != JobState.SUCCEEDED or self.outline.metric.startswith(ORACLE):
            return None
        name = self.outline.metric
        if name in METRICS and (known := finite(getattr(run, name))) is not None:
            return known
        if (of_run := finite(run.metrics.get(name))) is not None:
            return of_run
        rows = self.epochs_of(run)
        chosen = [row for row in rows if row.epoch == run.selected_epoch] or rows[-1:]
        return finite(chosen[0].custom.get(name)) if chosen else None

    def after_epoch(self, row: EpochRecord, name: str) -> float | None:
        """What an epoch measured under a name; None where it did not."""
        return finite(getattr(row, name) if name in OF_EPOCHS else row.custom.get(name))

    @cached_property
    def measured(self) -> tuple[str, ...]:
        """Names of what any epoch measured: first those that ablate knows, in their order, then others by name."""
        custom = {name for row in self.epochs for name, value in row.custom.items() if finite(value) is not None}
        known = [name for name in EPOCH_METRICS if self.measures(name)]
        return (*known, *sorted(custom - set(known)))

    def measures(self, name: str) -> bool:
        """Whether any epoch measured something under a name."""
        return any(self.after_epoch(row, name) is not None for row in self.epochs)

    @cached_property
    def logged(self) -> tuple[str, ...]:
        """Names by which any run that succeeded could be ranked, in alphabetical order."""
        runs = [run for run in self.runs if run.state == JobState.SUCCEEDED]
        found = {name for name in METRICS for run in runs if finite(getattr(run, name)) is not None}
        found |= {name for run in runs for name, value in run.metrics.items() if finite(value) is not None}
        rows = (row for run in runs for row in self.epochs_of(run))
        found |= {name for row in rows for name, value in row.custom.items() if finite(value) is not None}
        return tuple(sorted(found))

    @cached_property
    def of_runs(self) -> tuple[str, ...]:
        """Names of the further metrics of whole runs that any run measured, in alphabetical order."""
        found = {name for run in self.runs for name, value in run.metrics.items() if finite(value) is not None}
        return tuple(sorted(found))

    def changed(self, variant: OutlineVariant) -> dict[str, str]:
        """The factors in which a variant differs from the baseline, with its level of each; empty for named ones."""
        return self.outline.changed(variant)

    def states(self) -> Mapping[JobState, int]:
        """How many runs are in each state; states without a run are left out."""
        counts = {state: sum(run.state == state for run in self.runs) for state in JobState}
        return MappingProxyType({state: number for state, number in counts.items() if number})

    @property
    def finished(self) -> int:
        """Runs that are over: succeeded, diverged, or failed."""
        return sum(run.state not in PENDING for run in self.runs)


def _steps(db: Database, study: str, keys: Sequence[str]) -> dict[tuple[str, int], StepCurve]:
    """The steps of all runs, a few variants at a time: records take far more room than arrays."""
    from ablate.store import reading

    found: dict[tuple[str, int], StepCurve] = {}
    for first in range(0, len(keys), VARIANTS_AT_A_TIME):
        found.update(step_curves(reading.steps(db, study, keys[first : first + VARIANTS_AT_A_TIME])))
    return found


def finite(value: float | None) -> float | None:
    """The number, or None where it is none."""
    return value if value is not None and math.isfinite(value) else None


def mean_of(values: Sequence[float | None]) -> float | None:
    """Mean of those that are known; None where none is."""
    known = [value for value in map(finite, values) if value is not None]
    return math.fsum(known) / len(known) if known else None
