"""What a number of seeds can find, and how many seeds it takes.

`TTestIndPower().solve_power` is not used to invert the power: for the few seeds and small error rates of an ablation
it stops early without a word (asked for a power of .8 with n = 3 and alpha = .05/40 it returns an effect whose power
is .40), because the far tail of the noncentral t distribution comes out as NaN. Here the power is statsmodels', of the
rejection in the right direction at alpha/2 (the other direction adds nothing at the powers asked for), and the
inversion is a bracketed root.
"""

from __future__ import annotations

import math
from functools import lru_cache

#: Share of true effects of the stated size that are to be found.
POWER = 0.8
#: Standardised effect beyond which the search ends.
LARGEST_EFFECT = 1e6
#: Seeds beyond which "how many" has no useful answer.
MOST_SEEDS = 100_000


def _power(effect: float, n: float, alpha: float, ratio: float | None, df: float | None = None) -> float:
    """Power of one one-sided t-test at `alpha`; `ratio` None means paired, `df` None equal variances."""
    from statsmodels.stats.power import TTestIndPower, TTestPower

    if ratio is None:
        power = TTestPower().power(effect, n, alpha, alternative="larger")
    else:
        power = TTestIndPower().power(effect, n, alpha, ratio=ratio, df=df, alternative="larger")
    return 1.0 if math.isnan(power) else float(power)  # NaN: so far in the tail that the power is 1


@lru_cache(maxsize=1024)
def detectable_effect(n: int, alpha: float, *, ratio: float | None = 1.0, df: float | None = None) -> float | None:
    """Smallest true difference, in standard deviations, that a two-sided t-test finds with power .8.

    Args:
        n: Seeds of the variant (pairs, where paired).
        alpha: Two-sided error rate of this one test, already divided among the comparisons.
        ratio: Seeds of the reference for each seed of the variant; None for the paired test, whose unit is the
            standard deviation of the differences.
        df: Degrees of freedom of Welch's test, where the variances are known to differ; None: those of equal variances
            (and of the paired test). With five seeds that scatter three times as much as ten of the reference, what is
            called detectable without it is found with power .34.

    Returns:
        The effect; None below two seeds on a side, or where it exceeds `LARGEST_EFFECT`.
    """
    if n < 2 or (ratio is not None and n * ratio < 2):
        return None
    from scipy.optimize import brentq

    high = 1.0
    while _power(high, n, alpha / 2, ratio, df) < POWER:
        high *= 2
        if high > LARGEST_EFFECT:
            return None
    return float(brentq(lambda effect: _power(effect, n, alpha / 2, ratio, df) - POWER, 0.0, high))


@lru_cache(maxsize=1024)
def seeds_needed(effect: float, alpha: float, *, ratio: float | None = 1.0) -> int | None:
    """Seeds that settle a comparison whose margin is `effect` standard deviations.

    The larger of two needs: the difference test (two-sided, power .8 at a true difference of the margin) and the
    equivalence test (two one-sided tests, power .8 at a true difference of 0, so .9 for each of them).

    Args:
        effect: The declared margin over the standard deviation.
        alpha: Error rate of each of the two kinds of test, already divided among the comparisons.
        ratio: Seeds of the reference for each seed of the variant; None for the paired test.

    Returns:
        Seeds of the variant, at least 2; None where more than `MOST_SEEDS` were needed.
    """

    def enough(n: int) -> bool:
        return _power(effect, n, alpha / 2, ratio) >= POWER and _power(effect, n, alpha, ratio) >= (1 + POWER) / 2

    low, high = 1, max(2, math.ceil(2 / ratio) if ratio else 2)
    while not enough(high):
        low, high = high, high * 2
        if high > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) and (ratio is None or middle * ratio >= 2) else (middle, high)
    return high
