"""Factorial analysis against Box, Hunter & Hunter, Lenth, and statsmodels' own formulas.

The data are those of Box, Hunter & Hunter, Statistics for Experimenters, 2nd ed. (2005), chapters 5 and 6: the pilot
plant (2^3 with two runs a cell), the process development study (2^4), the reactor (2^5 and its half fraction) and the
bicycle (2^(7-4)). The effects that the book prints follow from them.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests

from ablate.statistics import Effect, Factorial, factorial, half_normal_quantiles, lenth


def grid(*counts: int) -> np.ndarray:
    """All cells in the books' standard order: the first factor changes fastest."""
    return np.array([place[::-1] for place in itertools.product(*(range(count) for count in reversed(counts)))])


def column(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def effects(found: Factorial) -> dict[str, float | None]:
    return {"".join(effect.factors): effect.effect for effect in found.effects}


def named(found: Factorial, *factors: str, level: int | None = None) -> Effect:
    return next(
        effect for effect in found.effects if effect.factors == factors and (level is None or effect.level == level)
    )


PILOT = np.array([[59, 61], [74, 70], [50, 58], [69, 67], [50, 54], [81, 85], [46, 44], [79, 81]], dtype=float)
PROCESS = column([71, 61, 90, 82, 68, 61, 87, 80, 61, 50, 89, 83, 59, 51, 85, 78])
REACTOR = column(
    [
        *[61, 53, 63, 61, 53, 56, 54, 61, 69, 61, 94, 93, 66, 60, 95, 98],
        *[56, 63, 70, 65, 59, 55, 67, 65, 44, 45, 78, 77, 49, 42, 81, 82],
    ]
)
BICYCLE = column([69, 52, 60, 83, 71, 50, 59, 88])


def frame(cells: np.ndarray, values: np.ndarray, names: str) -> pd.DataFrame:
    rows, seeds = np.nonzero(np.isfinite(values))
    coded = {name: 2 * cells[rows, index] - 1 for index, name in enumerate(names)}
    return pd.DataFrame({"value": values[rows, seeds], "seed": seeds, **coded})


def test_the_pilot_plant_has_the_effects_of_the_book() -> None:
    found = factorial(grid(2, 2, 2), PILOT, "TCK")
    assert effects(found) == pytest.approx(
        {"T": 23.0, "C": -5.0, "K": 1.5, "TC": 1.5, "TK": 10.0, "CK": 0.0, "TCK": 0.5}, abs=1e-9
    )
    assert [effect.verdict for effect in found.effects] == ["better", *["undecided"] * 3, "better", *["undecided"] * 2]


def test_effects_are_twice_the_coefficients_of_statsmodels_with_hc3() -> None:
    found = factorial(grid(2, 2, 2), PILOT, "TAK")
    fit = ols("value ~ C(seed) + T*A*K", frame(grid(2, 2, 2), PILOT, "TAK")).fit(cov_type="HC3", use_t=True)
    for effect in found.effects:
        name = ":".join(effect.factors)
        assert effect.effect == pytest.approx(2 * fit.params[name], abs=1e-9)
        assert effect.se == pytest.approx(2 * fit.bse[name])
        assert effect.p == pytest.approx(fit.pvalues[name])
        assert (effect.ci_low, effect.ci_high) == pytest.approx(tuple(2 * fit.conf_int().loc[name]))
    judged = [effect for effect in found.effects if effect.is_judged]
    assert [effect.p_adjusted for effect in judged] == pytest.approx(
        multipletests([effect.p for effect in judged], method="holm")[1]
    )
    assert named(found, "T", "A", "K").p_adjusted is None
    assert (found.errors, found.df, found.n, found.is_balanced) == ("hc3", 7.0, 16, True)


def test_from_eight_degrees_of_freedom_on_hc3_has_the_normal_distribution() -> None:
    values = np.column_stack([PILOT, [60, 71, 55, 66, 51, 84, 47, 78]])
    found = factorial(grid(2, 2, 2), values, "TAK")
    fit = ols("value ~ C(seed) + T*A*K", frame(grid(2, 2, 2), values, "TAK")).fit(cov_type="HC3")
    for effect in found.effects:
        assert effect.p == pytest.approx(fit.pvalues[":".join(effect.factors)])
    assert (found.df, named(found, "T").df) == (14, None)


def test_one_seed_is_explored_by_lenths_method() -> None:
    found = factorial(grid(2, 2, 2, 2), PROCESS, "1234")
    published = {"1": -8, "2": 24, "3": -2.25, "4": -5.5, "12": 1, "13": 0.75, "14": 0, "23": -1.25, "24": 4.5}
    published |= {"34": -0.25, "123": -0.75, "124": 0.5, "134": -0.25, "234": -0.75, "1234": -0.25}
    assert effects(found) == pytest.approx(published, abs=1e-9)
    assert found.lenth is not None
    # by hand from these: s0 = 1.5 * .75, of which 11 are below 2.5 s0, with the median .75; t(.975; 5) = 2.571 and
    # t((1 + .95^(1/15)) / 2; 5) = 5.219 are in the paper's tables
    assert found.lenth.pse == pytest.approx(1.125)
    assert found.lenth.df == 5
    assert found.lenth.me == pytest.approx(2.571 * 1.125, abs=1e-3)
    assert found.lenth.sme == pytest.approx(5.219 * 1.125, abs=1e-3)
    beyond = {"".join(effect.factors): effect.beyond for effect in found.effects if effect.beyond}
    assert beyond == {"1": "sme", "2": "sme", "4": "me", "24": "me"}
    assert all((effect.p, effect.p_adjusted, effect.verdict) == (None, None, "undecided") for effect in found.effects)


def test_a_half_fraction_has_the_effects_of_the_book_and_its_aliases() -> None:
    cells = grid(2, 2, 2, 2, 2)
    signs = 2 * cells - 1
    half = signs[:, 4] == signs[:, :4].prod(axis=1)
    found = factorial(cells[half], REACTOR[half], "12345")
    published = {"1": -2, "2": 20.5, "3": 0, "4": 12.25, "5": -6.25, "12": 1.5, "13": 0.5, "14": -0.75, "15": 1.25}
    published |= {"23": 1.5, "24": 10.75, "25": 1.25, "34": 0.25, "35": 2.25, "45": -9.5}
    assert effects(found) == pytest.approx(published, abs=1e-9)
    assert named(found, "1").aliases == ()  # 2345 has more than three factors
    assert [str(alias) for alias in named(found, "4", "5").aliases] == ["1*2*3"]
    whole = factorial(cells, REACTOR, "12345")
    assert named(whole, "2", "4").effect == pytest.approx(13.25)
    assert named(whole, "4", "5").effect == pytest.approx(-11.0)


def test_a_saturated_fraction_has_a_chain_for_each_degree_of_freedom() -> None:
    basis = 2 * grid(2, 2, 2) - 1
    a, b, c = basis.T
    signs = np.column_stack([a, b, c, a * b, a * c, b * c, a * b * c])
    found = factorial((signs + 1) // 2, BICYCLE, "ABCDEFG")
    published = {"A": 3.5, "B": 12.0, "C": 1.0, "D": 22.5, "E": 0.5, "F": 1.0, "G": 2.5}
    assert effects(found) == pytest.approx(published, abs=1e-9)
    pairs = {"A": ["B*D", "C*E", "F*G"], "D": ["A*B", "C*G", "E*F"], "G": ["A*F", "B*E", "C*D"]}
    for name, wanted in pairs.items():
        assert [str(alias) for alias in named(found, name).aliases if len(alias.factors) == 2] == wanted


def test_an_alias_that_counts_the_other_way_has_a_minus() -> None:
    signs = 2 * grid(2, 2) - 1
    cells = (np.column_stack([signs, -signs.prod(axis=1)]) + 1) // 2
    found = factorial(cells, np.arange(8.0).reshape(4, 2), "ABC")
    assert {effect.factors[0]: [str(alias) for alias in effect.aliases] for effect in found.effects} == {
        "A": ["-B*C"],
        "B": ["-A*C"],
        "C": ["-A*B"],
    }


def test_plackett_and_burman_give_main_effects_alone() -> None:
    import pydoe

    signs = pydoe.pbdesign(11).astype(int)
    rng = np.random.default_rng(5)
    values = 3.0 * signs[:, [0]] + rng.normal(size=(12, 3))
    found = factorial((signs + 1) // 2, values, [f"x{index}" for index in range(11)])
    assert len(found.effects) == 11
    assert named(found, "x0").effect == pytest.approx(6.0, abs=1.0)
    assert [effect.verdict for effect in found.effects] == ["better"] + ["undecided"] * 10


def test_missing_runs_are_tested_by_the_type_ii_table() -> None:
    values = np.column_stack([PILOT, [60, 71, 55, 66, 51, 84, 47, 78]])
    values[2, 1] = values[5, 0] = np.nan
    found = factorial(grid(2, 2, 2), values, "TAK")
    table = anova_lm(ols("value ~ C(seed) + T*A*K", frame(grid(2, 2, 2), values, "TAK")).fit(), typ=2)
    assert not found.is_balanced
    assert (found.n, found.errors) == (22, "hc3")
    for effect in found.effects:
        assert effect.p == pytest.approx(table.loc[":".join(effect.factors), "PR(>F)"])
    # the estimate does not lean on cells that lost fewer runs: every cell counts alike
    assert named(found, "T").effect == pytest.approx(23.0, abs=3.0)


def test_where_hc3_does_not_exist_one_variance_is_taken_for_all_cells() -> None:
    values = PILOT.copy()
    values[0, 0] = np.nan  # the other run of its cell has leverage 1
    found = factorial(grid(2, 2, 2), values, "TAK")
    assert found.errors == "pooled"
    fit = ols("value ~ C(seed) + T*A*K", frame(grid(2, 2, 2), values, "TAK")).fit()
    assert named(found, "T").se == pytest.approx(2 * fit.bse["T"])


def test_several_levels_have_contrasts_with_the_reference_and_a_table() -> None:
    rng = np.random.default_rng(11)
    cells = grid(3, 2)
    values = rng.normal(size=(6, 4)) + 4.0 * (cells[:, [0]] == 2) + rng.normal(size=4)
    found = factorial(cells, values, ["depth", "norm"])
    data = frame(cells, values, "ab").assign(a=np.repeat(cells[:, 0], 4), b=np.repeat(cells[:, 1], 4))
    fit = ols("value ~ C(seed) + C(a, Sum)*C(b, Sum)", data).fit()
    table = anova_lm(fit, typ=2)
    for term, name in zip(found.anova, ["C(seed)", "C(a, Sum)", "C(b, Sum)", "C(a, Sum):C(b, Sum)"], strict=True):
        row = table.loc[name]
        assert (term.df, term.df_residual) == (row["df"], fit.df_resid)
        assert (term.sum_sq, term.f, term.p) == pytest.approx(tuple(row[["sum_sq", "F", "PR(>F)"]]))
        ms = table.loc["Residual", "sum_sq"] / fit.df_resid
        omega = (row["sum_sq"] - row["df"] * ms) / (row["sum_sq"] + (24 - row["df"]) * ms)
        assert term.omega_squared == pytest.approx(omega)
    means = {(mean.factor, mean.level): mean.mean for mean in found.means}
    assert means["depth", 2] == pytest.approx(values[cells[:, 0] == 2].mean())
    assert named(found, "depth", level=2).effect == pytest.approx(means["depth", 2] - means["depth", 0])
    assert [effect.verdict for effect in found.effects] == ["undecided", "better", "undecided", "undecided"]
    both = named(found, "depth", "norm")
    assert (both.effect, both.df_effect) == (None, 2)
    robust = anova_lm(fit, typ=2, robust="hc3")
    assert both.p == pytest.approx(robust.loc["C(a, Sum):C(b, Sum)", "PR(>F)"])
    values[3, 2] = np.nan
    lost = factorial(cells, values, ["depth", "norm"])
    assert named(lost, "depth", "norm").p == pytest.approx(lost.anova[-1].p)


def test_an_interaction_of_several_levels_says_that_they_interact() -> None:
    cells = grid(3, 2)
    values = np.random.default_rng(3).normal(size=(6, 5)) + 9.0 * (cells == [2, 1]).all(axis=1)[:, None]
    assert named(factorial(cells, values, "ab"), "a", "b").verdict == "interact"


def test_of_a_loss_less_is_better() -> None:
    found = factorial(grid(2, 2, 2), PILOT, "TCK", direction="min")
    assert (named(found, "T").verdict, named(found, "T", "K").verdict) == ("worse", "worse")


def test_nothing_is_judged_before_all_seeds_are_in() -> None:
    found = factorial(grid(2, 2, 2), PILOT, "TCK", is_final=False)
    assert {effect.verdict for effect in found.effects} == {"undecided"}
    assert {effect.p_adjusted for effect in found.effects} == {None}
    assert factorial(grid(2, 2, 2, 2), PROCESS, "1234", is_final=False).lenth is None


def test_without_noise_there_is_no_test() -> None:
    found = factorial(grid(2, 2), np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [5.0, 5.0]]), "ab")
    assert (found.errors, found.why) == ("none", "nothing varies over seeds")
    assert {effect.verdict for effect in found.effects} == {"undecided"}
    assert named(found, "a").effect == pytest.approx(1.5)
    one = factorial(grid(3, 2), column([1, 2, 3, 4, 5, 6]), "ab")
    assert (one.errors, one.why, one.lenth) == ("none", "fewer than 2 seeds", None)
    assert one.anova == ()


def test_cells_without_a_common_seed_have_means_and_no_test() -> None:
    values = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, 3.0], [np.nan, 4.0]])
    found = factorial(grid(2, 2), values, "ab")
    assert found.why == "too few seeds are common to its cells"
    assert named(found, "b").effect == pytest.approx(2.0)


