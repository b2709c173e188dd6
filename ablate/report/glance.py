"""What a reader in a hurry asks, in five lines: what helped most, is that sure, what it costs, how to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ablate.report import numbers
from ablate.report.costs import PARAMETERS, SECONDS_PER_EPOCH, device_models, successful
from ablate.report.table import listed, quoted
from ablate.statistics import Comparison
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
        so_far = " so far" if results.finished < len(results.runs) else ""
        pairs.append((f"what helped most{so_far}", _effect(analysis, best)))
        if _is_gain(analysis, best):
            pairs.append(("is that sure", _sureness(analysis, best)))
            pairs += [("what it costs", cost) for cost in _cost(analysis, best)]
    if spent := _spent(analysis):
        pairs.append(("what the study took", spent))
    if calls:
        pairs.append(("how to run it again", "; ".join(shlex.join(("ablate", "run", *call)) for call in calls)))
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
    reference = f"{numbers.with_unit(metric, found.mean_b)} of {_named(analysis, best.reference)}"
    if not _is_gain(analysis, best):
        return f"nothing: no change did better than the {reference} on average"
    size = f"{numbers.signed(metric, found.delta)} {numbers.unit_of_difference(metric)}".rstrip()
    own = numbers.with_unit(metric, found.mean_a)
    return f"{quoted(analysis.names[best.arm])}: {metric.label} {own} against {reference} ({size})"


def _named(analysis: Analysis, key: str) -> str:
    return "the baseline" if key == analysis.results.outline.baseline else quoted(analysis.names[key])


def _sureness(analysis: Analysis, best: Comparison) -> str:
    """The verdict, and what it rests on."""
    if best.why:
        return f"no: {best.verdict}, {best.why}"
    metric, found = analysis.results.metric, best.difference
    grounds = []
    if found.ci_low is not None and found.ci_high is not None:
        ends = f"{numbers.signed(metric, found.ci_low)} to {numbers.signed(metric, found.ci_high)}"
        grounds.append(f"95 % interval {ends} {numbers.unit_of_difference(metric)}".rstrip())
    if best.p_adjusted is not None:
        grounds.append(f"adjusted p {_equals(best.p_adjusted)}")
    if found.n_a == found.n_b:
        grounds.append(f"{numbers.plural(found.n_a, 'seed')} each")
    else:
        grounds.append(f"{found.n_a} and {numbers.plural(found.n_b, 'seed')}")
    home = analysis.home.get(best.arm)
    is_late = home is not None and home.exploratory
    lead = "no" if best.verdict != "better" else "not yet" if is_late else "yes"
    said = f"{lead}: {best.verdict} ({', '.join(grounds)})"
    if best.verdict == "undecided":
        return f"{said}; {_doubt(best)}"
    return f"{said}; exploratory, added after results were seen" if is_late else said


def _equals(p: float) -> str:
    text = numbers.probability(p)
    return text if text.startswith("<") else f"= {text}"


def _doubt(best: Comparison) -> str:
    """Why an undecided gain is to be taken with care."""
    if best.family_size > 1:
        return f"the largest of {best.family_size} differences owes some of its size to chance"
    return "chance alone may make such a difference"


def _cost(analysis: Analysis, best: Comparison) -> list[str]:
    """What the gain costs beside its reference; seconds only where both ran on the same device model."""
    runs = [successful(analysis.results, key) for key in (best.arm, best.reference)]
    models = set().union(*map(device_models, runs))
    parts = []
    for cost, unit in ((PARAMETERS, "parameters"), (SECONDS_PER_EPOCH, "seconds per epoch")):
        own, other = (cost.of(side) for side in runs)
        if own is not None and other and not (cost.timed and len(models) != 1):
            parts.append(f"{numbers.significant(own / other)} times the {unit}")
    return [f"{listed(parts)} of {_named(analysis, best.reference)}"] if parts else []


def _spent(analysis: Analysis) -> str:
    """Runs that are over, and their time; empty where none is."""
    results = analysis.results
    over = [run for run in results.runs if run.seconds is not None]
    if not over:
        return ""
    models = sorted(device_models(over))
    time = numbers.duration(sum(run.seconds or 0.0 for run in over))
    return f"{numbers.plural(len(over), 'run')}, {time} of training{f' on {listed(models)}' if models else ''}"
