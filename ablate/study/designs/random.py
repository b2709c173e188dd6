"""`random`: some cells of the grid, drawn without replacement; a larger number keeps the cells of a smaller one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ablate.study.designs.base import Axis, Cell, DesignTable, Refusal

#: Draws in a row that may be forbidden or known before the search for another cell ends.
_PATIENCE = 10_000


class Random(DesignTable):
    """Cells of the grid drawn at random, beside the baseline."""

    crosses: ClassVar[bool] = True

    kind: Literal["random"]
    """`random`"""
    runs: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of cells, the baseline not counted."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the draw: another seed, other cells."""

    def check(self, axes: Sequence[Axis]) -> None:
        """There must be as many cells."""
        others = math.prod(len(axis.levels) for axis in axes) - 1
        if self.runs > others:
            raise Refusal(
                "runs", f'{self.runs:,} cells are asked, but there are only {others:,}: write fewer, or `kind = "grid"`'
            )

    def count(self, axes: Sequence[Axis]) -> int:
        """The baseline and the drawn cells."""
        return 1 + self.runs

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """The baseline, then the cells in the order of the draw; fewer where constraints leave no more."""
        draw = random.Random(self.seed)  # noqa: S311 - a design, not a secret
        known = {(0,) * len(axes)}
        yield from known
        failures = 0
        while len(known) <= self.runs and failures < _PATIENCE:
            cell = tuple(draw.randrange(len(axis.levels)) for axis in axes)
            failures += 1
            if cell not in known and allowed(dict(enumerate(cell))):
                known.add(cell)
                failures = 0
                yield cell
