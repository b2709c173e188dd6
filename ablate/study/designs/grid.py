"""`grid`: every combination of the levels. The product of their numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from ablate.study.designs.base import Axis, Cell, DesignTable


class Grid(DesignTable):
    """Every combination of the levels; the baseline's value is one level of each factor."""

    crosses: ClassVar[bool] = True

    kind: Literal["grid"]
    """`grid`"""

    def count(self, axes: Sequence[Axis]) -> int:
        """The product of the numbers of levels."""
        return math.prod(len(axis.levels) for axis in axes)

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """All cells, the last factor moving fastest."""
        return itertools.product(*(range(len(axis.levels)) for axis in axes))
