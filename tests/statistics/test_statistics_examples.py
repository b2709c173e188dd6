"""Noise of seeds and of test images: the formulas, what must not change them, and that their intervals cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablate.statistics import (
    compare_checkpoints,
    distribution_wise,
    mcnemar,
    two_sources,
    welch,
)

Bits = NDArray[np.bool_]
#: A variant got each of six images right with these seeds (columns are images).
A = np.array([[0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 0, 1], [0, 0, 0, 1, 0, 1]], dtype=bool)
B = np.array([[0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=bool)


@st.composite
def two_variants(draw: st.DrawFn, *, paired: bool = False) -> tuple[Bits, Bits]:
    """Matrices of two variants that do not get the same share right with every seed."""
    examples = draw(st.integers(2, 12))
    n_a = draw(st.integers(2, 5))
    n_b = n_a if paired else draw(st.integers(2, 5))
    bits = draw(st.lists(st.booleans(), min_size=(n_a + n_b) * examples, max_size=(n_a + n_b) * examples))
    both = np.array(bits).reshape(n_a + n_b, examples)
    return both[:n_a], both[n_a:]


def test_the_formula_by_hand() -> None:
    found = two_sources(A, B)
    a, b = A.astype(float), B.astype(float)
    of_seeds = a.mean(axis=1).var(ddof=1) / 3 + b.mean(axis=1).var(ddof=1) / 3
    of_examples = (a.mean(axis=0) - b.mean(axis=0)).var(ddof=1) / 6
    of_cells = (a.var(axis=0, ddof=1) / 3 + b.var(axis=0, ddof=1) / 3).mean() / 6
    assert of_seeds + of_examples - of_cells > max(of_seeds, of_examples)  # or the next line would test less
    total = math.sqrt(of_seeds + of_examples - of_cells)
    assert (found.se_seed, found.se_example) == pytest.approx((math.sqrt(of_seeds), math.sqrt(of_examples)))
    assert found.se_total == pytest.approx(total)
    assert found.delta == pytest.approx(9 / 18 - 2 / 18)
    assert (found.low, found.high) == pytest.approx((found.delta - 1.96 * total, found.delta + 1.96 * total))
    assert (found.n_a, found.n_b, found.examples) == (3, 3, 6)


def test_pairing_takes_seeds_and_cells_from_the_differences() -> None:
    found = two_sources(A, B, is_paired=True)
    d = A.astype(float) - B.astype(float)
    of_seeds, of_examples = d.mean(axis=1).var(ddof=1) / 3, d.mean(axis=0).var(ddof=1) / 6
    of_cells = (d.var(axis=0, ddof=1) / 3).mean() / 6
    assert of_seeds + of_examples - of_cells > max(of_seeds, of_examples)
    assert found.se_seed == pytest.approx(math.sqrt(of_seeds))
    assert found.se_seed == pytest.approx(stats.sem(d.mean(axis=1)))
    assert found.se_example == pytest.approx(two_sources(A, B).se_example)
    assert found.se_total**2 == pytest.approx(of_seeds + of_examples - of_cells)


def test_what_seeds_do_to_single_images_is_not_counted_twice() -> None:
    """Images that differ in nothing but the draw: seeds and images measure one and the same noise."""
    random = np.random.default_rng(7)
    a, b = random.random((40, 400)) < 0.7, random.random((40, 400)) < 0.7
    found = two_sources(a, b)
    truth = math.sqrt(2 * 0.7 * 0.3 / (40 * 400))
    assert found.se_total == pytest.approx(truth, rel=0.25)
    assert math.hypot(found.se_seed, found.se_example) > 1.25 * truth


def test_images_that_one_variant_alone_gets_right_matter_only_beyond_the_test_set() -> None:
    """No seed changes what B says; of 20 images A has 11 and B 9, on others the order may turn."""
    a, b = np.zeros((4, 20), dtype=bool), np.zeros((4, 20), dtype=bool)
    a[:, :11], b[:, 11:] = True, True
    a[0, 11] = True
    found = two_sources(a, b)
    assert welch(a.mean(axis=1).tolist(), b.mean(axis=1).tolist()).p < 0.01
    assert found.se_example > 10 * found.se_seed
    assert found.beyond_test_set is False
    everywhere = np.ones((4, 20), dtype=bool)
    everywhere[0, 0] = False
    assert two_sources(everywhere, ~everywhere).beyond_test_set is True
    assert two_sources(~everywhere, everywhere).beyond_test_set is True


@settings(max_examples=80)
@given(st.booleans().flatmap(lambda paired: st.tuples(st.just(paired), two_variants(paired=paired))))
def test_swapping_the_sides_turns_the_sign_and_nothing_else(drawn: tuple[bool, tuple[Bits, Bits]]) -> None:
    is_paired, (a, b) = drawn
    there, back = two_sources(a, b, is_paired=is_paired), two_sources(b, a, is_paired=is_paired)
    assert there.delta == pytest.approx(-back.delta)
    for name in ("se_seed", "se_example", "se_total"):
        assert getattr(there, name) == (
            None if getattr(back, name) is None else pytest.approx(getattr(back, name), abs=1e-12)
        )
    if there.low is not None:
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@settings(max_examples=80)
@given(two_variants(paired=True), st.booleans(), st.randoms(use_true_random=False))
def test_neither_the_order_of_images_nor_that_of_seeds_matters(drawn: tuple[Bits, Bits], paired: bool, dice) -> None:
    a, b = drawn
    images, seeds = list(range(a.shape[1])), list(range(len(a)))
    dice.shuffle(images)
    dice.shuffle(seeds)
    there = two_sources(a, b, is_paired=paired)
    back = two_sources(a[seeds][:, images], b[seeds][:, images], is_paired=paired)
    for name in ("delta", "se_seed", "se_example", "se_total", "low", "high"):
        one, other = getattr(there, name), getattr(back, name)
        assert one == (None if other is None else pytest.approx(other, abs=1e-12))
    assert distribution_wise(a).variance == pytest.approx(distribution_wise(a[seeds][:, images]).variance, abs=1e-12)


@settings(max_examples=80)
@given(two_variants(paired=True), st.booleans())
def test_both_kinds_of_noise_are_at_least_each_of_them(drawn: tuple[Bits, Bits], paired: bool) -> None:
    found = two_sources(*drawn, is_paired=paired)
    assert (found.se_total is None) == (found.se_seed is None)
    if found.se_total is not None:
        assert found.se_total >= found.se_seed * (1 - 1e-12)
        assert found.se_total >= found.se_example * (1 - 1e-12)


def test_what_cannot_be_computed_is_none() -> None:
    one = two_sources(A[:1], B[:1])
    assert (one.se_seed, one.se_total, one.low, one.beyond_test_set) == (None, None, None, None)
    assert one.se_example == pytest.approx((A[0].astype(float) - B[0]).std(ddof=1) / math.sqrt(6))
    assert two_sources(A[:, :1], B[:, :1]).se_example is None
    nobody = two_sources(A[:0], B)
    assert (nobody.delta, nobody.se_example, nobody.se_total, nobody.n_a) == (None, None, None, 0)
    unvarying = two_sources(np.array([[1, 0], [0, 1]], dtype=bool), np.array([[1, 1], [1, 1]], dtype=bool))
    assert (unvarying.se_seed, unvarying.se_total) == (None, None)
    assert distribution_wise(A[:1]) is distribution_wise(A[:, :1]) is None


def test_other_images_and_unequal_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="same test images: got 6 and 5"):
        two_sources(A, B[:, :5])
    with pytest.raises(ValueError, match="same test images"):
        mcnemar(A[0], B[0, :5])
    with pytest.raises(ValueError, match="same seeds on both sides"):
        two_sources(A, B[:2], is_paired=True)


def test_jordans_formula_by_hand() -> None:
    found = distribution_wise(A)
    errors = (~A).astype(float)
    on_set = A.mean(axis=1).var(ddof=1)
    assert found.sd_test_set == pytest.approx(math.sqrt(on_set))
    assert found.variance == pytest.approx(6 / 5 * (on_set - errors.var(axis=0, ddof=1).sum() / 36))
    assert (found.n, found.examples) == (3, 6)


def test_jordans_variance_tells_better_runs_from_lucky_ones() -> None:
    """Runs that are equally good but for luck vary by nothing; runs of which some are better by just that."""
    random = np.random.default_rng(3)
    lucky = random.random((200, 500)) < 0.8
    assert distribution_wise(lucky).sd_test_set == pytest.approx(math.sqrt(0.16 / 500), rel=0.15)
    assert abs(distribution_wise(lucky).variance) < 0.15 * 0.16 / 500
    skill = random.normal(0.8, 0.03, size=(200, 1))
    assert distribution_wise(random.random((200, 500)) < skill).sd == pytest.approx(skill.std(), rel=0.15)


def test_a_negative_variance_stays_one_and_has_a_standard_deviation_of_0() -> None:
    found = distribution_wise(np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype=bool))
    assert found.variance < 0
    assert (found.sd, found.sd_test_set) == (0.0, 0.0)


def test_the_interval_covers_what_it_says_it_covers() -> None:
    """Test images are drawn anew 400 times from a world in which the true difference is known.

    Each image is right for a network with a probability of its own, mostly near 0 or 1; seeds move all of them a bit.
    Seeds alone say too much of images that nobody drew.
    """
    random = np.random.default_rng(11)
    examples, seeds, times, truth = 150, 8, 400, 0.05
    inside = {"seeds": 0, "both": 0}
    for _ in range(times):
        runs = []
        for share in (0.75 + truth, 0.75):
            hard = np.where(random.random(examples) < share, 0.97, 0.03)
            runs.append(random.random((seeds, examples)) < hard)
        found = two_sources(*runs)
        true_delta = 0.94 * truth
        inside["both"] += found.low <= true_delta <= found.high
        inside["seeds"] += abs(found.delta - true_delta) <= 1.96 * found.se_seed
    assert 0.93 <= inside["both"] / times <= 0.975
    assert inside["seeds"] / times < 0.5


def test_mcnemar_is_the_binomial_test_of_the_images_on_which_they_disagree() -> None:
    random = np.random.default_rng(5)
    a, b = random.random(300) < 0.8, random.random(300) < 0.7
    found = mcnemar(a, b)
    assert (found.n10, found.n01, found.examples) == ((a & ~b).sum(), (~a & b).sum(), 300)
    assert found.p == pytest.approx(stats.binomtest(found.n10, found.n10 + found.n01, 0.5).pvalue)
    assert mcnemar(b, a).p == pytest.approx(found.p)
    assert (mcnemar(b, a).n10, mcnemar(b, a).n01) == (found.n01, found.n10)
    assert (mcnemar(a, a).p, mcnemar(a, a).n10, mcnemar(a, a).p_adjusted) == (1.0, 0, None)


def test_checkpoints_are_a_family_in_which_what_is_missing_stays() -> None:
    random = np.random.default_rng(6)
    base, good, middling = (random.random(200) < share for share in (0.7, 0.9, 0.78))
    found = compare_checkpoints([(good, base), None, (middling, base)])
    assert found[1] is None
    raw = [found[0].p, 1.0, found[2].p]
    assert [found[0].p_adjusted, found[2].p_adjusted] == pytest.approx(multipletests(raw, method="holm")[1][[0, 2]])
    assert found[0].p_adjusted == pytest.approx(3 * found[0].p)
    assert compare_checkpoints([]) == ()
