"""Intervals of differences, means and curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ablate.statistics import Difference, band, mean_interval, paired, welch

# Student 1908: hours of sleep gained by ten patients with each of two drugs; R documents t.test(extra ~ group, sleep).
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

accuracies = st.lists(st.integers(0, 360).map(lambda right: right / 360), min_size=2, max_size=12)


def figures(difference: Difference) -> list[float | None]:
    return [
        difference.se,
        difference.df,
        difference.statistic,
        difference.p,
        difference.ci_low,
        difference.ci_high,
    ]


def test_welch_gives_the_published_figures_of_students_sleep_data() -> None:
    found = welch(SLEEP_1, SLEEP_2)
    assert found.delta == pytest.approx(-1.58)
    assert found.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert found.df == pytest.approx(17.776, abs=5e-4)
    assert found.p == pytest.approx(0.07939, abs=5e-6)
    assert (found.ci_low, found.ci_high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-7)


def test_paired_gives_the_published_figures_of_students_sleep_data() -> None:
    found = paired(SLEEP_1, SLEEP_2)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert found.df == 9
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.ci_low, found.ci_high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-7)


@given(a=accuracies, b=accuracies)
def test_welch_agrees_with_scipy_wherever_both_sides_vary(a: list[float], b: list[float]) -> None:
    if len(set(a)) == 1 or len(set(b)) == 1:
        return
    found, expected = welch(a, b, confidence=0.9), stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.9)
    assert [found.df, found.statistic, found.p, found.ci_low, found.ci_high] == pytest.approx(
        [expected.df, expected.statistic, expected.pvalue, interval.low, interval.high], rel=1e-6, abs=1e-9
    )


@given(a=accuracies, b=accuracies)
def test_welch_is_symmetric(a: list[float], b: list[float]) -> None:
    there, back = welch(a, b), welch(b, a)
    assert there.delta == pytest.approx(-back.delta)
    assert (there.p is None) == (back.p is None)
    if there.p is not None:
        assert there.p == pytest.approx(back.p)
        assert there.ci_low == pytest.approx(-back.ci_high)


@given(a=accuracies, b=accuracies, shift=st.floats(-10, 10))
def test_welch_does_not_depend_on_a_common_shift(a: list[float], b: list[float], shift: float) -> None:
    plain, shifted = welch(a, b), welch([x + shift for x in a], [x + shift for x in b])
    assert (plain.p is None) == (shifted.p is None)
    if plain.p is not None:
        assert figures(shifted) == pytest.approx(figures(plain), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [([], []), ([0.5], [0.4, 0.6]), ([0.4, 0.6], [0.5]), ([0.5], [])])
def test_below_two_seeds_there_is_no_test(a: list[float], b: list[float]) -> None:
    found = welch(a, b)
    assert (found.n_a, found.n_b) == (len(a), len(b))
    assert figures(found) == [None] * 6
    assert found.delta == (np.mean(a) - np.mean(b) if a and b else None)


@pytest.mark.parametrize("b", [[0.3, 0.3, 0.3], [0.1, 0.1, 0.1]])
def test_two_sides_that_never_vary_cannot_be_tested(b: list[float]) -> None:
    a = [0.1, 0.1, 0.1]  # np.var(a) is 2.9e-34, not 0
    found = welch(a, b)
    assert (found.mean_a, found.sd_a) == (0.1, 0.0)
    assert figures(found) == [None] * 6
    assert figures(paired(a, b)) == [None] * 6


def test_a_constant_paired_difference_cannot_be_tested() -> None:
    reference = [0.7, 0.1, 0.9]
    found = paired([x + 0.1 for x in reference], reference)  # the differences vary in the last bit
    assert found.delta == pytest.approx(0.1)
    assert figures(found) == [None] * 6


def test_one_constant_side_is_tested_against_the_noise_of_the_other() -> None:
    found = welch([0.9, 0.9, 0.9], [0.80, 0.82, 0.84])
    expected = stats.ttest_1samp([0.80, 0.82, 0.84], 0.9)
    assert found.df == pytest.approx(2)
    assert found.p == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        welch([0.5, value], [0.4, 0.5])


def test_pairs_need_the_same_seeds() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        paired([0.1, 0.2], [0.1, 0.2, 0.3])


def test_mean_interval_is_scipys() -> None:
    values = [0.91, 0.93, 0.90, 0.94]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    found = mean_interval(values)
    assert (found.mean, found.sd) == pytest.approx((0.92, np.std(values, ddof=1)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_seed_has_a_mean_and_no_interval() -> None:
    found = mean_interval([0.5])
    assert (found.n, found.mean, found.sd, found.low, found.high) == (1, 0.5, None, None, None)


def test_a_band_is_a_t_interval_at_each_epoch_over_the_seeds_that_have_it() -> None:
    nan = float("nan")
    curves = np.array([[2.0, 1.0, 0.5, nan], [2.2, 0.8, nan, nan], [2.4, 1.2, np.inf, nan]])
    found = band(curves)
    assert found.n.tolist() == [3, 3, 1, 0]
    assert found.mean[:3] == pytest.approx([2.2, 1.0, 0.5])
    for epoch in (0, 1):
        whole = mean_interval(curves[:, epoch].tolist())
        assert (found.low[epoch], found.high[epoch]) == pytest.approx((whole.low, whole.high))
    assert np.isnan(found.low[2:]).all()
    assert np.isnan(found.mean[3])
