"""A/A: what two equal runs differ by, as a sentence."""

from __future__ import annotations

from ablate.metrics import Metric
from ablate.report import numbers
from ablate.report.language import say
from ablate.report.table import quoted
from ablate.store.records import RepeatRecord


def repeat_told(name: str, metric: Metric, made: RepeatRecord) -> str:
    """What `ablate check --repeat` found of one recipe.

    Args:
        name: Of the variant.
        metric: What variants are ranked by.
        made: The two runs.
    """
    who = say(
        "A/A: {name} with seed {seed}, trained twice on {device}",
        name=quoted(name),
        seed=made.seed,
        device=made.device_name,
    )
    if made.apart_from is None and made.first == made.second:
        return say("{runs}, came out the same to the last bit.", runs=who)
    since = "" if made.apart_from is None else say(" (their figures part in epoch {epoch})", epoch=made.apart_from)
    one, other = made.first.get(metric.name), made.second.get(metric.name)
    if one is None or other is None:
        return say(
            "{runs}, came out differently{since}; neither measured the {metric}.",
            runs=who,
            since=since,
            metric=metric.label,
        )
    apart = numbers.in_units(metric, abs(one - other))
    return say(
        "{runs}, differed by {size} of {metric}{since}: one seed is no more exact than that there, and equal seeds are "
        "not quite common random numbers.",
        runs=who,
        size=apart,
        metric=metric.label,
        since=since,
    )
