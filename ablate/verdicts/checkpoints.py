"""Studies of one run a variant: what can be said of the two networks, and nothing of the methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ablate.statistics import Arm, Comparison, Correct, compare_checkpoints
from ablate.told import told
from ablate.verdicts.outcomes import JUDGED_BY, Matrices, side_by_side
from ablate.verdicts.results import Results

#: Why there is no verdict although there is a p-value.
WHY = told("one run each: McNemar's p is of these two checkpoints, not the methods")


def with_checkpoints(
    results: Results, arms: Mapping[str, Arm], comparisons: Sequence[Comparison]
) -> tuple[Comparison, ...]:
    """Add exact McNemar tests to a family whose variants were planned with one run each.

    The verdict stays "undecided": one seed cannot tell a method from its luck. The p-values are kept apart from those
    of verdicts, in `Comparison.checkpoints`, adjusted over the same family.

    Args:
        results: The study; its ranked metric must be what single test images are right or wrong by.
        arms: Values of each variant, by key.
        comparisons: The family.
    """
    pairs = [_pair(results, arms[one.arm], arms[one.reference]) for one in comparisons]
    if all(pair is None for pair in pairs):
        return tuple(comparisons)
    return tuple(
        one if made is None else replace(one, test="mcnemar", checkpoints=made, why=WHY)
        for one, made in zip(comparisons, compare_checkpoints(pairs), strict=True)
    )


def _pair(results: Results, a: Arm, b: Arm) -> tuple[Correct, Correct] | None:
    """The outcomes of two single runs on the same test images."""
    if results.outline.metric != JUDGED_BY or any(arm.planned != 1 or len(arm.values) != 1 for arm in (a, b)):
        return None
    found = side_by_side(results.outcomes, [(a.key, seed) for seed in a.values], [(b.key, seed) for seed in b.values])
    return (found.correct[0][0], found.correct[1][0]) if isinstance(found, Matrices) else None
