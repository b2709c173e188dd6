"""The forest plot: the difference of each variant with its interval, around zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.report import numbers
from ablate.report.columns import seeds, verdict
from ablate.report.html.scale import Scale, around_zero
from ablate.report.html.tables import FILTERED
from ablate.report.language import say
from ablate.report.table import together
from ablate.statistics import Comparison
from ablate.verdicts.analysis import Analysis


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One comparison; places are percent of the axis, None where there is nothing to draw."""

    #: Key of the variant.
    key: str
    name: str
    #: Text: number of seeds, mean ± sd, difference with its interval.
    n: str
    mean: str
    delta: str
    #: What the row is sorted by: number of seeds, mean, difference; None where there is none.
    values: tuple[float | None, float | None, float | None]
    #: The verdict's word, or `not run`; and with what bars it.
    verdict: str
    said: str
    #: Where the difference lies, its interval, and each seed.
    at: float | None
    low: float | None
    high: float | None
    seeds: tuple[float, ...]
    #: The interval goes on beyond the axis, or the difference itself lies there.
    cut_low: bool
    cut_high: bool


@dataclass(frozen=True, kw_only=True)
class Forest:
    """Comparisons on one axis."""

    name: str
    title: str
    #: Heading of the rows, of the axis, and of the means.
    of: str
    axis: str
    metric: str
    #: What the left and the right of zero mean.
    left: str
    right: str
    #: Place and text of each tick.
    ticks: tuple[tuple[float, str], ...]
    zero: float
    #: Where differences are smaller than the declared margin begins, and how far it reaches; None without one.
    margin: tuple[float, float] | None
    #: How to read it.
    note: str
    rows: tuple[ForestRow, ...]

    @property
    def is_filtered(self) -> bool:
        """Whether it is long enough to be searched."""
        return len(self.rows) >= FILTERED


def forests(analysis: Analysis) -> tuple[Forest, ...]:
    """One of all variants against the baseline, and one for each ladder; those with nothing to draw are left out."""
    found = [_forest(analysis, say("Effects"), tuple(analysis.comparisons.values()))]
    found += [
        _forest(analysis, say("Ladder: {name}", name=family.name), family.comparisons, is_ladder=True)
        for family in analysis.ladders
    ]
    return tuple(one for one in found if any(row.at is not None for row in one.rows))


def _forest(analysis: Analysis, title: str, comparisons: Sequence[Comparison], *, is_ladder: bool = False) -> Forest:
    results = analysis.results
    metric, margin = results.metric, results.outline.statistics.margin
    values: list[float] = []
    for one in comparisons:
        bounds = (one.difference.delta, one.difference.ci_low, one.difference.ci_high)
        values += [value for value in bounds if value is not None]
    scale = around_zero(values, always=() if margin is None else (-margin, margin))
    sides = (say("worse"), say("better"))
    left, right = sides if results.outline.direction == "max" else sides[::-1]
    unit = numbers.unit_of_difference(metric)
    return Forest(
        name=title,
        title=say(
            "{title}: {metric} against {reference}",
            title=title,
            metric=metric.label,
            reference=say("the step before") if is_ladder else say("the baseline"),
        ),
        of=say("step") if is_ladder else say("variant"),
        axis=f"Δ {unit}".strip(),
        metric=numbers.heading(metric),
        left=left,
        right=right,
        ticks=tuple((scale.place(tick), _tick(analysis, tick)) for tick in scale.ticks),
        zero=scale.place(0.0),
        margin=None if margin is None else (low := scale.place(-margin), round(scale.place(margin) - low, 3)),
        note=_note(analysis, comparisons, is_ladder=is_ladder),
        rows=tuple(_row(analysis, one, scale) for one in comparisons),
    )


def _note(analysis: Analysis, comparisons: Sequence[Comparison], *, is_ladder: bool) -> str:
    results = analysis.results
    base = numbers.with_unit(results.metric, analysis.interval(results.outline.baseline).mean)
    sentences = [
        say(
            "Marks are differences with their 95 % intervals, dots below them single seeds against the mean of "
            "{reference}.",
            reference=say("the step before") if is_ladder else say("what they are compared with"),
        )
    ]
    if {one.reference for one in comparisons} == {results.outline.baseline}:
        sentences.insert(0, say("{name}: {value}.", name=results.baseline.name, value=base))
    if results.outline.statistics.margin is not None:
        sentences.append(say("Between the sides of the shaded band a difference is smaller than the declared margin."))
    sentences.append(say("Intervals are not adjusted for the number of comparisons; verdicts are."))
    sentences.append(say("What goes on beyond the axis ends in an arrow."))
    return together(sentences)


def _tick(analysis: Analysis, value: float) -> str:
    """A tick's text: as few digits as it needs."""
    shown = round(100 * value if analysis.results.metric.percent else value, 10)
    text = f"{shown:g}".replace("-", numbers.MINUS)
    return f"+{text}" if shown > 0 else text


def _row(analysis: Analysis, one: Comparison, scale: Scale) -> ForestRow:
    results = analysis.results
    variant, found, metric = results.outline.variant(one.arm), one.difference, results.metric
    interval = analysis.interval(one.arm)
    base = analysis.interval(one.reference).mean
    values = analysis.arms[one.arm].values
    dots = [] if base is None else [values[seed] - base for seed in sorted(values)]
    low, high = (found.delta if end is None else end for end in (found.ci_low, found.ci_high))
    return ForestRow(
        key=one.arm,
        name=variant.name,
        n=seeds(analysis, variant).text,
        mean=numbers.mean_sd(metric, interval.mean, interval.sd),
        delta=numbers.difference(metric, found),
        values=(interval.n, interval.mean, found.delta),
        verdict=analysis.verdict(one),
        said=verdict(analysis, variant, one).text,
        at=None if found.delta is None or not scale.holds(found.delta) else scale.place(found.delta),
        low=None if low is None else scale.place(low),
        high=None if high is None else scale.place(high),
        seeds=tuple(scale.place(dot) for dot in dots if scale.holds(dot)),
        cut_low=low is not None and low < scale.low,
        cut_high=high is not None and high > scale.high,
    )
