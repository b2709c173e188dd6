"""Whether equal seeds make variants alike, and so which test the study uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ablate.statistics.pair import Arm, Test
from ablate.told import told

#: Intraclass correlation above which pairing by seed is worth its lost degrees of freedom.
WORTH_PAIRING = 0.25
#: Fewest comparisons from which that correlation is trusted to choose the test.
FEWEST_COMPARISONS = 3


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which test judges all comparisons of a study."""

    test: Test
    #: Two-way intraclass correlation over common seeds; None where it cannot be computed.
    icc: float | None
    #: Seeds that all arms have in common.
    common_seeds: int
    #: Why this test, as a clause: "because ...".
    why: str


def intraclass_correlation(values: NDArray[np.float64]) -> float | None:
    """Two-way intraclass correlation of single values, consistency: ICC(C,1).

    (MS_seeds - MS_residual) / (MS_seeds + (A - 1) MS_residual), the mean squares of a two-way layout without
    repeats (McGraw & Wong 1996; ICC(3,1) of Shrout & Fleiss 1979). Arms may differ in their means; what counts is
    whether a seed that is good for one arm is good for the others.

    Args:
        values: A row for each seed, a column for each arm, (S, A).

    Returns:
        Between -1/(A - 1) and 1; None below two seeds or two arms, or where nothing varies.
    """
    seeds, arms = values.shape
    if seeds < 2 or arms < 2:
        return None
    grand = values.mean()
    rows = values.mean(axis=1, keepdims=True) - grand
    columns = values.mean(axis=0, keepdims=True) - grand
    residual = values - grand - rows - columns
    between = arms * float((rows**2).sum()) / (seeds - 1)
    within = float((residual**2).sum()) / ((seeds - 1) * (arms - 1))
    scale = float(np.abs(values).max()) ** 2
    if between + within <= 1e-28 * scale:
        return None
    return float((between - within) / (between + (arms - 1) * within))


def choose_test(
    reference: Arm, arms: Sequence[Arm], *, requested: Literal["auto", "welch", "paired", "dunnett"] = "auto"
) -> Choice:
    """The test for a whole study, decided once from all arms and their common seeds.

    `auto` takes the paired test where at least three comparisons show an intraclass correlation above .25, else
    Welch's. Arms with fewer than two values are left out of the correlation, as are
    arms whose seeds diverged or failed.
    """
    usable = [arm for arm in (reference, *arms) if len(arm.values) >= 2 and not arm.spoiled]
    common = sorted(set.intersection(*(set(arm.values) for arm in usable))) if len(usable) >= 2 else []
    icc = None
    if len(common) >= 2:
        icc = intraclass_correlation(np.array([[arm.values[seed] for arm in usable] for seed in common]))
    if requested != "auto":
        return Choice(test=requested, icc=icc, common_seeds=len(common), why=told("the study asks for it"))
    limit = f"{WORTH_PAIRING:g}"
    test: Test
    if icc is None:
        test, why = "welch", told("equal seeds could not be compared across variants")
    elif len(arms) < FEWEST_COMPARISONS:
        few = told("fewer than {n} comparisons are too few to measure the pairing by seed", n=FEWEST_COMPARISONS)
        test, why = "welch", few
    elif icc > WORTH_PAIRING:
        alike = told("variants of equal seed are alike (intraclass correlation above {limit})", limit=limit)
        test, why = "paired", alike
    else:
        unlike = told("equal seeds hardly make variants alike (intraclass correlation not above {limit})", limit=limit)
        test, why = "welch", unlike
    return Choice(test=test, icc=icc, common_seeds=len(common), why=why)
