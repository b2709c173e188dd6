"""The compute-aware view of a study: tables and JSON of equal epochs, equal time, and merit against cost."""

from __future__ import annotations

from typing import Any

from ablate.metrics import Metric
from ablate.report import columns, numbers
from ablate.report.equal import Equal, Point, at_equal_cost
from ablate.report.language import capital, say
from ablate.report.pareto import Candidate, Pareto, paretos
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, together, words
from ablate.report.wording import RETUNED_BASELINE
from ablate.study.outline import OutlineVariant
from ablate.told import told
from ablate.verdicts.analysis import Analysis

UNADJUSTED = told("Descriptive: intervals are Welch's at 95 %, adjusted for nothing, and no verdict rests on them.")


def compute_tables(analysis: Analysis) -> tuple[Table, ...]:
    """The tables that have something to tell."""
    equal, against = at_equal_cost(analysis), paretos(analysis)
    found = [] if equal is None else [_equal_table(analysis, equal)]
    return (*found, _pareto_table(analysis, against)) if against else tuple(found)


def _equal_table(analysis: Analysis, equal: Equal) -> Table:
    metric = equal.metric
    difference = say("Δ vs {reference} [95 %]", reference=say("baseline"))
    if metric.percent:
        difference = say("Δ vs {reference} (points) [95 %]", reference=say("baseline"))
    heads = [
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="n", heading="n"),
        Column(name="at_epoch", heading=_in_percent(metric, say("after epoch {epoch}", epoch=equal.epoch))),
        Column(name="epoch_delta", heading=difference),
    ]
    if _apart(equal):
        time = numbers.duration(equal.seconds)
        heads += [
            Column(name="epochs", heading=say("epochs in {time}", time=time)),
            Column(name="at_time", heading=_in_percent(metric, say("after {time}", time=time))),
            Column(name="time_delta", heading=difference),
        ]
    rows = [
        _equal_row(analysis, equal, variant)
        for variant in analysis.results.outline.variants
        if variant.key in equal.at_epoch
    ]
    return Table(
        title=say("At equal epochs and at equal time"),
        columns=tuple(heads),
        rows=tuple(rows),
        notes=tuple(_equal_notes(analysis, equal)),
    )


def _in_percent(metric: Metric, heading: str) -> str:
    return say("{metric} (%)", metric=heading) if metric.percent else heading


def _apart(equal: Equal) -> bool:
    """Whether equal time says anything else than equal epochs."""
    return any(point is None or point.epoch != equal.epoch for point in equal.at_time.values())


def _equal_row(analysis: Analysis, equal: Equal, variant: OutlineVariant) -> Row:
    point = equal.at_epoch[variant.key]
    planned = analysis.arms[variant.key].planned
    n = point.interval.n
    seeds = Cell(text=str(n) if n == planned else say("{n} of {planned}", n=n, planned=planned), value=n)
    cells = [columns.label(analysis, variant.name, variant), seeds, *_point_cells(equal, point)]
    if _apart(equal):
        later = equal.at_time.get(variant.key)
        over = numbers.few(later.epoch) if later else "0" if variant.key in equal.at_time else numbers.UNKNOWN
        cells += [words(over), *_point_cells(equal, later)]
    return Row(cells=tuple(cells), key=variant.key, baseline=variant.key == analysis.results.outline.baseline)


def _point_cells(equal: Equal, point: Point | None) -> tuple[Cell, Cell]:
    if point is None:
        return words(numbers.UNKNOWN), words(numbers.UNKNOWN)
    found, difference = point.interval, point.difference
    mean = Cell(text=numbers.mean_sd(equal.metric, found.mean, found.sd), value=found.mean)
    if difference is None:
        return mean, words(numbers.UNKNOWN)
    return mean, Cell(text=numbers.difference(equal.metric, difference), value=difference.delta)


def _equal_notes(analysis: Analysis, equal: Equal) -> list[str]:
    found = [
        say(
            "By {metric}, mean ± sd over seeds; never by the test set. Epoch {epoch} is the last that all runs "
            "reached. A schedule that was planned for more epochs is cut short in such a comparison.",
            metric=equal.metric.label,
            epoch=equal.epoch,
        )
    ]
    if equal.seconds is not None:
        longest = say(
            "{time} is the longest training time that all reached on {device}: wall time of epochs, median over seeds, "
            "as jobs ran beside each other.",
            time=numbers.duration(equal.seconds),
            device=equal.device,
        )
        coarse = say("Only whole epochs count, so that with few of them this is coarse.")
        same = say("By then all had done as many epochs, so that nothing else is told.")
        found.append(together([longest, coarse if _apart(equal) else same]))
    elif equal.other_devices:
        found.append(say("No comparison at equal time: the runs were on different device models."))
    if equal.seconds is not None and equal.other_devices:
        names = _names(analysis, equal.other_devices)
        found.append(say("Left out of equal time, for other device models: {names}.", names=names))
    late = [key for key, point in equal.at_time.items() if point is None]
    if late:
        found.append(say("No epoch was over by then: {names}.", names=_names(analysis, late)))
    retuned = any(analysis.results.reference(one).key != analysis.results.outline.baseline
                  for one in analysis.results.outline.variants)  # fmt: skip
    if retuned:
        found.append(say(RETUNED_BASELINE))
    return [*found, say(UNADJUSTED)]


