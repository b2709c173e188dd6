"""What a grid or a fraction says as a whole, in tables."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report import numbers
from ablate.report.factorial import Crossed
from ablate.report.factorial_prose import TOGETHER, notes
from ablate.report.language import say, say_number
from ablate.report.table import Cell, Column, Row, Table, listed, words
from ablate.report.words import word
from ablate.statistics import Effect, Factorial
from ablate.told import told
from ablate.verdicts.analysis import Analysis

#: Interactions of three and more factors up to which they have rows.
MOST_HIGHER = 5
#: Aliases in one cell.
MOST_ALIASES = 4
BEYOND = {"sme": told("beyond SME"), "me": told("beyond ME"), None: told("within ME")}


def factorial_tables(analysis: Analysis, part: Crossed) -> tuple[Table, ...]:
    """Main effects, interactions and, where it was made, the analysis of variance; nothing without an analysis."""
    if part.found is None:
        return ()
    tables = [_mains(analysis, part, part.found)]
    higher = [effect for effect in part.interactions if not effect.is_judged]
    shown = [effect for effect in part.interactions if effect.is_judged or len(higher) <= MOST_HIGHER]
    if shown:
        tables.append(_interactions(analysis, part, part.found, shown, len(part.interactions) - len(shown)))
    if part.found.anova:
        tables.append(_variance(part, part.found))
    return tuple(tables)


def _mains(analysis: Analysis, part: Crossed, found: Factorial) -> Table:
    metric = analysis.results.metric
    means = {(mean.factor, mean.level): mean for mean in found.means}
    columns = [
        Column(name="factor", heading=say("factor"), align="left"),
        Column(name="level", heading=say("level"), align="left"),
        Column(name="reference", heading=say("against"), align="left"),
        Column(name="mean", heading=say("mean (%)") if metric.percent else say("mean")),
        *_columns(analysis, part, found, say("effect")),
    ]
    rows = []
    for effect in part.mains:
        name, level = effect.factors[0], effect.level or 0
        mean = means[name, level].mean
        first = (
            words(part.label(name)),
            words(part.level(name, level)[1]),
            words(part.level(name, 0)[1]),
            Cell(text=numbers.plain(metric, mean), value=mean),
        )
        rows.append(Row(cells=(*first, *_cells(analysis, part, found, effect))))
    return Table(
        title=say("Main effects: {design}", design=part.name),
        columns=tuple(columns),
        rows=tuple(rows),
        notes=tuple(notes(analysis, part, found)),
    )


def _interactions(analysis: Analysis, part: Crossed, found: Factorial, shown: Sequence[Effect], left_out: int) -> Table:
    columns = [
        Column(name="interaction", heading=say("interaction"), align="left"),
        *_columns(analysis, part, found, say("interaction effect")),
    ]
    rows = [Row(cells=(words(part.describe(effect)), *_cells(analysis, part, found, effect))) for effect in shown]
    said = []
    if any(effect.effect is not None for effect in shown):
        said.append(
            say(
                "The effect of an interaction is half of what the effect of one factor gains when the other leaves its "
                "reference: 0 where the two add up."
            )
        )
    if any(effect.effect is None for effect in shown):
        said.append(say("Of factors with more than two levels an F-test says whether they add up."))
    if found.lenth is None and any(not effect.is_judged for effect in shown):
        said.append(say("Interactions of three factors and more are estimated, not judged."))
    if left_out:
        said.append(
            say_number(
                left_out,
                "{n} interaction of three factors and more: estimated, neither judged nor listed; `ablate report "
                "--json` has them.",
                "{n} interactions of three factors and more: estimated, neither judged nor listed; `ablate report "
                "--json` has them.",
            )
        )
    title = say("Interactions: {design}", design=part.name)
    return Table(title=title, columns=tuple(columns), rows=tuple(rows), notes=tuple(said))


def _columns(analysis: Analysis, part: Crossed, found: Factorial, heading: str) -> list[Column]:
    if analysis.results.metric.percent:
        heading = say("{effect} (points)", effect=heading)
    if found.errors != "none":
        heading = say("{effect} [95 %]", effect=heading)
    made = [Column(name="effect", heading=heading)]
    if found.lenth is not None:
        made.append(Column(name="beyond", heading=say("exploratory"), align="left"))
    else:
        made.append(Column(name="p_adjusted", heading=say("p (Holm)")))
        made.append(Column(name="verdict", heading=say("verdict"), align="left"))
    if _has_aliases(part):
        made.append(Column(name="aliases", heading=say("not told apart from"), align="left"))
    return made


def _cells(analysis: Analysis, part: Crossed, found: Factorial, effect: Effect) -> list[Cell]:
    """What every effect says, in the order of `_columns`."""
    made = [Cell(text=_size(analysis, effect), value=effect.effect)]
    if found.lenth is not None:
        made.append(words(say(BEYOND[effect.beyond])))
    else:
        made.append(Cell(text=probability(effect.p_adjusted), value=effect.p_adjusted))
        text = word(effect.verdict)
        if len(effect.factors) > 1 and effect.verdict in TOGETHER:
            text = say(TOGETHER[effect.verdict])
        made.append(
            Cell(
                text=text if effect.is_judged else numbers.UNKNOWN,
                value=effect.verdict,
                strong=effect.verdict == "better",
            )
        )
    if _has_aliases(part):
        made.append(words(_aliases(part, effect)))
    return made


def _size(analysis: Analysis, effect: Effect) -> str:
    metric = analysis.results.metric
    if effect.effect is None:
        if effect.statistic is None or effect.df is None:
            return numbers.UNKNOWN
        return f"F({effect.df_effect}, {effect.df:g}) = {numbers.significant(effect.statistic)}"
    size = numbers.signed(metric, effect.effect)
    if effect.ci_low is None or effect.ci_high is None:
        return size
    return f"{size} [{numbers.signed(metric, effect.ci_low)}, {numbers.signed(metric, effect.ci_high)}]"


def probability(p: float | None) -> str:
    """A p-value with three decimals; those below .001 as such."""
    if p is None:
        return numbers.UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _has_aliases(part: Crossed) -> bool:
    return part.found is not None and any(effect.aliases for effect in part.found.effects)


def _aliases(part: Crossed, effect: Effect) -> str:
    """Those with the fewest factors, and all of up to two; a minus where an alias counts the other way."""
    if not effect.aliases:
        return numbers.UNKNOWN
    order = max(2, min(len(alias.factors) for alias in effect.aliases))
    texts = [
        numbers.MINUS * alias.is_negative + " × ".join(part.label(name) for name in alias.factors)
        for alias in effect.aliases
        if len(alias.factors) <= order
    ]
    return listed(texts, MOST_ALIASES)


def _variance(part: Crossed, found: Factorial) -> Table:
    columns = (
        Column(name="term", heading=say("term"), align="left"),
        Column(name="df", heading=say("df")),
        Column(name="f", heading="F"),
        Column(name="p", heading="p"),
        Column(name="omega", heading=say("partial ω²")),
    )
    rows = tuple(
        Row(
            cells=(
                words(" × ".join(part.label(name) for name in term.factors) or say("seed")),
                Cell(text=str(term.df), value=term.df),
                Cell(text=numbers.significant(term.f), value=term.f),
                Cell(text=probability(term.p), value=term.p),
                Cell(text=numbers.fixed(max(0.0, term.omega_squared), 2), value=term.omega_squared),
            )
        )
        for term in found.anova
    )
    note = say(
        "Type II, with {df} degrees of freedom for the noise, which is taken to be alike in all cells; p is adjusted "
        "for nothing. Partial ω²: the share of variance, its own and the noise's, that a term explains.",
        df=found.anova[0].df_residual,
    )
    return Table(
        title=say("Analysis of variance: {design}", design=part.name), columns=columns, rows=rows, notes=(note,)
    )
