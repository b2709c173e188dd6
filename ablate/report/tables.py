"""The tables of a report: one for each factor and ladder, the named variants, all variants, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ablate.protocol import JobState
from ablate.report import columns, numbers
from ablate.report.columns import Maker
from ablate.report.grids import levels
from ablate.report.language import say
from ablate.report.private import without_machine
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.report.wording import IN_THIS_ORDER, RETUNED_BASELINE, table_notes
from ablate.report.words import word
from ablate.statistics import Comparison
from ablate.study.outline import OutlineFactor, OutlineVariant
from ablate.verdicts.analysis import Analysis, Family
from ablate.verdicts.results import Results

#: Designs in which a variant differs from the baseline in one factor, or in factors that are linked to it.
ONE_FACTOR = ("one-at-a-time", "leave-one-out")
#: States that end a run without a value, or keep it from getting one.
FAILURES = (JobState.DIVERGED, JobState.FAILED, JobState.CANCELLED)


def members(results: Results, factor: OutlineFactor) -> tuple[tuple[str, OutlineVariant], ...]:
    """The levels of a factor that were tried on the baseline, by label, in the factor's order, the baseline's included.

    The baseline stands where its level is listed, else first. Levels that only larger combinations have are left out;
    factors that move together are shown under the first of them. Retuned levels stand beside the retuned baseline.
    """
    one_factor = {design.name for design in results.outline.designs if design.kind in ONE_FACTOR}
    found: dict[str, OutlineVariant] = {}
    for variant in results.outline.variants:
        changed = results.changed(variant)
        if next(iter(changed), None) == factor.name and (len(changed) == 1 or one_factor & set(variant.designs)):
            found.setdefault(changed[factor.name], variant)
    if not found:
        return ()
    references = {one.key: one for one in map(results.reference, found.values())}
    rows: list[tuple[str, OutlineVariant]] = []
    for name, text in levels(factor):
        if name == factor.reference:
            rows += [(_retuned(text, is_retuned=one.key != results.baseline.key), one) for one in references.values()]
        elif name in found:
            rows.append((_retuned(text, is_retuned=bool(found[name].references)), found[name]))
    return tuple(rows)


def _retuned(text: str, *, is_retuned: bool) -> str:
    return say("{level} (retuned)", level=text) if is_retuned else text


def factor_table(analysis: Analysis, factor: OutlineFactor) -> Table | None:
    """One factor: a row for each level, everything else as in the baseline; None where no level was tried so."""
    rows = members(analysis.results, factor)
    if not rows:
        return None
    table = _results_table(analysis, factor.label, factor.label, rows)
    shown = {text for text, _ in rows}
    missing = [text for _, text in levels(factor) if not shown & {text, _retuned(text, is_retuned=True)}]
    if not missing:
        return table
    names = listed(missing)
    note = say("Without a row: {names} (only in combinations, or the same recipe as another variant).", names=names)
    if analysis.results.outline.tunings:
        note = say(
            "Without a row: {names} (only in combinations, or the same recipe as another variant, or not retuned yet).",
            names=names,
        )
    return Table(title=table.title, columns=table.columns, rows=table.rows, notes=(*table.notes, note))


def ladder_table(analysis: Analysis, family: Family) -> Table:
    """A ladder: every step against the step before."""
    results = analysis.results
    factors = {factor.name: factor for factor in results.outline.factors}
    rows, before = [(results.baseline.name, results.baseline)], dict[str, str]()
    for comparison in family.comparisons:
        variant = results.outline.variant(comparison.arm)
        changed = results.changed(variant)
        added = [
            say("{factor}: {level}", factor=factors[name].label, level=dict(levels(factors[name])).get(level, level))
            for name, level in changed.items()
            if before.get(name) != level
        ]
        rows.append((f"+ {say(', ').join(added)}", variant))
        before = changed
    table = _results_table(
        analysis,
        say("Ladder: {name}", name=family.name),
        say("step"),
        rows,
        comparisons={one.arm: one for one in family.comparisons},
        against=say("step before"),
    )
    return Table(title=table.title, columns=table.columns, rows=table.rows, notes=(say(IN_THIS_ORDER), *table.notes))


def named_members(results: Results) -> tuple[tuple[str, OutlineVariant], ...]:
    """The variants that are listed by name, after the baseline; nothing where there are none."""
    named = [
        (variant.also[0] if variant.also else variant.name, variant)
        for variant in results.outline.variants
        if variant.key != results.baseline.key and (variant.also or not variant.levels)
    ]
    return ((results.baseline.name, results.baseline), *named) if named else ()


def named_table(analysis: Analysis) -> Table | None:
    """The variants that are listed by name, below the baseline; None where there are none."""
    rows = named_members(analysis.results)
    return _results_table(analysis, say("Named variants"), say("variant"), rows) if rows else None


def all_table(analysis: Analysis) -> Table:
    """Every variant's results, in the order of the study."""
    rows = [(variant.name, variant) for variant in analysis.results.outline.variants]
    extra = columns.lengths(analysis)
    if analysis.results.metric.name != "train_loss":
        extra.insert(0, columns.last_train_loss(analysis))
    return _results_table(analysis, say("All variants"), say("variant"), rows, extra=extra)


