"""Comparisons of plain numbers, as Python users have them."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

import ablate

BASE = [0.80, 0.81, 0.79, 0.80, 0.82]
GOOD = [0.90, 0.91, 0.89, 0.90, 0.92]
SAME = [0.81, 0.80, 0.80, 0.79, 0.815]


def test_arms_are_judged_as_one_family() -> None:
    good, same = ablate.compare_values({"base": BASE, "good": GOOD, "same": SAME}, reference="base")
    assert (good.arm, good.reference, good.family_size, good.verdict) == ("good", "base", 2, "better")
    assert same.verdict == "undecided"
    raw = stats.ttest_ind(GOOD, BASE, equal_var=False).pvalue
    assert good.difference.p == pytest.approx(raw)
    assert good.p_adjusted == pytest.approx(2 * raw)
    with pytest.raises(dataclasses.FrozenInstanceError):
        good.verdict = "worse"


def test_arrays_and_mappings_by_seed_say_what_lists_say() -> None:
    lists = ablate.compare_values({"base": BASE, "good": GOOD}, reference="base", test="paired")
    arrays = ablate.compare_values(
        {"base": np.array(BASE), "good": dict(reversed(list(enumerate(GOOD))))}, reference="base", test="paired"
    )
    assert arrays == lists


def test_the_paired_test_takes_common_seeds_only() -> None:
    (found,) = ablate.compare_values(
        {"base": dict(enumerate(BASE)), "good": {1: 0.92, 2: 0.91, 4: 0.95, 9: 0.1}}, reference="base", test="paired"
    )
    assert (found.difference.n_a, found.difference.n_b) == (3, 3)
    assert found.difference.delta == pytest.approx(np.mean([0.11, 0.12, 0.13]))


def test_auto_pairs_where_seeds_move_all_arms_alike() -> None:
    luck = np.random.default_rng(0).normal(0, 0.05, 8)
    noise = np.random.default_rng(1).normal(0, 0.001, (4, 8))
    alike = {name: 0.8 + luck + noise[place] for place, name in enumerate("abcd")}
    assert {one.test for one in ablate.compare_values(alike, reference="a")} == {"paired"}
    few = {name: alike[name] for name in "abc"}
    assert {one.test for one in ablate.compare_values(few, reference="a")} == {"welch"}


def test_less_is_better_where_that_is_said_and_a_margin_lets_it_say_equivalent() -> None:
    (found,) = ablate.compare_values({"base": BASE, "good": GOOD}, reference="base", direction="min")
    assert found.verdict == "worse"
    (found,) = ablate.compare_values({"base": BASE, "same": SAME}, reference="base", margin=0.03)
    assert found.verdict == "equivalent"
    assert found.seeds_needed is not None


def test_a_number_that_is_none_is_a_seed_that_diverged() -> None:
    wild = [*GOOD[:4], math.nan]
    (barred,) = ablate.compare_values({"base": BASE, "wild": wild}, reference="base")
    assert (barred.verdict, barred.why) == ("undecided", "1 of 5 seeds diverged")
    assert barred.difference.delta is None
    (scored,) = ablate.compare_values({"base": BASE, "wild": wild}, reference="base", chance=0.1)
    assert scored.difference.mean_a == pytest.approx((sum(GOOD[:4]) + 0.1) / 5)
    great = [5.0, 5.1, 5.2, 5.1, math.inf]
    (scored,) = ablate.compare_values({"base": BASE, "great": great}, reference="base", chance=5.0)
    assert (scored.verdict, scored.why) == ("undecided", "a variant with a diverged seed cannot be better")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reference": "bse"}, "reference 'bse'; did you mean 'base'"),
        ({"values": {"base": BASE}}, "nothing to compare 'base' with"),
        ({"test": "welsh"}, "no test 'welsh'; did you mean 'welch'"),
        ({"direction": "up"}, "not 'up'"),
        ({"alpha": 5}, "not 5"),
        ({"margin": 0.0}, "margin is a difference above 0"),
    ],
)
def test_what_cannot_be_judged_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ablate.UsageError, match=told):
        ablate.compare_values(**{"values": {"base": BASE, "good": GOOD}, "reference": "base", **changes})
