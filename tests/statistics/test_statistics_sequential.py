"""Looks: what is decided when, and what never changes afterwards."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ablate.statistics import Arm, Comparison, Looks, Stage, Test, compare_in_looks, compare_pairs, seeds_to_settle

LOOKS = Looks(counts=(3, 6, 12))
Values = dict[str, Sequence[float]]


def arm(key: str, values: Sequence[float], count: int, **more: object) -> Arm:
    return Arm(key=key, values=dict(enumerate(values[:count])), **{"planned": count, **more})


def stages(values: Values, key: str, *, seeds: int, looks: Looks = LOOKS, multiple: int = 1) -> list[Stage]:
    """The arms of `key` and `base` at each look that so many seeds reach."""
    return [
        (arm(key, values[key], count), arm("base", values["base"], multiple * count)) if count <= seeds else None
        for count in looks.counts
    ]


def judge(values: Values, seeds: int | dict[str, int], looks: Looks = LOOKS, **how: object) -> dict[str, Comparison]:
    keys = [key for key in values if key != "base"]
    multiple = int(str(how.pop("multiple", 1)))
    reached = seeds if isinstance(seeds, dict) else dict.fromkeys(keys, seeds)
    rows = [stages(values, key, seeds=reached[key], looks=looks, multiple=multiple) for key in keys]
    found = compare_in_looks(rows, looks, **{"multiple": multiple, "direction": "max", **how})
    return {one.arm: one for one in found}


def drawn(seed: int, **effects: float) -> Values:
    """Base and one arm for each effect, in standard deviations, 24 seeds each."""
    chance = np.random.default_rng(seed)
    return {key: (chance.normal(size=24) + shift).tolist() for key, shift in {"base": 0.0, **effects}.items()}


def test_shares_of_the_error_rate_add_up_to_one() -> None:
    assert LOOKS.weights == pytest.approx((9 / 189, 36 / 189, 144 / 189))


@pytest.mark.parametrize("test", ["welch", "paired"])
def test_a_single_look_is_the_fixed_design(test: Test) -> None:
    """But for the smaller share of alpha of what scatters more: looks are calibrated otherwise."""
    values = drawn(1, a=3.0, b=0.5, c=-2.0)
    pairs = [(arm(key, values[key], 6), arm("base", values["base"], 6)) for key in "abc"]
    fixed = compare_pairs(pairs, direction="max", test=test, margin=0.7)
    at_once = judge(values, 6, Looks(counts=(6,)), test=test, margin=0.7)
    for one in fixed:
        same = at_once[one.arm]
        p = [value if value is None else min(1.0, value / one.share) for value in (same.p_adjusted, same.p_equivalence)]
        assert [one.p_adjusted, one.p_equivalence] == pytest.approx(p)
        assert (same.verdict, same.difference) == (one.verdict, one.difference)
    assert any(one.share < 1 for one in fixed) == (test == "welch")


def test_the_p_value_is_the_smallest_over_the_looks_by_their_shares() -> None:
    values = drawn(2, a=1.0)
    raw = [stats.ttest_ind(values["a"][:n], values["base"][:n], equal_var=False).pvalue for n in LOOKS.counts]
    shares = [p / weight for p, weight in zip(raw, LOOKS.weights, strict=True)]
    for number, count in enumerate(LOOKS.counts):
        assert judge(values, count)["a"].p_adjusted == pytest.approx(min(1.0, *shares[: number + 1]))


def test_a_reference_with_twice_the_seeds_is_tested_at_a_smaller_rate() -> None:
    values = drawn(3, a=1.0, b=0.0, c=0.0)
    raw = stats.ttest_ind(values["a"][:3], values["base"][:6], equal_var=False).pvalue
    found = judge(values, 3, multiple=2)["a"]
    assert found.p_adjusted == pytest.approx(min(1.0, 3 * raw / LOOKS.weights[0] / 0.85))
    assert (found.difference.n_a, found.difference.n_b) == (3, 6)


def test_the_reference_gets_more_seeds_only_where_three_share_it_and_equal_seeds_do_not_pair() -> None:
    assert [LOOKS.multiple(k, "welch") for k in (1, 2, 3, 10)] == [1, 1, 2, 2]
    assert LOOKS.multiple(10, "paired") == 1
    assert Looks(counts=(3,), strict=True).multiple(10, "welch") == 1


def test_what_is_decided_is_shown_as_it_was_and_never_reopened() -> None:
    values = drawn(4, a=30.0, b=0.1)
    values["a"] = [*values["a"][:3], *np.random.default_rng(0).normal(size=21)]  # the effect is gone later
    early, late = judge(values, 3)["a"], judge(values, {"a": 12, "b": 12})["a"]
    assert early.verdict == "better"
    assert (late.verdict, late.difference, late.look) == ("better", early.difference, 3)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 4.0, -3.0]), min_size=1, max_size=5),
    st.sampled_from([None, 0.8]),
)
def test_more_looks_only_add_verdicts(seed: int, effects: list[float], margin: float | None) -> None:
    values = drawn(seed, **{f"v{number}": effect for number, effect in enumerate(effects)})
    before: dict[str, Comparison] = {}
    for count in LOOKS.counts:
        now = judge(values, count, margin=margin)
        for key, one in before.items():
            assert one.verdict in ("undecided", now[key].verdict)
        # and those that went on alone decide nothing that all together would not
        alone = judge(values, {key: 3 if key == "v0" else count for key in now}, margin=margin)
        assert all(one.verdict in ("undecided", now[key].verdict) for key, one in alone.items())
        before = now


def test_a_failed_seed_of_a_later_look_bars_what_is_open_and_leaves_what_is_decided() -> None:
    values = drawn(5, a=30.0, b=1.5)
    rows = [stages(values, key, seeds=6) for key in "ab"]
    for row, key in zip(rows, "ab", strict=True):
        broken = arm(key, values[key], 5, planned=6, failed=1)
        row[1] = (broken, row[1][1]) if row[1] else None
    good, open_one = compare_in_looks(rows, LOOKS, multiple=1, direction="max")
    assert (good.verdict, good.look) == ("better", 3)
    assert (open_one.verdict, open_one.why, open_one.difference.delta) == ("undecided", "1 of 6 seeds failed", None)


def test_a_look_that_is_not_all_in_counts_as_not_come_to() -> None:
    values = drawn(6, a=1.0)
    row = stages(values, "a", seeds=6)
    first = judge(values, 3)["a"]
    row[1] = (arm("a", values["a"], 5, planned=6, pending=1), arm("base", values["base"], 6))
    [found] = compare_in_looks([row], LOOKS, multiple=1, direction="max")
    assert (found.look, found.p_adjusted) == (3, first.p_adjusted)
    row[0] = (arm("a", values["a"], 2, planned=3, pending=1), arm("base", values["base"], 3))
    [found] = compare_in_looks([row[:1]], LOOKS, multiple=1, direction="max")
    assert (found.verdict, found.why) == ("undecided", "2 of 3 seeds are in")


def test_a_difference_that_turned_gets_no_verdict() -> None:
    """Its early p-value would speak for one side, and what is shown for the other."""
    values = {
        "base": [0.0, 0.1, -0.1, *[0.0] * 9],
        "turned": [0.5, 0.6, 0.4, *[-4.0, 3.0, -0.8] * 3],
        "late": [0.0, 0.2, -0.1, *[1.0, 0.9, 1.1] * 3],
    }
    looks = Looks(counts=(3, 12, 13))
    alone = judge({key: values[key] for key in ("base", "turned")}, 3, looks)["turned"].p_adjusted
    assert alone is not None
    how = {"alpha": 1.5 * alone}  # Holm lets it pass only after the other one is decided
    assert {one.verdict for one in judge(values, 3, looks, **how).values()} == {"undecided"}
    second = judge(values, 12, looks, **how)
    assert second["late"].verdict == "better"
    assert (second["turned"].verdict, second["turned"].why) == (
        "undecided",
        "the difference changed its sign between looks",
    )


def test_hopeless_comparisons_are_given_up_from_the_second_look_on() -> None:
    looks = Looks(counts=(4, 8, 12))
    base = [0.0, 1.0, -1.0, 0.5, -0.5, 0.2, -0.2, 0.9, 0.1, 0.3, -0.4, 0.6]
    values = {"base": base, "same": [*base[1:], base[0]], "near": [value + 1.5 for value in base]}
    assert not judge(values, 4, looks)["same"].futile
    second = judge(values, 8, looks)
    assert second["same"].futile
    assert not second["near"].futile
    assert not judge(values, 12, looks)["same"].futile  # nothing to give up any more
    assert not judge(values, 8, looks, margin=2.0)["same"].futile  # equivalence may still be shown


def test_seeds_to_settle_is_what_a_large_difference_takes_and_ends_at_the_last_look() -> None:
    values = drawn(7, small=0.05, large=1.2)
    found = judge(values, 6)
    needs = {key: seeds_to_settle(one, LOOKS, multiple=1, alpha=0.05) for key, one in found.items()}
    assert needs["small"] == 12
    assert needs["large"] <= 12


@pytest.mark.parametrize("test", ["dunnett", "none"])
def test_other_tests_have_no_looks(test: str) -> None:
    with pytest.raises(ValueError, match="looks are for"):
        judge(drawn(8, a=1.0), 3, test=test)
