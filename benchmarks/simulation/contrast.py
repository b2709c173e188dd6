"""What ablate does not do by itself, and why: pooled variances, and the bootstrap of a few seeds."""

from __future__ import annotations

import numpy as np

from benchmarks.simulation.draws import Floats, World, batches
from benchmarks.simulation.formulas import dunnett_limit, pooled

#: Resamples of each bootstrap, and studies that are resampled together.
RESAMPLES, TOGETHER = 1000, 1000


def dunnett_error(truth: World, n: int, studies: int, rng: np.random.Generator) -> float:
    """Share of studies without any effect in which Dunnett's test claims one."""
    limit = dunnett_limit(truth.k, n)
    wrong = 0
    for batch in batches(studies):
        wrong += int((np.abs(pooled(*truth.draw(rng, batch, n, n))) > limit).any(axis=1).sum())
    return wrong / studies


def bootstrap_error(n: int, studies: int, rng: np.random.Generator) -> float:
    """Share of differences of two equal arms whose 95 % percentile bootstrap interval leaves out 0."""
    wrong, done = 0, 0
    while done < studies:
        count = min(TOGETHER, studies - done)
        difference = _means(rng, count, n) - _means(rng, count, n)
        low, high = np.quantile(difference, [0.025, 0.975], axis=1)
        wrong, done = wrong + int(((low > 0) | (high < 0)).sum()), done + count
    return wrong / studies


def _means(rng: np.random.Generator, count: int, n: int) -> Floats:
    """Bootstrapped means of arms of n seeds, (count, resamples); each arm is drawn anew."""
    values = rng.standard_normal((count, n))
    drawn = rng.integers(0, n, (count, RESAMPLES * n))
    return np.take_along_axis(values, drawn, axis=1).reshape(count, RESAMPLES, n).mean(axis=2)
