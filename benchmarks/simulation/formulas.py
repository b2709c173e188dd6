"""The formulas of `ablate.statistics` over arrays of studies; `agreement.py` holds them against the originals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from benchmarks.simulation.draws import Bools, Floats

#: The limits of the automatic choice of the test.
WORTH_PAIRING, FEWEST_COMPARISONS = 0.25, 3
#: What a variant that scatters more than the baseline loses of alpha in fixed designs, times its seeds.
LOSS = 1.5


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A t-test for each comparison of each study; every field is (S, k)."""

    delta: Floats
    #: Standard error of delta.
    se: Floats
    #: Degrees of freedom.
    df: Floats
    #: What a fixed design leaves of alpha: less than 1 for Welch's test of a variant that scatters more.
    share: Floats

    @property
    def p(self) -> Floats:
        """Two-sided p-value, adjusted for nothing."""
        return 2 * special.stdtr(self.df, -np.abs(self.delta) / self.se)

    def p_equivalence(self, margin: float) -> Floats:
        """The larger of the two one-sided tests' p-values."""
        below = special.stdtr(self.df, -(self.delta + margin) / self.se)
        above = special.stdtr(self.df, (self.delta - margin) / self.se)
        return np.maximum(below, above)

    def held(self, p: Floats) -> Floats:
        """p-values that hold each test to its share of alpha."""
        return np.minimum(1, p / self.share)

    def where(self, chosen: Bools, other: Tested) -> Tested:
        """These tests in the chosen studies, (S,), and the other ones elsewhere."""
        pick = chosen[:, None]
        return Tested(
            delta=np.where(pick, self.delta, other.delta),
            se=np.where(pick, self.se, other.se),
            df=np.where(pick, self.df, other.df),
            share=np.where(pick, self.share, other.share),
        )


def welch(base: Floats, arms: Floats) -> Tested:
    """Variants (S, k, n) against baselines (S, m), with unequal variances."""
    variance_a, variance_b = arms.var(axis=2, ddof=1), base.var(axis=1, ddof=1, keepdims=True)
    part_a, part_b = variance_a / arms.shape[2], variance_b / base.shape[1]
    df = (part_a + part_b) ** 2 / (part_a**2 / (arms.shape[2] - 1) + part_b**2 / (base.shape[1] - 1))
    delta = arms.mean(axis=2) - base.mean(axis=1, keepdims=True)
    share = np.where(variance_a > variance_b, 1 - LOSS / arms.shape[2], 1.0)
    return Tested(delta=delta, se=np.sqrt(part_a + part_b), df=df, share=share)


def paired(base: Floats, arms: Floats) -> Tested:
    """Variants (S, k, n) against the first n seeds of baselines (S, m >= n)."""
    n = arms.shape[2]
    differences = arms - base[:, None, :n]
    delta = differences.mean(axis=2)
    se = differences.std(axis=2, ddof=1) / n**0.5
    return Tested(delta=delta, se=se, df=np.full(delta.shape, n - 1.0), share=np.ones(delta.shape))


def worth_pairing(base: Floats, arms: Floats) -> Bools:
    """Whether the automatic rule takes the paired test: by ICC(C,1) over all arms and common seeds, (S,)."""
    if arms.shape[1] < FEWEST_COMPARISONS:
        return np.zeros(len(base), dtype=bool)
    values = np.concatenate([base[:, None, : arms.shape[2]], arms], axis=1)  # (S, A, n)
    count, seeds = values.shape[1:]
    grand = values.mean(axis=(1, 2), keepdims=True)
    rows = values.mean(axis=1, keepdims=True) - grand
    columns = values.mean(axis=2, keepdims=True) - grand
    between = count * (rows**2).sum(axis=(1, 2)) / (seeds - 1)
    within = ((values - grand - rows - columns) ** 2).sum(axis=(1, 2)) / ((seeds - 1) * (count - 1))
    return (between - within) / (between + (count - 1) * within) > WORTH_PAIRING


def auto(base: Floats, arms: Floats) -> Tested:
    """The test that `choose_test` takes for each study."""
    return paired(base, arms).where(worth_pairing(base, arms), welch(base, arms))


def holm(p: Floats) -> Floats:
    """Holm's adjustment over the last axis."""
    k = p.shape[-1]
    order = np.argsort(p, axis=-1)
    stepped = np.take_along_axis(p, order, axis=-1) * np.arange(k, 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(1, np.maximum.accumulate(stepped, axis=-1)), axis=-1)
    return adjusted


def judged(tested: Tested, *, alpha: float = 0.05, margin: float | None = None) -> tuple[Bools, Bools]:
    """What a fixed design claims to differ, and what to be equivalent, (S, k) each.

    Both at once is "equivalent, with a tiny real difference". Holm without a margin, alpha / k for both kinds with one.
    """
    if margin is None:
        return holm(tested.held(tested.p)) <= alpha, np.zeros(tested.delta.shape, dtype=bool)
    level = alpha / tested.delta.shape[1]
    return tested.held(tested.p) <= level, tested.held(tested.p_equivalence(margin)) <= level


def wrong(shifts: tuple[float, ...], differs: Bools, equivalent: Bools, delta: Floats, margin: float | None) -> Bools:
    """Which studies have any wrong verdict, (S,).

    Wrong are a difference where there is none, one of the wrong sign, and "equivalent" where the true difference is the
    margin or more.
    """
    true = np.asarray(shifts)
    mistaken = differs & (np.sign(delta) != np.sign(true))
    if margin is not None:
        mistaken = mistaken | (equivalent & (np.abs(true) >= margin))
    return mistaken.any(axis=1)


def pooled(base: Floats, arms: Floats) -> Floats:
    """Dunnett's statistics, (S, k): differences over a standard error that pools the variances of all arms."""
    n = arms.shape[2]
    squares = arms.var(axis=2, ddof=1).sum(axis=1) + base.var(axis=1, ddof=1)
    se = np.sqrt(squares / (arms.shape[1] + 1) * 2 / n)
    return (arms.mean(axis=2) - base.mean(axis=1, keepdims=True)) / se[:, None]


def dunnett_limit(k: int, n: int, alpha: float = 0.05) -> float:
    """Value that the largest of k of Dunnett's statistics exceeds with probability alpha, all arms having n seeds.

    P(all |T| <= c) is the mean over the baseline's mean z and the pooled deviation s of
    (Phi(z + c s sqrt 2) - Phi(z - c s sqrt 2))^k (Dunnett 1955), here by Gauss-Hermite and by quantiles of s.
    """
    df = (k + 1) * (n - 1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    s = np.sqrt(stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, df) / df)

    def outside(limit: float) -> float:
        reach = limit * 2**0.5 * s[:, None]
        inside = (special.ndtr(nodes + reach) - special.ndtr(nodes - reach)) ** k
        return 1 - float((inside.mean(axis=0) * weights).sum() / weights.sum())

    return float(optimize.brentq(lambda limit: outside(limit) - alpha, 1.0, 20.0))
