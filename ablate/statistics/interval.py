"""Intervals: of a difference between two variants, of one variant's mean, and of a curve over epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: Spread of values, relative to the largest of them, below which they count as one value: 16 roundings of a float64.
#: Without it 0.1, 0.1, 0.1 has a variance of 2e-34, and any difference from it a p-value of 0.
ROUNDING = 16 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean of `a` minus mean of `b`, over seeds, with its t-interval. What cannot be computed is None."""

    #: Seeds of each side.
    n_a: int
    n_b: int
    #: Means, in the metric's unit; None without a seed.
    mean_a: float | None
    mean_b: float | None
    #: Standard deviations over seeds (n - 1 in the denominator); None below two seeds.
    sd_a: float | None
    sd_b: float | None
    #: mean_a - mean_b.
    delta: float | None
    #: Standard error of delta.
    se: float | None = None
    #: Degrees of freedom of the t distribution.
    df: float | None = None
    #: delta / se.
    statistic: float | None = None
    #: Two-sided p-value, adjusted for nothing.
    p: float | None = None
    #: Ends of the two-sided interval of delta, adjusted for nothing.
    ci_low: float | None = None
    ci_high: float | None = None
    #: Level of that interval.
    confidence: float = 0.95


@dataclass(frozen=True, kw_only=True)
class MeanInterval:
    """Mean over seeds with its t-interval: mean ± t(n - 1) * sd / sqrt(n)."""

    #: Seeds.
    n: int
    #: In the metric's unit; None without a seed.
    mean: float | None
    #: n - 1 in the denominator; None below two seeds.
    sd: float | None
    #: Ends of the interval; None below two seeds.
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Band:
    """Mean curve over seeds with its pointwise t-interval; E epochs. NaN where nothing can be computed."""

    #: (E,)
    mean: NDArray[np.float64]
    #: (E,); NaN where fewer than two seeds have a value.
    low: NDArray[np.float64]
    #: (E,)
    high: NDArray[np.float64]
    #: (E,) seeds that have a value.
    n: NDArray[np.int64]


def _array(values: Sequence[float]) -> NDArray[np.float64]:
    """Values as float64 (n,). Raises ValueError for anything that is not a finite number."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError("values must be a flat sequence of finite numbers; leave failed runs out and count them apart")
    return array


def _constant(array: NDArray[np.float64], scale: float) -> bool:
    """Whether the values differ by rounding at most, `scale` being the size of the numbers they were made from."""
    return bool(np.ptp(array) <= ROUNDING * scale)


def _mean_sd(array: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Mean and standard deviation, free of rounding where all values are one."""
    if array.size == 0:
        return None, None
    if _constant(array, float(np.abs(array).max())):
        return float(array[0]), 0.0 if array.size > 1 else None
    return float(array.mean()), float(array.std(ddof=1))


