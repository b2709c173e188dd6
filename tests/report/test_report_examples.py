"""Per-example outcomes in the report: two sources of noise, single runs, single classes; other images are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from example_cases import CLASSES, LABELS, by_name, matrix, right, stored, with_outcomes
from report_cases import results, run, shapes, variant, whole
from scipy import stats
from test_report_markdown import rows, section, text_of

from ablate import statistics
from ablate.protocol import JobState
from ablate.report.checks import findings
from ablate.report.comparisons import comparisons_json
from ablate.report.examples import distribution_wise, obstacle, per_class, two_sources
from ablate.store.records import CorrectRecord, TruthRecord
from ablate.study.outline import OutlineDesign, StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.outcomes import NOT_KEPT, marked
from ablate.verdicts.results import Results


def test_the_columns_for_scripts_are_filled_from_single_images() -> None:
    found = by_name(with_outcomes(whole()))
    adam = found["optimizer=Adam"]
    expected = statistics.two_sources(matrix("optimizer=Adam"), matrix("baseline"))
    assert adam["delta"] == pytest.approx(expected.delta)
    assert (adam["se_seed"], adam["se_example"], adam["se_total"]) == pytest.approx(
        (expected.se_seed, expected.se_example, expected.se_total)
    )
    assert (adam["verdict"], adam["beyond_test_set"]) == ("better", True)
    same = found["dropout=0.3"]
    assert (same["verdict"], same["beyond_test_set"]) == ("undecided", None)
    assert same["se_total"] >= same["se_seed"]
    assert (adam["n10"], adam["n01"]) == (None, None)


def test_where_the_test_is_paired_the_noise_of_seeds_is_that_of_the_differences() -> None:
    outline = shapes(statistics=StatisticsSettings(test="paired"))
    found = by_name(with_outcomes(results(outline, {})))["optimizer=Adam"]
    differences = matrix("optimizer=Adam").mean(axis=1) - matrix("baseline").mean(axis=1)
    assert found["test"] == "paired"
    assert found["se_seed"] == pytest.approx(stats.sem(differences))
    expected = statistics.two_sources(matrix("optimizer=Adam"), matrix("baseline"), is_paired=True)
    assert found["se_total"] == pytest.approx(expected.se_total)


def test_the_table_puts_both_kinds_of_noise_beside_each_other() -> None:
    given = with_outcomes(whole())
    text = text_of(given)
    table = rows(text, "Two sources of noise")
    assert [row[0] for row in table] == [one.name for one in given.outline.variants]
    assert table[0][1:7] == ["–"] * 6
    adam = table[3]
    found = two_sources(analyse(given), "key of optimizer=Adam", "b")
    assert adam[1:5] == [
        f"+{100 * found.delta:.2f}",
        *(f"{100 * size:.2f}" for size in (found.se_seed, found.se_example, found.se_total)),
    ]
    assert adam[5] == f"\\[+{100 * found.low:.2f}, +{100 * found.high:.2f}\\]"
    assert {row[0]: row[5:7] for row in table}["dropout=0.3"] == ["–", "–"]
    assert adam[6] == "yes"
    spread = statistics.distribution_wise(matrix("baseline"))
    assert table[0][7] == f"{100 * spread.sd_test_set:.2f}"
    assert table[0][8] == ("\\~0" if spread.variance < 0 else f"{100 * spread.sd:.2f}")
    assert "All in points. Verdicts are on this test set" in section(text, "Two sources of noise")


def test_a_variance_that_comes_out_negative_is_shown_as_about_0() -> None:
    given = with_outcomes(whole())
    spreads = {one.name: distribution_wise(analyse(given), one.key) for one in given.outline.variants}
    shown = {row[0]: row[8] for row in rows(text_of(given), "Two sources of noise")}
    negative = [name for name, found in spreads.items() if found.variance < 0]
    assert negative
    assert len(negative) < len(spreads)
    assert {name for name, text in shown.items() if text == "\\~0"} == set(negative)


def test_a_verdict_that_hangs_on_the_test_images_says_so() -> None:
    """Five images more are right with every seed: sure on these 300 images, open on others."""
    given = whole()
    places = {(one.variant_key, one.seed): right("baseline", one.seed % 2) for one in given.runs}
    for (key, seed), bits in places.items():
        if key == "key of the widest":
            wrong = np.flatnonzero(~bits)
            good = np.flatnonzero(bits)
            bits[wrong[:45]], bits[good[: 40 - seed % 2]] = True, False
    runs = tuple(replace(one, test_accuracy=places[one.variant_key, one.seed].mean()) for one in given.runs)
    records = [stored(one, places[one.variant_key, one.seed]) for one in runs]
    found = by_name(replace(given, runs=runs, outcomes=marked(records, {}, runs)))["the widest"]
    assert (found["verdict"], found["beyond_test_set"]) == ("better", False)
    assert found["se_example"] > 3 * found["se_seed"]


@pytest.mark.parametrize("metric", ["test_loss", "val_accuracy"])
def test_other_metrics_have_no_single_images(metric: str) -> None:
    given = with_outcomes(whole())
    given = replace(given, outline=given.outline.model_copy(update={"metric": metric}))
    assert {(one["se_example"], one["se_total"], one["beyond_test_set"]) for one in by_name(given).values()} == {
        (None, None, None)
    }
    assert obstacle(analyse(given), "key of the widest", "b").startswith("variants are ranked by")
    text = text_of(given)
    assert "## Two sources of noise" not in text
    assert "## Classes: " not in text


def test_a_run_without_outcomes_keeps_its_variant_out() -> None:
    given = with_outcomes(whole())
    kept = {place: one for place, one in given.outcomes.items() if place != ("key of optimizer=Adam", 2)}
    given = replace(given, outcomes=kept)
    assert by_name(given)["optimizer=Adam"]["se_total"] is None
    assert by_name(given)["dropout=0.6"]["se_total"] is not None
    assert per_class(analyse(given), "key of optimizer=Adam", "b") is None
    assert f"Left out: optimizer=Adam ({NOT_KEPT})." in text_of(given)
    nothing = replace(given, outcomes={})
    assert "Two sources of noise" not in text_of(nothing)
    assert findings(analyse(nothing)) == findings(analyse(given)) == ()


def test_diverged_runs_have_no_second_source_either() -> None:
    given = with_outcomes(whole())
    runs = tuple(
        replace(one, state=JobState.DIVERGED, test_accuracy=None)
        if (one.variant, one.seed) == ("optimizer=Adam", 1)
        else one
        for one in given.runs
    )
    given = replace(given, runs=runs)
    assert by_name(given)["optimizer=Adam"]["se_total"] is None
    assert obstacle(analyse(given), "key of optimizer=Adam", "b") == "a run diverged or failed"


def test_classes_are_compared_for_what_is_decided_and_the_furthest_come_first() -> None:
    given = with_outcomes(whole())
    text = text_of(given)
    titles = [line[3:] for line in text.splitlines() if line.startswith("## Classes: ")]
    assert titles == ["Classes: optimizer=Adam against baseline", "Classes: dropout=0.6 against baseline"]
    table = rows(text, titles[0])
    assert [row[:2] for row in table] == [["cat", "100"], ["dog\\|wolf", "100"], ["cow", "100"]]
    assert [row[-1] for row in table] == ["higher", "higher", "not shown"]
    assert [row[-1] for row in rows(text, titles[1])] == ["lower", "not shown", "not shown"]
    found = per_class(analyse(given), "key of optimizer=Adam", "b")
    assert found.names == CLASSES
    cat, base = (matrix(name)[:, LABELS == 0].mean(axis=1) for name in ("optimizer=Adam", "baseline"))
    assert found.classes[0].difference.p == pytest.approx(stats.ttest_ind(cat, base, equal_var=False).pvalue)
    assert "Exploratory" in section(text, titles[0])


def test_of_many_classes_the_surest_are_shown() -> None:
    given = whole()
    labels = (np.arange(300) % 30).astype("<u2")
    truth = TruthRecord(digest="d", count=300, labels=labels.tobytes(), classes=tuple(f"c{n}" for n in range(30)))
    records, runs = [], []
    for one in given.runs:
        bits = np.random.default_rng([one.seed, 7]).random(300) < 0.5
        if one.variant == "the widest":
            bits[labels >= 25] = True
        records.append(
            CorrectRecord(variant_key=one.variant_key, seed=one.seed, truth=truth, correct=np.packbits(bits).tobytes())
        )
        runs.append(replace(one, test_accuracy=bits.mean()))
    text = text_of(replace(given, runs=tuple(runs), outcomes=marked(records, {}, runs)))
    table = rows(text, "Classes: “the widest” against baseline")
    assert len(table) == 20
    assert [row[0] for row in table[-5:]] == ["c25", "c26", "c27", "c28", "c29"]
    assert "Shown are the 20 of 30 classes with the smallest p." in text


def single() -> Results:
    """One run a variant, one factor at a time."""
    design = OutlineDesign(name="one-at-a-time", kind="one-at-a-time", factors=("dropout", "optimizer"))
    outline = shapes(seeds=(4,), designs=(design,), variants=shapes().variants[:4])
    return with_outcomes(results(outline, {}))


def test_single_runs_are_judged_as_checkpoints_and_get_no_verdict() -> None:
    document = comparisons_json(single())
    found = {one["variant"]: one for one in document["comparisons"]}
    adam = found["optimizer=Adam"]
    a, b = right("optimizer=Adam", 4), right("baseline", 4)
    expected = stats.binomtest(int((a & ~b).sum()), int((a ^ b).sum()), 0.5).pvalue
    assert (document["test"], adam["test"], adam["verdict"]) == ("mcnemar", "mcnemar", "undecided")
    assert adam["p"] == pytest.approx(expected)
    assert adam["p"] < 1e-6
    assert (adam["n10"], adam["n01"]) == ((a & ~b).sum(), (b & ~a).sum())
    assert adam["why"] == "one run each: McNemar's p is of these two checkpoints, not the methods"
    assert (adam["se_seed"], adam["se_total"], adam["beyond_test_set"]) == (None, None, None)
    assert adam["se_example"] == pytest.approx((a.astype(float) - b).std(ddof=1) / np.sqrt(300))
    raw = [one["p"] for one in found.values()]
    assert min(one["p_adjusted"] for one in found.values()) == pytest.approx(3 * min(raw))


def test_the_report_says_what_mcnemars_p_is_of() -> None:
    text = text_of(single())
    table = {row[0]: row for row in rows(text, "These two checkpoints, not the methods")}
    assert table["optimizer=Adam"][-2:] == ["&lt; 0.001", "&lt; 0.001"]
    assert table["dropout=0.3"][1] == "baseline"
    first = text.split("\n\n")[1]
    assert "These two checkpoints, not the methods, by exact McNemar tests (Holm-adjusted): " in first
    assert "optimizer=Adam (+" in first
    assert "p &lt; 0.001)" in first
    assert "is shown to be better or worse" in first
    assert "**" not in text
    assert "## Two sources of noise" not in text


def test_an_early_look_at_one_run_of_several_is_no_single_run() -> None:
    given = with_outcomes(whole())
    runs = tuple(replace(one, state=JobState.QUEUED, test_accuracy=None) if one.seed else one for one in given.runs)
    kept = {place: one for place, one in given.outcomes.items() if place[1] == 0}
    found = by_name(replace(given, runs=runs, outcomes=kept))["optimizer=Adam"]
    assert (found["test"], found["p"], found["why"]) == ("none", None, "1 of 5 seeds are in")


def test_a_ladders_steps_are_compared_with_the_step_before() -> None:
    ladder = OutlineDesign(name="ladder", kind="ladder", factors=("optimizer", "dropout"))
    kept = [shapes().variants[index].model_copy(update={"designs": ("ladder",)}) for index in (0, 3, 4)]
    given = with_outcomes(results(shapes(designs=(ladder,), variants=tuple(kept)), {}))
    names = [row[0] for row in rows(text_of(given), "Two sources of noise")]
    assert names[1:] == ["optimizer=Adam", "dropout=0.3, optimizer=Adam (against optimizer=Adam)"]
    step = by_name(given)["dropout=0.3, optimizer=Adam"]
    expected = statistics.two_sources(matrix("dropout=0.3, optimizer=Adam"), matrix("optimizer=Adam"))
    assert step["se_total"] == pytest.approx(expected.se_total)


@pytest.mark.parametrize(
    ("base", "other", "same"),
    [
        ({"name": "own"}, {"name": "own", "split_seed": 1}, False),
        ({"name": "own"}, {"name": "own", "test": 0.2}, False),
        ({"name": "own"}, {"name": "own", "noise": 3}, False),  # a knob that ablate knows nothing of
        ({"name": "own"}, {"name": "own", "resize": 8, "batch_size": 16, "augment": [], "validation": 0.2}, True),
    ],
)
def test_equal_true_classes_do_not_make_images_equal(base: dict, other: dict, same: bool) -> None:
    places = [run(variant("a", "a"), 0, 0), run(variant("b", "b"), 0, 1)]
    found = marked([stored(one, right("a", 0)) for one in places], {"a": base, "b": other}, places)
    assert (found["a", 0].images.mark == found["b", 0].images.mark) == same


def test_files_that_were_changed_between_runs_are_other_images() -> None:
    places = [
        run(variant("a", "a"), 0, 0, fingerprints={"data": "meant:one"}),
        run(variant("b", "b"), 0, 1, fingerprints={"data": "meant:two"}),
        run(variant("c", "c"), 0, 2, fingerprints={"data": "meant:one"}),
    ]
    found = marked([stored(one, right("a", 0)) for one in places], {}, places)
    marks = [found[key, 0].images.mark for key in "abc"]
    assert marks[0] == marks[2] != marks[1]
    assert found["a", 0].unpacked().tolist() == right("a", 0).tolist()
