"""The forest plot: where its marks lie."""

import pytest
from report_cases import degradation, results, shapes, whole, wounded

from ablate.report.html.forest import Forest, ForestRow, forests
from ablate.report.html.scale import around_zero
from ablate.study.outline import StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results


def plot(given: Results) -> Forest:
    return forests(analyse(given))[0]


def row(found: Forest, name: str) -> ForestRow:
    return next(one for one in found.rows if one.name == name)


def test_what_is_better_lies_right_of_zero_with_its_interval_and_seeds() -> None:
    found = plot(whole())
    adam = row(found, "optimizer=Adam")
    assert adam.verdict == "better"
    assert found.zero < adam.low < adam.at < adam.high
    assert len(adam.seeds) == 5
    assert min(adam.seeds) < adam.at < max(adam.seeds)
    worse = row(found, "dropout=0.6")
    assert worse.high < found.zero
    assert (found.left, found.right) == ("worse", "better")


def test_where_less_is_better_the_sides_change() -> None:
    found = plot(degradation())
    assert (found.left, found.right) == ("better", "worse")
    assert row(found, "depth=56").at > found.zero


def test_marks_lie_on_the_axis_that_is_written_above_them() -> None:
    found = plot(whole())
    places = {text: place for place, text in found.ticks}
    assert places["0"] == found.zero
    adam = row(found, "optimizer=Adam")
    delta = float(adam.delta.partition(" ")[0])
    unit = places["+2"] - places["0"]
    assert adam.at == pytest.approx(found.zero + delta / 2 * unit, abs=0.05)


def test_a_variant_without_a_verdict_has_a_row_all_the_same() -> None:
    found = row(plot(wounded()), "dropout=0.6")
    assert found.at is None
    assert found.verdict == "undecided"
    assert "diverged" in found.said


def test_the_margin_lies_around_zero() -> None:
    found = plot(results(shapes(statistics=StatisticsSettings(margin=0.02)), {}))
    low, width = found.margin
    assert low + width / 2 == pytest.approx(found.zero, abs=0.01)
    assert plot(whole()).margin is None


def test_one_difference_far_away_does_not_flatten_the_others() -> None:
    scale = around_zero([0.01, -0.02, 0.015, 0.01, -0.02, 0.015, 0.01, -0.02, 0.015, 0.01, -0.02, 0.015, -0.9])
    assert scale.low > -0.1
    assert not scale.holds(-0.9)
    assert scale.place(-0.9) == scale.place(scale.low)


@pytest.mark.parametrize("values", [[], [0.0], [1e-9], [-3.0, 5.0], [7e5]])
def test_axes_have_a_few_round_ticks(values: list[float]) -> None:
    scale = around_zero(values)
    assert 2 <= len(scale.ticks) <= 7
    assert all(scale.holds(tick) for tick in scale.ticks)
    assert min(scale.ticks, key=abs) == 0
