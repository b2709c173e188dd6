"""What seeds can find, and how many it takes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from ablate.statistics import detectable_effect, seeds_needed


def test_cohens_textbook_sample_size() -> None:
    """Cohen 1988, table 2.3.5: d = .5 at .05 two-sided with power .8 takes 64 a group."""
    assert detectable_effect(64, 0.05) == pytest.approx(0.499, abs=2e-3)
    assert detectable_effect(63, 0.05) > 0.5
    assert seeds_needed(0.5, 0.05) >= 64


def test_detectable_effect_equals_statsmodels_where_its_solver_ends() -> None:
    for n, ratio in ((5, 1.0), (10, 2.0), (20, 0.5)):
        expected = TTestIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8, ratio=ratio)
        assert detectable_effect(n, 0.05, ratio=ratio) == pytest.approx(expected, rel=1e-3)
    expected = TTestPower().solve_power(nobs=8, alpha=0.05, power=0.8)
    assert detectable_effect(8, 0.05, ratio=None) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("n", "alpha"), [(2, 0.05), (3, 0.05 / 40), (5, 0.05 / 40)])
def test_the_detectable_effect_is_found_eight_times_in_ten(n: int, alpha: float) -> None:
    """Few seeds and small error rates, where `solve_power` stops at powers of .4 or fails; here by simulation."""
    effect = detectable_effect(n, alpha)
    generator = np.random.default_rng(1)
    a, b = generator.normal(effect, 1, (40_000, n)), generator.normal(0, 1, (40_000, n))
    found = (stats.ttest_ind(a, b, axis=1).pvalue <= alpha).mean()
    assert found == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(("n", "m", "sd"), [(5, 5, 3.0), (5, 10, 3.0), (8, 16, 1 / 3), (12, 24, 3.0)])
def test_variants_that_scatter_otherwise_than_the_reference_have_their_own_detectable_effect(
    n: int, m: int, sd: float
) -> None:
    """By simulation at alpha = .05/10; with the pooled variance's degrees of freedom it was .34 for the second."""
    share, share_of_reference = sd**2 / n, 1 / m
    se = (share + share_of_reference) ** 0.5
    df = se**4 / (share**2 / (n - 1) + share_of_reference**2 / (m - 1))
    effect = detectable_effect(n, 0.005, ratio=m / n, df=df)
    generator = np.random.default_rng(1)
    a = generator.normal(effect * se / (1 / n + 1 / m) ** 0.5, sd, (20_000, n))
    b = generator.normal(0, 1, (20_000, m))
    found = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue <= 0.005).mean()
    assert found == pytest.approx(0.785, abs=0.025)


def test_every_plausible_setting_has_a_finite_answer() -> None:
    for n in (2, 3, 5, 8, 20):
        effects = [detectable_effect(n, 0.05 / k) for k in (1, 3, 10, 40, 200)]
        assert all(effect is not None and effect > 0 for effect in effects)
        assert effects == sorted(effects)


def test_below_two_seeds_nothing_can_be_found() -> None:
    assert detectable_effect(1, 0.05) is None
    assert detectable_effect(4, 0.05, ratio=0.25) is None


@pytest.mark.parametrize("ratio", [1.0, 2.0, None])
def test_seeds_needed_is_the_smallest_number_that_serves_both_tests(ratio: float | None) -> None:
    effect, alpha = 1.2, 0.01

    def powers(n: int) -> tuple[float, float]:
        if ratio is None:
            one = TTestPower()
            return (
                one.power(effect, n, alpha / 2, alternative="larger"),
                one.power(effect, n, alpha, alternative="larger"),
            )
        two = TTestIndPower()
        return (
            two.power(effect, n, alpha / 2, ratio=ratio, alternative="larger"),
            two.power(effect, n, alpha, ratio=ratio, alternative="larger"),
        )

    n = seeds_needed(effect, alpha, ratio=ratio)
    assert n is not None
    assert powers(n)[0] >= 0.8
    assert powers(n)[1] >= 0.9
    assert powers(n - 1)[0] < 0.8 or powers(n - 1)[1] < 0.9


def test_a_huge_margin_needs_two_seeds_and_a_tiny_one_has_no_answer() -> None:
    assert seeds_needed(1000.0, 0.05) == 2
    assert seeds_needed(1e-4, 0.05) is None
