"""Effects of a two-level design without repeats: which of them stand out from the others.

Source: R. V. Lenth, Quick and Easy Analysis of Unreplicated Factorials, Technometrics 31 (1989), 469-473. It takes
effects to be sparse, and noise to be what most of them show; so it explores and confirms nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.statistics.interval import ROUNDING


@dataclass(frozen=True, kw_only=True)
class Lenth:
    """The noise of effects, told from the effects themselves; in the metric's unit."""

    #: Number of effects, m.
    effects: int
    #: Pseudo standard error of an effect: 1.5 times the median size of those below 2.5 s0, where s0 is 1.5 times the
    #: median size of all.
    pse: float
    #: Degrees of freedom, m / 3.
    df: float
    #: Margin of error: an effect without anything in it lies beyond it once in 20.
    me: float
    #: Simultaneous margin of error: of m effects without anything in them, one lies beyond it once in 20.
    sme: float


def lenth(effects: Sequence[float], confidence: float = 0.95) -> Lenth | None:
    """Lenth's pseudo standard error with its two margins.

    ME = t(p; m/3) * PSE with p = (1 + confidence) / 2; SME has p = (1 + confidence^(1/m)) / 2.

    Args:
        effects: All effects of the design, (m,), in the metric's unit.
        confidence: Level of both margins.

    Returns:
        None where half of the effects and more are 0, so that there is no noise to measure by.

    Raises:
        ValueError: An effect is not a finite number, or there are none.
    """
    sizes = np.abs(np.asarray(effects, dtype=np.float64))
    if sizes.ndim != 1 or sizes.size == 0 or not np.isfinite(sizes).all():
        raise ValueError("effects must be a flat sequence of finite numbers")
    first = 1.5 * float(np.median(sizes))
    if first <= ROUNDING * float(sizes.max()):
        return None
    from scipy import stats

    count = sizes.size
    pse = 1.5 * float(np.median(sizes[sizes < 2.5 * first]))
    margins = [
        pse * float(stats.t.ppf((1 + level) / 2, count / 3)) for level in (confidence, confidence ** (1 / count))
    ]
    return Lenth(effects=count, pse=pse, df=count / 3, me=margins[0], sme=margins[1])


def half_normal_quantiles(count: int) -> NDArray[np.float64]:
    """Where the sizes of so many effects lie, from the smallest, if they are normal noise around 0.

    The quantile of |z| at (i - 1/2) / m, as in C. Daniel, Use of Half-Normal Plots, Technometrics 1 (1959), 311-341.

    Returns:
        Standard deviations, (m,), rising.
    """
    from scipy import stats

    found: NDArray[np.float64] = stats.halfnorm.ppf((np.arange(count) + 0.5) / count)
    return found