def welch(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Difference:
    """Difference of two means with unequal variances.

    se^2 = s_a^2/n_a + s_b^2/n_b; df = se^4 / ((s_a^2/n_a)^2/(n_a-1) + (s_b^2/n_b)^2/(n_b-1)) (Welch 1947,
    Satterthwaite 1946), by statsmodels' `CompareMeans`; the same figures as `scipy.stats.ttest_ind(equal_var=False)`,
    which warns where one side does not vary.

    Where one side has fewer than two seeds, or neither side varies over its seeds, there is no noise to measure the
    difference by: se, df, statistic, p and interval are None. (One side without variance is fine.)

    Args:
        a: A value for each seed, shape (n_a,).
        b: The same for the reference, shape (n_b,).
        confidence: Level of the interval.

    Raises:
        ValueError: A value is not finite.
    """
    left, right = _array(a), _array(b)
    mean_a, sd_a = _mean_sd(left)
    mean_b, sd_b = _mean_sd(right)
    delta = None if mean_a is None or mean_b is None else mean_a - mean_b
    plain = Difference(
        n_a=left.size,
        n_b=right.size,
        mean_a=mean_a,
        mean_b=mean_b,
        sd_a=sd_a,
        sd_b=sd_b,
        delta=delta,
        confidence=confidence,
    )
    if sd_a is None or sd_b is None or (sd_a == 0 and sd_b == 0):
        return plain
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    means = CompareMeans(DescrStatsW(left), DescrStatsW(right))
    statistic, p, df = means.ttest_ind(usevar="unequal")
    low, high = means.tconfint_diff(alpha=1 - confidence, usevar="unequal")
    return _tested(plain, float(means.std_meandiff_separatevar), float(df), float(statistic), float(p), low, high)


def paired(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Difference:
    """Difference of two means over the same seeds: the one-sample t-test of the differences (`scipy.stats.ttest_rel`).

    d_i = a_i - b_i; se = sd(d) / sqrt(n); df = n - 1. Below two pairs, or where all differences are one value, se, df,
    statistic, p and interval are None.

    Args:
        a: A value for each seed, shape (n,).
        b: The reference's value for the same seed at the same place, shape (n,).
        confidence: Level of the interval.

    Raises:
        ValueError: A value is not finite, or the lengths differ.
    """
    left, right = _array(a), _array(b)
    if left.size != right.size:
        raise ValueError(f"paired values need the same seeds on both sides: got {left.size} and {right.size}")
    mean_a, sd_a = _mean_sd(left)
    mean_b, sd_b = _mean_sd(right)
    differences = left - right
    plain = Difference(
        n_a=left.size,
        n_b=right.size,
        mean_a=mean_a,
        mean_b=mean_b,
        sd_a=sd_a,
        sd_b=sd_b,
        delta=None if mean_a is None or mean_b is None else mean_a - mean_b,
        confidence=confidence,
    )
    if left.size < 2 or _constant(differences, float(max(np.abs(left).max(), np.abs(right).max()))):
        return plain
    from scipy import stats

    result = stats.ttest_rel(left, right)
    interval = result.confidence_interval(confidence)
    se = float(differences.std(ddof=1)) / math.sqrt(left.size)
    return _tested(plain, se, float(result.df), float(result.statistic), float(result.pvalue), *interval)


def _tested(plain: Difference, se: float, df: float, statistic: float, p: float, low: float, high: float) -> Difference:
    return replace(plain, se=se, df=df, statistic=statistic, p=p, ci_low=float(low), ci_high=float(high))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> MeanInterval:
    """Mean over seeds with its t-interval.

    Args:
        values: A value for each seed, shape (n,).
        confidence: Level of the interval.

    Raises:
        ValueError: A value is not finite.
    """
    array = _array(values)
    mean, sd = _mean_sd(array)
    if mean is None or sd is None:
        return MeanInterval(n=array.size, mean=mean, sd=sd, low=None, high=None)
    from scipy import stats

    half = float(stats.t.ppf((1 + confidence) / 2, array.size - 1)) * sd / math.sqrt(array.size)
    return MeanInterval(n=array.size, mean=mean, sd=sd, low=mean - half, high=mean + half)


def band(curves: NDArray[np.float64], confidence: float = 0.95) -> Band:
    """Pointwise t-interval of the mean of several curves.

    Each epoch stands by itself: the band says where the mean of that epoch lies, not where whole curves lie, and
    overlapping bands are no test.

    Args:
        curves: A row for each seed, (S, E); NaN (or an infinity) where a seed has no value.
        confidence: Level of the interval at each epoch.
    """
    from scipy import stats

    known = np.isfinite(curves)
    n = known.sum(axis=0)
    kept = np.where(known, curves, 0.0)
    some, several = n >= 1, n >= 2
    mean = np.full(n.shape, np.nan)
    mean[some] = kept.sum(axis=0)[some] / n[some]
    squares = np.where(known, (kept - np.where(some, mean, 0.0)) ** 2, 0.0).sum(axis=0)
    half = np.full(n.shape, np.nan)
    freedom = n[several] - 1
    half[several] = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(squares[several] / freedom / n[several])
    return Band(mean=mean, low=mean - half, high=mean + half, n=n.astype(np.int64))
