"""Columns of tables: what each cell of a variant says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ablate.metrics import METRICS, Metric, named_metric
from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.language import say
from ablate.report.looks import standing
from ablate.report.table import Cell, Column, listed, words
from ablate.report.words import word
from ablate.statistics import Comparison
from ablate.store.records import RunRecord
from ablate.study.outline import OutlineVariant
from ablate.verdicts.analysis import NOT_RUN, Analysis
from ablate.verdicts.results import mean_of

#: Marks the row that others are compared with.
BASELINE = " (baseline)"
Maker = Callable[[OutlineVariant], Cell]


def label(analysis: Analysis, text: str, variant: OutlineVariant) -> Cell:
    """What the row is called; the baseline, retuned or not, is marked unless that is its name."""
    is_baseline = variant.key == analysis.results.outline.baseline or variant.is_reference
    marked = is_baseline and not text.startswith(say("baseline"))
    return Cell(text=say("{name} (baseline)", name=text) if marked else text, value=text)


def seeds(analysis: Analysis, variant: OutlineVariant) -> Cell:
    """The seeds behind a mean: `5`, `3 of 5` where some are missing, `5 (1 as chance)` where some only count so."""
    arm = analysis.arms[variant.key]
    n = len(arm.values)
    text = str(n) if n == arm.planned else say("{n} of {planned}", n=n, planned=arm.planned)
    if analysis.chance is not None and arm.diverged:
        text = say("{seeds} ({n} as chance)", seeds=text, n=len(arm.diverged))
    return Cell(text=text, value=n)


def mean(analysis: Analysis, variant: OutlineVariant, comparison: Comparison | None) -> Cell:
    """Mean ± sd of the ranked metric, bold where the verdict is "better"."""
    interval = analysis.interval(variant.key)
    return Cell(
        text=numbers.mean_sd(analysis.results.metric, interval.mean, interval.sd),
        value=interval.mean,
        strong=comparison is not None and comparison.verdict == "better",
    )


def delta(metric: Metric, comparison: Comparison | None) -> Cell:
    """The difference with its interval."""
    if comparison is None:
        return words(numbers.UNKNOWN)
    return Cell(text=numbers.difference(metric, comparison.difference), value=comparison.difference.delta)


def verdict(analysis: Analysis, variant: OutlineVariant, comparison: Comparison | None) -> Cell:
    """The verdict, with what bars it; bold where it is "better"."""
    if not analysis.results.is_run(variant.key):
        return Cell(text=word(NOT_RUN), value=NOT_RUN)
    if comparison is None:
        return words(numbers.UNKNOWN)
    why = comparison.why or standing(analysis.results.outline, comparison)
    text = word(comparison.verdict)
    if why:
        text = say("{verdict} ({why})", verdict=text, why=why)
    if comparison.tiny_difference:
        text = say("equivalent (tiny real difference)")
    return Cell(text=text, value=comparison.verdict, strong=comparison.verdict == "better")


def results_columns(
    analysis: Analysis, comparisons: Mapping[str, Comparison], *, reported: bool, against: str
) -> list[tuple[Column, Maker]]:
    """The columns n, mean ± sd, difference, verdict, and what was reported elsewhere."""
    metric = analysis.results.metric
    difference = say("Δ vs {reference} [95 %]", reference=against)
    if metric.percent:
        difference = say("Δ vs {reference} (points) [95 %]", reference=against)
    found = [
        (Column(name="n", heading="n"), lambda variant: seeds(analysis, variant)),
        (
            Column(name="mean", heading=numbers.heading(metric)),
            lambda variant: mean(analysis, variant, comparisons.get(variant.key)),
        ),
        (
            Column(name="delta", heading=difference),
            lambda variant: delta(metric, comparisons.get(variant.key)),
        ),
        (
            Column(name="verdict", heading=say("verdict"), align="left"),
            lambda variant: verdict(analysis, variant, comparisons.get(variant.key)),
        ),
    ]
    if reported:
        found.append(
            (
                Column(name="reported", heading=say("reported (%)") if metric.percent else say("reported")),
                lambda variant: Cell(text=numbers.plain(metric, variant.reported), value=variant.reported),
            )
        )
    return found


def _measured(
    analysis: Analysis,
    name: str,
    heading: str,
    read: Callable[[RunRecord], float | None],
    text: Callable[[float | None], str],
) -> tuple[Column, Maker]:
    """A hideable column with the mean of what the variant's successful runs measured."""

    def make(variant: OutlineVariant) -> Cell:
        runs = [run for run in analysis.results.runs_of(variant.key) if run.state == JobState.SUCCEEDED]
        value = mean_of([read(run) for run in runs])
        return Cell(text=text(value), value=value)

    return Column(name=name, heading=heading, hideable=True), make


def parameters(analysis: Analysis) -> tuple[Column, Maker]:
    """All parameters, trained or not."""
    return _measured(analysis, "parameters", say("parameters"), lambda run: run.parameters, numbers.count)


