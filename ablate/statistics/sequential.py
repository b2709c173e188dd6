"""Looks: verdicts that may come before all seeds are spent, at the error rate of a single look.

At look l, with n_l seeds, the pair i has the p-value p_il. The shares w_l = n_l^2 / sum(n^2) of the error rate add up
to 1, so P_i = min over the looks so far of p_il / w_l is a p-value whenever one stops (a weighted Bonferroni rule), and
Holm's adjustment over all k pairs of the family keeps alpha. P_i only falls from look to look: what is decided stays
decided, whatever becomes of the other pairs, and the decisions do not depend on the order in which runs end.

Seeds of a common reference serve all pairs of a family, so it gets twice as many where there are three pairs or more.
With so unequal numbers Welch's test errs a little more often than it says: every variant's standard deviation at 2-4
times the reference's gave .057 for .05, so that such families are tested at .85 alpha: their p-values are divided by
.85. `benchmarks/statistics.py` simulates both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ablate.metrics import Direction
from ablate.statistics.comparison import Comparison, adjusted, judged, unjudged, with_power
from ablate.statistics.pair import Arm, Test, Tested, examine
from ablate.told import told

#: Comparisons with one reference from which it gets twice the seeds.
FEWEST_FOR_MORE = 3
#: Share of alpha at which families are tested whose reference has twice the seeds.
CALIBRATION = 0.85
#: Chance to be decided by the last look below which a comparison is given up.
HOPELESS = 0.05


@dataclass(frozen=True, kw_only=True)
class Looks:
    """When results are looked at; fixed before the first of them."""

    #: Seeds of a variant at each look, rising.
    counts: tuple[int, ...]
    #: The reference gets as many seeds as a variant, never twice as many.
    strict: bool = False

    @property
    def weights(self) -> tuple[float, ...]:
        """Each look's share of the error rate; they add up to 1."""
        total = sum(count**2 for count in self.counts)
        return tuple(count**2 / total for count in self.counts)

    def multiple(self, k: int, test: Test) -> int:
        """Seeds of the common reference of k comparisons for each seed of a variant."""
        return 2 if k >= FEWEST_FOR_MORE and not self.strict and test == "welch" else 1


#: The arms of a comparison at one look, of its first seeds alone; None where it has not come so far.
Stage = tuple[Arm, Arm] | None


def compare_in_looks(
    stages: Sequence[Sequence[Stage]],
    looks: Looks,
    *,
    multiple: int,
    direction: Direction,
    test: Test = "welch",
    alpha: float = 0.05,
    margin: float | None = None,
    chance: float | None = None,
) -> tuple[Comparison, ...]:
    """Judge a family at all looks that its comparisons have come to.

    Decided comparisons are shown as they were when they were decided, others as they are at their last look. One whose
    arms have a failed (or, unless scored, diverged) seed among those of a look has p = 1 from there on; what was
    decided before stays so. A comparison that is `futile` (see `is_futile`) stays in the family: giving it up costs
    power and no error.

    Args:
        stages: For each comparison its arms at each look; a look whose runs are not all in counts as not come to.
        looks: The plan.
        multiple: Seeds of the reference for each seed of an arm, `looks.multiple` of the family.
        direction: Whether more of the metric is better.
        test: `welch` or `paired`.
        alpha: Error rate of the family.
        margin: Differences smaller than this are as good as none; both kinds of claim are then tested at alpha / k.
        chance: Value that a guess gets; diverged seeds score so.

    Returns:
        A comparison for each row of `stages`, in their order.

    Raises:
        ValueError: Another test, or a comparison without a first look.
    """
    if test not in ("welch", "paired"):
        raise ValueError(f"looks are for Welch's and the paired test, not for {test!r}")
    k = len(stages)
    shares = [weight * (CALIBRATION if multiple > 1 else 1.0) for weight in looks.weights]
    found = [_tested(row, test=test, margin=margin, chance=chance) for row in stages]
    shown: list[Comparison | None] = [None] * k
    for number in range(len(looks.counts)):
        so_far = [row[: number + 1] for row in found]
        rows = [_spent(row, shares) for row in so_far]
        p_differs = adjusted([p for p, _, _ in rows], halved=margin is not None)
        for index, row in enumerate(so_far):
            before = shown[index]
            if before is not None and before.verdict != "undecided":
                continue
            _, p_equivalence, sign = rows[index]
            latest = row[-1]
            comparison = replace(unjudged(latest, k, test), look=looks.counts[len(row) - 1])
            if latest.p is not None:
                comparison = replace(comparison, p_adjusted=p_differs[index])
                if p_equivalence is not None:
                    comparison = replace(comparison, p_equivalence=min(1.0, k * p_equivalence))
                comparison = judged(comparison, direction, alpha, barred=bool(latest.arm.diverged))
                comparison = _without_turn(comparison, sign)
                if comparison.verdict == "undecided" and 1 < len(row) < len(looks.counts):
                    futile = is_futile(comparison, looks, multiple=multiple, alpha=alpha, margin=margin)
                    comparison = replace(comparison, futile=futile)
            shown[index] = comparison
    last = alpha * shares[-1] / k if k else alpha
    return tuple(with_power(comparison, alpha=last, margin=margin) for comparison in shown if comparison is not None)


