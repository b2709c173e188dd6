"""What a guess scores: the value that diverged runs get where a study says `on_diverged = "score_as_chance"`."""

from __future__ import annotations

import math

from ablate.metrics import METRICS
from ablate.verdicts.results import Results


def value_of_a_guess(results: Results) -> float | None:
    """The ranked metric of a network that gives each of K classes the same probability.

    1/K for accuracies (a fraction), ln K for losses (nats: the cross-entropy of a uniform guess). K is that of the test
    images which the study's runs met; None where those are not known or differ in K, and for metrics of the user's own.
    """
    numbers = {one.classes for one in results.test_sets if one.classes is not None}
    if results.outline.metric not in METRICS or len(numbers) != 1:
        return None
    (classes,) = numbers
    return 1 / classes if results.metric.percent else math.log(classes)


def scored_as_chance(results: Results) -> float | None:
    """The value that diverged runs count with; None where they bar a verdict, by the study's wish or for want of K."""
    wanted = results.outline.statistics.on_diverged == "score_as_chance"
    return value_of_a_guess(results) if wanted else None
