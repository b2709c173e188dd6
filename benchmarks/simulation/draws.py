"""Studies whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Studies that are held in memory together.
BATCH = 10_000


@dataclass(frozen=True, kw_only=True)
class World:
    """The truth behind a study of k comparisons; the unit is the baseline's standard deviation over seeds."""

    #: What each variant adds to the baseline's mean, (k,).
    shifts: tuple[float, ...]
    #: Standard deviation of each variant over seeds, (k,).
    sds: tuple[float, ...]
    #: Correlation of two variants of equal seed.
    rho: float = 0.0

    @property
    def k(self) -> int:
        """Comparisons."""
        return len(self.shifts)

    def draw(self, rng: np.random.Generator, studies: int, n: int, n_base: int) -> tuple[Floats, Floats]:
        """Values of the baseline, (S, n_base), and of the variants, (S, k, n); equal places are equal seeds."""
        most = max(n, n_base)
        shared = rng.standard_normal((studies, most)) * self.rho**0.5
        own = (1 - self.rho) ** 0.5
        base = shared[:, :n_base] + own * rng.standard_normal((studies, n_base))
        noise = shared[:, None, :n] + own * rng.standard_normal((studies, self.k, n))
        return base, np.asarray(self.shifts)[:, None] + np.asarray(self.sds)[:, None] * noise


def world(k: int, shifts: Sequence[float] = (0.0,), sds: Sequence[float] = (1.0,), rho: float = 0.0) -> World:
    """A world of k variants; short lists of shifts and standard deviations are repeated until there are k."""
    return World(
        shifts=tuple(shifts[place % len(shifts)] for place in range(k)),
        sds=tuple(sds[place % len(sds)] for place in range(k)),
        rho=rho,
    )


def batches(studies: int) -> Iterator[int]:
    """Sizes of the parts in which so many studies are drawn."""
    for first in range(0, studies, BATCH):
        yield min(BATCH, studies - first)


def monte_carlo_error(share: float, studies: int) -> float:
    """Standard error of a share that was counted over so many independent studies."""
    return (share * (1 - share) / studies) ** 0.5
