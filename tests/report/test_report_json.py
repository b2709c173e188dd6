"""`ablate report --json`: the contract that scripts rely on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from report_cases import ACCURACIES, results, shapes, whole, wounded
from scipy import stats

from ablate.report.comparisons import comparisons_json
from ablate.study.outline import OutlineDesign
from ablate.verdicts.results import Results

KEYS = {
    "variant", "reference", "n", "n_reference", "mean", "sd", "delta", "se", "df", "statistic", "p", "p_adjusted",
    "ci_low", "ci_high", "verdict", "seeds_needed", "mde", "se_seed", "se_example", "se_total",
}  # fmt: skip

#: Share of alpha that five seeds leave to a variant that scatters more than the baseline, as all of `whole` do.
HELD = 0.7


def by_name(given: Results) -> dict[str, dict[str, Any]]:
    return {one["variant"]: one for one in comparisons_json(given)["comparisons"]}


def close(ours: Any, theirs: Any) -> bool:
    """Equal, numbers up to what another version of scipy may change in the last digits."""
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(close(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(close, ours, theirs))
    return ours == (pytest.approx(theirs, rel=1e-9) if isinstance(theirs, float) else theirs)


@pytest.mark.parametrize(("name", "make"), [("whole", whole), ("wounded", wounded)])
def test_the_document_is_the_golden_one(
    name: str, make: Callable[[], Results], golden: Callable[[str, str], str]
) -> None:
    found = comparisons_json(make())
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    assert close(found, json.loads(golden(f"{name}.json", text)))


def test_every_variant_but_the_baseline_is_compared_once() -> None:
    found = comparisons_json(whole())
    assert (found["study"], found["metric"], found["test"]) == ("shapes", "test_accuracy", "welch")
    assert set(found["baseline"]) == {"variant", "n", "mean", "sd"}
    names = [one["variant"] for one in found["comparisons"]]
    assert names == [one.name for one in shapes().variants[1:]]
    assert all(one.keys() >= KEYS for one in found["comparisons"])


def test_figures_are_scipys_and_fractions() -> None:
    given = whole()
    values = {
        key: [one.test_accuracy for one in given.runs if one.variant == key] for key in ("baseline", "optimizer=Adam")
    }
    expected = stats.ttest_ind(values["optimizer=Adam"], values["baseline"], equal_var=False)
    found = by_name(given)["optimizer=Adam"]
    assert found["p"] == pytest.approx(expected.pvalue)
    assert found["statistic"] == pytest.approx(expected.statistic)
    assert found["df"] == pytest.approx(expected.df)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert 0.03 < found["delta"] < 0.05


def test_a_big_grid_does_not_drown_a_one_at_a_time_table() -> None:
    """A variant that both ask for is judged among the three of the smaller family."""
    found = by_name(whole())
    family = [found[name]["p"] for name in ("dropout=0.3", "dropout=0.6", "optimizer=Adam")]
    assert found["dropout=0.3"]["family"] == "one-at-a-time"
    assert found["dropout=0.3"]["p_adjusted"] == pytest.approx(max(family) / HELD)
    assert found["dropout=0.3, optimizer=Adam"]["family"] == "grid"


def test_what_was_added_after_results_were_seen_is_a_family_of_its_own() -> None:
    outline = shapes()
    variants = tuple(one.model_copy(update={"exploratory": one.name == "optimizer=Adam"}) for one in outline.variants)
    found = by_name(results(outline.model_copy(update={"variants": variants}), ACCURACIES))
    assert found["optimizer=Adam"]["family"] == "one-at-a-time (exploratory)"
    assert found["optimizer=Adam"]["p_adjusted"] == pytest.approx(found["optimizer=Adam"]["p"] / HELD)
    others = [found["dropout=0.3"], found["dropout=0.6"]]
    assert others[0]["p_adjusted"] == pytest.approx(max(one["p"] for one in others) / HELD)


def test_a_ladder_names_its_references() -> None:
    ladder = OutlineDesign(name="ladder", kind="ladder", factors=("optimizer", "dropout"))
    outline = shapes()
    kept = [outline.variants[index].model_copy(update={"designs": ("ladder",)}) for index in (0, 3, 4)]
    found = comparisons_json(
        results(outline.model_copy(update={"designs": (ladder,), "variants": tuple(kept)}), ACCURACIES)
    )
    assert [(one["variant"], one["reference"]) for one in found["comparisons"]] == [
        ("optimizer=Adam", "baseline"),
        ("dropout=0.3, optimizer=Adam", "optimizer=Adam"),
    ]


def test_what_cannot_be_computed_is_null() -> None:
    document = comparisons_json(results(shapes(seeds=(0,)), ACCURACIES))
    assert (document["test"], document["icc"], document["baseline"]["sd"]) == ("none", None, None)
    for one in document["comparisons"]:
        assert one["verdict"] == "undecided"
        assert [one[key] for key in ("p", "p_adjusted", "se", "df", "ci_low", "mde", "sd")] == [None] * 7
    assert "NaN" not in json.dumps(document, allow_nan=False)


def test_survivors_of_divergence_have_no_difference() -> None:
    found = by_name(wounded())["dropout=0.6"]
    assert (found["n"], found["delta"], found["p"], found["verdict"]) == (4, None, None, "undecided")
