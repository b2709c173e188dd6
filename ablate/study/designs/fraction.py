"""`fraction`: a part of the two-level grid from which main effects can still be told: 2^(k-p) or Plackett-Burman."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ablate.study.designs.aliasing import aliases
from ablate.study.designs.base import Aliases, Axis, Cell, DesignTable, Refusal

#: Most factors: the search for a fraction and its alias table stay within a second.
MAX_FACTORS = 20


class Fraction(DesignTable):
    """A fraction of the two-level grid; its baseline row is one of the runs."""

    crosses: ClassVar[bool] = True
    complete: ClassVar[bool] = True

    kind: Literal["fraction"]
    """`fraction`"""
    construction: Literal["regular", "plackett-burman"] = "regular"
    """`regular`: 2^(k-p) runs with a defining relation; `plackett-burman`: a multiple of 4 runs, for screening."""
    resolution: Annotated[int, Field(ge=3, le=8)] | None = None
    """3: main effects are clear of each other; 4: and of two-factor interactions; 5: and those of each other."""

    @model_validator(mode="after")
    def _asked(self) -> Fraction:
        if self.construction == "regular" and self.resolution is None:
            raise ValueError("a regular fraction needs its resolution: write `resolution = 4` (3, 4 and 5 are usual)")
        if self.construction == "plackett-burman" and self.resolution not in (None, 3):
            raise ValueError(
                "a Plackett-Burman design has resolution 3: leave `resolution` out, or take a regular fraction"
            )
        return self

    def check(self, axes: Sequence[Axis]) -> None:
        """At least three factors, each with one level beside its reference."""
        if not 3 <= len(axes) <= MAX_FACTORS:
            raise Refusal(
                "factors",
                f"a fraction is made of 3 to {MAX_FACTORS} factors, not {len(axes)}; `grid` or `pairs` may fit better",
            )
        for axis in axes:
            if len(axis.levels) != 2:
                raise Refusal(
                    "factors",
                    f"factor `{axis.name}` has {len(axis.levels) - 1} levels beside its reference, a fraction "
                    f"takes one: "
                    f'write `levels = {{ {axis.name} = "{axis.levels[1]}" }}` in this design',
                )
        self._matrix(len(axes))

    def count(self, axes: Sequence[Axis]) -> int:
        """The number of runs."""
        return len(self._matrix(len(axes)))

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """The runs. +1 in the library's matrix, whose row of +1 always exists, is the reference."""
        for row in self._matrix(len(axes)):
            yield tuple(0 if sign > 0 else 1 for sign in row)

    def aliases(self, axes: Sequence[Axis]) -> Aliases:
        """What the fraction cannot tell apart."""
        return aliases_of(self._matrix(len(axes)), [axis.name for axis in axes])

    def _matrix(self, factors: int) -> tuple[tuple[int, ...], ...]:
        if self.construction == "plackett-burman":
            return checked_matrix(_plackett_burman(factors), 3)
        wanted = self.resolution or 3
        return checked_matrix(_regular(factors, wanted), wanted)


def aliases_of(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Aliases:
    """The aliases of a matrix of -1 and +1 whose +1 is the reference (so the signs are turned)."""
    columns = [sum(1 << run for run, row in enumerate(matrix) if row[index] > 0) for index in range(len(names))]
    return aliases(columns, len(matrix), names)


def checked_matrix(matrix: tuple[tuple[int, ...], ...], wanted: int) -> tuple[tuple[int, ...], ...]:
    """The matrix, if it really has the resolution.

    Raises:
        Refusal: It has not.
    """
    true = _true_resolution(matrix)
    if true is not None and true < wanted:
        raise Refusal(
            "resolution",
            f"no fraction of resolution {wanted} was found for {len(matrix[0])} factors: the library's design has "
            f"resolution {true}; ask for less, or name fewer `factors`",
        )
    return matrix


@cache
def _true_resolution(matrix: tuple[tuple[int, ...], ...]) -> int | None:
    return aliases_of(matrix, [str(index) for index in range(len(matrix[0]))]).resolution


@cache
def _regular(factors: int, wanted: int) -> tuple[tuple[int, ...], ...]:
    """The fewest runs of the wanted resolution; of the designs with as few runs, that of the highest resolution."""
    import pydoe

    def built(resolution: int) -> tuple[tuple[int, ...], ...]:
        try:
            return _plain(pydoe.fracfact_by_res(factors, resolution))
        except ValueError as error:
            raise Refusal("resolution", f"there is no such fraction for {factors} factors ({error})") from None

    best = built(min(wanted, factors + 1))
    for higher in range(wanted + 1, factors + 1):
        candidate = built(higher)
        if len(candidate) > len(best):
            break
        best = candidate
    return best


@cache
def _plackett_burman(factors: int) -> tuple[tuple[int, ...], ...]:
    import pydoe

    return _plain(pydoe.pbdesign(factors))


def _plain(matrix: Sequence[Sequence[float]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(sign) for sign in row) for row in matrix)
