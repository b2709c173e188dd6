"""Tables with a row for each epoch and a column for each variant, as a study asks for them by `[[report.epochs]]`."""

from __future__ import annotations

from ablate.metrics import Metric
from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.language import capital, say
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.report.words import word
from ablate.statistics import mean_interval
from ablate.study.outline import OutlineEpochs, OutlineVariant
from ablate.study.report_table import epoch_metric
from ablate.verdicts.analysis import NOT_RUN
from ablate.verdicts.results import Results

#: Values of one variant after one epoch, a seed each.
Values = dict[int, list[float]]


def epochs_table(results: Results, wanted: OutlineEpochs) -> Table | None:
    """Mean ± sd over the successful runs after each epoch; None where nothing was measured yet.

    Args:
        results: The study.
        wanted: Metric, variants and title.
    """
    metric = epoch_metric(wanted.metric)
    chosen = _variants(results, wanted)
    values = {variant.key: _values(results, variant, metric.name) for _, variant in chosen}
    last = max((epoch for found in values.values() for epoch in found), default=0)
    if not last:
        return None
    runs = {variant.key: len(_succeeded(results, variant)) for _, variant in chosen}
    said = {key: f"n = {number}" if results.is_run(key) else word(NOT_RUN) for key, number in runs.items()}
    heads = (
        Column(name="epoch", heading=say("epoch")),
        *(
            Column(name=f"variant {variant.key}", heading=say("{name} ({said})", name=name, said=said[variant.key]))
            for name, variant in chosen
        ),
    )
    rows = [
        Row(
            cells=(
                Cell(text=str(epoch), value=epoch),
                *(_cell(metric, values[one.key].get(epoch, []), runs[one.key]) for _, one in chosen),
            )
        )
        for epoch in range(1, last + 1)
    ]
    return Table(
        title=wanted.title or say("{metric} after each epoch", metric=capital(metric.label)),
        columns=heads,
        rows=tuple(rows),
        notes=_notes(results, wanted, metric, [name for name, variant in chosen if not values[variant.key]]),
    )


def _variants(results: Results, wanted: OutlineEpochs) -> list[tuple[str, OutlineVariant]]:
    """The variants under the names by which they were asked for; those that are still being retuned are left out."""
    if not wanted.variants:
        return [(variant.name, variant) for variant in results.outline.variants]
    found = ((name, results.outline.named(name)) for name in wanted.variants)
    return [(name, variant) for name, variant in found if variant is not None]


def _succeeded(results: Results, variant: OutlineVariant) -> list[int]:
    return [run.seed for run in results.runs_of(variant.key) if run.state == JobState.SUCCEEDED]


def _values(results: Results, variant: OutlineVariant, metric: str) -> Values:
    found: Values = {}
    for run in results.runs_of(variant.key):
        for row in results.epochs_of(run) if run.state == JobState.SUCCEEDED else ():
            if (value := results.after_epoch(row, metric)) is not None:
                found.setdefault(row.epoch, []).append(value)
    return found


def _cell(metric: Metric, values: list[float], runs: int) -> Cell:
    """Mean ± sd, with n where not all runs came so far."""
    if not values:
        return words(numbers.UNKNOWN)
    found = mean_interval(values)
    text = numbers.mean_sd(metric, found.mean, found.sd)
    if len(values) < runs:
        text = say("{mean} (n = {n})", mean=text, n=len(values))
    return Cell(text=text, value=found.mean)


def _notes(results: Results, wanted: OutlineEpochs, metric: Metric, silent: list[str]) -> tuple[str, ...]:
    measured = say("{metric} in percent", metric=metric.label) if metric.percent else say(metric.label)
    notes = [say("Mean ± sd over seeds of the {metric}; runs that did not succeed are left out.", metric=measured)]
    if metric.name.startswith("oracle_"):
        notes.append(say("Oracle: the test set was measured after each epoch; nothing was chosen or ranked by it."))
    missing = [name for name in wanted.variants if results.outline.named(name) is None]
    if silent or missing:
        names = listed([quoted(name) for name in (*silent, *missing)])
        notes.append(say("Not measured yet: {names}.", names=names))
    return tuple(notes)
