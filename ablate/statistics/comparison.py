"""A family of comparisons with one reference, and the verdict on each.

The family keeps its error rate alpha: Holm's step-down adjustment of the difference tests (Holm 1979). Where a margin
is declared there is a second kind of claim, equivalence, by two one-sided tests (Schuirmann 1987); both kinds at alpha
gave up to .08 wrong verdicts together, so both are then tested at alpha / k. At most one of a comparison's two null
hypotheses is true, so that keeps alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ablate.metrics import Direction
from ablate.statistics.calibration import share_left
from ablate.statistics.examples import Checkpoints
from ablate.statistics.interval import Difference
from ablate.statistics.pair import Arm, Test, Tested, examine, in_order
from ablate.statistics.power import detectable_effect, seeds_needed
from ablate.told import told

Verdict = Literal["better", "worse", "equivalent", "undecided"]


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
    #: p of the difference, adjusted over the family (and over the looks, where there are several).
    p_adjusted: float | None = None
    #: p of "differs by the margin or more", adjusted alike; None without a margin.
    p_equivalence: float | None = None
    #: What both were divided by before: less than 1 for Welch's test of an arm that scatters more, in a fixed design.
    share: float = 1.0
    #: Equivalent within the margin, and different from 0 all the same.
    tiny_difference: bool = False
    #: Smallest true difference that these seeds find with power .8, in the metric's unit.
    mde: float | None = None
    #: Seeds of the arm that settle it at the declared margin; None without a margin.
    seeds_needed: int | None = None
    #: Why no verdict could be given, as a clause; empty where the tests alone leave it undecided.
    why: str = ""
    #: Seeds of the arm at the look that is shown: the one that decided, else the last one; None without looks.
    look: int | None = None
    #: Further seeds would hardly decide it, so that it gets none.
    futile: bool = False
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
    "undecided": looking early must not buy verdicts. Welch's p-values of an arm that scatters more than its reference
    are divided by its share of alpha first, and what its seeds can find is told at that share; `difference.p` and
    intervals stay as the test has them.

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
    found = [examine(arm, reference, test=test, margin=margin, chance=chance) for arm, reference in pairs]
    shares = [share_left(one.difference) if test == "welch" else 1.0 for one in found]
    found = [_held(one, share) for one, share in zip(found, shares, strict=True)]
    adjusted = _adjusted(found, test=test, halved=margin is not None)
    comparisons = []
    for one, share, p_adjusted in zip(found, shares, adjusted, strict=True):
        comparison = with_power(replace(unjudged(one, k, test), share=share), alpha=alpha * share / k, margin=margin)
        if one.p is not None:
            comparison = replace(comparison, p_adjusted=p_adjusted)
        if one.p_equivalence is not None:
            # Dunnett's p-values are adjusted already, so that its two kinds of claim share alpha by halves
            p_equivalence = min(1.0, one.p_equivalence * (2 * k if test == "dunnett" else k))
            comparison = replace(comparison, p_equivalence=p_equivalence)
        comparisons.append(judged(comparison, direction, alpha, barred=bool(one.arm.diverged)))
    return tuple(comparisons)


def unjudged(one: Tested, k: int, test: Test) -> Comparison:
    """A tested pair as a comparison of a family of k, before any verdict."""
    return Comparison(
        arm=one.arm.key,
        reference=one.reference.key,
        family_size=k,
        test="none" if one.difference.p is None else test,
        difference=one.difference,
        verdict="undecided",
        why=one.why,
    )


def _held(one: Tested, share: float) -> Tested:
    """A tested pair whose p-values hold it to a share of alpha; its difference stays as it is."""
    return replace(
        one,
        p=None if one.p is None else min(1.0, one.p / share),
        p_equivalence=None if one.p_equivalence is None else min(1.0, one.p_equivalence / share),
    )


def _adjusted(found: Sequence[Tested], *, test: Test, halved: bool) -> list[float]:
    """The p-value of each difference, adjusted over the family; `halved` leaves room for equivalence."""
    if test == "dunnett":
        from scipy import stats

        reference = found[0].reference
        if any(one.reference.key != reference.key for one in found):
            raise ValueError("Dunnett's test has one reference for all arms")
        chosen = [in_order(one.arm) for one in found if one.p is not None]
        if not chosen:
            return [1.0] * len(found)
        # the multivariate t distribution is integrated by random points: a fixed stream keeps reports reproducible
        result = stats.dunnett(*chosen, control=in_order(reference), rng=np.random.default_rng(0))
        ps = iter(result.pvalue)
        share = 2.0 if halved else 1.0
        return [1.0 if one.p is None else min(1.0, float(next(ps)) * share) for one in found]
    return adjusted([1.0 if one.p is None else one.p for one in found], halved=halved)


def adjusted(p: Sequence[float], *, halved: bool) -> list[float]:
    """p-values adjusted over their family: by Holm, or by Bonferroni where there are two kinds of claim."""
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(p, method="bonferroni" if halved else "holm")[1]]


def with_power(comparison: Comparison, *, alpha: float, margin: float | None) -> Comparison:
    """Add what these seeds can find, and how many would settle it at the margin.

    The unit is the standard deviation of the differences where paired; else the one that both arms would have if equal
    variances gave the same standard error, se / sqrt(1/n_a + 1/n_b), and the degrees of freedom are Welch's.
    """
    difference = comparison.difference
    se = difference.se
    if difference.p is None or se is None:
        return comparison
    if comparison.test == "paired":
        unit, ratio, df = se * difference.n_a**0.5, None, None
    else:
        unit, ratio = se / (1 / difference.n_a + 1 / difference.n_b) ** 0.5, difference.n_b / difference.n_a
        df = None if difference.df is None else round(difference.df, 1)  # so that results of equal tests are cached
    effect = detectable_effect(difference.n_a, alpha, ratio=ratio, df=df)
    return replace(
        comparison,
        mde=None if effect is None else effect * unit,
        seeds_needed=None if margin is None else seeds_needed(margin / unit, alpha, ratio=ratio),
    )


def judged(comparison: Comparison, direction: Direction, alpha: float, *, barred: bool) -> Comparison:
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
            return replace(comparison, why=told("a variant with a diverged seed cannot be better"))
        return replace(comparison, verdict="better")
    return replace(comparison, verdict="worse")
