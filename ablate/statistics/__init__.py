"""What differences between variants may be claimed: arrays in, frozen results out.

Nothing here knows a database or a file. Every test is scipy's or statsmodels'; both are imported when first used.
"""

from __future__ import annotations

from ablate.statistics.calibration import share_of_alpha
from ablate.statistics.cell_means import Term
from ablate.statistics.comparison import Comparison, Verdict, compare, compare_pairs
from ablate.statistics.confusion import class_accuracies, confusion_matrix, pooled
from ablate.statistics.correlation import Choice, choose_test, intraclass_correlation
from ablate.statistics.effects import Effect
from ablate.statistics.examples import (
    Checkpoints,
    Correct,
    DistributionWise,
    TwoSources,
    compare_checkpoints,
    distribution_wise,
    mcnemar,
    two_sources,
)
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
from ablate.statistics.pair import Arm, Test
from ablate.statistics.pareto import Standing, standings
from ablate.statistics.per_class import ClassDifference, class_differences
from ablate.statistics.plain import Values, compare_values
from ablate.statistics.power import detectable_effect, seeds_needed
from ablate.statistics.sequential import Looks, Stage, compare_in_looks, seeds_to_settle
from ablate.statistics.words import Alias

__all__ = [
    "Alias",
    "Arm",
    "Band",
    "Checkpoints",
    "Choice",
    "ClassDifference",
    "Comparison",
    "Correct",
    "Difference",
    "DistributionWise",
    "Effect",
    "Factorial",
    "Lenth",
    "LevelMean",
    "Looks",
    "MeanInterval",
    "Stage",
    "Standing",
    "Term",
    "Test",
    "TwoSources",
    "Values",
    "Verdict",
    "band",
    "choose_test",
    "class_accuracies",
    "class_differences",
    "compare",
    "compare_checkpoints",
    "compare_in_looks",
    "compare_pairs",
    "compare_values",
    "confusion_matrix",
    "detectable_effect",
    "distribution_wise",
    "factorial",
    "half_normal_quantiles",
    "intraclass_correlation",
    "lenth",
    "mcnemar",
    "mean_interval",
    "paired",
    "pooled",
    "seeds_needed",
    "seeds_to_settle",
    "share_of_alpha",
    "standings",
    "two_sources",
    "welch",
]
