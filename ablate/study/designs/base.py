"""What all designs have in common: they pick cells of a table whose axes are factors, and know nothing else.

A cell is a tuple with one level index for each axis; 0 is the axis' reference level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ablate.study.names import Text

#: One level index for each axis of a design.
Cell = tuple[int, ...]


class Table(BaseModel):
    """A table of a study file. Unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


#: A level by its name or its value.
LevelValue = str | bool | int | float | list[Any]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A factor (with those linked to it) as a design sees it."""

    #: Name of the factor.
    name: str
    #: Names of the levels that the design may use, the reference first.
    levels: tuple[str, ...]
    #: Index of the level that removes the component; None where several could be meant.
    removed: int | None


@dataclass(frozen=True, kw_only=True)
class Aliases:
    """What a fraction of a factorial design cannot tell apart, computed from its matrix of -1 and +1.

    Effects are written by factor names joined by `*`; +1 is the other level, -1 the reference.
    """

    #: Number of runs.
    runs: int
    #: Length of the shortest word that is confounded with the mean; None for a full factorial.
    resolution: int | None
    #: The words whose product is constant, with their sign, as `-a*b*c`; empty where the design is not regular.
    defining_relation: tuple[str, ...]
    #: Groups of effects of up to three factors that have the same column up to sign.
    chains: tuple[tuple[str, ...], ...]
    #: Main effects partly confounded with two-factor interactions: effect, interaction, correlation.
    partial: tuple[tuple[str, str, float], ...] = ()


class Refusal(ValueError):  # noqa: N818 - it is said to the user, not raised at one
    """A design cannot be built as asked; carries the key of its table that is to blame."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class DesignTable(Table):
    """A rule that picks combinations of levels."""

    #: Cells stand for the levels by which they are called, the reference levels too.
    crosses: ClassVar[bool] = False
    #: A cell that is left out would spoil the design.
    complete: ClassVar[bool] = False

    kind: str
    """Which rule."""
    name: Text | None = None
    """Name in tables; the kind where none is given."""
    factors: Annotated[list[str], Field(min_length=1)] | None = None
    """Factors that are combined, in this order; all of them where none are named."""
    levels: dict[str, LevelValue] = Field(default_factory=dict)
    """Uses only these levels of a factor beside its reference: `{ optimizer = "Adam", depth = [2, 3] }`."""

    def check(self, axes: Sequence[Axis]) -> None:
        """Raise `Refusal` where the axes do not fit the rule."""

    def count(self, axes: Sequence[Axis]) -> int:
        """Number of cells before constraints, without listing them."""
        raise NotImplementedError

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterable[Cell]:
        """The cells in order.

        Args:
            axes: The factors.
            allowed: Whether a cell, or part of one (axis index to level index), breaks no constraint. Rules that
                choose among cells ask it; forbidden cells that come nevertheless are left out by the caller.
        """
        raise NotImplementedError

    def aliases(self, axes: Sequence[Axis]) -> Aliases | None:
        """What the design cannot tell apart; None where it confounds nothing."""
        return None

    def order(self, names: Sequence[str]) -> tuple[str, ...]:
        """The factors in the order in which a report should show them."""
        return tuple(names)
