"""One variant against its reference: what may be tested, and what the tests say before any adjustment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ablate.statistics.interval import Difference, paired, welch
from ablate.told import told

Test = Literal["welch", "paired", "dunnett", "mcnemar", "none"]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One variant's results over its planned seeds."""

    key: str
    #: Ranked metric of each finished run, by seed, in the metric's unit.
    values: Mapping[int, float]
    #: Seeds that were planned.
    planned: int
    #: Seeds whose run diverged.
    diverged: tuple[int, ...] = ()
    #: Runs that failed by their own fault.
    failed: int = 0
    #: Runs that are not over.
    pending: int = 0

    @property
    def spoiled(self) -> bool:
        """Whether the values are those of survivors."""
        return bool(self.diverged) or self.failed > 0

    def scored(self, chance: float) -> Arm:
        """The same arm with diverged seeds counted as guesses."""
        return replace(self, values={**self.values, **dict.fromkeys(self.diverged, chance)})


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A pair of arms after its tests; nothing is adjusted for other pairs."""

    arm: Arm
    reference: Arm
    #: Arm minus reference; delta and what follows from it are None where only survivors could be compared.
    difference: Difference
    #: Why there can be no verdict, as a clause; empty where there can be one.
    why: str
    #: Two-sided p of the difference; None where there can be no verdict.
    p: float | None = None
    #: p of "differs by the margin or more"; None without a margin, or where there can be no verdict.
    p_equivalence: float | None = None


def examine(
    arm: Arm, reference: Arm, *, test: Test, margin: float | None = None, chance: float | None = None
) -> Tested:
    """Test one pair: Welch's or the paired t-test, and two one-sided ones where a margin is declared.

    Args:
        arm: The variant.
        reference: What it is compared with.
        test: `paired` takes common seeds; every other test has Welch's difference and interval.
        margin: Differences smaller than this are as good as none, in the metric's unit.
        chance: Value that a guess gets; diverged seeds score so. None: an arm with a diverged seed gets no verdict.
    """
    if chance is not None:
        arm, reference = arm.scored(chance), reference.scored(chance)
    why = _obstacle(arm, reference, scored=chance is not None)
    sides = _sides(arm, reference, test)
    difference = paired(*sides) if test == "paired" else welch(*sides)
    if not why and difference.p is not None:
        return Tested(
            arm=arm,
            reference=reference,
            difference=difference,
            why="",
            p=difference.p,
            p_equivalence=None if margin is None else _equivalence(*sides, margin, test),
        )
    if _survivors_only(arm, reference, scored=chance is not None):
        difference = _means_alone(difference)
    elif not why:
        lone = min(difference.n_a, difference.n_b) < 2
        why = told("fewer than 2 seeds") if lone else told("nothing varies over seeds")
    return Tested(arm=arm, reference=reference, difference=difference, why=why)


def _survivors_only(arm: Arm, reference: Arm, *, scored: bool) -> bool:
    """Whether one of the two means is over survivors only, so that their difference would mislead."""
    return any(side.failed > 0 or (side.diverged and not scored) for side in (arm, reference))


def _obstacle(arm: Arm, reference: Arm, *, scored: bool) -> str:
    """Why there can be no verdict before any test; empty where there can be one."""
    if why := _spoiled(arm, scored=scored):
        return why
    why = _spoiled(reference, scored=scored)
    return told("reference: {why}", why=why) if why else ""


def _spoiled(side: Arm, *, scored: bool) -> str:
    if side.diverged and not scored:
        return told("{n} of {planned} seeds diverged", n=len(side.diverged), planned=side.planned)
    if side.failed:
        return told("{n} of {planned} seeds failed", n=side.failed, planned=side.planned)
    if side.pending:
        return told("{n} of {planned} seeds are in", n=side.planned - side.pending, planned=side.planned)
    return ""


def _sides(arm: Arm, reference: Arm, test: Test) -> tuple[list[float], list[float]]:
    """Values of the arm and of the reference; of common seeds only, in one order, for the paired test."""
    if test == "paired":
        common = sorted(arm.values.keys() & reference.values.keys())
        return [arm.values[seed] for seed in common], [reference.values[seed] for seed in common]
    return in_order(arm), in_order(reference)


def in_order(arm: Arm) -> list[float]:
    """Values by seed, so that sums are rounded alike however the rows came."""
    return [arm.values[seed] for seed in sorted(arm.values)]


def _equivalence(a: Sequence[float], b: Sequence[float], margin: float, test: Test) -> float:
    """The p-value of "the means differ by the margin or more": the larger of two one-sided tests."""
    from statsmodels.stats.weightstats import ttost_ind, ttost_paired

    left, right = np.asarray(a), np.asarray(b)
    if test == "paired":
        return float(ttost_paired(left, right, -margin, margin)[0])
    return float(ttost_ind(left, right, -margin, margin, usevar="unequal")[0])


def _means_alone(difference: Difference) -> Difference:
    """The difference without what would follow from comparing survivors."""
    return replace(difference, delta=None, se=None, df=None, statistic=None, p=None, ci_low=None, ci_high=None)
