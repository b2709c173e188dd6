"""What a grid or a fraction says as a whole, in sentences; and how its tables are to be read."""

from __future__ import annotations

from ablate.report import numbers
from ablate.report.factorial import Crossed, crossed
from ablate.report.table import listed
from ablate.statistics import Effect, Factorial
from ablate.verdicts.analysis import Analysis

#: Words of a defining relation, and partly confounded interactions, that are printed.
MOST_WORDS = 15
#: Effects that are named in a sentence.
NAMED = 8
#: What is said of an interaction, which is no better or worse by itself: two levels bring more together than their
#: effects add up to, or less.
TOGETHER = {"better": "better together", "worse": "worse together", "interact": "they interact"}


def factorial_sentences(analysis: Analysis) -> list[str]:
    """What the grids and fractions of a study decided, each in a sentence."""
    said = []
    for part in crossed(analysis):
        decided = [effect for effect in part.mains if effect.verdict != "undecided"]
        texts = [f"{part.describe(effect)} is {effect.verdict}{_by(analysis, effect)}" for effect in decided]
        together = [effect for effect in part.interactions if effect.verdict != "undecided"]
        texts += [f"{part.describe(effect)}: {TOGETHER[effect.verdict]}{_by(analysis, effect)}" for effect in together]
        if texts:
            shown = texts[:NAMED] + ([f"{len(texts) - NAMED} more"] if len(texts) > NAMED else [])
            caveat = ""
            if part.aliases is not None and part.aliases.resolution == 3:
                caveat = " Of resolution 3, it cannot tell main effects from interactions of two factors."
            said.append(f"On average over the cells of {part.name}: {'; '.join(shown)}.{caveat}")
    return said


def _by(analysis: Analysis, effect: Effect) -> str:
    metric = analysis.results.metric
    unit = " points" if metric.percent else ""
    return f" ({numbers.signed(metric, effect.effect)}{unit})" if effect.effect is not None else ""


def notes(analysis: Analysis, part: Crossed, found: Factorial) -> list[str]:
    """What there is to know below the main effects."""
    said = [part.why] if part.why else []
    if part.exploratory:
        said.append("Exploratory: cells of it were asked for after results were seen.")
    said.append(
        "Effects are averages over the levels of the other factors, each cell counted alike: the mean at the level "
        "minus the mean at the reference."
    )
    if found.lenth is not None:
        said.append(_explored(analysis, found))
    elif found.errors == "none":
        said.append(f"{_size(found)}. No test: {found.why}.")
    else:
        noise = "HC3 standard errors" if found.errors == "hc3" else "one variance for all cells"
        said.append(f"{_size(found)}; seeds as blocks, {noise}, {found.df} degrees of freedom.")
        if not part.why:
            judged = sum(effect.is_judged for effect in found.effects)
            said.append(
                f"A family of its own: {numbers.plural(judged, 'effect')} of one and two factors, Holm-adjusted, error "
                f"rate {analysis.results.outline.statistics.alpha:g}."
            )
    if found.anova and not found.is_balanced:
        said.append(
            "With runs missing, p-values are those of the type II analysis of variance; levels of a factor with "
            "several are still contrasts of cell means."
        )
    return [*said, *_confounded(part)]


def _size(found: Factorial) -> str:
    """How many runs there are, and what the machine lost of them."""
    lost = found.cells * found.seeds - found.n
    without = f", without {lost} that the machine lost" if lost else ""
    return f"n = {found.n} runs: {found.cells} cells with {numbers.plural(found.seeds, 'seed')} each{without}"


def _explored(analysis: Analysis, found: Factorial) -> str:
    """What one seed can say."""
    metric, margins = analysis.results.metric, found.lenth
    if margins is None:
        return ""
    pse, me, sme = (numbers.in_units(metric, size) for size in (margins.pse, margins.me, margins.sme))
    return (
        "Exploratory: one seed a cell measures no noise, so Lenth's method takes it from the effects themselves, as "
        f"if most were nothing else (pseudo standard error {pse}). An effect that is only noise exceeds ME = {me} "
        f"with a probability of 5 %; the largest of {margins.effects} such effects exceeds SME = {sme} with 5 %. What "
        "stands out needs more seeds before it is a finding."
    )


def _confounded(part: Crossed) -> list[str]:
    """The defining relation and the resolution of a fraction, computed from its cells."""
    found = part.aliases
    if found is None or found.resolution is None:
        return []
    relation = [word.replace("-", numbers.MINUS, 1) for word in found.defining_relation]
    shown = " = ".join(relation[:MOST_WORDS]) + (" = …" if len(relation) > MOST_WORDS else "")
    said = [
        f"Resolution {found.resolution} with {found.runs} runs, computed from its cells; "
        + (f"defining relation I = {shown}." if relation else "no defining relation.")
    ]
    if found.partial:
        texts = [f"{effect} with {pair} ({numbers.fixed(size, 2)})" for effect, pair, size in found.partial]
        said.append(f"Partly confounded: {listed(texts, MOST_WORDS)}.")
    return said
