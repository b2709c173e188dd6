"""Differences between two variants in single classes."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablate.statistics import class_differences

#: Classes 0, 1 and 3 have images, class 2 has none.
LABELS = np.array([0] * 10 + [1] * 20 + [3] * 30, dtype="<u2")


def bits(seed: int, shares: tuple[float, ...], seeds: int = 5) -> np.ndarray:
    """Each class with a share of its own that is right."""
    chance = np.array(shares)[LABELS]
    return np.random.default_rng(seed).random((seeds, LABELS.size)) < chance


A, B = bits(1, (0.5, 0.9, 0, 0.6)), bits(2, (0.5, 0.5, 0, 0.6))


def test_every_class_has_the_studys_test_and_holm_over_all() -> None:
    found = class_differences(A, B, LABELS)
    assert [(one.number, one.examples) for one in found] == [(0, 10), (1, 20), (3, 30)]
    values = [(A[:, one.number == LABELS].mean(axis=1), B[:, one.number == LABELS].mean(axis=1)) for one in found]
    expected = [stats.ttest_ind(*sides, equal_var=False) for sides in values]
    assert [one.difference.p for one in found] == pytest.approx([one.pvalue for one in expected])
    raw = [one.pvalue for one in expected]
    assert [one.p_adjusted for one in found] == pytest.approx(multipletests(raw, method="holm")[1])
    assert [one.p_adjusted < 0.05 for one in found] == [False, True, False]
    related = [stats.ttest_rel(*sides).pvalue for sides in values]
    paired = class_differences(A, B, LABELS, is_paired=True)
    assert [one.difference.p for one in paired] == pytest.approx(related)


def test_a_class_that_no_seed_changes_stays_in_the_family() -> None:
    a, b = A.copy(), B.copy()
    a[:, LABELS == 0], b[:, LABELS == 0] = True, False
    never, always, _ = class_differences(a, b, LABELS)
    assert (never.difference.delta, never.difference.p, never.p_adjusted) == (1.0, None, None)
    assert always.p_adjusted == pytest.approx(3 * always.difference.p)


def test_the_classes_together_are_the_whole() -> None:
    found = class_differences(A, B, LABELS)
    whole = sum(one.difference.delta * one.examples for one in found) / LABELS.size
    assert whole == pytest.approx(A.mean() - B.mean())


def test_single_runs_have_figures_and_no_tests() -> None:
    found = class_differences(A[:1], B[:1], LABELS)
    assert [one.p_adjusted for one in found] == [None, None, None]
    assert found[1].difference.delta == pytest.approx(A[0, 10:30].mean() - B[0, 10:30].mean())


def test_nothing_and_what_does_not_fit() -> None:
    none = np.zeros((3, 0), dtype=bool)
    assert class_differences(none, none, np.array([], dtype="<u2")) == ()
    assert [one.difference.n_a for one in class_differences(A[:0], B, LABELS)] == [0, 0, 0]
    with pytest.raises(ValueError, match="60 and 60 outcomes and 59 true classes"):
        class_differences(A, B, LABELS[1:])
