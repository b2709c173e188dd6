"""The tables of picked variants: verdicts, what their recipes differ in, and what they cost."""

from __future__ import annotations

from collections.abc import Callable

from ablate.recipe.compare import differences, value_text
from ablate.report import columns, numbers
from ablate.report.contrast.judge import Contrast, Judged
from ablate.report.contrast.members import Member
from ablate.report.contrast.notes import notes
from ablate.report.costs import FLOPS, PARAMETERS, SECONDS, SECONDS_PER_EPOCH, device_models, successful
from ablate.report.language import say
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.report.words import word
from ablate.statistics import Comparison
from ablate.verdicts.analysis import NOT_RUN

Section = Callable[[Contrast], Table | None]


def verdicts(found: Contrast) -> Table:
    """n, mean ± sd, difference with its interval, both p, verdict, what so many seeds find, and seeds needed."""
    metric = found.reference.analysis.results.metric
    heads = [
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="n", heading="n"),
        Column(name="mean", heading=say("mean ± sd")),
        Column(name="delta", heading=say("Δ [95 %]")),
        Column(name="p", heading="p"),
        Column(name="p_adjusted", heading=say("p adj.")),
        Column(name="verdict", heading=say("verdict"), align="left"),
        Column(name="mde", heading=say("finds from")),
        Column(name="seeds_needed", heading=say("seeds needed"), hideable=True),
        Column(name="basis", heading=say("basis"), align="left"),
    ]
    rows = [_verdict_row(found.reference, None), *(_verdict_row(one.member, one) for one in found.judged)]
    reference = quoted(found.reference.label)
    title = say("{metric}, against {reference}", metric=metric.label, reference=reference)
    if metric.percent:
        title = say(
            "{metric} (%, differences in points), against {reference}", metric=metric.label, reference=reference
        )
    return Table(title=title, columns=tuple(heads), rows=tuple(rows), notes=tuple(notes(found))).hidden()


def _verdict_row(member: Member, one: Judged | None) -> Row:
    analysis, metric = member.analysis, member.analysis.results.metric
    seeds = columns.seeds(analysis, member.variant)
    if one is None:
        mean = columns.mean(analysis, member.variant, None)
        cells = (
            words(say("{name} (reference)", name=member.label)),
            seeds,
            mean,
            *(words(numbers.UNKNOWN) for _ in range(7)),
        )
        return Row(cells=cells, key=member.label, baseline=True)
    comparison = one.comparison
    found = comparison.difference
    if comparison.test == "paired" and found.n_a != len(analysis.arms[member.variant.key].values):
        seeds = Cell(text=say("{seeds}, {n} in common", seeds=seeds.text, n=found.n_a), value=seeds.value)
    return Row(
        cells=(
            words(member.label),
            seeds,
            columns.mean(analysis, member.variant, comparison),
            columns.delta(metric, comparison),
            Cell(text=numbers.probability(found.p), value=found.p),
            Cell(text=numbers.probability(comparison.p_adjusted), value=comparison.p_adjusted),
            _verdict(member, comparison),
            Cell(text=numbers.plain(metric, comparison.mde), value=comparison.mde),
            _needed(comparison),
            words(word(one.basis)),
        ),
        key=member.label,
    )


def _verdict(member: Member, comparison: Comparison) -> Cell:
    is_run = member.analysis.results.is_run(member.variant.key)
    if not is_run:
        return words(word(NOT_RUN))
    text = say("equivalent (tiny real difference)") if comparison.tiny_difference else word(comparison.verdict)
    return Cell(text=text, value=comparison.verdict, strong=comparison.verdict == "better")


def _needed(comparison: Comparison) -> Cell:
    needed = comparison.seeds_needed
    return Cell(text=numbers.UNKNOWN if needed is None else f"{needed:,}", value=needed)


def recipes(found: Contrast) -> Table | None:
    """Where each recipe departs from the reference's; None where none is known, as of results from elsewhere."""
    if not all(member.recipe for member in found.members):
        return None
    rows = []
    for member in found.members[1:]:
        for path, was, now in differences(found.reference.recipe, member.recipe):
            rows.append(Row(cells=tuple(map(words, (member.label, path, _value(was), _value(now)))), key=member.label))
    heads = (
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="path", heading=say("path"), align="left"),
        Column(name="reference", heading=found.reference.label, align="left"),
        Column(name="value", heading=say("itself"), align="left"),
    )
    same = [quoted(member.label) for member in found.members[1:] if member.label not in {row.key for row in rows}]
    reference = quoted(found.reference.label)
    said = (say("The very recipe of {reference}: {names}.", reference=reference, names=listed(same)),) if same else ()
    return Table(title=say("What differs"), columns=heads, rows=tuple(rows), notes=said)


def _value(value: object) -> str:
    return say("default") if value is None else value_text(value)


def costs(found: Contrast) -> Table | None:
    """Parameters, FLOPs and, on one device model, seconds, each beside its multiple of the reference's."""
    runs = {member.label: successful(member.analysis.results, member.variant.key) for member in found.members}
    if not any(runs.values()):
        return None
    models = set().union(*(device_models(those) for those in runs.values()))
    timed = len(models) == 1
    shown = [cost for cost in (PARAMETERS, FLOPS, SECONDS_PER_EPOCH, SECONDS) if timed or not cost.timed]
    rows = []
    for member in found.members:
        cells = [words(member.label)]
        for cost in shown:
            value, base = cost.of(runs[member.label]), cost.of(runs[found.reference.label])
            ratio = f" (× {numbers.significant(value / base)})" if value is not None and base and value != base else ""
            cells.append(Cell(text=cost.text(value) + ratio, value=value))
        rows.append(Row(cells=tuple(cells), key=member.label, baseline=member is found.reference))
    heads = [Column(name=cost.name, heading=say(cost.heading), hideable=True) for cost in shown]
    said = (
        () if timed or not models else (say("No seconds: the runs were on {models}.", models=listed(sorted(models))),)
    )
    head = Column(name="variant", heading=say("variant"), align="left")
    table = Table(title=say("Cost"), columns=(head, *heads), rows=tuple(rows), notes=said).hidden()
    return table if len(table.columns) > 1 or table.notes else None


#: What is told of picked variants, in this order; a section that has nothing to tell answers None.
SECTIONS: tuple[Section, ...] = (verdicts, recipes, costs)
