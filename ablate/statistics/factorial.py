"""A grid or a fraction of one as a whole: what each factor does on average, and how factors act on each other.

Sources: Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., chapters 5 and 6; Lenth 1989 for one seed a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ablate.metrics import Direction
from ablate.statistics.cell_means import CellMeans, Errors, Term, anova
from ablate.statistics.effects import Effect, EffectVerdict, several_levels, two_levels
from ablate.statistics.lenth import Lenth, lenth
from ablate.told import told

#: Fewest effects from which Lenth's method tells noise from effects.
FEWEST_EFFECTS = 7


@dataclass(frozen=True, kw_only=True)
class LevelMean:
    """Mean at one level of one factor: of the cells' means, each counted alike."""

    factor: str
    #: Index of the level; 0 is the reference.
    level: int
    #: Cells.
    cells: int
    #: In the metric's unit.
    mean: float
    #: Ends of its 95 % interval, for these seeds; None where there is no noise to measure it by.
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Factorial:
    """The analysis of one design."""

    #: Cells, seeds of each, and values that are there.
    cells: int
    seeds: int
    n: int
    #: Degrees of freedom of the noise; None where nothing is left to measure it by.
    df: int | None
    #: How it was measured.
    errors: Errors
    #: Why there are no tests, as a clause; empty where there are.
    why: str
    #: In the order of the factors: main effects, then interactions of two, and so on.
    effects: tuple[Effect, ...]
    means: tuple[LevelMean, ...]
    #: Type II; where a factor has more than two levels or a cell lacks a seed, else empty.
    anova: tuple[Term, ...]
    #: One seed a cell and enough effects of two levels; else None.
    lenth: Lenth | None

    @property
    def is_balanced(self) -> bool:
        """Whether every cell has a value of every seed."""
        return self.n == self.cells * self.seeds


def factorial(
    cells: NDArray[np.int64],
    values: NDArray[np.float64],
    names: Sequence[str],
    *,
    direction: Direction = "max",
    alpha: float = 0.05,
    is_final: bool = True,
) -> Factorial:
    """Analyse a whole grid, or a fraction of a grid of two levels.

    The model is `value ~ C(seed) + A*B*...`, fitted as cell means (see `cell_means`), with HC3 covariance; where a run
    is the only one of its cell or seed HC3 does not exist, and one variance is taken for all. HC3 holds the error rate
    where a level changes the variance, as ablations do: with four times the standard deviation in one cell of eight and
    three seeds the family-wise error was .050, with pooled variance .079 (20,000 simulated studies). Judged are effects
    of one and two factors, adjusted by Holm as a family of their own; others are estimated.

    With runs missing, p-values are those of the type II table of the analysis of variance; levels of a factor with
    several stay contrasts of cell means. One seed a cell gives no p-value: see `lenth`.

    Args:
        cells: Level of each factor in each cell, (R, k), counted from 0, the reference.
        values: Ranked metric of each run, (R, S); NaN where a run is missing. Every cell needs one value; seeds without
            any are left out.
        names: Names of the factors, (k,).
        direction: Whether more of the metric is better.
        alpha: Error rate of the family.
        is_final: All seeds are in; else nothing is judged, since looking early must not buy verdicts.

    Raises:
        ValueError: The cells are neither a whole grid nor a fraction whose main effects can be told apart, or a cell
            has no value.
    """
    if not np.isfinite(values).any(axis=1).all():
        raise ValueError(told("a cell without a value has no mean: leave the analysis, or the design, without it"))
    values = values[:, np.isfinite(values).any(axis=0)]
    counts = cells.max(axis=0) + 1
    model = CellMeans(values)
    is_whole = bool(np.isfinite(values).all())
    terms: tuple[Term, ...] = ()
    if counts.max() == 2:
        effects, words, is_saturated = two_levels(cells, model, names)
    else:
        effects, words = several_levels(cells, counts, model, names)
        is_saturated = True
    if model.errors != "none" and is_saturated and (counts.max() > 2 or not is_whole):
        terms = anova(cells, values, words, names)
        effects = effects if is_whole else tuple(_by_table(effect, terms) for effect in effects)
    found = Factorial(
        cells=values.shape[0],
        seeds=values.shape[1],
        n=int(np.isfinite(values).sum()),
        df=None if model.errors == "none" else model.df,
        errors=model.errors,
        why=model.why,
        effects=effects,
        means=_means(cells, counts, model, names),
        anova=terms,
        lenth=None,
    )
    if values.shape[1] == 1 and is_final:
        return _explored(found) if counts.max() == 2 and len(effects) >= FEWEST_EFFECTS else found
    return _judged(found, direction, alpha) if is_final and model.errors != "none" else found


def _by_table(effect: Effect, terms: Sequence[Term]) -> Effect:
    """The effect with the p-value of its term in the table, where it is all of that term."""
    term = next(term for term in terms if term.factors == effect.factors)
    if term.df > effect.df_effect:
        return effect
    return replace(effect, df=float(term.df_residual), statistic=term.f, p=term.p)


def _means(
    cells: NDArray[np.int64], counts: NDArray[np.int64], model: CellMeans, names: Sequence[str]
) -> tuple[LevelMean, ...]:
    found = []
    for index, name in enumerate(names):
        at = np.array([cells[:, index] == level for level in range(counts[index])])
        number = at.sum(axis=1)
        for level, mean in enumerate(model.contrasts(at / number[:, None])):
            found.append(
                LevelMean(
                    factor=name,
                    level=level,
                    cells=int(number[level]),
                    mean=mean.estimate,
                    low=mean.ci_low,
                    high=mean.ci_high,
                )
            )
    return tuple(found)


def _explored(found: Factorial) -> Factorial:
    """With Lenth's margins, which decide nothing."""
    margins = lenth([effect.effect for effect in found.effects if effect.effect is not None])
    if margins is None:
        return found

    def beyond(size: float) -> Literal["me", "sme"] | None:
        return "sme" if size > margins.sme else "me" if size > margins.me else None

    effects = tuple(replace(effect, beyond=beyond(abs(effect.effect or 0.0))) for effect in found.effects)
    return replace(found, effects=effects, lenth=margins)


def _judged(found: Factorial, direction: Direction, alpha: float) -> Factorial:
    """With adjusted p-values and verdicts; what is judged stays in the family whether or not it could be tested."""
    from statsmodels.stats.multitest import multipletests

    family = [effect for effect in found.effects if effect.is_judged]
    adjusted = iter(multipletests([1.0 if one.p is None else one.p for one in family], method="holm")[1])
    effects = []
    for effect in found.effects:
        p = float(next(adjusted)) if effect.is_judged else None
        verdict: EffectVerdict = "undecided"
        if p is not None and p <= alpha:
            verdict = "interact"
            if effect.effect is not None:
                verdict = "better" if (effect.effect > 0) == (direction == "max") else "worse"
        effects.append(replace(effect, p_adjusted=None if effect.p is None else p, verdict=verdict))
    return replace(found, effects=tuple(effects))
