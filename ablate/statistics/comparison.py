"""A family of comparisons with one reference, and the verdict on each.

The family keeps its error rate alpha: Holm's step-down adjustment of the difference tests (Holm 1979). Where a margin
is declared there is a second kind of claim, equivalence, by two one-sided tests (Schuirmann 1987); both kinds at alpha
gave up to .08 wrong verdicts together, so both are then tested at alpha / k. At most one of a comparison's two null
hypotheses is true, so that keeps alpha.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ablate.metrics import Direction
from ablate.statistics.examples import Checkpoints
from ablate.statistics.interval import Difference, paired, welch
from ablate.statistics.power import detectable_effect, seeds_needed

Test = Literal["welch", "paired", "dunnett", "mcnemar", "none"]
Verdict = Literal["better", "worse", "equivalent", "undecided"]


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
class Comparison:
    """What is known of one variant against its reference."""

    #: Keys of the two arms.
    arm: str
    reference: str
    #: Comparisons of the family.
    family_size: int
    test: Test
    #: Arm minus reference; delta and what follows from it are None where only survivors could be compared.
    difference: Difference
    verdict: Verdict
    #: p of the difference, adjusted over the family.
    p_adjusted: float | None = None
    #: p of "differs by the margin or more", adjusted over the family; None without a margin.
    p_equivalence: float | None = None
    #: Equivalent within the margin, and different from 0 all the same.
    tiny_difference: bool = False
    #: Smallest true difference that these seeds find with power .8, in the metric's unit.
    mde: float | None = None
    #: Seeds of the arm that settle it at the declared margin; None without a margin.
    seeds_needed: int | None = None
    #: Why no verdict could be given, as a clause; empty where the tests alone leave it undecided.
    why: str = ""
    #: How the networks compare where each side is one run. No verdict follows from it, and `p_adjusted` stays None.
    checkpoints: Checkpoints | None = None


def compare(
    reference: Arm,
    arms: Sequence[Arm],
    *,
    direction: Direction,
    test: Test = "welch",
    alpha: float = 0.05,
    margin: float | None = None,
    chance: float | None = None,
) -> tuple[Comparison, ...]:
    """Judge every arm against one reference, as one family; see `compare_pairs`."""
    return compare_pairs(
        [(arm, reference) for arm in arms], direction=direction, test=test, alpha=alpha, margin=margin, chance=chance
    )


def compare_pairs(
    pairs: Sequence[tuple[Arm, Arm]],
    *,
    direction: Direction,
    test: Test = "welch",
    alpha: float = 0.05,
    margin: float | None = None,
    chance: float | None = None,
) -> tuple[Comparison, ...]:
    """Judge every arm against its reference, as one family.

    A comparison that cannot be tested, or whose seeds are not all in, stays in the family with p = 1 and is
    "undecided": looking early must not buy verdicts.

    Args:
        pairs: The k comparisons, as (arm, reference); the steps of a ladder have a reference each.
        direction: Whether more of the metric is better.
        test: `welch`, `paired` (over common seeds), or `dunnett` (p-values of Dunnett's test, which assumes equal
            variances and one reference; differences and intervals stay Welch's).
        alpha: Error rate of the family.
        margin: Differences smaller than this are as good as none, in the metric's unit; None: "equivalent" is
            never said.
        chance: Value that a guess gets; diverged seeds score so. None: an arm with a diverged seed gets no verdict.

    Returns:
        A comparison for each pair, in their order.

    Raises:
        ValueError: Dunnett's test is asked for with several references.
    """
    k = len(pairs)
    if k == 0:
        return ()
    if chance is not None:
        pairs = [(arm.scored(chance), reference.scored(chance)) for arm, reference in pairs]
    obstacles = [_obstacle(arm, reference, scored=chance is not None) for arm, reference in pairs]
    sides = [_sides(arm, reference, test) for arm, reference in pairs]
    differences = [paired(*side) if test == "paired" else welch(*side) for side in sides]
    testable = [not why and difference.p is not None for why, difference in zip(obstacles, differences, strict=True)]
    adjusted = _adjusted(pairs, differences, testable, test=test, halved=margin is not None)

    comparisons = []
    for index, (arm, reference) in enumerate(pairs):
        difference, why = differences[index], obstacles[index]
        if _survivors_only(arm, reference, scored=chance is not None):
            difference = _untested(difference)
        elif difference.p is None and not why:
            why = "fewer than 2 seeds" if min(difference.n_a, difference.n_b) < 2 else "nothing varies over seeds"
        comparison = Comparison(
            arm=arm.key,
            reference=reference.key,
            family_size=k,
            test="none" if difference.p is None else test,
            difference=difference,
            verdict="undecided",
            p_adjusted=adjusted[index] if testable[index] else None,
            why=why,
        )
        if difference.p is not None:
            comparison = _with_power(comparison, alpha=alpha / k, margin=margin, is_paired=test == "paired")
        if testable[index] and margin is not None:
            p_equivalence = min(1.0, _equivalence(*sides[index], margin, test) * (2 * k if test == "dunnett" else k))
            comparison = replace(comparison, p_equivalence=p_equivalence)
        comparisons.append(_judged(comparison, direction, alpha, barred=bool(arm.diverged)))
    return tuple(comparisons)


def _survivors_only(arm: Arm, reference: Arm, *, scored: bool) -> bool:
    """Whether one of the two means is over survivors only, so that their difference would mislead."""
    return any(side.failed > 0 or (side.diverged and not scored) for side in (arm, reference))


def _obstacle(arm: Arm, reference: Arm, *, scored: bool) -> str:
    """Why there can be no verdict before any test; empty where there can be one."""
    for side, name in ((arm, ""), (reference, "reference: ")):
        if side.diverged and not scored:
            return f"{name}{len(side.diverged)} of {side.planned} seeds diverged"
        if side.failed:
            return f"{name}{side.failed} of {side.planned} seeds failed"
        if side.pending:
            return f"{name}{side.planned - side.pending} of {side.planned} seeds are in"
    return ""


def _sides(arm: Arm, reference: Arm, test: Test) -> tuple[list[float], list[float]]:
    """Values of the arm and of the reference; of common seeds only, in one order, for the paired test."""
    if test == "paired":
        common = sorted(arm.values.keys() & reference.values.keys())
        return [arm.values[seed] for seed in common], [reference.values[seed] for seed in common]
    return _in_order(arm), _in_order(reference)


def _in_order(arm: Arm) -> list[float]:
    """Values by seed, so that sums are rounded alike however the rows came."""
    return [arm.values[seed] for seed in sorted(arm.values)]


def _adjusted(
    pairs: Sequence[tuple[Arm, Arm]],
    differences: Sequence[Difference],
    testable: Sequence[bool],
    *,
    test: Test,
    halved: bool,
) -> list[float]:
    """The p-value of each difference, adjusted over the family; `halved` leaves room for equivalence."""
    if test == "dunnett":
        from scipy import stats

        reference = pairs[0][1]
        if any(other.key != reference.key for _, other in pairs):
            raise ValueError("Dunnett's test has one reference for all arms")
        chosen = [_in_order(arm) for (arm, _), usable in zip(pairs, testable, strict=True) if usable]
        if not chosen:
            return [1.0] * len(pairs)
        # the multivariate t distribution is integrated by random points: a fixed stream keeps reports reproducible
        result = stats.dunnett(*chosen, control=_in_order(reference), rng=np.random.default_rng(0))
        found = iter(result.pvalue)
        share = 2.0 if halved else 1.0
        return [min(1.0, float(next(found)) * share) if usable else 1.0 for usable in testable]
    from statsmodels.stats.multitest import multipletests

    raw = [
        difference.p if usable and difference.p is not None else 1.0
        for difference, usable in zip(differences, testable, strict=True)
    ]
    return [float(p) for p in multipletests(raw, method="bonferroni" if halved else "holm")[1]]


def _equivalence(a: Sequence[float], b: Sequence[float], margin: float, test: Test) -> float:
    """The p-value of "the means differ by the margin or more": the larger of two one-sided tests."""
    from statsmodels.stats.weightstats import ttost_ind, ttost_paired

    left, right = np.asarray(a), np.asarray(b)
    if test == "paired":
        return float(ttost_paired(left, right, -margin, margin)[0])
    return float(ttost_ind(left, right, -margin, margin, usevar="unequal")[0])


def _with_power(comparison: Comparison, *, alpha: float, margin: float | None, is_paired: bool) -> Comparison:
    """Add what these seeds can find, and how many would settle it at the margin.

    The unit is the standard deviation of the differences where paired, else sqrt((s_a^2 + s_b^2) / 2).
    """
    difference = comparison.difference
    sd_a, sd_b, se = difference.sd_a, difference.sd_b, difference.se
    if sd_a is None or sd_b is None or se is None:
        return comparison
    if is_paired:
        unit, ratio = se * difference.n_a**0.5, None
    else:
        unit, ratio = ((sd_a**2 + sd_b**2) / 2) ** 0.5, difference.n_b / difference.n_a
    effect = detectable_effect(difference.n_a, alpha, ratio=ratio)
    return replace(
        comparison,
        mde=None if effect is None else effect * unit,
        seeds_needed=None if margin is None else seeds_needed(margin / unit, alpha, ratio=ratio),
    )


def _untested(difference: Difference) -> Difference:
    """Means and counts alone."""
    return replace(difference, delta=None, se=None, df=None, statistic=None, p=None, ci_low=None, ci_high=None)


def _judged(comparison: Comparison, direction: Direction, alpha: float, *, barred: bool) -> Comparison:
    """The verdict; `barred`: the arm has a diverged seed and can never be better."""
    delta = comparison.difference.delta
    if comparison.p_adjusted is None or delta is None:
        return comparison
    differs = comparison.p_adjusted <= alpha
    if comparison.p_equivalence is not None and comparison.p_equivalence <= alpha:
        return replace(comparison, verdict="equivalent", tiny_difference=differs)
    if not differs:
        return comparison
    if (delta > 0) == (direction == "max"):
        if barred:
            return replace(comparison, why="a variant with a diverged seed cannot be better")
        return replace(comparison, verdict="better")
    return replace(comparison, verdict="worse")
