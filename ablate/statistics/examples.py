"""Which test images were got right, by seed: how far a difference holds beyond the images that it was measured on.

A run's correctness is a row of bits, a variant's a matrix of S seeds by N test images. Its mean varies for two reasons:
other seeds, and other test images. Tests over seeds say what holds on this test set; `two_sources` adds the second
reason. `distribution_wise` takes out of a variance over seeds what a finite test set adds to it. `compare_checkpoints`
judges single networks, where nothing can be said of the methods that made them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ablate.statistics.interval import paired, welch

#: Whether each prediction was right: (S, N) of a variant, (N,) of one run.
Correct = NDArray[np.bool_]
#: Half of a 95 % interval, in standard errors.
HALF_WIDTH = 1.96


@dataclass(frozen=True, kw_only=True)
class TwoSources:
    """A difference of two accuracies with the noise of its seeds and of its test images. Accuracies are fractions."""

    #: Seeds of each side.
    n_a: int
    n_b: int
    #: Test images, N.
    examples: int
    #: Mean accuracy of a minus that of b; None where a side has no seed.
    delta: float | None
    #: Standard error over seeds, on this test set; None below two seeds or where nothing varies.
    se_seed: float | None
    #: Standard error over test images, for these networks; None below two images.
    se_example: float | None
    #: Standard error over both; None where one of the two is.
    se_total: float | None
    #: Ends of delta ± 1.96 se_total, adjusted for nothing.
    low: float | None
    high: float | None

    @property
    def beyond_test_set(self) -> bool | None:
        """Whether the interval over both sources leaves 0 out; None where there is none."""
        return None if self.low is None or self.high is None else self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class DistributionWise:
    """How much a variant's accuracy varies over seeds, on its test set and on images without number."""

    #: Seeds.
    n: int
    #: Test images, N.
    examples: int
    #: Standard deviation over seeds of the accuracy on this test set, a fraction.
    sd_test_set: float
    #: Estimated variance over seeds of the accuracy on the distribution of images; it may come out negative.
    variance: float

    @property
    def sd(self) -> float:
        """Standard deviation over seeds on the distribution of images; 0 where its variance came out negative."""
        return math.sqrt(max(self.variance, 0.0))


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Two single networks on the same test images. Says nothing of the methods that made them."""

    #: Test images, N.
    examples: int
    #: Images that the first alone got right.
    n10: int
    #: Images that the second alone got right.
    n01: int
    #: Exact two-sided McNemar test, adjusted for nothing.
    p: float
    #: The same, adjusted over the family by Holm's method; None where it was not part of one.
    p_adjusted: float | None = None


def two_sources(a: Correct, b: Correct, *, is_paired: bool = False) -> TwoSources:
    """The difference of two variants on the same test images, with both kinds of noise.

    V_seed = s2_a/n_a + s2_b/n_b; V_ex = Var_i(p_ai - p_bi)/N; V_cell = mean_i(s2_ai/n_a + s2_bi/n_b)/N;
    V_total = max(V_seed + V_ex - V_cell, V_seed, V_ex), where s2 is the variance of accuracies over seeds, p_i the
    share of seeds that got image i right, s2_i the variance over seeds on image i; all with n - 1 below.
    V_cell is what a seed does to a single image. It reaches the mean through seeds and through images, and so is in
    both of the other two.

    Where seeds are paired, the runs of equal seed are one draw, whose noise is that of their difference
    d_si = a_si - b_si. V_seed then is s2(mean_i d_si)/n, the square of the paired test's standard error, and V_cell is
    mean_i(s2_i(d_si)/n)/N: V_cell must be of the same draws as V_seed, or what seeds have in common would be
    subtracted and never have been added. V_ex is the same for both, since p_ai - p_bi is the mean of d_si.

    Args:
        a: Whether each of N images was right for each seed, (S_a, N).
        b: The same of the reference, on the same images in the same order, (S_b, N).
        is_paired: Rows at the same place are of equal seed, and the study's test is the paired one.

    Raises:
        ValueError: The images differ in number, or the seeds do where they are paired.
    """
    _same_images(a, b)
    means = a.mean(axis=1).tolist(), b.mean(axis=1).tolist()
    difference = paired(*means) if is_paired else welch(*means)
    plain = TwoSources(
        n_a=len(a),
        n_b=len(b),
        examples=a.shape[1],
        delta=difference.delta,
        se_seed=difference.se,
        se_example=None,
        se_total=None,
        low=None,
        high=None,
    )
    if difference.delta is None or a.shape[1] < 2:
        return plain
    gaps = a.mean(axis=0) - b.mean(axis=0)
    of_examples = float(gaps.var(ddof=1)) / a.shape[1]
    plain = replace(plain, se_example=math.sqrt(of_examples))
    if difference.se is None:
        return plain
    of_seeds = difference.se**2
    of_cells = _paired_noise(a, b, gaps) if is_paired else _noise(a) / len(a) + _noise(b) / len(b)
    total = math.sqrt(max(of_seeds + of_examples - of_cells / a.shape[1], of_seeds, of_examples))
    half = HALF_WIDTH * total
    return replace(plain, se_total=total, low=difference.delta - half, high=difference.delta + half)


def distribution_wise(correct: Correct) -> DistributionWise | None:
    """The variance over seeds of the accuracy on all images that could have been drawn, from those that were.

    N/(N-1) * (Var(acc) - sum_i Var(err_i)/N^2), as Jordan has it ("Calibrated chaos: variance between runs of neural
    network training is harmless and inevitable", 2023). Two runs that err on different images differ on a finite test
    set even where they are equally good; that part is subtracted. The estimate has no bias, and so may be negative.

    Args:
        correct: Whether each of N images was right for each seed, (S, N).

    Returns:
        None below two seeds or two images.
    """
    seeds, examples = correct.shape
    if seeds < 2 or examples < 2:
        return None
    over_seeds = float(correct.mean(axis=1).var(ddof=1))
    return DistributionWise(
        n=seeds,
        examples=examples,
        sd_test_set=math.sqrt(over_seeds),
        variance=examples / (examples - 1) * (over_seeds - _noise(correct) / examples),
    )


def mcnemar(a: Correct, b: Correct) -> Checkpoints:
    """Exact McNemar test of two networks: of the images that one alone got right, does each have its half?

    By statsmodels' `mcnemar(exact=True)`. It speaks of these two networks; another seed of either may turn it round.

    Args:
        a: Whether each of N images was right, (N,).
        b: The same of the other network, on the same images in the same order, (N,).

    Raises:
        ValueError: The images differ in number.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar

    _same_images(a, b)
    alone, other = int((a & ~b).sum()), int((b & ~a).sum())
    table = [[int((a & b).sum()), alone], [other, int((~a & ~b).sum())]]
    return Checkpoints(examples=a.size, n10=alone, n01=other, p=float(exact_mcnemar(table, exact=True).pvalue))


def compare_checkpoints(pairs: Sequence[tuple[Correct, Correct] | None]) -> tuple[Checkpoints | None, ...]:
    """Exact McNemar tests of a family, with p-values adjusted by Holm's method.

    Args:
        pairs: What is compared, as of `mcnemar`. None stands for a comparison that cannot be made: it stays in the
            family with p = 1, and has None for an answer.
    """
    from statsmodels.stats.multitest import multipletests

    found = [None if pair is None else mcnemar(*pair) for pair in pairs]
    if not found:
        return ()
    adjusted = multipletests([1.0 if one is None else one.p for one in found], method="holm")[1]
    return tuple(
        None if one is None else replace(one, p_adjusted=float(p)) for one, p in zip(found, adjusted, strict=True)
    )


def _same_images(a: Correct, b: Correct) -> None:
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"outcomes must be of the same test images: got {a.shape[-1]:,} and {b.shape[-1]:,}")


def _noise(correct: Correct) -> float:
    """Mean over images of the variance over seeds: of bits with mean p it is p (1 - p) S/(S - 1)."""
    share, seeds = correct.mean(axis=0), len(correct)
    return float((share * (1 - share)).mean()) * seeds / (seeds - 1)


def _paired_noise(a: Correct, b: Correct, gaps: NDArray[np.float64]) -> float:
    """Mean over images of the variance over seeds of d = a - b, for each seed: d^2 is 1 where the two differ."""
    seeds = len(a)
    return float(((a ^ b).mean(axis=0) - gaps**2).mean()) / (seeds - 1)
