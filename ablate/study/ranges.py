"""Numeric ranges: `{ linspace = [start, stop, n] }` and `{ geomspace = [start, stop, n] }`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ablate.study.faults import shown
from ablate.study.file import MAX_RANGE

#: Keys that make a `levels` table a range.
RANGES = ("linspace", "geomspace")


def is_range(levels: Mapping[str, Any]) -> bool:
    """Whether a `levels` table is a range and not a table of levels."""
    return len(levels) == 1 and next(iter(levels)) in RANGES and not isinstance(next(iter(levels.values())), Mapping)


def values(levels: Mapping[str, Any]) -> list[float | int]:
    """The values of a range, both ends included; whole numbers where ends and steps are whole.

    Raises:
        ValueError: Not three numbers, or numbers that make no range.
    """
    kind, given = next(iter(levels.items()))
    numbers = given if isinstance(given, list) else []
    fits = len(numbers) == 3 and all(isinstance(item, int | float) and not isinstance(item, bool) for item in numbers)
    if not fits or not isinstance(numbers[2], int):
        raise ValueError(f"{kind} is [start, stop, how many], as `{{ {kind} = [0.1, 0.5, 5] }}`, not {shown(given)}")
    try:
        start, stop = float(numbers[0]), float(numbers[1])
    except OverflowError:
        start = stop = math.inf
    count = numbers[2]
    if not 2 <= count <= MAX_RANGE:
        raise ValueError(f"{kind} makes 2 to {MAX_RANGE:,} values, not {count:,}")
    if not math.isfinite(start) or not math.isfinite(stop) or start == stop:
        raise ValueError(f"{kind} goes between two different finite numbers, not from {start:g} to {stop:g}")
    if kind == "geomspace" and (start <= 0 or stop <= 0):
        raise ValueError("geomspace goes between numbers above 0, as `{ geomspace = [1e-4, 1e-1, 4] }`")
    shares = [index / (count - 1) for index in range(count)]
    if kind == "linspace":
        exact = [start * (1 - share) + stop * share for share in shares]
    else:
        exact = [start * (stop / start) ** share for share in shares]
    rounded = [float(f"{value:.12g}") for value in exact]
    if isinstance(numbers[0], int) and isinstance(numbers[1], int) and all(value.is_integer() for value in rounded):
        return [int(value) for value in rounded]
    return list(rounded)
