"""Families of comparisons, their verdicts, and the choice of the test."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from ablate.statistics import Arm, choose_test, compare, compare_pairs, detectable_effect, intraclass_correlation


def arm(key: str, values: Sequence[float], **more: object) -> Arm:
    return Arm(key=key, values=dict(enumerate(values)), **{"planned": len(values), **more})


BASE = arm("base", [0.80, 0.81, 0.79, 0.80, 0.82])
GOOD = arm("good", [0.90, 0.91, 0.89, 0.90, 0.92])
BAD = arm("bad", [0.70, 0.71, 0.69, 0.70, 0.72])
SAME = arm("same", [0.81, 0.80, 0.80, 0.79, 0.815])


def verdicts(*arms: Arm, reference: Arm = BASE, **settings: object) -> dict[str, str]:
    return {found.arm: found.verdict for found in compare(reference, arms, **{"direction": "max", **settings})}


def test_verdicts_follow_the_sign_and_the_direction() -> None:
    assert verdicts(GOOD, BAD, SAME) == {"good": "better", "bad": "worse", "same": "undecided"}
    assert verdicts(GOOD, BAD, SAME, direction="min") == {"good": "worse", "bad": "better", "same": "undecided"}


def test_holms_example_by_hand() -> None:
    """Adjusted: 3 p(1), then 2 p(2), then p(3), never falling."""
    middling = arm("middling", [0.81, 0.83, 0.80, 0.82, 0.82])
    found = compare(BASE, [SAME, GOOD, middling], direction="max")
    raw = [comparison.difference.p for comparison in found]
    assert raw[1] < raw[2] < raw[0]
    expected = [max(raw[0], 2 * raw[2]), 3 * raw[1], 2 * raw[2]]
    assert [comparison.p_adjusted for comparison in found] == pytest.approx(expected)


values = st.lists(st.floats(0, 1), min_size=3, max_size=6)


@settings(max_examples=50)
@given(reference=values, families=st.lists(values, min_size=1, max_size=5))
def test_adjusted_p_is_never_below_p_and_the_order_of_arms_does_not_matter(
    reference: list[float], families: list[list[float]]
) -> None:
    base, arms = arm("base", reference), [arm(str(index), one) for index, one in enumerate(families)]
    there = {found.arm: found for found in compare(base, arms, direction="max")}
    back = {found.arm: found for found in compare(base, arms[::-1], direction="max")}
    for key, found in there.items():
        if found.p_adjusted is None:
            continue
        assert found.p_adjusted >= found.difference.p
        assert found.p_adjusted <= 1
        assert found.p_adjusted == pytest.approx(back[key].p_adjusted)
        assert found.verdict == back[key].verdict


def test_a_bigger_family_asks_for_more() -> None:
    middling = arm("middling", [0.82, 0.83, 0.81, 0.82, 0.83])
    assert verdicts(middling)["middling"] == "better"
    fillers = [arm(f"filler {index}", SAME.values.values()) for index in range(9)]
    assert verdicts(middling, *fillers)["middling"] == "undecided"


def test_arms_that_failed_stay_in_the_family() -> None:
    alone = compare(BASE, [GOOD], direction="max")[0]
    beside = compare(BASE, [GOOD, arm("gone", [], planned=5, failed=5)], direction="max")
    assert beside[0].p_adjusted == pytest.approx(2 * alone.p_adjusted)
    gone = beside[1]
    assert (gone.verdict, gone.test, gone.p_adjusted, gone.difference.delta) == ("undecided", "none", None, None)
    assert gone.why == "5 of 5 seeds failed"


def test_without_a_margin_equivalent_is_never_said() -> None:
    twin = arm("twin", [0.80, 0.81, 0.79, 0.80, 0.8200001])
    assert verdicts(twin)["twin"] == "undecided"
    assert verdicts(twin, margin=0.03)["twin"] == "equivalent"


def test_equivalence_is_two_one_sided_welch_tests_at_alpha_over_k() -> None:
    found = compare(BASE, [SAME, GOOD], direction="max", margin=0.03)
    raw = ttost_ind(list(SAME.values.values()), list(BASE.values.values()), -0.03, 0.03, usevar="unequal")[0]
    assert found[0].p_equivalence == pytest.approx(2 * raw)
    difference = stats.ttest_ind(list(GOOD.values.values()), list(BASE.values.values()), equal_var=False)
    assert found[1].p_adjusted == pytest.approx(2 * difference.pvalue)
    assert [one.verdict for one in found] == ["equivalent", "better"]


def test_a_difference_that_is_real_and_smaller_than_the_margin_is_equivalent_and_tiny() -> None:
    step = arm("step", [x + 0.004 for x in (0.800, 0.801, 0.799, 0.800, 0.802)])
    base = arm("base", [0.800, 0.801, 0.799, 0.800, 0.802])
    found = compare(base, [step], direction="max", margin=0.02)[0]
    assert (found.verdict, found.tiny_difference) == ("equivalent", True)


def test_an_undecided_comparison_says_what_would_settle_it() -> None:
    plain = compare(BASE, [SAME], direction="max")[0]
    assert plain.seeds_needed is None
    assert 0.01 < plain.mde < 0.05
    declared = compare(BASE, [SAME], direction="max", margin=0.01)[0]
    assert declared.verdict == "undecided"
    assert declared.seeds_needed > 5
    # with that margin as the unit, the detectable difference shrinks to it at about that many seeds
    assert plain.mde * (5 / declared.seeds_needed) ** 0.5 == pytest.approx(0.01, rel=0.35)


def test_the_detectable_difference_counts_each_arms_own_scatter_and_seeds() -> None:
    """More seeds of a quiet reference make a loud variant's difference hardly easier to find."""
    loud = arm("loud", [0.80, 0.86, 0.74, 0.83, 0.77])
    quiet = [0.80, 0.81, 0.79, 0.80, 0.80]
    few = compare(arm("base", quiet), [loud], direction="max")[0]
    many = compare(arm("base", quiet * 4), [loud], direction="max")[0]
    assert many.mde == pytest.approx(few.mde, rel=0.05)
    # nearly all noise is the variant's own: the test of one sample with four degrees of freedom, at .75 alpha
    alone = detectable_effect(5, 0.7 * 0.05, ratio=None)
    assert many.mde == pytest.approx(alone * many.difference.sd_a, rel=0.02)


