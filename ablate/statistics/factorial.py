"""A grid or a fraction of one as a whole: what each factor does on average, and how factors act on each other.

Sources: Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., chapters 5 and 6; Lenth 1989 for one seed a cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ablate.metrics import Direction
from ablate.statistics.cell_means import CellMeans, Contrast, Errors, Term, anova
from ablate.statistics.lenth import Lenth, lenth
from ablate.statistics.words import Alias, Word, chains

#: `interact`: an interaction of factors with several levels, which has no one direction.
EffectVerdict = Literal["better", "worse", "interact", "undecided"]
#: Factors of an effect up to which it is judged: main effects and interactions of two.
JUDGED_ORDER = 2
#: Fewest effects from which Lenth's method tells noise from effects.
FEWEST_EFFECTS = 7


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A main effect or an interaction, averaged over the levels of all other factors. What cannot be had is None."""

    #: Names of its factors; one: a main effect.
    factors: tuple[str, ...]
    #: Of a main effect: index of the level whose mean is compared with that of the reference, level 0.
    level: int | None
    #: Effects of up to three factors that the design cannot tell from it.
    aliases: tuple[Alias, ...]
    #: In the metric's unit. Of a main effect: mean at the level minus mean at the reference. Of an interaction of
    #: factors with two levels: half of what one's effect gains when the other leaves its reference; of several the
    #: same, again and again (twice the coefficient on -1 and +1). None for other interactions.
    effect: float | None
    se: float | None
    #: Degrees of freedom: of the effect, and of the noise it is measured against.
    df_effect: int
    df: float | None
    #: t, or F where the test is that of the analysis of variance.
    statistic: float | None
    #: Two-sided p-value, adjusted for nothing.
    p: float | None
    #: Adjusted by Holm over the judged effects of the design; None where it is not judged, or not yet.
    p_adjusted: float | None
    #: Ends of the 95 % interval, adjusted for nothing.
    ci_low: float | None
    ci_high: float | None
    #: Belongs to the family: effects of one and of two factors do.
    is_judged: bool
    verdict: EffectVerdict = "undecided"
    #: The margin of Lenth's that it exceeds; None without or within both.
    beyond: Literal["me", "sme"] | None = None


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
    df: float | None
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

    The model is `value ~ C(seed) + A*B*...`, fitted as cell means (see `cell_means`), with HC3 covariance and the t
    distribution; where a run is the only one of its cell or seed HC3 does not exist, and one variance is taken for all.
    HC3 holds where a level changes the variance (four times the standard deviation in one cell of eight, three seeds:
    family-wise error .024 by 20,000 simulated studies, with pooled variance .079), and is cautious where none does
    (.008). Judged are effects of one and two factors, adjusted by Holm as a family of their own; others are estimated.

    An effect of two levels in a design with missing runs, and any interaction of more levels, takes its p-value from
    the type II table of the analysis of variance. One seed a cell gives no p-value: see `lenth`.

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
        raise ValueError("a cell without a value has no mean: leave the analysis, or the design, without it")
    values = values[:, np.isfinite(values).any(axis=0)]
    counts = cells.max(axis=0) + 1
    model = CellMeans(values)
    is_whole = bool(np.isfinite(values).all())
    terms: tuple[Term, ...] = ()
    if counts.max() == 2:
        effects, words, is_saturated = _two_levels(cells, model, names)
    else:
        effects, words = _several_levels(cells, counts, model, names)
        is_saturated = True
    if model.errors != "none" and is_saturated and (counts.max() > 2 or not is_whole):
        terms = anova(cells, values, words, names)
        effects = tuple(_by_table(effect, terms, is_whole) for effect in effects)
    found = Factorial(
        cells=values.shape[0],
        seeds=values.shape[1],
        n=int(np.isfinite(values).sum()),
        df=next((effect.df for effect in effects if effect.df is not None), None),
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


def _two_levels(
    cells: NDArray[np.int64], model: CellMeans, names: Sequence[str]
) -> tuple[tuple[Effect, ...], list[Word], bool]:
    """An effect for each chain, the words they are called by, and whether they exhaust the cells."""
    found = chains(2 * cells - 1)
    contrasts = model.contrasts(np.array([chain.column * 2 / len(cells) for chain in found]))
    effects = tuple(
        _effect(
            [names[index] for index in chain.word],
            contrast,
            level=1 if len(chain.word) == 1 else None,
            aliases=[
                Alias(factors=tuple(names[index] for index in word), is_negative=negative)
                for word, negative in chain.aliases
            ],
        )
        for chain, contrast in zip(found, contrasts, strict=True)
    )
    return effects, [chain.word for chain in found], len(found) == len(cells) - 1


def _several_levels(
    cells: NDArray[np.int64], counts: NDArray[np.int64], model: CellMeans, names: Sequence[str]
) -> tuple[tuple[Effect, ...], list[Word]]:
    """Each level against the reference, each pair of factors; and the terms of the whole table."""
    if len({tuple(row) for row in cells.tolist()}) != counts.prod() or len(cells) != counts.prod():
        raise ValueError("factors with more than two levels need every combination of their levels, once")
    effects = []
    for index, name in enumerate(names):
        at = [(cells[:, index] == level) / (cells[:, index] == level).sum() for level in range(counts[index])]
        contrasts = model.contrasts(np.array([other - at[0] for other in at[1:]]))
        effects += [_effect([name], contrast, level=level) for level, contrast in enumerate(contrasts, start=1)]
    for pair in itertools.combinations(range(len(names)), 2):
        both, df_effect = [names[index] for index in pair], int((counts[list(pair)] - 1).prod())
        if df_effect == 1:
            column = (2 * cells[:, list(pair)] - 1).prod(axis=1)
            effects.append(_effect(both, model.contrasts(column[None] * 2 / len(cells))[0]))
        else:
            effects.append(_effect(both, None, df_effect=df_effect))
    orders = range(1, len(names) + 1)
    return tuple(effects), [word for order in orders for word in itertools.combinations(range(len(names)), order)]


def _effect(
    factors: Sequence[str],
    found: Contrast | None,
    *,
    level: int | None = None,
    aliases: Sequence[Alias] = (),
    df_effect: int = 1,
) -> Effect:
    """Not judged yet; without a contrast for an effect that is no single number."""
    return Effect(
        factors=tuple(factors),
        level=level,
        aliases=tuple(aliases),
        effect=None if found is None else found.estimate,
        se=None if found is None else found.se,
        df_effect=df_effect,
        df=None if found is None else found.df,
        statistic=None if found is None else found.statistic,
        p=None if found is None else found.p,
        p_adjusted=None,
        ci_low=None if found is None else found.ci_low,
        ci_high=None if found is None else found.ci_high,
        is_judged=len(factors) <= JUDGED_ORDER,
    )


def _by_table(effect: Effect, terms: Sequence[Term], is_whole: bool) -> Effect:
    """The effect with the p-value of its term, where it is all of that term and contrasts do not do."""
    term = next(term for term in terms if term.factors == effect.factors)
    if effect.df_effect == 1 and (is_whole or term.df > 1):
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
