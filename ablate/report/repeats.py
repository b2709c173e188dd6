"""A/A: what two equal runs differ by, as a sentence."""

from __future__ import annotations

from ablate.metrics import Metric
from ablate.report import numbers
from ablate.report.table import quoted
from ablate.store.records import RepeatRecord


def repeat_told(name: str, metric: Metric, made: RepeatRecord) -> str:
    """What `ablate check --repeat` found of one recipe.

    Args:
        name: Of the variant.
        metric: What variants are ranked by.
        made: The two runs.
    """
    who = f"A/A: {quoted(name)} with seed {made.seed}, trained twice on {made.device_name}"
    if made.apart_from is None and made.first == made.second:
        return f"{who}, came out the same to the last bit."
    since = "" if made.apart_from is None else f" (their figures part in epoch {made.apart_from})"
    one, other = made.first.get(metric.name), made.second.get(metric.name)
    if one is None or other is None:
        return f"{who}, came out differently{since}; neither measured the {metric.label}."
    apart = numbers.in_units(metric, abs(one - other))
    return (
        f"{who}, differed by {apart} of {metric.label}{since}: one seed is no more exact than that there, and equal "
        "seeds are not quite common random numbers."
    )
