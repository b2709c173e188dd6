"""`one-at-a-time`: the baseline, and each level of each factor alone. 1 + sum of the levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from ablate.study.designs.base import Axis, Cell, DesignTable


class OneAtATime(DesignTable):
    """The baseline, and each level of each factor alone."""

    kind: Literal["one-at-a-time"]
    """`one-at-a-time`"""

    def count(self, axes: Sequence[Axis]) -> int:
        """1 + the number of levels beside the references."""
        return 1 + sum(len(axis.levels) - 1 for axis in axes)

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """The reference cell, then factor by factor."""
        reference = (0,) * len(axes)
        yield reference
        for index, axis in enumerate(axes):
            for level in range(1, len(axis.levels)):
                yield (*reference[:index], level, *reference[index + 1 :])
