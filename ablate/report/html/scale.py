"""Where values lie on an axis that is drawn once for many rows; places are percent of its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Room at both ends, percent.
MARGIN = 5.0
#: Ticks that an axis has about.
TICKS = 6
#: An axis reaches this many times further than nine in ten of its values; what lies beyond is shown by an arrow.
REACH = 2.5


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A linear axis."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a value lies, percent; what lies beyond an end is at that end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(MARGIN + (100 - 2 * MARGIN) * share, 3)

    def holds(self, value: float) -> bool:
        """Whether the axis reaches a value."""
        return self.low <= value <= self.high

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers within the axis, 1, 2, 2.5 or 5 times a power of ten apart."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(number * step for number in range(first, last + 1))


def around_zero(values: Sequence[float], *, always: Sequence[float] = ()) -> Scale:
    """An axis with zero on it that reaches all values, but for single ones far away from the others.

    Args:
        values: What is drawn.
        always: What the axis reaches in any case.
    """
    sizes = sorted(abs(value) for value in (*values, *always) if value)
    if not sizes:
        return Scale(low=-1.0, high=1.0)
    most = REACH * sizes[math.ceil(0.9 * len(sizes)) - 1]
    kept = [0.0, *always, *(value for value in values if abs(value) <= most)]
    low, high = min(kept), max(kept)
    aside = 0.2 * (high - low)  # zero needs room beside it, so that a reader sees which side is empty
    return Scale(low=min(low, -aside), high=max(high, aside))
