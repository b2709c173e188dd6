"""One mean for each cell of a design and one shift for each seed: what contrasts and tables of variance are made of.

The model is `value ~ C(seed) + C(cell)`, by ordinary least squares. Its cells may be written as any full set of main
effects and interactions, so contrasts of its means are the coefficients of `value ~ C(seed) + A*B*...` (on -1 and +1:
half of them), and a fraction of a grid needs no other model. An equal seed index is a block, since its runs share
their random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ablate.statistics.interval import ROUNDING
from ablate.told import told

#: How the noise of contrasts is measured: by HC3, or as one variance of all cells.
Errors = Literal["hc3", "pooled", "none"]
#: Degrees of freedom of the noise from which on statistics with HC3 are compared with the normal distribution, as
#: statsmodels does unless asked otherwise. With fewer that finds too much: the family-wise error reached .066 in two by
#: two cells with two seeds, and .063 with three and four times the standard deviation in one cell. With these and more
#: it is .009 to .050 (20,000 simulated studies each); the t distribution, on top of the caution that HC3 has by itself
#: with a few seeds, gave .003 to .027.
FEWEST_NORMAL = 8
#: Leverage from which on a run is fitted exactly, and HC3 divides by nothing.
EXACT = 1 - 1e-9


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A weighted sum of cell means with its interval. What cannot be computed is None."""

    #: In the metric's unit.
    estimate: float
    se: float | None = None
    #: Degrees of freedom of the t distribution; None where the normal distribution is taken.
    df: float | None = None
    #: estimate / se.
    statistic: float | None = None
    #: Two-sided p-value, adjusted for nothing.
    p: float | None = None
    #: Ends of the two-sided 95 % interval, adjusted for nothing.
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Term:
    """A row of a type II table of the analysis of variance: an effect, after all others that do not contain it."""

    #: Names of its factors; empty for the seeds.
    factors: tuple[str, ...]
    #: Sum of squares, in the metric's unit squared.
    sum_sq: float
    df: int
    #: Degrees of freedom of the residual.
    df_residual: int
    f: float
    p: float
    #: Partial omega squared: the share of variance, of its own and the residual's, that it explains; about 0 and
    #: sometimes below it where there is nothing.
    omega_squared: float


class CellMeans:
    """The fitted model.

    Args:
        values: A row for each cell, a column for each seed, (R, S); NaN where a run is missing. Every cell has a value.
    """

    #: Degrees of freedom of the noise; 0 where nothing is left to measure it by.
    df: int
    #: Measure of the noise; `none`: nothing is left to measure it by.
    errors: Errors
    #: Why there is no test, as a clause; empty where there are tests.
    why: str

    def __init__(self, values: NDArray[np.float64]) -> None:
        places, seeds = np.nonzero(np.isfinite(values))
        self._cells = values.shape[0]
        matrix = np.zeros((places.size, self._cells + values.shape[1] - 1))
        matrix[np.arange(places.size), places] = 1
        # sum-to-zero coding of the seeds: a cell's coefficient is its mean over all of them
        matrix[:, self._cells :] = (seeds[:, None] == np.arange(values.shape[1] - 1)).astype(float)
        matrix[seeds == values.shape[1] - 1, self._cells :] = -1
        observed = values[places, seeds]
        self._fit: Any = None
        self.errors, self.df = "none", 0
        self.why: str = ""
        if values.shape[1] < 2:
            self._means: NDArray[np.float64] = observed
            self.why = told("fewer than 2 seeds")
            return
        if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
            self._means = np.nanmean(values, axis=1)
            self.why = told("too few seeds are common to its cells")
            return
        from statsmodels.regression.linear_model import OLS

        leverage = (np.linalg.qr(matrix)[0] ** 2).sum(axis=1)
        is_robust = bool(leverage.max() < EXACT)
        model = OLS(observed, matrix)
        self.df = int(model.df_resid)
        self._is_normal = is_robust and self.df >= FEWEST_NORMAL
        fit = model.fit(cov_type="HC3", use_t=not self._is_normal) if is_robust else model.fit()
        self._means = np.asarray(fit.params)[: self._cells]
        if self.df < 1:
            self.why = told("no run is left to measure noise by")
        elif np.ptp(fit.resid) <= ROUNDING * float(np.abs(observed).max()):
            self.why = told("nothing varies over seeds")
        else:
            self._fit = fit
            self.errors = "hc3" if is_robust else "pooled"

    def contrasts(self, weights: NDArray[np.float64]) -> tuple[Contrast, ...]:
        """Weighted sums of the cells' means, each with the test of its being 0.

        Args:
            weights: A row for each contrast, (C, R).
        """
        estimates = (weights @ self._means).tolist()
        if self._fit is None:
            return tuple(Contrast(estimate=estimate) for estimate in estimates)
        test = self._fit.t_test(self._rows(weights))
        columns = (test.sd, test.tvalue, test.pvalue, *test.conf_int(0.05).T)
        return tuple(
            Contrast(
                estimate=estimate,
                se=se,
                df=None if self._is_normal else float(self.df),
                statistic=statistic,
                p=p,
                ci_low=low,
                ci_high=high,
            )
            for estimate, se, statistic, p, low, high in zip(
                estimates, *(np.ravel(column).tolist() for column in columns), strict=True
            )
        )

    def joint(self, weights: NDArray[np.float64]) -> tuple[float, float] | None:
        """F and p of several contrasts, (C, R), being 0 together; None where there is no noise to measure them by."""
        if self._fit is None:
            return None
        test = self._fit.f_test(self._rows(weights))
        return float(np.squeeze(test.fvalue)), float(np.squeeze(test.pvalue))

    def _rows(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights of all parameters: those of the seeds are 0."""
        return np.hstack([weights, np.zeros((len(weights), len(self._fit.params) - self._cells))])


def anova(
    columns: NDArray[np.int64], values: NDArray[np.float64], words: Sequence[Sequence[int]], names: Sequence[str]
) -> tuple[Term, ...]:
    """Type II table of the analysis of variance of `value ~ C(seed) + words`, by statsmodels' `anova_lm(typ=2)`.

    Factors of two levels are coded -1 and +1, others sum to zero. It assumes one variance of all cells.

    Args:
        columns: Level of each factor in each cell, (R, k); 0 is the reference.
        values: As for `CellMeans`, with at least one degree of freedom for the residual.
        words: The terms, as indices of factors.
        names: Names of the factors, (k,).
    """
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    places, seeds = np.nonzero(np.isfinite(values))
    frame = pd.DataFrame({"value": values[places, seeds], "seed": seeds})
    coded = []
    for index, column in enumerate(columns.T):
        is_pair = column.max() == 1
        frame[f"x{index}"] = (2 * column - 1 if is_pair else column)[places]
        coded.append(f"x{index}" if is_pair else f"C(x{index}, Sum)")
    terms = [":".join(coded[index] for index in word) for word in words]
    table = anova_lm(ols(f"value ~ C(seed) + {' + '.join(terms)}", frame).fit(), typ=2)
    rows = [((), "C(seed)"), *((tuple(names[i] for i in word), term) for word, term in zip(words, terms, strict=True))]
    df_residual = int(table.loc["Residual", "df"])
    return tuple(
        Term(
            factors=factors,
            sum_sq=float(row["sum_sq"]),
            df=int(row["df"]),
            df_residual=df_residual,
            f=float(row["F"]),
            p=float(row["PR(>F)"]),
            omega_squared=float(row["df"] * (row["F"] - 1) / (row["df"] * (row["F"] - 1) + len(frame))),
        )
        for factors, row in ((factors, table.loc[name]) for factors, name in rows)
    )