def flops(analysis: Analysis) -> tuple[Column, Maker]:
    """Multiply-adds times two of one image's forward pass."""
    return _measured(analysis, "flops", say("FLOPs / image"), lambda run: run.flops, numbers.count)


def tests(analysis: Analysis) -> list[tuple[Column, Maker]]:
    """Mean test accuracy and test loss, without the one that variants are ranked by."""
    return [
        _measured(
            analysis,
            metric.name,
            numbers.heading(metric),
            partial(_field, name=metric.name),
            partial(numbers.plain, metric),
        )
        for metric in (METRICS["test_accuracy"], METRICS["test_loss"])
        if metric.name != analysis.results.metric.name
    ]


def run_metrics(analysis: Analysis) -> list[tuple[Column, Maker]]:
    """Means of further metrics of whole runs, by name, without the one that variants are ranked by."""
    found = []
    for name in analysis.results.of_runs:
        metric = named_metric(name)
        if name != analysis.results.metric.name:
            read, text = partial(_of_run, name=name), partial(numbers.plain, metric)
            found.append(_measured(analysis, name, numbers.heading(metric), read, text))
    return found


def _of_run(run: RunRecord, name: str) -> float | None:
    return run.metrics.get(name)


def _field(run: RunRecord, name: str) -> float | None:
    value: float | None = getattr(run, name)
    return value


def lengths(analysis: Analysis) -> list[tuple[Column, Maker]]:
    """Epochs run, and the epoch that was selected; nothing where all runs were equally long."""
    ended = {run.epochs for run in analysis.results.runs if run.state == JobState.SUCCEEDED}
    if len(ended) < 2:
        return []
    return [
        _ranged(analysis, "epochs", say("epochs run"), lambda run: run.epochs),
        _ranged(analysis, "selected_epoch", say("epoch selected"), lambda run: run.selected_epoch),
    ]


def _ranged(
    analysis: Analysis, name: str, heading: str, read: Callable[[RunRecord], int | None]
) -> tuple[Column, Maker]:
    """A column of whole numbers with their mean over a variant's successful runs, and their range."""

    def make(variant: OutlineVariant) -> Cell:
        runs = [run for run in analysis.results.runs_of(variant.key) if run.state == JobState.SUCCEEDED]
        known = [value for run in runs if (value := read(run)) is not None]
        mean = mean_of(known)
        if mean is None or len(set(known)) == 1:
            return Cell(text=numbers.few(mean), value=mean)
        text = say("{mean} ({low} to {high})", mean=numbers.fixed(mean, 1), low=min(known), high=max(known))
        return Cell(text=text, value=mean)

    return Column(name=name, heading=heading), make


def seconds_per_epoch(analysis: Analysis) -> tuple[Column, Maker]:
    """Mean over runs of the median epoch, seconds."""
    return _measured(
        analysis, "seconds_per_epoch", say("s / epoch"), _own(lambda run: run.seconds_per_epoch), numbers.significant
    )


def _own(read: Callable[[RunRecord], float | None]) -> Callable[[RunRecord], float | None]:
    """A time of runs that were trained by themselves: others' are shares of what several took together."""
    return lambda run: read(run) if run.alone else None


def last_train_loss(analysis: Analysis) -> tuple[Column, Maker]:
    """Training loss of the last epoch."""

    def text(value: float | None) -> str:
        return numbers.UNKNOWN if value is None else numbers.fixed(value, 4)

    return _measured(analysis, "train_loss", say("last training loss"), lambda run: run.train_loss, text)


def costs(analysis: Analysis) -> list[tuple[Column, Maker]]:
    """Everything that a variant costs."""

    def devices(variant: OutlineVariant) -> Cell:
        names = {run.device_name for run in analysis.results.runs_of(variant.key) if run.device_name}
        return words(listed(sorted(names)) or numbers.UNKNOWN)

    frozen = any(run.trainable_parameters != run.parameters for run in analysis.results.runs)
    found = [
        parameters(analysis),
        flops(analysis),
        _measured(analysis, "epochs", say("epochs"), lambda run: run.epochs or None, numbers.few),
        seconds_per_epoch(analysis),
        _measured(analysis, "seconds", say("s / run"), _own(lambda run: run.seconds), numbers.significant),
        _measured(
            analysis,
            "images_per_second",
            say("images / s"),
            _own(lambda run: run.images_per_second),
            numbers.count,
        ),
        _measured(analysis, "peak_memory_bytes", say("peak memory"), lambda run: run.peak_memory_bytes, numbers.memory),
        (Column(name="device", heading=say("device"), align="left", hideable=True), devices),
    ]
    if frozen:
        found.insert(
            1,
            _measured(
                analysis,
                "trainable_parameters",
                say("trained parameters"),
                lambda run: run.trainable_parameters,
                numbers.count,
            ),
        )
    return found
