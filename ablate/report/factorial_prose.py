"""What a grid or a fraction says as a whole, in sentences; and how its tables are to be read."""

from __future__ import annotations

from ablate.report import numbers
from ablate.report.factorial import Crossed, crossed
from ablate.report.language import say, say_number
from ablate.report.table import listed, together
from ablate.report.words import word
from ablate.statistics import Effect, Factorial
from ablate.told import told
from ablate.verdicts.analysis import Analysis

#: Words of a defining relation, and partly confounded interactions, that are printed.
MOST_WORDS = 15
#: Effects that are named in a sentence.
NAMED = 8
#: What is said of an interaction, which is no better or worse by itself: two levels bring more together than their
#: effects add up to, or less.
TOGETHER = {
    "better": told("better together"),
    "worse": told("worse together"),
    "interact": told("they interact"),
}


def factorial_sentences(analysis: Analysis) -> list[str]:
    """What the grids and fractions of a study decided, each in a sentence."""
    said = []
    for part in crossed(analysis):
        decided = [effect for effect in part.mains if effect.verdict != "undecided"]
        texts = [
            _sized(
                analysis, effect, say("{name} is {verdict}", name=part.describe(effect), verdict=word(effect.verdict))
            )
            for effect in decided
        ]
        acting = [effect for effect in part.interactions if effect.verdict != "undecided"]
        texts += [
            _sized(analysis, effect, say("{name}: {text}", name=part.describe(effect), text=TOGETHER[effect.verdict]))
            for effect in acting
        ]
        if texts:
            shown = texts[:NAMED] + ([say("{n} more", n=len(texts) - NAMED)] if len(texts) > NAMED else [])
            effects = say("; ").join(shown)
            told_of = [say("On average over the cells of {design}: {effects}.", design=part.name, effects=effects)]
            if part.aliases is not None and part.aliases.resolution == 3:
                told_of.append(say("Of resolution 3, it cannot tell main effects from interactions of two factors."))
            said.append(together(told_of))
    return said


def _sized(analysis: Analysis, effect: Effect, text: str) -> str:
    """A text with the size of the effect, where it has one."""
    if effect.effect is None:
        return text
    return say("{name} ({size})", name=text, size=numbers.signed_in_units(analysis.results.metric, effect.effect))


def notes(analysis: Analysis, part: Crossed, found: Factorial) -> list[str]:
    """What there is to know below the main effects."""
    said = [say(part.why)] if part.why else []
    if part.exploratory:
        said.append(say("Exploratory: cells of it were asked for after results were seen."))
    said.append(
        say(
            "Effects are averages over the levels of the other factors, each cell counted alike: the mean at the level "
            "minus the mean at the reference."
        )
    )
    if found.lenth is not None:
        said.append(_explored(analysis, found))
    elif found.errors == "none":
        said.append(say("{size}. No test: {why}.", size=_size(found), why=found.why))
    else:
        noise = say("HC3 standard errors") if found.errors == "hc3" else say("one variance for all cells")
        said.append(
            say(
                "{size}; seeds as blocks, {noise}, {df} degrees of freedom.",
                size=_size(found),
                noise=noise,
                df=found.df,
            )
        )
        if not part.why:
            said.append(
                say_number(
                    sum(effect.is_judged for effect in found.effects),
                    "A family of its own: {n} effect of one and two factors, Holm-adjusted, error rate {alpha}.",
                    "A family of its own: {n} effects of one and two factors, Holm-adjusted, error rate {alpha}.",
                    alpha=f"{analysis.results.outline.statistics.alpha:g}",
                )
            )
    if found.anova and not found.is_balanced:
        said.append(
            say(
                "With runs missing, p-values are those of the type II analysis of variance; levels of a factor with "
                "several are still contrasts of cell means."
            )
        )
    return [*said, *_confounded(part)]


def _size(found: Factorial) -> str:
    """How many runs there are, and what the machine lost of them."""
    lost = found.cells * found.seeds - found.n
    size = say_number(
        found.seeds,
        "n = {runs} runs: {cells} cells with {n} seed each",
        "n = {runs} runs: {cells} cells with {n} seeds each",
        runs=found.n,
        cells=found.cells,
    )
    return say("{size}, without {n} that the machine lost", size=size, n=lost) if lost else size


def _explored(analysis: Analysis, found: Factorial) -> str:
    """What one seed can say."""
    metric, margins = analysis.results.metric, found.lenth
    if margins is None:
        return ""
    pse, me, sme = (numbers.in_units(metric, size) for size in (margins.pse, margins.me, margins.sme))
    return say(
        "Exploratory: one seed a cell measures no noise, so Lenth's method takes it from the effects themselves, as if "
        "most were nothing else (pseudo standard error {pse}). An effect that is only noise exceeds ME = {me} with a "
        "probability of 5 %; the largest of {n} such effects exceeds SME = {sme} with 5 %. What stands out needs more "
        "seeds before it is a finding.",
        pse=pse,
        me=me,
        sme=sme,
        n=margins.effects,
    )


def _confounded(part: Crossed) -> list[str]:
    """The defining relation and the resolution of a fraction, computed from its cells."""
    found = part.aliases
    if found is None or found.resolution is None:
        return []
    relation = [word.replace("-", numbers.MINUS, 1) for word in found.defining_relation]
    shown = " = ".join(relation[:MOST_WORDS]) + (" = …" if len(relation) > MOST_WORDS else "")
    said = [
        say(
            "Resolution {resolution} with {n} runs, computed from its cells; defining relation I = {relation}.",
            resolution=found.resolution,
            n=found.runs,
            relation=shown,
        )
        if relation
        else say(
            "Resolution {resolution} with {n} runs, computed from its cells; no defining relation.",
            resolution=found.resolution,
            n=found.runs,
        )
    ]
    if found.partial:
        texts = [
            say("{effect} with {pair} ({size})", effect=effect, pair=pair, size=numbers.fixed(size, 2))
            for effect, pair, size in found.partial
        ]
        said.append(say("Partly confounded: {effects}.", effects=listed(texts, MOST_WORDS)))
    return said
