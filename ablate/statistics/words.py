"""Which effects a design with two levels of each factor can tell apart, computed from its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.study.designs.aliasing import groups

#: Indices of the factors of an effect.
Word = tuple[int, ...]
#: Most factors of an alias that is listed.
ALIAS_ORDER = 3


@dataclass(frozen=True, kw_only=True)
class Alias:
    """An effect that the design cannot tell from another one."""

    #: Names of its factors.
    factors: tuple[str, ...]
    #: Its column is the negative of the other one's.
    is_negative: bool

    def __str__(self) -> str:
        """As `ablate plan` prints it: `-a*b`."""
        return "-" * self.is_negative + "*".join(self.factors)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Effects that the design cannot tell apart, called by the first of those with the fewest factors."""

    word: Word
    #: Its column, (R,) of -1 and +1.
    column: NDArray[np.int64]
    #: The others of up to three factors, each with whether its column is the negative of the first's.
    aliases: tuple[tuple[Word, bool], ...] = ()


def chains(signs: NDArray[np.int64]) -> tuple[Chain, ...]:
    """The effects of a design.

    Of a grid these are all main effects and interactions, of a regular fraction a chain for each degree of freedom
    between its cells. Of other designs (Plackett & Burman) they are the main effects, since interactions are partly
    confounded with several of them.

    Args:
        signs: -1 for the reference and +1 for the other level, (R, k).

    Raises:
        ValueError: Main effects are confounded with each other or with the mean.
    """
    runs, factors = signs.shape
    columns = [sum(1 << run for run in range(runs) if signs[run, index] < 0) for index in range(factors)]
    found: list[Chain] = []
    for order in range(min(ALIAS_ORDER, factors), factors + 1):
        made = (_chain(signs, group) for group in groups(columns, runs, order))
        found = [chain for chain in made if abs(int(chain.column.sum())) < runs]
        if len(found) >= runs - 1:
            break
    if len(found) != runs - 1 or not _are_orthogonal(found, runs):
        found = [Chain(word=(index,), column=signs[:, index]) for index in range(factors)]
        if not _are_orthogonal(found, runs):
            raise ValueError("main effects of these cells cannot be told apart: each pair of levels must come as often")
    return tuple(found)


def _chain(signs: NDArray[np.int64], group: Sequence[tuple[Word, bool]]) -> Chain:
    (word, _), *others = group
    aliases = tuple((other, negative) for other, negative in others if len(other) <= ALIAS_ORDER)
    return Chain(word=word, column=signs[:, list(word)].prod(axis=1), aliases=aliases)


def _are_orthogonal(found: Sequence[Chain], runs: int) -> bool:
    """Whether no column has anything of another one or of the mean."""
    columns = np.column_stack([np.ones(runs), *(chain.column for chain in found)])
    return bool((columns.T @ columns == runs * np.eye(columns.shape[1])).all())