def _pareto_table(analysis: Analysis, against: tuple[Pareto, ...]) -> Table:
    metric = analysis.results.metric
    keys = {key for one in against for key in one.by_key}
    heads = [
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="mean", heading=numbers.heading(metric)),
        *(Column(name=one.cost.name, heading=say("by {cost}", cost=one.cost.heading), align="left") for one in against),
    ]
    rows = [
        Row(
            cells=(
                columns.label(analysis, variant.name, variant),
                Cell(text=columns.mean(analysis, variant, None).text, value=analysis.interval(variant.key).mean),
                *(words(standing(analysis, one.by_key.get(variant.key))) for one in against),
            ),
            key=variant.key,
            baseline=variant.key == analysis.results.outline.baseline,
        )
        for variant in analysis.results.outline.variants
        if variant.key in keys
    ]
    return Table(
        title=say("{metric} against cost", metric=capital(metric.label)),
        columns=tuple(heads),
        rows=tuple(rows),
        notes=tuple(_pareto_notes(analysis, against)),
    )


def standing(analysis: Analysis, one: Candidate | None) -> str:
    """Where a variant stands, as a cell has it."""
    if one is None:
        return numbers.UNKNOWN
    if one.verdict == "front":
        return say("front")
    name = quoted(analysis.names[one.neighbour])
    return (
        say("dominated by {name}", name=name)
        if one.verdict == "dominated"
        else say("not separable from {name}", name=name)
    )


def _pareto_notes(analysis: Analysis, against: tuple[Pareto, ...]) -> list[str]:
    found = [
        say(
            "Front: nothing that costs as much or less is better. Dominated: the named variant costs no more and is "
            "better, beyond the interval of their difference. Not separable: it costs no more, and the interval "
            "includes 0."
        )
    ]
    timed = [one for one in against if one.cost.timed]
    found += [
        say("Seconds: median over seeds, on {device}; a few percent are chance.", device=one.device) for one in timed
    ]
    left = {key for one in against if not one.cost.timed for key in one.left_out}
    if left:
        kept = [variant.key for variant in analysis.results.outline.variants if variant.key in left]
        names = _names(analysis, kept)
        found.append(say("Without a place, for runs that diverged, failed or are not in: {names}.", names=names))
    apart = [key for one in timed for key in one.left_out if key not in left]
    if apart and len(against) > len(timed):
        names = _names(analysis, apart)
        found.append(say("Without a place in time, for other device models: {names}.", names=names))
    return [*found, say(UNADJUSTED)]


def _names(analysis: Analysis, keys: tuple[str, ...] | list[str]) -> str:
    return listed([quoted(analysis.names[key]) for key in keys])


def compute_json(analysis: Analysis) -> dict[str, Any]:
    """The entry `compute` of `ablate report --json`; what cannot be told is None or empty."""
    equal = at_equal_cost(analysis)
    return {
        "metric": equal and equal.metric.name,
        "epoch": equal and equal.epoch,
        "seconds": equal and equal.seconds,
        "device": (equal and equal.device) or None,
        "at_equal_epochs": [] if equal is None else [_entry(analysis, key, one) for key, one in equal.at_epoch.items()],
        "at_equal_time": [] if equal is None else [_entry(analysis, key, one) for key, one in equal.at_time.items()],
        "pareto": [
            {
                "cost": one.cost.name,
                "metric": analysis.results.metric.name,
                "device": one.device or None,
                "variants": [_candidate(analysis, candidate) for candidate in one.candidates],
            }
            for one in paretos(analysis)
        ],
    }


def _entry(analysis: Analysis, key: str, point: Point | None) -> dict[str, Any]:
    difference = point.difference if point else None
    return {
        "variant": analysis.names[key],
        "epoch": point and point.epoch,
        "n": point.interval.n if point else 0,
        "mean": point and point.interval.mean,
        "sd": point and point.interval.sd,
        "delta": difference and difference.delta,
        "ci_low": difference and difference.ci_low,
        "ci_high": difference and difference.ci_high,
    }


def _candidate(analysis: Analysis, one: Candidate) -> dict[str, Any]:
    difference = one.standing.difference
    return {
        "variant": analysis.names[one.key],
        "cost": one.cost,
        "mean": analysis.interval(one.key).mean,
        "on_front": one.standing.on_front,
        "standing": one.verdict,
        "neighbour": analysis.names[one.neighbour] if one.neighbour else None,
        "delta": difference and difference.delta,
        "ci_low": difference and difference.ci_low,
        "ci_high": difference and difference.ci_high,
    }
