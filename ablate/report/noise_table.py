"""The table of two sources of noise: what other seeds would do to a difference, and what other test images."""

from __future__ import annotations

from ablate.metrics import Metric
from ablate.report import columns, numbers
from ablate.report.examples import beyond_test_set, distribution_wise, obstacle, two_sources
from ablate.report.language import say
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.statistics import Comparison, TwoSources
from ablate.told import told
from ablate.verdicts.analysis import Analysis

#: Shown for a variance that came out negative.
NOTHING_LEFT = "~0"
NOTES = (
    told(
        "All in points. Verdicts are on this test set: they weigh the noise of seeds alone. Other test images of the "
        "same kind would move Δ too; the standard error over both counts that. Only what is better or worse here is "
        "asked whether it is so beyond this test set, which it is where Δ ± 1.96 se leaves 0 out. That interval is "
        "adjusted for nothing."
    ),
    told(
        "Distribution-wise: what is left of the sd over seeds without the luck of a finite test set (Jordan 2023); "
        "{nothing} where its estimate is negative.",
        nothing=NOTHING_LEFT,
    ),
)


def noise_table(analysis: Analysis) -> Table | None:
    """A row for each comparison with both kinds of noise, the baseline first; None where there is none."""
    rows, left_out = [], dict[str, list[str]]()
    steps = [one for family in analysis.ladders for one in family.comparisons]
    for one in (*analysis.comparisons.values(), *steps):
        both = two_sources(analysis, one.arm, one.reference)
        if both is not None and both.se_total is not None:
            rows.append(_row(analysis, one, both))
        elif both is None and analysis.arms[one.arm].values:
            left_out.setdefault(obstacle(analysis, one.arm, one.reference), []).append(quoted(analysis.names[one.arm]))
    if not rows:
        return None
    baseline = analysis.results.baseline
    dashes = (words(numbers.UNKNOWN) for _ in range(6))
    first = (columns.label(analysis, baseline.name, baseline), *dashes, *_spreads(analysis, baseline.key))
    rows.insert(0, Row(cells=first, key=baseline.key, baseline=True))
    heads = (
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="delta", heading=say("Δ (points)")),
        Column(name="se_seed", heading=say("se over seeds")),
        Column(name="se_example", heading=say("se over test images")),
        Column(name="se_total", heading=say("se over both")),
        Column(name="interval", heading=say("Δ ± 1.96 se over both")),
        Column(name="beyond_test_set", heading=say("beyond this test set?"), align="left"),
        Column(name="sd", heading=say("sd over seeds")),
        Column(name="distribution_sd", heading=say("distribution-wise sd")),
    )
    notes = [say(note) for note in NOTES]
    notes += [say("Left out: {names} ({why}).", names=listed(names), why=why) for why, names in left_out.items()]
    return Table(title=say("Two sources of noise"), columns=heads, rows=tuple(rows), notes=tuple(notes))


def _row(analysis: Analysis, comparison: Comparison, both: TwoSources) -> Row:
    metric, names = analysis.results.metric, analysis.names
    text = names[comparison.arm]
    if comparison.reference != analysis.results.outline.baseline:
        text = say("{name} (against {reference})", name=text, reference=quoted(names[comparison.reference]))
    answer, interval = beyond_test_set(comparison, both), numbers.UNKNOWN
    if answer is not None:  # elsewhere it would look like a verdict, and with few seeds a rash one
        interval = f"[{numbers.signed(metric, both.low)}, {numbers.signed(metric, both.high)}]"
    return Row(
        cells=(
            words(text),
            Cell(text=numbers.signed(metric, both.delta), value=both.delta),
            *(_size(metric, size) for size in (both.se_seed, both.se_example, both.se_total)),
            words(interval),
            words(numbers.UNKNOWN if answer is None else say("yes") if answer else say("no")),
            *_spreads(analysis, comparison.arm),
        ),
        key=comparison.arm,
    )


def _spreads(analysis: Analysis, key: str) -> tuple[Cell, Cell]:
    """The standard deviation over seeds, on this test set and on images without number."""
    found, metric = distribution_wise(analysis, key), analysis.results.metric
    on_set = _size(metric, analysis.interval(key).sd)
    if found is not None and found.variance < 0:
        return on_set, Cell(text=NOTHING_LEFT, value=0.0)
    return on_set, _size(metric, None if found is None else found.sd)


def _size(metric: Metric, value: float | None) -> Cell:
    return Cell(text=numbers.plain(metric, value), value=value)