def test_a_seed_that_no_cell_has_is_left_out() -> None:
    lost = np.column_stack([PILOT[:, 0], np.full(8, np.nan), PILOT[:, 1]])
    assert factorial(grid(2, 2, 2), lost, "TCK") == factorial(grid(2, 2, 2), PILOT, "TCK")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (grid(3, 2)[:-1], "every combination"),
        (grid(2, 2)[:-1], "cannot be told apart"),
        (np.array([[0, 0], [1, 1], [0, 0], [1, 1]]), "cannot be told apart"),
    ],
)
def test_cells_that_do_not_make_a_design_are_refused(cells: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        factorial(cells, np.random.default_rng(0).normal(size=(len(cells), 3)), "ab")


def test_a_cell_without_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="cell without a value"):
        factorial(grid(2, 2), np.array([[1.0], [np.nan], [2.0], [3.0]]), "ab")


def test_lenth_needs_noise_to_measure_by() -> None:
    assert lenth([0.0, 0.0, 0.0, 0.0, 1.0]) is None
    with pytest.raises(ValueError, match="finite"):
        lenth([1.0, float("nan")])


def test_lenths_margin_holds_under_noise_alone() -> None:
    rng = np.random.default_rng(2)
    draws = [rng.normal(size=15) for _ in range(2000)]
    margins = [lenth(draw.tolist()) for draw in draws]
    false = np.mean([np.abs(draw).max() > one.sme for draw, one in zip(draws, margins, strict=True) if one])
    assert false < 0.06  # the t approximation of the paper is on the safe side


def test_half_normal_quantiles_are_those_of_the_size_of_noise() -> None:
    found = half_normal_quantiles(15)
    assert found == pytest.approx(stats.norm.ppf(0.5 + 0.5 * (np.arange(1, 16) - 0.5) / 15))
