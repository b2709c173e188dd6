"""The answer of a study in sentences. Plain text; renderers escape it."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.checkpoint_table import told_of_checkpoints
from ablate.report.factorial_prose import factorial_sentences
from ablate.report.language import say, say_number
from ablate.report.table import listed, quoted
from ablate.report.tunings import trouble
from ablate.report.wording import RETUNED_BASELINE, removed_told
from ablate.report.words import word
from ablate.statistics import Comparison, Verdict
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import PENDING, Results

#: Changes that are named one by one in a sentence.
NAMED = 8


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
        return say(
            "Of the {steps} of the ladder, in this order, none is shown to be better than the step before.", steps=steps
        )
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
    parts = [say("{subject}, none is shown to be better than the baseline ({mean})", subject=subject, mean=mean)]
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
