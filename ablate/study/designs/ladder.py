"""`ladder`: from the baseline, one step after the other, each kept. 1 + number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from ablate.study.designs.base import Axis, Cell, DesignTable, Refusal


class Ladder(DesignTable):
    """Steps that add up: what a step brings depends on the steps before it."""

    kind: Literal["ladder"]
    """`ladder`"""
    factors: Annotated[list[str], Field(min_length=1)]
    """The steps, in this order."""
    reverse: bool = False
    """Takes the steps in the opposite order, to see how much the order matters."""

    def check(self, axes: Sequence[Axis]) -> None:
        """A step is one level of one factor."""
        for axis in axes:
            if len(axis.levels) != 2:
                raise Refusal(
                    "factors",
                    f"factor `{axis.name}` has {len(axis.levels) - 1} levels beside its reference; a step of "
                    f"a ladder is "
                    f'one of them: write `levels = {{ {axis.name} = "{axis.levels[1]}" }}` in this design',
                )

    def count(self, axes: Sequence[Axis]) -> int:
        """1 + the number of steps."""
        return 1 + len(axes)

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """The baseline, then each rung."""
        cell = [0] * len(axes)
        yield tuple(cell)
        for index in reversed(range(len(axes))) if self.reverse else range(len(axes)):
            cell[index] = 1
            yield tuple(cell)

    def order(self, names: Sequence[str]) -> tuple[str, ...]:
        """The factors in the order of the steps."""
        return tuple(reversed(names)) if self.reverse else tuple(names)