def test_one_seed_is_undecided_and_not_tested() -> None:
    found = compare(arm("base", [0.8]), [arm("one", [0.9])], direction="max")[0]
    assert (found.verdict, found.test, found.p_adjusted) == ("undecided", "none", None)
    assert found.difference.delta == pytest.approx(0.1)
    assert found.why == "fewer than 2 seeds"


def test_seeds_without_any_effect_are_not_evidence() -> None:
    found = compare(arm("base", [0.1] * 5), [arm("flat", [0.9] * 5)], direction="max")[0]
    assert (found.verdict, found.test) == ("undecided", "none")
    assert found.why == "nothing varies over seeds"


def test_diverged_seeds_bar_a_verdict_and_the_difference_of_survivors() -> None:
    survivors = Arm(key="wild", values={0: 0.95, 2: 0.96, 3: 0.95}, planned=5, diverged=(1, 4))
    found = compare(BASE, [survivors], direction="max")[0]
    assert (found.verdict, found.difference.delta, found.difference.p) == ("undecided", None, None)
    assert found.difference.n_a == 3
    assert found.why == "2 of 5 seeds diverged"


def test_a_baseline_with_diverged_seeds_bars_all_verdicts() -> None:
    wild = Arm(key="base", values={0: 0.8, 1: 0.81, 2: 0.8, 3: 0.79}, planned=5, diverged=(4,))
    found = compare(wild, [GOOD, BAD], direction="max")
    assert {one.verdict for one in found} == {"undecided"}
    assert found[0].why == "reference: 1 of 5 seeds diverged"


def test_diverged_seeds_scored_as_chance_may_be_worse_and_never_better() -> None:
    always = Arm(key="always", values={}, planned=5, diverged=(0, 1, 2, 3, 4))
    assert verdicts(always, chance=0.1)["always"] == "worse"
    steady = Arm(key="steady", values=dict.fromkeys(range(9), 0.95), planned=10, diverged=(9,))
    low = arm("base", [0.11, 0.12, 0.10, 0.11, 0.12, 0.11, 0.1, 0.12, 0.11, 0.1])
    found = compare(low, [steady], direction="max", chance=0.5)[0]
    assert found.p_adjusted < 0.05
    assert found.difference.delta > 0
    assert (found.verdict, found.why) == ("undecided", "a variant with a diverged seed cannot be better")


def test_looking_before_all_seeds_are_in_buys_no_verdict() -> None:
    early = arm("early", [0.9, 0.91, 0.89], planned=5, pending=2)
    found = compare(BASE, [early], direction="max")[0]
    assert found.verdict == "undecided"
    assert found.difference.p < 0.01
    assert found.p_adjusted is None
    assert found.why == "3 of 5 seeds are in"