def cost_table(analysis: Analysis) -> Table | None:
    """What every variant costs; columns that do not vary are said once.

    None before a run has succeeded, and where nothing is known.
    """
    if not any(run.state == JobState.SUCCEEDED for run in analysis.results.runs):
        return None
    rows = [(variant.name, variant) for variant in analysis.results.outline.variants]
    table = _table(analysis, say("Cost"), say("variant"), rows, columns.costs(analysis))
    if any(run.state == JobState.SUCCEEDED and not run.alone for run in analysis.results.runs):
        note = say(
            "Times and images/s are told of variants whose runs were trained by themselves: runs that were computed as "
            "one took their time together, and none has a time of its own."
        )
        table = replace(table, notes=(*table.notes, note))
    table = table.hidden()
    return table if len(table.columns) > 1 or table.notes else None


def failure_table(results: Results) -> Table | None:
    """Runs that diverged, failed, or were cancelled; None where there are none."""
    rows = []
    for variant in results.outline.variants:
        for run in results.runs_of(variant.key):
            if run.state not in FAILURES:
                continue
            why = without_machine((run.error or "").strip().partition("\n")[0])
            cells = (
                words(variant.name),
                Cell(text=str(run.seed), value=run.seed),
                words(word(run.state)),
                Cell(text=str(run.epochs), value=run.epochs),
                words(why or numbers.UNKNOWN),
            )
            rows.append(Row(cells=cells, key=variant.key))
    if not rows:
        return None
    heads = (
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="seed", heading=say("seed")),
        Column(name="state", heading=say("state"), align="left"),
        Column(name="epochs", heading=say("epochs done")),
        Column(name="error", heading=say("why"), align="left"),
    )
    return Table(title=say("Failures"), columns=heads, rows=tuple(rows))


def _table(
    analysis: Analysis,
    title: str,
    heading: str,
    variants: Iterable[tuple[str, OutlineVariant]],
    makers: Sequence[tuple[Column, Maker]],
) -> Table:
    first = Column(name="variant", heading=heading, align="left")
    rows = [
        Row(
            cells=(columns.label(analysis, text, variant), *(make(variant) for _, make in makers)),
            key=variant.key,
            baseline=variant.key == analysis.results.outline.baseline or variant.is_reference,
        )
        for text, variant in variants
    ]
    return Table(title=title, columns=(first, *(column for column, _ in makers)), rows=tuple(rows))


def _results_table(
    analysis: Analysis,
    title: str,
    heading: str,
    variants: Sequence[tuple[str, OutlineVariant]],
    *,
    comparisons: Mapping[str, Comparison] | None = None,
    against: str = "",
    extra: Sequence[tuple[Column, Maker]] = (),
) -> Table:
    """Label, n, mean ± sd, difference, verdict, reported figures, test accuracy and loss, what the network costs."""
    shown = analysis.comparisons if comparisons is None else comparisons
    reported = any(variant.reported is not None for _, variant in variants)
    references = {shown[one.key].reference for _, one in variants if one.key in shown}
    own = analysis.results.outline.baseline
    apart = () if comparisons is not None else tuple(references - {own})
    if apart and own not in references:
        against = say("retuned baseline")
    makers = [
        *columns.results_columns(analysis, shown, reported=reported, against=against or say("baseline")),
        *columns.tests(analysis),
        *extra,
        columns.parameters(analysis),
        columns.flops(analysis),
        columns.seconds_per_epoch(analysis),
        *columns.run_metrics(analysis),
    ]
    table = _table(analysis, title, heading, variants, makers)
    notes = _undecided_notes(analysis, [shown[one.key] for _, one in variants if one.key in shown])
    if comparisons is None:
        notes = (*notes, *table_notes(analysis, [one for _, one in variants]))
    if apart and own in references:
        notes = (*notes, say(RETUNED_BASELINE))
    return Table(title=title, columns=table.columns, rows=table.rows, notes=notes).hidden()


def _undecided_notes(analysis: Analysis, comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What would settle the undecided: seeds where a margin is declared, else what these seeds would have found."""
    metric = analysis.results.metric
    undecided = [one for one in comparisons if one.verdict == "undecided" and not one.why]
    if analysis.results.outline.statistics.margin is not None:
        wanted = [
            say(
                "{name} about {needed} (has {n})",
                name=quoted(analysis.names[one.arm]),
                needed=one.seeds_needed,
                n=one.difference.n_a,
            )
            for one in undecided
            if one.seeds_needed is not None and one.seeds_needed > one.difference.n_a
        ]
        return (say("Seeds that would settle what is undecided: {names}.", names=listed(wanted)),) if wanted else ()
    sizes = sorted(one.mde for one in undecided if one.mde is not None)
    if not sizes:
        return ()
    low, high = numbers.plain(metric, sizes[0]), numbers.in_units(metric, sizes[-1])
    span = high if low == numbers.plain(metric, sizes[-1]) else say("{low} to {high}", low=low, high=high)
    note = say("What is undecided: these seeds find true differences of about {span} and more (power 80 %).", span=span)
    return (note,)
