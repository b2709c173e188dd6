"""What differences between variants may be claimed: arrays in, frozen results out.

Nothing here knows a database or a file. Every test is scipy's or statsmodels'; both are imported when first used.
"""

from __future__ import annotations

from ablate.statistics.comparison import Arm, Comparison, Test, Verdict, compare, compare_pairs
from ablate.statistics.confusion import class_accuracies, confusion_matrix, pooled
from ablate.statistics.correlation import Choice, choose_test, intraclass_correlation
from ablate.statistics.interval import (
    Band,
    Difference,
    MeanInterval,
    band,
    mean_interval,
    paired,
    welch,
)
from ablate.statistics.pareto import Standing, standings
from ablate.statistics.plain import Values, compare_values
from ablate.statistics.power import detectable_effect, seeds_needed

__all__ = [
    "Arm",
    "Band",
    "Choice",
    "Comparison",
    "Difference",
    "MeanInterval",
    "Standing",
    "Test",
    "Values",
    "Verdict",
    "band",
    "choose_test",
    "class_accuracies",
    "compare",
    "compare_pairs",
    "compare_values",
    "confusion_matrix",
    "detectable_effect",
    "intraclass_correlation",
    "mean_interval",
    "paired",
    "pooled",
    "seeds_needed",
    "standings",
    "welch",
]
