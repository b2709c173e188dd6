"""What a reader in a hurry asks, in five lines: what helped most, is that sure, what it costs, how to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ablate.report import numbers
from ablate.report.costs import FLOPS, PARAMETERS, SECONDS_PER_EPOCH, device_models, successful
from ablate.report.language import say, say_number
from ablate.report.table import clauses, listed, quoted
from ablate.report.words import word
from ablate.statistics import Comparison
from ablate.told import told
from ablate.verdicts.analysis import Analysis


def glance(analysis: Analysis, calls: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Questions and answers; those that cannot be answered are left out.

    Args:
        analysis: The study with its verdicts.
        calls: What stands after `ablate run` in each of the commands that make the study again.
    """
    pairs = []
    results = analysis.results
    if (best := _best(analysis)) is not None:
        is_interim = results.finished < len(results.runs)
        question = say("what helped most so far") if is_interim else say("what helped most")
        pairs.append((question, _effect(analysis, best)))
        if _is_gain(analysis, best):
            pairs.append((say("is that sure"), _sureness(analysis, best)))
            pairs += [(say("what it costs"), cost) for cost in _cost(analysis, best)]
    if spent := _spent(analysis):
        pairs.append((say("what the study took"), spent))
    if calls:
        pairs.append((say("how to run it again"), "; ".join(shlex.join(("ablate", "run", *call)) for call in calls)))
    return pairs


def _best(analysis: Analysis) -> Comparison | None:
    """The largest gain over the baseline; in a study of ladders alone, over the step before."""
    if analysis.best is not None:
        return analysis.best
    steps = [one for family in analysis.ladders for one in family.comparisons if one.difference.delta is not None]
    return max(steps, key=lambda one: (one.verdict == "better", _gain(analysis, one)), default=None)


def _gain(analysis: Analysis, one: Comparison) -> float:
    return (one.difference.delta or 0.0) * (1 if analysis.results.outline.direction == "max" else -1)


def _is_gain(analysis: Analysis, one: Comparison) -> bool:
    return _gain(analysis, one) > 0


def _effect(analysis: Analysis, best: Comparison) -> str:
    """The largest gain with both means, or that there is none."""
    metric, found = analysis.results.metric, best.difference
    base, reference = numbers.with_unit(metric, found.mean_b), _named(analysis, best.reference)
    if not _is_gain(analysis, best):
        return say(
            "nothing: no change did better than the {value} of {reference} on average", value=base, reference=reference
        )
    return say(
        "{name}: {metric} {value} against {base} of {reference} ({size})",
        name=quoted(analysis.names[best.arm]),
        metric=metric.label,
        value=numbers.with_unit(metric, found.mean_a),
        base=base,
        reference=reference,
        size=numbers.signed_in_units(metric, found.delta),
    )


def _named(analysis: Analysis, key: str) -> str:
    return say("the baseline") if key == analysis.results.outline.baseline else quoted(analysis.names[key])


def _sureness(analysis: Analysis, best: Comparison) -> str:
    """The verdict, and what it rests on."""
    if best.why:
        return say("{answer}: {verdict}, {why}", answer=say("no"), verdict=word(best.verdict), why=best.why)
    metric, found = analysis.results.metric, best.difference
    grounds = []
    if found.ci_low is not None and found.ci_high is not None:
        low, high = numbers.signed(metric, found.ci_low), numbers.signed_in_units(metric, found.ci_high)
        grounds.append(say("95 % interval {low} to {high}", low=low, high=high))
    if best.p_adjusted is not None:
        grounds.append(say("adjusted p {p}", p=_equals(best.p_adjusted)))
    if found.n_a == found.n_b:
        grounds.append(say_number(found.n_a, "{n} seed each", "{n} seeds each"))
    else:
        grounds.append(say_number(found.n_b, "{own} and {n} seed", "{own} and {n} seeds", own=found.n_a))
    home = analysis.home.get(best.arm)
    is_late = home is not None and home.exploratory
    lead = say("no") if best.verdict != "better" else say("not yet") if is_late else say("yes")
    said = say("{answer}: {verdict} ({grounds})", answer=lead, verdict=word(best.verdict), grounds=clauses(grounds))
    if best.verdict == "undecided":
        return say("{answer}; {doubt}", answer=said, doubt=_doubt(best))
    return say("{answer}; exploratory, added after results were seen", answer=said) if is_late else said


def _equals(p: float) -> str:
    text = numbers.probability(p)
    return text if text.startswith("<") else f"= {text}"


def _doubt(best: Comparison) -> str:
    """Why an undecided gain is to be taken with care."""
    if best.family_size > 1:
        return say("the best of {n} differences looks better than it is", n=best.family_size)
    return say("chance alone may make such a difference")


def _cost(analysis: Analysis, best: Comparison) -> list[str]:
    """What the gain costs beside its reference; seconds only where both ran on the same device model."""
    runs = [successful(analysis.results, key) for key in (best.arm, best.reference)]
    models = set().union(*map(device_models, runs))
    parts: dict[str, str] = {}
    for cost, text in (
        (PARAMETERS, told("{ratio} times the parameters")),
        (FLOPS, told("{ratio} times the FLOPs")),
        (SECONDS_PER_EPOCH, told("{ratio} times the seconds per epoch")),
    ):
        own, other = (cost.of(side) for side in runs)
        if own is not None and other and not (cost.timed and len(models) != 1):
            ratio = numbers.significant(own / other)
            parts[say(text, ratio=ratio)] = ratio
    if not parts:
        return []
    more = [part for part, ratio in parts.items() if ratio != numbers.significant(1.0)]
    costs = listed(more or list(parts)[:1])
    return [say("{costs} of {reference}", costs=costs, reference=_named(analysis, best.reference))]


def _spent(analysis: Analysis) -> str:
    """Runs that are over, and their time; empty where none is."""
    results = analysis.results
    over = [run for run in results.runs if run.seconds is not None]
    if not over:
        return ""
    models = sorted(device_models(over))
    time = numbers.duration(sum(run.seconds or 0.0 for run in over))
    runs = say_number(len(over), "{n} run", "{n} runs")
    if not models:
        return say("{runs}, {time} of training in sum", runs=runs, time=time)
    return say("{runs}, {time} of training in sum on {models}", runs=runs, time=time, models=listed(models))
