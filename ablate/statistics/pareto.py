"""Which arms are worth their cost: the front of those that nothing cheaper beats, and what noise leaves of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.metrics import Direction
from ablate.statistics.interval import Difference, mean_interval, welch


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an arm stands among all."""

    #: No arm that costs as much or less has a better mean, and none of the same mean costs less.
    on_front: bool
    #: Place of the arm that it is held against: of an arm on the front the next cheaper one there, of any other the
    #: best of those that cost no more; None for the cheapest of the front.
    neighbour: int | None
    #: This arm minus that one, with Welch's interval; None without a neighbour.
    difference: Difference | None

    @property
    def separable(self) -> bool:
        """Whether the interval of the difference to the neighbour excludes 0."""
        found = self.difference
        if found is None or found.ci_low is None or found.ci_high is None:
            return False
        return found.ci_low > 0 or found.ci_high < 0


def standings(
    costs: Sequence[float], values: Sequence[Sequence[float]], *, direction: Direction
) -> tuple[Standing, ...]:
    """The standing of each arm; intervals are adjusted for nothing.

    Args:
        costs: What each arm costs, (A,); less is better.
        values: Its metric over seeds, A sequences of at least one value.
        direction: Whether more of the metric is better.

    Raises:
        ValueError: The lengths differ, an arm has no value, or one is not finite.
    """
    if len(costs) != len(values):
        raise ValueError(f"{len(costs)} costs and values of {len(values)} arms")
    sign = 1.0 if direction == "max" else -1.0
    merits = []
    for own in values:
        mean = mean_interval(own).mean
        if mean is None:
            raise ValueError("an arm has no value")
        merits.append(sign * mean)
    front: list[int] = []
    found: dict[int, tuple[bool, int | None]] = {}
    for arm in sorted(range(len(costs)), key=lambda arm: (costs[arm], -merits[arm], arm)):
        last = front[-1] if front else None
        twin = last is not None and (costs[arm], merits[arm]) == (costs[last], merits[last])
        if last is None or merits[arm] > merits[last] or twin:
            found[arm] = True, found[last][1] if twin and last is not None else last
            front.append(arm)
        else:
            found[arm] = False, last
    return tuple(
        Standing(
            on_front=on_front,
            neighbour=neighbour,
            difference=None if neighbour is None else welch(values[arm], values[neighbour]),
        )
        for arm, (on_front, neighbour) in sorted(found.items())
    )
