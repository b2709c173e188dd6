"""How to read the tables of a report, in sentences. Plain text; renderers escape it."""

from __future__ import annotations

from ablate.report import numbers
from ablate.report.language import say
from ablate.report.looks import looks_told
from ablate.report.table import together
from ablate.report.tunings import choices_told
from ablate.report.wording import failures_told
from ablate.told import told
from ablate.verdicts.analysis import Analysis

TESTS = {
    "welch": told("Welch's t-test"),
    "paired": told("paired t-test over common seeds"),
    "dunnett": told("Dunnett's test"),
}


def in_short(analysis: Analysis) -> str:
    """What a table with verdicts says below it where it stands alone; empty where nothing is compared."""
    if not analysis.families:
        return ""
    return say(
        "±: standard deviation over seeds; Δ with its 95 % {interval} interval, not adjusted for the number of "
        "comparisons; verdicts are {adjusted}. Bold marks better.",
        interval=_interval(analysis),
        adjusted=_adjustment(analysis).rstrip(",，"),
    )


def _interval(analysis: Analysis) -> str:
    """By which method differences have their intervals."""
    return say("paired t") if analysis.choice.test == "paired" else say("Welch")


def _adjustment(analysis: Analysis) -> str:
    """How verdicts allow for the number of comparisons."""
    if analysis.choice.test == "dunnett":
        return say("adjusted by Dunnett's test, which assumes equal variances,")
    if analysis.results.outline.statistics.margin is not None:
        return say("Bonferroni-adjusted for both kinds of claim")
    return say("Holm-adjusted")


def how_to_read(analysis: Analysis) -> list[str]:
    """What the columns and words mean, and how the verdicts were reached."""
    outline, choice, metric = analysis.results.outline, analysis.choice, analysis.results.metric
    settings = outline.statistics
    families = say(", ").join(
        say("{name} ({size})", name=family.name, size=len(family.comparisons)) for family in analysis.families
    )
    verdicts = [
        say(
            "Verdicts: {test}, because {why}; {adjusted} over each family, whose error rate is {alpha}{held}.",
            test=TESTS.get(choice.test, choice.test),
            why=choice.why,
            adjusted=_adjustment(analysis),
            alpha=f"{settings.alpha:g}",
            held=_held(analysis),
        )
    ]
    if choice.icc is not None:
        verdicts.append(
            say(
                "Intraclass correlation over {n} common seeds: {icc}.",
                n=choice.common_seeds,
                icc=numbers.fixed(choice.icc, 2),
            )
        )
    lines = [
        say(
            "n is the number of seeds, ± the standard deviation over them, Δ the difference with its 95 % {interval} "
            "interval. Intervals are not adjusted for the number of comparisons; verdicts are.",
            interval=_interval(analysis),
        ),
        together(verdicts),
    ]
    if families:
        lines.append(
            say(
                "Families (comparisons): {families}. A variant that several designs ask for is judged in the smallest.",
                families=families,
            )
        )
    if settings.margin is None:
        lines.append(
            say(
                "Undecided means that no difference was shown, not that there is none; no margin was declared, so "
                "nothing is called equivalent."
            )
        )
    else:
        margin = numbers.in_units(metric, settings.margin)
        lines.append(
            say(
                "Equivalent means a difference of less than {margin}, by two one-sided tests; undecided means that "
                "neither was shown.",
                margin=margin,
            )
        )
    lines.append(together([failures_told(analysis), say("Bold marks better.")]))
    if outline.tunings:
        lines.append(
            say(
                "Retuned: each such level and the baseline were trained with every value of one list, on tuning seeds "
                "that no comparison uses; each kept its best value, chosen once, before it was compared. Its reference "
                "is the baseline that was retuned alike."
            )
        )
        lines += choices_told(analysis.results)
    lines += looks_told(outline)
    seeds = outline.looks[-1] if outline.looks else len(outline.seeds)
    if 2 <= seeds < 10:
        smallest = 2.0 ** (1 - seeds)
        lines.append(
            say(
                "With {n} seeds a test that assumes nothing about the noise (sign flips) cannot reach p < {smallest}: "
                "the t-tests lean on noise that is roughly normal.",
                n=seeds,
                smallest=f"{smallest:.3g}",
            )
        )
    lines.append(
        say(
            "Curves: training thin and dashed (as trained on, with augmentation and dropout) beside validation or "
            "test, all else bold; bands are pointwise 95 % t-intervals of the mean, and whether two bands overlap is "
            "no test."
        )
    )
    return lines


def _held(analysis: Analysis) -> str:
    """How much of the error rate is left to Welch's test where a variant scatters more; empty where none does."""
    shares = sorted({one.share for family in analysis.families for one in family.comparisons} - {1.0})
    if not shares:
        return ""
    low, high = f"{shares[0]:.2g}", f"{shares[-1]:.2g}"
    return say(
        "; where a variant scatters more than its reference, Welch's test errs more, and is held to {span} of that",
        span=low if low == high else say("{low} to {high}", low=low, high=high),
    )
