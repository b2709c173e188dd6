"""What differences between variants may be claimed: arrays in, frozen results out.

Nothing here knows a database or a file. Every test is scipy's or statsmodels'; both are imported when first used.
"""

from __future__ import annotations

from ablate.statistics.cell_means import Term
from ablate.statistics.comparison import Arm, Comparison, Test, Verdict, compare, compare_pairs
from ablate.statistics.confusion import class_accuracies, confusion_matrix, pooled
from ablate.statistics.correlation import Choice, choose_test, intraclass_correlation
from ablate.statistics.effects import Effect
from ablate.statistics.factorial import Factorial, LevelMean, factorial
from ablate.statistics.interval import (
    Band,
    Difference,
    MeanInterval,
    band,
    mean_interval,
    paired,
    welch,
)
from ablate.statistics.lenth import Lenth, half_normal_quantiles, lenth
from ablate.statistics.power import detectable_effect, seeds_needed
from ablate.statistics.words import Alias

__all__ = [
    "Alias",
    "Arm",
    "Band",
    "Choice",
    "Comparison",
    "Difference",
    "Effect",
    "Factorial",
    "Lenth",
    "LevelMean",
    "MeanInterval",
    "Term",
    "Test",
    "Verdict",
    "band",
    "choose_test",
    "class_accuracies",
    "compare",
    "compare_pairs",
    "confusion_matrix",
    "detectable_effect",
    "factorial",
    "half_normal_quantiles",
    "intraclass_correlation",
    "lenth",
    "mean_interval",
    "paired",
    "pooled",
    "seeds_needed",
    "welch",
]
