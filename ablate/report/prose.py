"""The answer of a study in sentences, and how to read its tables. Plain text; renderers escape it."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.checkpoint_table import told_of_checkpoints
from ablate.report.factorial_prose import factorial_sentences
from ablate.report.looks import looks_told
from ablate.report.table import listed, quoted
from ablate.report.tunings import choices_told, trouble
from ablate.report.wording import failures_told, removed_told
from ablate.statistics import Comparison, Verdict
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import PENDING, Results

#: Changes that are named one by one in a sentence.
NAMED = 8
TESTS = {"welch": "Welch's t-test", "paired": "paired t-test over common seeds", "dunnett": "Dunnett's test"}


def answer(analysis: Analysis) -> list[str]:
    """What the study found, each sentence computed from verdicts."""
    results, shown = analysis.results, list(analysis.comparisons.values())
    sentences = [*_interim(analysis), *trouble(results)]
    if not any(arm.values for arm in analysis.arms.values()):
        yet = " yet" if results.finished < len(results.runs) or not results.runs else ""
        return [*sentences, f"No run has brought a value{yet}, so there is nothing to compare.", *_ended(results)]
    if not shown and not analysis.ladders:
        return [*sentences, "The study has only its baseline, so there is nothing to compare."]
    if shown:
        waiting = [one for one in shown if not analysis.results.is_run(one.arm)]
        shown = [one for one in shown if analysis.results.is_run(one.arm)]
        early = [one for one in shown if _is_early(analysis, one)]
        shown = [one for one in shown if one not in early]
        sentences += _counts(analysis, shown) if shown else []
        if early:
            sentences.append(f"Not judged before all their seeds are in: {_names(analysis, early)}.")
        if waiting:
            sentences.append(f"Not run: {_names(analysis, waiting)}.")
        sentences += [*_resolution(analysis, shown), *told_of_checkpoints(analysis, shown)]
    for family in analysis.ladders:
        good = [one for one in family.comparisons if one.verdict == "better"]
        steps = numbers.plural(len(family.comparisons), "step")
        sentences.append(
            f"Of the {steps} of the ladder, in this order, {_are(len(good))} better than the step before"
            + (f": {_effects(analysis, good)}." if good else ".")
        )
    sentences += factorial_sentences(analysis)
    if any(one.reference != results.outline.baseline for one in shown):
        sentences.append("Retuned levels are compared with the baseline that was retuned over the same values.")
    exploratory = sum(analysis.home[key].exploratory for key in analysis.comparisons)
    if exploratory:
        sentences.append(
            f"{numbers.plural(exploratory, 'change')} came after results were seen: exploratory, judged apart."
        )
    sentences += removed_told(analysis)
    return [*sentences, *_ended(results)]


def _ended(results: Results) -> list[str]:
    """Runs that ended without a value."""
    ended = [
        f"{number} {state}"
        for state, number in results.states().items()
        if state in (JobState.DIVERGED, JobState.FAILED, JobState.CANCELLED)
    ]
    return [f"Of {numbers.plural(len(results.runs), 'run')}, {listed(ended)}; see Failures."] if ended else []


def _interim(analysis: Analysis) -> list[str]:
    """How far a study is, and which of its seeds are there for every variant."""
    results = analysis.results
    if results.finished == len(results.runs):
        return []
    seeds = complete_seeds(results)
    whole = f"{'Seeds' if len(seeds) > 1 else 'Seed'} {listed([str(seed) for seed in seeds])} "
    whole += f"{'are' if len(seeds) > 1 else 'is'} complete for all variants"
    return [
        f"Interim report: {results.finished} of {numbers.plural(len(results.runs), 'run')} are in. "
        f"{whole if seeds else 'No seed is complete for all variants yet'}; each row is made of the seeds that its n "
        "says. What lacks seeds has no verdict yet."
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
    subject = f"Of {len(shown)} changes" if len(shown) > 1 else "Of one change"
    if len(found["undecided"]) == len(shown):
        what = "None of the" if len(shown) > 1 else "The"
        return [
            f"{what} {numbers.plural(len(shown), 'change')} {'is' if len(shown) > 1 else 'is not'} shown to be better "
            f"or worse than the baseline ({mean})."
        ]
    parts = [f"{subject}, {_are(len(found['better']))} better than the baseline ({mean})"]
    parts[0] += f": {_effects(analysis, found['better'])}" if found["better"] else ""
    if found["worse"]:
        parts.append(f"{_are(len(found['worse']))} worse: {_effects(analysis, found['worse'])}")
    if found["equivalent"]:
        margin = numbers.in_units(results.metric, results.outline.statistics.margin)
        names = _names(analysis, found["equivalent"])
        parts.append(f"{_are(len(found['equivalent']))} equivalent within {margin}: {names}")
    if found["undecided"]:
        names = _names(analysis, found["undecided"])
        parts.append(f"{_are(len(found['undecided']))} undecided: {names}")
    return ["; ".join(parts) + "."]


def _are(number: int) -> str:
    return {0: "none is", 1: "1 is"}.get(number, f"{number} are")


def _ordered(analysis: Analysis, shown: Sequence[Comparison], verdict: Verdict) -> list[Comparison]:
    """Comparisons of one verdict; what is decided comes with the largest difference first."""
    chosen = [one for one in shown if one.verdict == verdict]
    if verdict in ("better", "worse"):
        chosen.sort(key=lambda one: -abs(one.difference.delta or 0.0))
    return chosen


def _effects(analysis: Analysis, comparisons: Sequence[Comparison]) -> str:
    metric = analysis.results.metric
    unit = " points" if metric.percent else ""
    texts = [
        f"{quoted(analysis.names[one.arm])} ({numbers.signed(metric, one.difference.delta)}{unit})"
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
        span = high if high.startswith(low) else f"{low} to {high}"
        sentences.append(
            f"Undecided is not equal: these seeds find true differences of about {span} and more (power 80 %), "
            "smaller ones would go unseen."
        )
    if undecided and all(len(arm.values) < 2 for arm in analysis.arms.values()):
        sentences.append("With one seed each, no difference can be told from chance: run more seeds.")
    return sentences


def in_short(analysis: Analysis) -> str:
    """What a table with verdicts says below it where it stands alone; empty where nothing is compared."""
    if not analysis.families:
        return ""
    interval = "paired t" if analysis.choice.test == "paired" else "Welch"
    return (
        f"±: standard deviation over seeds; Δ with its 95 % {interval} interval, not adjusted for the number of "
        f"comparisons; verdicts are {_adjustment(analysis).rstrip(',')}. Bold marks better."
    )


def _adjustment(analysis: Analysis) -> str:
    """How verdicts allow for the number of comparisons."""
    if analysis.choice.test == "dunnett":
        return "adjusted by Dunnett's test, which assumes equal variances,"
    if analysis.results.outline.statistics.margin is not None:
        return "Bonferroni-adjusted for both kinds of claim"
    return "Holm-adjusted"


def how_to_read(analysis: Analysis) -> list[str]:
    """What the columns and words mean, and how the verdicts were reached."""
    outline, choice, metric = analysis.results.outline, analysis.choice, analysis.results.metric
    settings = outline.statistics
    interval = "paired t" if choice.test == "paired" else "Welch"
    alpha = f"{settings.alpha:g}"
    adjustment = _adjustment(analysis)
    families = ", ".join(f"{family.name} ({len(family.comparisons)})" for family in analysis.families)
    icc = ""
    if choice.icc is not None:
        icc = f" Intraclass correlation over {choice.common_seeds} common seeds: {numbers.fixed(choice.icc, 2)}."
    lines = [
        f"n is the number of seeds, ± the standard deviation over them, Δ the difference with its 95 % {interval} "
        "interval. Intervals are not adjusted for the number of comparisons; verdicts are.",
        f"Verdicts: {TESTS.get(choice.test, choice.test)}, because {choice.why}; {adjustment} over each family, whose "
        f"error rate is {alpha}{_held(analysis)}.{icc}",
    ]
    if families:
        lines.append(
            f"Families (comparisons): {families}. A variant that several designs ask for is judged in the smallest."
        )
    if settings.margin is None:
        lines.append(
            "Undecided means that no difference was shown, not that there is none; no margin was declared, so "
            "nothing is called equivalent."
        )
    else:
        margin = numbers.in_units(metric, settings.margin)
        lines.append(
            f"Equivalent means a difference of less than {margin}, by two one-sided tests; undecided means that "
            "neither was shown."
        )
    lines.append(f"{failures_told(analysis)} Bold marks better.")
    if outline.tunings:
        lines.append(
            "Retuned: each such level and the baseline were trained with every value of one list, on tuning seeds that "
            "no comparison uses; each kept its best value, chosen once, before it was compared. Its reference is the "
            "baseline that was retuned alike."
        )
        lines += choices_told(analysis.results)
    lines += looks_told(outline)
    seeds = outline.looks[-1] if outline.looks else len(outline.seeds)
    if 2 <= seeds < 10:
        smallest = 2.0 ** (1 - seeds)
        lines.append(
            f"With {seeds} seeds a test that assumes nothing about the noise (sign flips) cannot reach p < "
            f"{smallest:.3g}: the t-tests lean on noise that is roughly normal."
        )
    lines.append(
        "Curves: training thin and dashed (as trained on, with augmentation and dropout) beside validation or test, "
        "all else bold; bands are pointwise 95 % t-intervals of the mean, and whether two bands overlap is no test."
    )
    return lines


def _held(analysis: Analysis) -> str:
    """How much of the error rate is left to Welch's test where a variant scatters more; empty where none does."""
    shares = sorted({one.share for family in analysis.families for one in family.comparisons} - {1.0})
    if not shares:
        return ""
    span = " to ".join(dict.fromkeys(f"{share:.2g}" for share in (shares[0], shares[-1])))
    return f"; where a variant scatters more than its reference, Welch's test errs more, and is held to {span} of that"