def _tested(row: Sequence[Stage], *, test: Test, margin: float | None, chance: float | None) -> list[Tested]:
    """A comparison at the looks that it has come to, the first one in any case."""
    found = []
    for number, stage in enumerate(row):
        if stage is None or (number and any(arm.pending for arm in stage)):
            break
        found.append(examine(*stage, test=test, margin=margin, chance=chance))
    if not found:
        raise ValueError("a comparison has no first look")
    return found


def _spent(row: Sequence[Tested], shares: Sequence[float]) -> tuple[float, float | None, float]:
    """P of the difference and of equivalence over the looks so far, and the sign at the look that gave the first."""
    if row[-1].p is None:
        return 1.0, None, 0.0
    best, sign, best_equivalence = 1.0, 0.0, None
    for one, share in zip(row, shares, strict=False):
        if one.p is not None and one.p / share < best:
            best, sign = one.p / share, one.difference.delta or 0.0
        if one.p_equivalence is not None:
            best_equivalence = min(one.p_equivalence / share, 1.0 if best_equivalence is None else best_equivalence)
    return best, best_equivalence, sign


def _without_turn(comparison: Comparison, sign: float) -> Comparison:
    """No verdict where the difference has changed its sign since the look whose p-value speaks for it."""
    if comparison.verdict in ("better", "worse") and sign * (comparison.difference.delta or 0.0) < 0:
        return replace(comparison, verdict="undecided", why=told("the difference changed its sign between looks"))
    return comparison


def _last_share(looks: Looks, multiple: int, alpha: float) -> float:
    """What the last look may spend of alpha."""
    return alpha * looks.weights[-1] * (CALIBRATION if multiple > 1 else 1.0)


def is_futile(
    comparison: Comparison, looks: Looks, *, multiple: int, alpha: float, margin: float | None = None
) -> bool:
    """Whether seeds up to the last look would hardly decide an undecided comparison.

    If the difference stays what it is, its standard error at the last look is se_J, and the chance of a verdict there
    about Phi(|delta| / se_J - z(1 - alpha w_J / (2 k))); of equivalence, where a margin m is declared, about
    Phi((m - |delta|) / se_J - z(1 - alpha w_J / k)). It is given up where the larger one is below `HOPELESS`.

    Args:
        comparison: At a look before the last one, tested.
        looks: The plan.
        multiple: Seeds of the reference for each seed of the arm.
        alpha: Error rate of the family.
        margin: The declared margin.
    """
    from scipy.stats import norm

    difference = comparison.difference
    if difference.delta is None or difference.se is None or difference.sd_a is None or difference.sd_b is None:
        return False
    last = looks.counts[-1]
    if comparison.test == "paired":
        se = difference.se * math.sqrt(difference.n_a / last)
    else:
        se = math.sqrt(difference.sd_a**2 / last + difference.sd_b**2 / (multiple * last))
    if se == 0:
        return False
    share = _last_share(looks, multiple, alpha) / comparison.family_size
    chances = [norm.cdf(abs(difference.delta) / se - norm.isf(share / 2))]
    if margin is not None:
        chances.append(norm.cdf((margin - abs(difference.delta)) / se - norm.isf(share)))
    return bool(max(chances) < HOPELESS)


def seeds_to_settle(comparison: Comparison, looks: Looks, *, multiple: int, alpha: float) -> int:
    """About how many seeds an undecided comparison takes if its difference stays what it is.

    Optimistic: among small differences those that look large are shown too large. Never more than the last look has.

    Args:
        comparison: At any look.
        looks: The plan.
        multiple: Seeds of the reference for each seed of the arm.
        alpha: Error rate of the family.
    """
    from scipy.stats import norm

    difference, last = comparison.difference, looks.counts[-1]
    if not difference.delta or difference.se is None or difference.sd_a is None or difference.sd_b is None:
        return last
    if comparison.test == "paired":
        variance = difference.se**2 * difference.n_a
    else:
        variance = difference.sd_a**2 + difference.sd_b**2 / multiple
    needed = norm.isf(_last_share(looks, multiple, alpha) / (2 * comparison.family_size)) + norm.ppf(0.8)
    return min(last, math.ceil(float(variance * (needed / difference.delta) ** 2)))
