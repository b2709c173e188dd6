"""The front of cost against merit, and what noise leaves of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.statistics import standings, welch

NOISE = (-0.01, 0.0, 0.01)


def around(mean: float) -> list[float]:
    return [mean + one for one in NOISE]


def test_what_something_cheaper_beats_is_dominated() -> None:
    small, waste, large = standings([1, 2, 3], [around(0.8), around(0.7), around(0.9)], direction="max")
    assert (small.on_front, small.neighbour, small.difference) == (True, None, None)
    assert (waste.on_front, waste.neighbour, waste.separable) == (False, 0, True)
    assert (large.on_front, large.neighbour, large.separable) == (True, 0, True)
    assert large.difference == welch(around(0.9), around(0.8))


def test_of_a_loss_less_is_better() -> None:
    found = standings([1, 2, 3], [around(0.8), around(0.7), around(0.9)], direction="min")
    assert [one.on_front for one in found] == [True, True, False]
    assert found[2].neighbour == 1


def test_what_noise_hides_is_not_separable() -> None:
    first, second = standings([1, 2], [around(0.8), around(0.805)], direction="max")
    assert first.on_front
    assert (second.on_front, second.neighbour, second.separable) == (True, 0, False)
    assert not standings([1, 2], [[0.8], [0.9]], direction="max")[1].separable


def test_of_equal_costs_the_better_is_on_the_front_and_twins_both_are() -> None:
    worse, better, twin = standings([5, 5, 5], [around(0.7), around(0.8), around(0.8)], direction="max")
    assert not worse.on_front
    assert better.on_front
    assert (twin.on_front, twin.neighbour) == (True, better.neighbour)


arms = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


@given(points=arms)
def test_the_front_is_what_the_definition_says(points: list[tuple[int, int]]) -> None:
    found = standings([cost for cost, _ in points], [[float(merit)] for _, merit in points], direction="max")
    for (cost, merit), one in zip(points, found, strict=True):
        beaten = any((c <= cost and m >= merit) and (c, m) != (cost, merit) for c, m in points)
        assert one.on_front == (not beaten)
        if one.neighbour is not None:
            assert points[one.neighbour][0] <= cost
            assert found[one.neighbour].on_front


@pytest.mark.parametrize(("costs", "values"), [([1, 2], [[1.0]]), ([1], [[]])])
def test_arms_without_cost_or_value_are_refused(costs: list[float], values: list[list[float]]) -> None:
    with pytest.raises(ValueError):
        standings(costs, values, direction="max")
