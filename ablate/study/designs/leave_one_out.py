"""`leave-one-out`: the baseline is the full model, and each factor's removing level takes one component away. 1 + k."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from ablate.study.designs.base import Axis, Cell, DesignTable, Refusal


class LeaveOneOut(DesignTable):
    """The full model, and the model without each of its components."""

    kind: Literal["leave-one-out"]
    """`leave-one-out`"""

    def check(self, axes: Sequence[Axis]) -> None:
        """Each factor must have a level that removes it."""
        for axis in axes:
            if axis.removed is None:
                raise Refusal(
                    "factors",
                    f"factor `{axis.name}` has {len(axis.levels) - 1} levels beside its reference; say which "
                    f"one removes "
                    f'the component: `remove = "{axis.levels[1]}"` in [factors.{axis.name}]',
                )

    def count(self, axes: Sequence[Axis]) -> int:
        """1 + the number of factors."""
        return 1 + len(axes)

    def cells(self, axes: Sequence[Axis], allowed: Callable[[Mapping[int, int]], bool]) -> Iterator[Cell]:
        """The full model, then each factor's removal."""
        reference = (0,) * len(axes)
        yield reference
        for index, axis in enumerate(axes):
            yield (*reference[:index], axis.removed or 0, *reference[index + 1 :])
