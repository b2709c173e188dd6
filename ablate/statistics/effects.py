"""Main effects and interactions as contrasts of a design's cell means."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ablate.statistics.cell_means import CellMeans, Contrast
from ablate.statistics.words import Alias, Word, chains
from ablate.told import told

#: `interact`: an interaction of factors with several levels, which has no one direction.
EffectVerdict = Literal["better", "worse", "interact", "undecided"]
#: Factors of an effect up to which it is judged: main effects and interactions of two.
JUDGED_ORDER = 2


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
    #: Degrees of freedom of the effect: more than 1 for interactions of factors with several levels.
    df_effect: int
    #: Degrees of freedom of the noise it is measured against; None where the normal distribution is taken.
    df: float | None
    #: Effect / se, or F where the test is that of the analysis of variance.
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


def two_levels(
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


def several_levels(
    cells: NDArray[np.int64], counts: NDArray[np.int64], model: CellMeans, names: Sequence[str]
) -> tuple[tuple[Effect, ...], list[Word]]:
    """Each level against the reference, each pair of factors; and the terms of the whole table."""
    if len({tuple(row) for row in cells.tolist()}) != counts.prod() or len(cells) != counts.prod():
        raise ValueError(told("factors with more than two levels need every combination of their levels, once"))
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
            effects.append(_together(_effect(both, None, df_effect=df_effect), cells[:, list(pair)], model))
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


def _together(effect: Effect, cells: NDArray[np.int64], model: CellMeans) -> Effect:
    """An interaction of two factors with the F-test of all that it is made of: how each two levels add up.

    Args:
        effect: Without its test.
        cells: Levels of the two factors in each cell, (R, 2).
        model: The cells' means.
    """

    def mean(one: int, other: int) -> NDArray[np.float64]:
        at = (cells == (one, other)).all(axis=1)
        weight: NDArray[np.float64] = at / at.sum()
        return weight

    places = itertools.product(*(range(1, count) for count in cells.max(axis=0) + 1))
    weights = [mean(one, other) - mean(one, 0) - mean(0, other) + mean(0, 0) for one, other in places]
    found = model.joint(np.array(weights))
    return effect if found is None else replace(effect, df=float(model.df), statistic=found[0], p=found[1])
