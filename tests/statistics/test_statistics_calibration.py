"""What is left of alpha to variants that scatter more than their reference, in fixed designs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from ablate.statistics import Arm, Comparison, Test, compare, share_of_alpha

BASE = [0.80, 0.81, 0.79, 0.80, 0.82]
#: Scatters more than the base, and its p-value is the smaller one.
LOUD = [0.83, 0.88, 0.84, 0.81, 0.86]
QUIET = [0.825, 0.820, 0.820, 0.815, 0.820]


def arm(key: str, values: Sequence[float]) -> Arm:
    return Arm(key=key, values=dict(enumerate(values)), planned=len(values))


def judged(*variants: Sequence[float], base: Sequence[float] = BASE, **how: object) -> tuple[Comparison, ...]:
    arms = [arm(str(place), values) for place, values in enumerate(variants)]
    return compare(arm("base", base), arms, **{"direction": "max", **how})


def raw(values: Sequence[float], base: Sequence[float] = BASE) -> float:
    return float(stats.ttest_ind(values, base, equal_var=False).pvalue)


def test_a_variant_that_scatters_more_is_judged_by_less_of_alpha() -> None:
    alpha = 1.2 * raw(LOUD)
    (found,) = judged(LOUD, alpha=alpha)
    assert found.difference.p == pytest.approx(raw(LOUD))
    assert found.p_adjusted == pytest.approx(raw(LOUD) / 0.7)
    assert (found.share, found.verdict) == (0.7, "undecided")
    (found,) = judged(BASE, base=LOUD, alpha=alpha)
    assert (found.p_adjusted, found.share, found.verdict) == (pytest.approx(raw(LOUD)), 1.0, "worse")


def test_the_share_is_taken_before_the_family_is_adjusted() -> None:
    """So that the louder variant comes second, though its own p-value is the smaller one."""
    assert raw(LOUD) < raw(QUIET) < raw(LOUD) / 0.7 < 1.2 * raw(QUIET)
    loud, quiet = judged(LOUD, QUIET)
    assert quiet.p_adjusted == pytest.approx(2 * raw(QUIET))
    assert loud.p_adjusted == pytest.approx(2 * raw(QUIET))
    assert quiet.share == 1


def test_equivalence_is_held_to_the_same_share() -> None:
    (found,) = judged(LOUD, margin=0.1)
    alone = float(ttost_ind(LOUD, BASE, -0.1, 0.1, usevar="unequal")[0])
    assert found.p_equivalence == pytest.approx(alone / 0.7)
    (found,) = judged(LOUD, margin=0.01)
    assert found.p_equivalence == 1


def test_the_seeds_of_the_variant_count() -> None:
    (found,) = judged(LOUD, base=BASE * 2)
    assert found.p_adjusted == pytest.approx(raw(LOUD, BASE * 2) / (1 - 1.5 / 5))
    (found,) = judged(LOUD * 2)
    assert found.p_adjusted == pytest.approx(raw(LOUD * 2) / (1 - 1.5 / 10))


def test_a_variant_that_repeats_the_reference_elsewhere_scatters_alike() -> None:
    """Its standard deviation is the reference's but for rounding, which must not decide a verdict."""
    shifted = [[value + step / 1000 for value in BASE] for step in range(1, 200)]
    found = judged(*shifted)
    assert any((one.difference.sd_a or 0) > (one.difference.sd_b or 0) for one in found)
    assert {one.share for one in found} == {1.0}


@pytest.mark.parametrize("test", ["paired", "dunnett"])
def test_other_tests_keep_all_of_alpha(test: Test) -> None:
    (found,) = judged(LOUD, test=test)
    assert found.share == 1
    if test == "paired":
        assert found.p_adjusted == pytest.approx(stats.ttest_rel(LOUD, BASE).pvalue)
    else:
        result = stats.dunnett(LOUD, control=BASE)
        assert found.p_adjusted == pytest.approx(float(result.pvalue[0]), abs=1e-3)


def test_what_can_be_found_is_told_at_the_share() -> None:
    (loud,) = judged(LOUD, alpha=0.04)
    (whole,) = judged(BASE, base=LOUD, alpha=0.04 * share_of_alpha(5))
    assert loud.mde == pytest.approx(whole.mde)
    (loud,) = judged(LOUD, alpha=0.04, margin=0.02)
    (whole,) = judged(BASE, base=LOUD, alpha=0.04 * share_of_alpha(5), margin=0.02)
    assert loud.seeds_needed == whole.seeds_needed
