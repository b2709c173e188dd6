"""The answer of a study in sentences, and how to read its tables. Plain text; renderers escape it."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.checkpoint_table import told_of_checkpoints
from ablate.report.factorial_prose import factorial_sentences
from ablate.report.language import say, say_number
from ablate.report.looks import looks_told
from ablate.report.table import listed, quoted, together
from ablate.report.tunings import choices_told, trouble
from ablate.report.wording import RETUNED_BASELINE, failures_told, removed_told
from ablate.report.words import word
from ablate.statistics import Comparison, Verdict
from ablate.told import told
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import PENDING, Results

#: Changes that are named one by one in a sentence.
NAMED = 8
TESTS = {
    "welch": told("Welch's t-test"),
    "paired": told("paired t-test over common seeds"),
    "dunnett": told("Dunnett's test"),
}


def answer(analysis: Analysis) -> list[str]:
    """What the study found, each sentence computed from verdicts."""
    results, shown = analysis.results, list(analysis.comparisons.values())
    sentences = [*_interim(analysis), *trouble(results)]
    if not any(arm.values for arm in analysis.arms.values()):
        nothing = say("No run has brought a value, so there is nothing to compare.")
        if results.finished < len(results.runs) or not results.runs:
            nothing = say("No run has brought a value yet, so there is nothing to compare.")
        return [*sentences, nothing, *_ended(results)]
    if not shown and not analysis.ladders:
        return [*sentences, say("The study has only its baseline, so there is nothing to compare.")]
    if shown:
        waiting = [one for one in shown if not analysis.results.is_run(one.arm)]
        shown = [one for one in shown if analysis.results.is_run(one.arm)]
        early = [one for one in shown if _is_early(analysis, one)]
        shown = [one for one in shown if one not in early]
        sentences += _counts(analysis, shown) if shown else []
        if early:
            names = _names(analysis, early)
            sentences.append(say("Not judged before all their seeds are in: {names}.", names=names))
        if waiting:
            sentences.append(say("Not run: {names}.", names=_names(analysis, waiting)))
        sentences += [*_resolution(analysis, shown), *told_of_checkpoints(analysis, shown)]
    for family in analysis.ladders:
        good = [one for one in family.comparisons if one.verdict == "better"]
        steps = say_number(len(family.comparisons), "{n} step", "{n} steps")
        sentences.append(_steps(analysis, steps, good))
    sentences += factorial_sentences(analysis)
    if any(one.reference != results.outline.baseline for one in shown):
        sentences.append(say(RETUNED_BASELINE))
    exploratory = sum(analysis.home[key].exploratory for key in analysis.comparisons)
    if exploratory:
        sentences.append(
            say_number(
                exploratory,
                "{n} change came after results were seen: exploratory, judged apart.",
                "{n} changes came after results were seen: exploratory, judged apart.",
            )
        )
    sentences += removed_told(analysis)
    return [*sentences, *_ended(results)]


def _ended(results: Results) -> list[str]:
    """Runs that ended without a value."""
    ended = [
        say("{n} {state}", n=number, state=word(state))
        for state, number in results.states().items()
        if state in (JobState.DIVERGED, JobState.FAILED, JobState.CANCELLED)
    ]
    if not ended:
        return []
    runs = say_number(len(results.runs), "{n} run", "{n} runs")
    return [say("Of {runs}, {ended}; see Failures.", runs=runs, ended=listed(ended))]


def _steps(analysis: Analysis, steps: str, good: Sequence[Comparison]) -> str:
    """How many steps of a ladder helped, and which."""
    if not good:
        return say("Of the {steps} of the ladder, in this order, none is better than the step before.", steps=steps)
    return say_number(
        len(good),
        "Of the {steps} of the ladder, in this order, {n} is better than the step before: {effects}.",
        "Of the {steps} of the ladder, in this order, {n} are better than the step before: {effects}.",
        steps=steps,
        effects=_effects(analysis, good),
    )


def _interim(analysis: Analysis) -> list[str]:
    """How far a study is, and which of its seeds are there for every variant."""
    results = analysis.results
    if results.finished == len(results.runs):
        return []
    seeds = complete_seeds(results)
    whole = say("No seed is complete for all variants yet")
    if seeds:
        whole = say_number(
            len(seeds),
            "Seed {seeds} is complete for all variants",
            "Seeds {seeds} are complete for all variants",
            seeds=listed([str(seed) for seed in seeds]),
        )
    return [
        say(
            "Interim report: {finished} of {runs} are in. {whole}; each row is made of the seeds that its n says. What "
            "lacks seeds has no verdict yet.",
            finished=results.finished,
            runs=say_number(len(results.runs), "{n} run", "{n} runs"),
            whole=whole,
        )
    ]


def complete_seeds(results: Results) -> list[int]:
    """Seeds with which every variant that is to run with them is over: whole blocks."""
    waiting = {run.seed for run in results.runs if run.state in PENDING}
    return sorted({run.seed for run in results.runs} - waiting)


def _is_early(analysis: Analysis, comparison: Comparison) -> bool:
    """Whether a comparison is undecided because seeds of one of its sides are still to come."""
    sides = (analysis.arms[comparison.arm], analysis.arms[comparison.reference])
    return comparison.verdict == "undecided" and bool(comparison.why) and any(side.pending for side in sides)


def _counts(analysis: Analysis, shown: Sequence[Comparison]) -> list[str]:
    results = analysis.results
    mean = numbers.with_unit(results.metric, analysis.interval(results.outline.baseline).mean)
    found = {verdict: _ordered(analysis, shown, verdict) for verdict in ("better", "worse", "equivalent", "undecided")}
    if len(found["undecided"]) == len(shown):
        return [
            say_number(
                len(shown),
                "The {n} change is not shown to be better or worse than the baseline ({mean}).",
                "None of the {n} changes is shown to be better or worse than the baseline ({mean}).",
                mean=mean,
            )
        ]
    subject = say_number(len(shown), "Of one change", "Of {n} changes")
    parts = [say("{subject}, none is better than the baseline ({mean})", subject=subject, mean=mean)]
    if found["better"]:
        parts[0] = say_number(
            len(found["better"]),
            "{subject}, {n} is better than the baseline ({mean}): {effects}",
            "{subject}, {n} are better than the baseline ({mean}): {effects}",
            subject=subject,
            mean=mean,
            effects=_effects(analysis, found["better"]),
        )
    if found["worse"]:
        effects = _effects(analysis, found["worse"])
        count = len(found["worse"])
        parts.append(say_number(count, "{n} is worse: {effects}", "{n} are worse: {effects}", effects=effects))
    if found["equivalent"]:
        margin = numbers.in_units(results.metric, results.outline.statistics.margin)
        parts.append(
            say_number(
                len(found["equivalent"]),
                "{n} is equivalent within {margin}: {names}",
                "{n} are equivalent within {margin}: {names}",
                margin=margin,
                names=_names(analysis, found["equivalent"]),
            )
        )
    if found["undecided"]:
        names = _names(analysis, found["undecided"])
        count = len(found["undecided"])
        parts.append(say_number(count, "{n} is undecided: {names}", "{n} are undecided: {names}", names=names))
    return [say("{text}.", text=say("; ").join(parts))]


def _ordered(analysis: Analysis, shown: Sequence[Comparison], verdict: Verdict) -> list[Comparison]:
    """Comparisons of one verdict; what is decided comes with the largest difference first."""
    chosen = [one for one in shown if one.verdict == verdict]
    if verdict in ("better", "worse"):
        chosen.sort(key=lambda one: -abs(one.difference.delta or 0.0))
    return chosen


def _effects(analysis: Analysis, comparisons: Sequence[Comparison]) -> str:
    metric = analysis.results.metric
    texts = [
        say(
            "{name} ({size})",
            name=quoted(analysis.names[one.arm]),
            size=numbers.signed_in_units(metric, one.difference.delta),
        )
        for one in comparisons
    ]
    return listed(texts, NAMED)


def _names(analysis: Analysis, comparisons: Sequence[Comparison]) -> str:
    return listed([quoted(analysis.names[one.arm]) for one in comparisons], NAMED)


def _resolution(analysis: Analysis, shown: Sequence[Comparison]) -> list[str]:
    """What the undecided comparisons could have found."""
    metric = analysis.results.metric
    undecided = [one for one in shown if one.verdict == "undecided"]
    sizes = sorted(one.mde for one in undecided if one.mde is not None and not one.why)
    sentences = []
    if sizes:
        low, high = numbers.plain(metric, sizes[0]), numbers.in_units(metric, sizes[-1])
        span = high if high.startswith(low) else say("{low} to {high}", low=low, high=high)
        sentences.append(
            say(
                "Undecided is not equal: these seeds find true differences of about {span} and more (power 80 %), "
                "smaller ones would go unseen.",
                span=span,
            )
        )
    if undecided and all(len(arm.values) < 2 for arm in analysis.arms.values()):
        sentences.append(say("With one seed each, no difference can be told from chance: run more seeds."))
    return sentences


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
