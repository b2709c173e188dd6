"""Published examples, judged by our functions: the figures are those that the sources print."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from scipy import stats

from ablate.statistics import Arm, compare, paired, welch


def arm(key: str, values: Sequence[float]) -> Arm:
    return Arm(key=key, values=dict(enumerate(values)), planned=len(values))


# Unequal variances and unequal numbers: the second and the third example of Wikipedia's "Welch's t-test", which gives
# t, degrees of freedom and p as -1.57, 9.9, .149 and -2.22, 24.5, .036; Rosetta Code prints p with all digits.
TEN_OF_20 = [17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8]
TWENTY_OF_22 = [21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8]
TWENTY_OF_22 += [20.7, 21.7, 21.5, 22.5, 23.6, 21.5, 22.5, 23.5, 21.5, 21.8]
TEN_OF_19 = [19.8, 20.4, 19.6, 17.8, 18.5, 18.9, 18.3, 18.9, 19.5, 22.0]
TWENTY_OF_21 = [28.2, 26.6, 20.1, 23.3, 25.2, 22.1, 17.7, 27.6, 20.6, 13.7]
TWENTY_OF_21 += [23.2, 17.5, 20.6, 18.0, 23.9, 21.6, 24.3, 20.4, 24.0, 13.2]


@pytest.mark.parametrize(
    ("a", "b", "rounded", "p"),
    [
        (TEN_OF_20, TWENTY_OF_22, (-1.57, 9.9), 0.148841696605327),
        (TEN_OF_19, TWENTY_OF_21, (-2.22, 24.5), 0.0359722710297968),
        ([3.0, 4.0, 1.0, 2.1], [490.2, 340.0, 433.9], (-9.56, 2.0), 0.0107515611497845),
    ],
)
def test_welchs_published_examples(a: list[float], b: list[float], rounded: tuple[float, float], p: float) -> None:
    found = welch(a, b)
    assert (round(found.statistic, 2), round(found.df, 1)) == rounded
    assert found.p == pytest.approx(p, rel=1e-12)


# Box, Hunter & Hunter 1978, chapter 4: wear of two materials on the feet of ten boys; MASS has it as `shoes`.
SHOES_A = [13.2, 8.2, 10.9, 14.3, 10.7, 6.6, 9.5, 10.8, 8.8, 13.3]
SHOES_B = [14.0, 8.8, 11.2, 14.2, 11.8, 6.4, 9.8, 11.3, 9.3, 13.6]


def test_boys_shoes() -> None:
    """The figures of the book, t = -3.35, with the digits of R's t.test(A, B, paired = TRUE)."""
    found = paired(SHOES_A, SHOES_B)
    assert found.delta == pytest.approx(-0.41)
    assert found.statistic == pytest.approx(-3.3489, abs=5e-5)
    assert (found.df, found.p) == (9, pytest.approx(0.008539, abs=5e-7))
    assert (found.ci_low, found.ci_high) == pytest.approx((-0.6869539, -0.1330461), abs=5e-8)
    # what the pairing is for: the boys differ more than the materials
    assert compare(arm("b", SHOES_B), [arm("a", SHOES_A)], direction="min", test="paired")[0].verdict == "better"
    assert compare(arm("b", SHOES_B), [arm("a", SHOES_A)], direction="min", test="welch")[0].verdict == "undecided"


def with_p(key: str, p: float) -> Arm:
    """An arm whose Welch test against [-1, 0, 1] has this p-value: equal variances, so that df is 4 exactly."""
    shift = float(stats.t.isf(p / 2, 4)) * (2 / 3) ** 0.5
    return arm(key, [shift - 1, shift, shift + 1])


def test_holms_published_example() -> None:
    """p = .01, .04, .03, .005 (Wikipedia, "Holm-Bonferroni method"): the first and the last are rejected at .05."""
    arms = [with_p(f"H{place}", p) for place, p in enumerate((0.01, 0.04, 0.03, 0.005), 1)]
    found = compare(arm("reference", [-1.0, 0.0, 1.0]), arms, direction="max")
    assert [one.difference.p for one in found] == pytest.approx([0.01, 0.04, 0.03, 0.005])
    assert [one.p_adjusted for one in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [one.verdict for one in found] == ["better", "undecided", "undecided", "better"]


# Dunnett 1955: breaking strength of fabric after three processes, and of the standard one.
FABRIC = {"1": [55.0, 64.0, 64.0], "2": [55.0, 49.0, 52.0], "3": [50.0, 44.0, 41.0]}
STANDARD = arm("standard", [55.0, 47.0, 48.0])


def test_dunnetts_fabrics() -> None:
    """Means 61, 52 and 45 against 50, variance 19 with 8 degrees of freedom: only the first process differs."""
    found = compare(STANDARD, [arm(key, values) for key, values in FABRIC.items()], direction="max", test="dunnett")
    assert [one.difference.mean_a for one in found] == [61, 52, 45]
    assert sum((one.difference.sd_a or 0) ** 2 for one in found) + (
        found[0].difference.sd_b or 0
    ) ** 2 == pytest.approx(4 * 19)
    assert [one.verdict for one in found] == ["better", "undecided", "undecided"]


@pytest.mark.parametrize(("statistic", "verdict"), [(2.87, "undecided"), (2.89, "better")])
def test_the_limit_of_dunnetts_table(statistic: float, verdict: str) -> None:
    """Dunnett 1964, table of the two-sided 5 % points: 2.88 for three treatments and 8 degrees of freedom."""
    shift = statistic * (2 * 19 / 3) ** 0.5 - 11
    moved = [arm("1", [value + shift for value in FABRIC["1"]]), *(arm(key, FABRIC[key]) for key in ("2", "3"))]
    assert compare(STANDARD, moved, direction="max", test="dunnett")[0].verdict == verdict


@pytest.mark.parametrize("test", ["welch", "paired"])
def test_equivalence_is_the_90_percent_interval_within_the_margin(test: str) -> None:
    """Schuirmann 1987: two one-sided tests at .05 reject just where the 90 % interval lies within the margin."""
    interval = (paired if test == "paired" else welch)(SHOES_A, SHOES_B, confidence=0.9)
    farther = max(-interval.ci_low, interval.ci_high)

    def verdict(margin: float) -> str:
        return compare(arm("b", SHOES_B), [arm("a", SHOES_A)], direction="max", test=test, margin=margin)[0].verdict

    assert verdict(farther * 1.0001) == "equivalent"
    assert verdict(farther * 0.9999) != "equivalent"
