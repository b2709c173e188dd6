"""Diverged runs that count as guesses, where the study declares it and the value of a guess is known."""

import math
from dataclasses import replace

import pytest
from report_cases import run, whole, wounded
from test_report_checks import texts
from test_report_markdown import rows, text_of

from ablate.report.comparisons import comparisons_json
from ablate.store.records import ImageSetRecord
from ablate.study.outline import StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

TEN = (ImageSetRecord(variant_key="b", digest="d", count=360, classes=10),)


def scored(given: Results, metric: str = "test_accuracy", sets: tuple[ImageSetRecord, ...] = TEN) -> Results:
    settings = StatisticsSettings(on_diverged="score_as_chance")
    direction = "min" if metric.endswith("loss") else "max"
    outline = given.outline.model_copy(update={"statistics": settings, "metric": metric, "direction": direction})
    return replace(given, outline=outline, test_sets=sets)


def test_a_diverged_run_counts_as_a_guess_in_mean_and_test_and_the_table_says_so() -> None:
    given = scored(wounded())
    values = [one.test_accuracy for one in given.runs if one.variant == "dropout=0.6" and one.test_accuracy is not None]
    found = next(one for one in comparisons_json(given)["comparisons"] if one["variant"] == "dropout=0.6")
    assert found["n"] == 5
    assert found["mean"] == pytest.approx((sum(values) + 0.1) / 5)
    row = next(row for row in rows(text_of(given), "All variants") if row[0] == "dropout=0.6")
    assert row[1] == "5 (1 as chance)"
    assert row[2].startswith("63.54 ±")
    assert row[4].startswith("undecided")
    text = text_of(given)
    assert "A diverged run counts as a guess (10.00 %) in means and tests, as the study declares" in text
    assert not any("score as chance" in told for told in texts(given))


def test_a_loss_scores_the_logarithm_of_the_number_of_classes() -> None:
    assert analyse(scored(wounded(), "test_loss")).chance == pytest.approx(math.log(10))


def test_a_variant_with_a_diverged_run_is_never_better() -> None:
    """Its mean, guess included, lies so far above a baseline at 1 % that it would be."""
    given = wounded()
    low = tuple(run(given.outline.variants[0], seed, 0, 0.01) for seed in given.outline.seeds)
    others = tuple(one for one in given.runs if one.variant_key != "b")
    found = analyse(scored(replace(given, runs=low + others))).comparisons["key of dropout=0.6"]
    assert found.p_adjusted is not None
    assert found.p_adjusted < 0.05
    assert (found.verdict, found.why) == ("undecided", "a variant with a diverged seed cannot be better")


@pytest.mark.parametrize(
    ("metric", "sets"),
    [
        ("test_accuracy", ()),
        ("test_accuracy", (ImageSetRecord(variant_key="b", digest=None, count=360, classes=None),)),
        ("test_accuracy", (*TEN, ImageSetRecord(variant_key="c", digest="e", count=360, classes=20))),
        ("test_macro_f1", TEN),
    ],
)
def test_where_a_guess_is_not_known_it_bars_a_verdict_and_a_finding_says_why(
    metric: str, sets: tuple[ImageSetRecord, ...]
) -> None:
    given = scored(wounded(), metric, sets)
    assert analyse(given).chance is None
    assert any("what a guess scores in" in text for text in texts(given, "warning"))


def test_without_the_declaration_nothing_is_scored() -> None:
    given = replace(wounded(), test_sets=TEN)
    assert analyse(given).chance is None
    found = analyse(given).comparisons["key of dropout=0.6"]
    assert (found.difference.delta, found.why) == (None, "1 of 5 seeds diverged")
    assert analyse(scored(whole())).comparisons == analyse(whole()).comparisons
