"""Tables of the classes in which a variant differs from what it is compared with."""

from __future__ import annotations

from ablate.report import numbers
from ablate.report.examples import ClassComparison, per_class
from ablate.report.language import say
from ablate.report.table import Cell, Column, Row, Table, quoted, words
from ablate.statistics import ClassDifference
from ablate.verdicts.analysis import Analysis

#: Variants whose classes are shown, those with the largest difference first.
MOST_VARIANTS = 3
#: Classes that are shown of each.
MOST_CLASSES = 20


def class_tables(analysis: Analysis) -> list[Table]:
    """Class by class, the variants that are better or worse than what they are compared with: the furthest few."""
    decided = [one for one in analysis.comparisons.values() if one.verdict in ("better", "worse")]
    decided.sort(key=lambda one: -abs(one.difference.delta or 0.0))
    found = (per_class(analysis, one.arm, one.reference) for one in decided[:MOST_VARIANTS])
    return [comparison_table(analysis, one) for one in found if one is not None and one.classes]


def comparison_table(analysis: Analysis, found: ClassComparison) -> Table:
    """A row for each class of two variants, or for those in which the difference is surest where they are many."""
    arm, reference = analysis.names[found.arm], analysis.names[found.reference]
    surest = sorted(found.classes, key=lambda one: (_p(one), -abs(one.difference.delta or 0.0), one.number))
    shown = sorted(surest[:MOST_CLASSES], key=lambda one: one.number)
    heads = (
        Column(name="class", heading=say("class"), align="left"),
        Column(name="images", heading=say("test images")),
        Column(name="arm", heading=say("{name} (%)", name=arm)),
        Column(name="reference", heading=say("{name} (%)", name=reference)),
        Column(name="delta", heading=say("Δ (points) [95 %]")),
        Column(name="p_adjusted", heading=say("p (Holm)")),
        Column(name="difference", heading=say("difference"), align="left"),
    )
    test = say("paired t-tests over common seeds") if found.is_paired else say("Welch's t-tests over seeds")
    notes = [
        say(
            "Mean over seeds of the share of each class that was right, by {test}; p by Holm's method over {n} "
            "classes. Exploratory: classes are looked at because the whole was decided.",
            test=test,
            n=len(found.classes),
        )
    ]
    if len(shown) < len(found.classes):
        notes.append(
            say("Shown are the {n} of {all} classes with the smallest p.", n=len(shown), all=len(found.classes))
        )
    return Table(
        title=say("Classes: {name} against {reference}", name=quoted(arm), reference=quoted(reference)),
        columns=heads,
        rows=tuple(_row(analysis, found.names[one.number], one) for one in shown),
        notes=tuple(notes),
    )


def _row(analysis: Analysis, name: str, one: ClassDifference) -> Row:
    metric, difference = analysis.results.metric, one.difference
    return Row(
        cells=(
            words(name),
            Cell(text=numbers.count(one.examples), value=one.examples),
            Cell(text=numbers.plain(metric, difference.mean_a), value=difference.mean_a),
            Cell(text=numbers.plain(metric, difference.mean_b), value=difference.mean_b),
            Cell(text=numbers.difference(metric, difference), value=difference.delta),
            Cell(text=numbers.probability(one.p_adjusted), value=one.p_adjusted),
            words(_word(one, analysis.results.outline.statistics.alpha)),
        )
    )


def _p(one: ClassDifference) -> float:
    return 1.0 if one.p_adjusted is None else one.p_adjusted


def _word(one: ClassDifference, alpha: float) -> str:
    """Not "better": a class is no verdict on a variant."""
    if _p(one) > alpha or one.difference.delta is None:
        return say("not shown")
    return say("higher") if one.difference.delta > 0 else say("lower")
