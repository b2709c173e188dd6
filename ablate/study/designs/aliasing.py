"""What a two-level design confounds, computed from its matrix; the library that built it is not believed.

Columns are bit masks over the runs (bit set: -1), so that the product of effects is the exclusive or of their masks.
Source: Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed., chapters 6 and 7.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ablate.study.designs.base import Aliases

#: Highest order of the effects in the printed chains.
_CHAIN_ORDER = 3


def aliases(columns: Sequence[int], runs: int, names: Sequence[str]) -> Aliases:
    """Defining relation, resolution and alias chains of a two-level design.

    Args:
        columns: One bit mask for each factor; bit r is set where run r has -1.
        runs: Number of runs.
        names: One name for each factor.
    """
    everywhere = (1 << runs) - 1
    words = sorted(_relations(columns, everywhere), key=lambda word: (len(word), word))
    shortest = _shortest_word(columns, runs)
    chains = tuple(
        tuple(_signed(effect, names, negative) for effect, negative in group)
        for group in groups(columns, runs, min(_CHAIN_ORDER, len(columns)))
        if len(group) > 1
    )
    partial: list[tuple[str, str, float]] = []
    for main in range(len(columns)):
        for pair in itertools.combinations([other for other in range(len(columns)) if other != main], 2):
            correlation = _mean(_product(columns, (main, *pair)), runs)
            if 0 < abs(correlation) < 1:
                partial.append((names[main], "*".join(names[index] for index in pair), correlation))
    return Aliases(
        runs=runs,
        resolution=shortest,
        defining_relation=tuple(_signed(word, names, _product(columns, word) == everywhere) for word in words),
        chains=chains,
        partial=tuple(partial),
    )


def groups(columns: Sequence[int], runs: int, order: int) -> tuple[tuple[tuple[tuple[int, ...], bool], ...], ...]:
    """The effects of up to `order` factors, those together that have the same column up to sign.

    Args:
        columns: As in `aliases`.
        runs: Number of runs.
        order: Most factors of an effect.

    Returns:
        The groups in the order of their first effects; each effect as the indices of its factors, and whether its
        column is the negative of the first one's.
    """
    everywhere = (1 << runs) - 1
    found: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    for count in range(1, order + 1):
        for effect in itertools.combinations(range(len(columns)), count):
            mask = _product(columns, effect)
            found.setdefault(min(mask, everywhere ^ mask), []).append((effect, mask))
    return tuple(tuple((effect, mask != group[0][1]) for effect, mask in group) for group in found.values())


def _shortest_word(columns: Sequence[int], runs: int) -> int | None:
    """Number of factors in the shortest word that is confounded with the mean, wholly or in part; None for no word."""
    for order in range(1, len(columns) + 1):
        for word in itertools.combinations(range(len(columns)), order):
            if _mean(_product(columns, word), runs) != 0:
                return order
    return None


def _relations(columns: Sequence[int], everywhere: int) -> list[tuple[int, ...]]:
    """All sets of columns whose product is constant, by elimination over GF(2)."""
    pivots: list[tuple[int, int]] = []  # mask, and the set of factors whose product it is; largest mask first
    basis: list[int] = []
    for index, column in enumerate(columns):
        mask, members = min(column, everywhere ^ column), 1 << index
        for pivot, made in pivots:
            if mask ^ pivot < mask:
                mask, members = mask ^ pivot, members ^ made
        if mask:
            pivots.append((mask, members))
            pivots.sort(reverse=True)
        else:
            basis.append(members)
    words: list[int] = [0]
    for members in basis:
        words += [word ^ members for word in words]
    return [tuple(index for index in range(len(columns)) if word >> index & 1) for word in words[1:]]


def _product(columns: Sequence[int], effect: Sequence[int]) -> int:
    mask = 0
    for index in effect:
        mask ^= columns[index]
    return mask


def _mean(mask: int, runs: int) -> float:
    return 1 - 2 * mask.bit_count() / runs


def _signed(effect: Sequence[int], names: Sequence[str], negative: bool) -> str:
    return ("-" if negative else "") + "*".join(names[index] for index in effect)