def test_the_paired_test_uses_common_seeds_in_the_same_order() -> None:
    one = Arm(key="one", values={3: 0.92, 0: 0.90, 1: 0.91, 7: 0.1}, planned=4)
    found = compare(BASE, [one], direction="max", test="paired", margin=0.2)[0]
    ours, theirs = [0.90, 0.91, 0.92], [0.80, 0.81, 0.80]
    expected = stats.ttest_rel(ours, theirs)
    assert found.difference.n_a == 3
    assert found.difference.p == pytest.approx(expected.pvalue)
    equivalence = ttost_paired(np.array(ours), np.array(theirs), -0.2, 0.2)[0]
    assert found.p_equivalence == pytest.approx(equivalence)


def test_dunnetts_own_example() -> None:
    """Dunnett 1955, table 1: blood counts; the p-values are those that scipy documents."""
    control = arm("control", [7.40, 8.50, 7.20, 8.24, 9.84, 8.32])
    drug_a = arm("A", [9.76, 8.80, 7.68, 9.36])
    drug_b = arm("B", [12.80, 9.68, 12.16, 9.20, 10.55])
    found = compare(control, [drug_a, drug_b], direction="max", test="dunnett")
    assert [one.p_adjusted for one in found] == pytest.approx([0.62004941, 0.0059035], abs=1e-3)
    assert [one.verdict for one in found] == ["undecided", "better"]
    assert found == compare(control, [drug_a, drug_b], direction="max", test="dunnett")


def test_steps_of_a_ladder_have_a_reference_each_and_are_one_family() -> None:
    found = compare_pairs([(SAME, BASE), (GOOD, SAME)], direction="max")
    assert [(one.arm, one.reference, one.verdict) for one in found] == [
        ("same", "base", "undecided"),
        ("good", "same", "better"),
    ]
    alone = compare(SAME, [GOOD], direction="max")[0]
    assert found[1].p_adjusted == pytest.approx(2 * alone.p_adjusted)
    with pytest.raises(ValueError, match="one reference"):
        compare_pairs([(SAME, BASE), (GOOD, SAME)], direction="max", test="dunnett")


def test_an_empty_family_has_no_comparisons() -> None:
    assert compare(BASE, [], direction="max") == ()


def test_intraclass_correlation_of_shrout_and_fleiss() -> None:
    """Shrout & Fleiss 1979, table 2: six targets, four judges; ICC(3,1) = .71."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert intraclass_correlation(np.array(ratings, dtype=float)) == pytest.approx(0.7148, abs=5e-5)


def test_intraclass_correlation_of_nothing_is_not_computed() -> None:
    assert intraclass_correlation(np.ones((1, 4))) is None
    assert intraclass_correlation(np.ones((4, 1))) is None
    assert intraclass_correlation(np.full((4, 3), 0.1)) is None


def _arms(shared: float, seed: int = 3) -> list[Arm]:
    generator = np.random.default_rng(seed)
    common = generator.normal(0, shared, 5)
    return [arm(str(index), (0.5 + common + generator.normal(0, 0.01, 5)).tolist()) for index in range(5)]


def test_auto_pairs_where_seeds_are_shared_luck() -> None:
    alike = _arms(shared=0.05)
    found = choose_test(alike[0], alike[1:])
    assert (found.test, found.common_seeds) == ("paired", 5)
    assert found.icc > 0.25
    unlike = _arms(shared=0.0)
    found = choose_test(unlike[0], unlike[1:])
    assert found.test == "welch"
    assert found.icc < 0.25


def test_auto_needs_three_comparisons_and_two_common_seeds() -> None:
    alike = _arms(shared=0.05)
    assert choose_test(alike[0], alike[1:3]).test == "welch"
    apart = [Arm(key=one.key, values={10 * i: 0.5, 10 * i + 1: 0.6}, planned=2) for i, one in enumerate(alike)]
    found = choose_test(apart[0], apart[1:])
    assert (found.test, found.icc) == ("welch", None)


def test_the_study_may_ask_for_its_test() -> None:
    unlike = _arms(shared=0.0)
    assert choose_test(unlike[0], unlike[1:], requested="paired").test == "paired"


@pytest.fixture
def small_heap() -> None:
    """`multipletests` collects garbage at every call; what other tests have imported need not be walked 3000 times."""
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_family_wise_error_stays_near_alpha(spread: float) -> None:
    """Five arms without effect, five seeds, `spread` times the baseline's noise: false verdicts in at most 5 %."""
    generator, draws, k = np.random.default_rng(7), 3000, 5
    false = 0
    for _ in range(draws):
        noise = generator.normal(0.8, 0.01, (k + 1, 5))
        noise[1:] = 0.8 + spread * (noise[1:] - 0.8)
        arms = [arm(str(index), row.tolist()) for index, row in enumerate(noise)]
        found = compare(arms[0], arms[1:], direction="max")
        false += any(one.verdict in ("better", "worse") for one in found)
    assert false / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5
    assert false > 0
