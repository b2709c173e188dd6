"""`pairs`: a covering array; any two levels of any two factors meet in at least one cell.

Greedy: each row starts from the first pair that no row has yet and gives every other factor the level that covers
most new pairs. Rows are few (about the square of the levels, times the logarithm of the factors), not minimal.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import ClassVar, Literal

from ablate.study.designs.base import Axis, Cell, DesignTable, Refusal

#: Pairs of levels up to which a covering array is built.
MAX_PAIRS = 50_000
#: Levels that are tried for one row before the search is given up.
_MAX_TRIES = 100_000

#: First axis, its level, second axis, its level.
_Pair = tuple[int, int, int, int]


class Pairs(DesignTable):
    """A covering array: every two levels of every two factors meet at least once."""

    crosses: ClassVar[bool] = True

    kind: Literal["pairs"]
    """`pairs`"""

    def check(self, axes: Sequence[Axis]) -> None:
        """There must be pairs, and not too many."""
        if len(axes) < 2:
            raise Refusal("factors", "pairs need at least two factors")
        sizes = [len(axis.levels) for axis in axes]
        total = (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2
        if total > MAX_PAIRS:
            raise Refusal(
                "factors",
                f"these factors have {total:,} pairs of levels, at most {MAX_PAIRS:,} can be covered: name "
                f"fewer `factors`",
            )

    def count(self, axes: Sequence[Axis]) -> int:
        """The number of rows without constraints."""
        return len(_unconstrained(tuple(len(axis.levels) for axis in axes)))

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """Rows that cover every pair which the constraints allow; the first is the baseline."""
        yield from covering_array([len(axis.levels) for axis in axes], allowed)


@cache
def _unconstrained(sizes: tuple[int, ...]) -> list[Cell]:
    return covering_array(sizes, lambda _: True)


def covering_array(sizes: Sequence[int], allowed: Callable[[Mapping[int, int]], bool]) -> list[Cell]:
    """Rows in which every allowed pair of levels of two axes meets.

    Args:
        sizes: Number of levels of each axis, at least two axes.
        allowed: Whether a row, or part of one (axis to level), breaks no constraint.
    """
    waiting: dict[_Pair, None] = {
        (one, a, two, b): None
        for one, two in itertools.combinations(range(len(sizes)), 2)
        for a in range(sizes[one])
        for b in range(sizes[two])
    }
    rows: list[Cell] = []
    for pair in list(waiting):
        if pair not in waiting:
            continue
        row = _completed({pair[0]: pair[1], pair[2]: pair[3]}, sizes, waiting, allowed)
        if row is None:
            del waiting[pair]
            continue
        rows.append(row)
        for one, two in itertools.combinations(range(len(sizes)), 2):
            waiting.pop((one, row[one], two, row[two]), None)
    return rows


def _completed(
    start: dict[int, int],
    sizes: Sequence[int],
    waiting: Mapping[_Pair, None],
    allowed: Callable[[Mapping[int, int]], bool],
) -> Cell | None:
    """A row with the given levels that is allowed, most new pairs first; None where there is none."""
    if not allowed(start):
        return None
    free = [axis for axis in range(len(sizes)) if axis not in start]

    def gain(row: Mapping[int, int], axis: int, level: int) -> int:
        return sum(
            ((other, at, axis, level) if other < axis else (axis, level, other, at)) in waiting
            for other, at in row.items()
        )

    def choices(row: Mapping[int, int], axis: int) -> list[int]:
        return sorted(range(sizes[axis]), key=lambda level: -gain(row, axis, level))

    row = dict(start)
    open_choices: list[Iterator[int]] = []
    tries = 0
    while len(open_choices) < len(free):
        axis = free[len(open_choices)]
        open_choices.append(iter(choices(row, axis)))
        while open_choices:
            axis = free[len(open_choices) - 1]
            row.pop(axis, None)
            for level in open_choices[-1]:
                tries += 1
                if tries > _MAX_TRIES:
                    raise Refusal(
                        "factors", "the constraints are too tangled to find a cell for each pair: name fewer `factors`"
                    )
                if allowed({**row, axis: level}):
                    row[axis] = level
                    break
            if axis in row:
                break
            open_choices.pop()
        if not open_choices:
            return None
    return tuple(row[axis] for axis in range(len(sizes)))
