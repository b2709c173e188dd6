"""Picked variants: whose verdict is shown, what is exploratory, and what else is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from report_cases import ACCURACIES, EXECUTION, PROVENANCE, RECIPE, results, shapes, variant, whole, wounded
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablate.errors import UsageError
from ablate.report.contrast.document import document
from ablate.report.contrast.judge import Contrast, contrast
from ablate.report.contrast.members import Member
from ablate.report.contrast.notes import notes
from ablate.report.contrast.sections import costs, recipes, verdicts
from ablate.report.contrast.warnings import warnings
from ablate.report.table import Table
from ablate.report.terminal import plain_lines
from ablate.store.records import ImageSetRecord
from ablate.study.outline import OutlineDesign
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

DROPOUT: Mapping[str, Any] = {**RECIPE, "model": {**RECIPE["model"], "dropout": 0.3}}


def members(given: Results, *names: str, recipes: Mapping[str, Mapping[str, Any]] | None = None) -> list[Member]:
    analysis = analyse(given)
    found = []
    for name in names:
        one = given.outline.named(name)
        assert one is not None
        found.append(Member(label=name, analysis=analysis, variant=one, recipe=(recipes or {}).get(name, RECIPE)))
    return found


def picked(*names: str, given: Results | None = None, **settings: Any) -> Contrast:
    return contrast(members(whole() if given is None else given, *names), **settings)


def told(found: Contrast) -> str:
    return "\n".join(notes(found))


def column(table: Table, name: str) -> list[str]:
    place = [column.name for column in table.columns].index(name)
    return [row.cells[place].text for row in table.rows]


def test_what_the_study_compares_keeps_the_verdict_of_its_whole_family() -> None:
    found = picked("baseline", "dropout=0.6", "optimizer=Adam")
    own = analyse(whole()).comparisons
    for one in found.judged:
        shown = own[one.member.variant.key]
        assert (one.basis, one.family.name, one.comparison.family_size) == ("confirmatory", "one-at-a-time", 3)
        assert replace(one.comparison, arm=shown.arm, reference=shown.reference) == shown
    assert "one-at-a-time: confirmatory; the study's own verdict, adjusted over all 3 comparisons" in told(found)
    assert "chosen after results were seen" not in told(found)


def test_what_nobody_declared_is_exploratory_and_adjusted_over_what_was_asked_for() -> None:
    given = whole()
    found = picked("optimizer=Adam", "the widest", "dropout=0.3", given=given)
    arms = {name: [one.test_accuracy for one in given.runs if one.variant == name] for name in ACCURACIES}
    arms["dropout=0.3"] = [one.test_accuracy for one in given.runs if one.variant == "dropout=0.3"]
    raw = [
        stats.ttest_ind(arms[name], arms["optimizer=Adam"], equal_var=False).pvalue
        for name in ("the widest", "dropout=0.3")
    ]
    assert [one.comparison.difference.p for one in found.judged] == pytest.approx(raw)
    assert [one.comparison.p_adjusted for one in found.judged] == pytest.approx(
        list(multipletests(raw, method="holm")[1])
    )
    assert [one.basis for one in found.judged] == ["exploratory", "exploratory"]
    assert "Exploratory: chosen after results were seen, adjusted over these 2 comparisons only." in told(found)


def test_a_pair_that_was_declared_stays_so_beside_one_that_was_not() -> None:
    grid_only = "dropout=0.6, optimizer=Adam"
    ladder = OutlineDesign(name="ladder", kind="ladder", factors=("optimizer", "dropout"))
    outline = shapes()
    steps = {"b", "key of optimizer=Adam", "key of dropout=0.3, optimizer=Adam"}
    variants = tuple(
        one.model_copy(update={"designs": (*one.designs, "ladder")}) if one.key in steps else one
        for one in outline.variants
    )
    given = results(
        outline.model_copy(update={"variants": variants, "designs": (*outline.designs, ladder)}), ACCURACIES
    )
    found = picked("optimizer=Adam", "dropout=0.3, optimizer=Adam", grid_only, given=given)
    assert [(one.basis, one.family.name) for one in found.judged] == [
        ("confirmatory", "ladder"),
        ("exploratory", "chosen (exploratory)"),
    ]
    assert found.judged[1].comparison.family_size == 1
    assert (
        "The others are exploratory: chosen after results were seen, adjusted over this one comparison only."
        in told(found)
    )


def test_what_came_after_results_were_seen_is_exploratory_in_its_own_family() -> None:
    outline = shapes()
    variants = tuple(one.model_copy(update={"exploratory": one.name == "optimizer=Adam"}) for one in outline.variants)
    given = results(outline.model_copy(update={"variants": variants}), ACCURACIES)
    found = picked("baseline", "optimizer=Adam", given=given)
    assert found.judged[0].basis == "exploratory"
    assert "exploratory, for it came after results were seen; the study's own verdict" in told(found)


def test_the_other_way_round_is_exploratory_and_says_where_the_verdict_is() -> None:
    found = picked("dropout=0.6", "baseline")
    assert found.judged[0].basis == "exploratory"
    assert found.judged[0].comparison.verdict == "better"
    assert "the other way round: `ablate compare 'baseline' 'dropout=0.6'`" in told(found)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"test": "paired"}, "test was"),
        ({"alpha": 0.01}, "alpha was"),
        ({"margin": 0.01, "alpha": 0.1}, "alpha and margin were"),
    ],
)
def test_other_settings_than_the_studys_make_it_exploratory(settings: dict[str, Any], named: str) -> None:
    found = picked("baseline", "optimizer=Adam", **settings)
    assert found.judged[0].basis == "exploratory"
    assert f"Not the study's verdicts, for {named} given otherwise" in told(found)


def test_the_studys_own_settings_may_be_said() -> None:
    assert picked("baseline", "optimizer=Adam", test="welch", alpha=0.05).judged[0].basis == "confirmatory"
    assert picked("baseline", "optimizer=Adam", test="auto").judged[0].basis == "confirmatory"


def test_a_margin_brings_equivalence_and_seeds_needed() -> None:
    found = picked("baseline", "dropout=0.6, optimizer=Adam", margin=0.02)
    assert found.judged[0].comparison.verdict == "equivalent"
    assert int(column(verdicts(found), "seeds_needed")[1]) > 1


@pytest.mark.parametrize("settings", [{"alpha": 0.7}, {"alpha": 0.0}, {"margin": 0.0}, {"margin": -1.0}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        picked("baseline", "optimizer=Adam", **settings)


def test_the_table_has_all_figures_and_says_why_there_is_no_verdict() -> None:
    found = picked("baseline", "dropout=0.6", "the widest", given=wounded())
    table = verdicts(found)
    assert column(table, "variant") == ["baseline (reference)", "dropout=0.6", "the widest"]
    assert column(table, "n") == ["5", "4 of 5", "3 of 5"]
    assert column(table, "verdict")[1:] == ["undecided", "undecided"]
    assert column(table, "p_adjusted")[1:] == ["–", "–"]
    assert "dropout=0.6: undecided, for 1 of 5 seeds diverged." in table.notes
    assert "the widest: undecided, for 3 of 5 seeds are in." in table.notes
    widths = {len(line) for line in plain_lines(table)[1:]}
    assert len(plain_lines(table)) == 5
    assert max(widths) < 160


def test_what_differs_is_told_path_by_path() -> None:
    given = {"dropout=0.3": DROPOUT}
    found = contrast(members(whole(), "baseline", "dropout=0.3", "the widest", recipes=given))
    table = recipes(found)
    assert table is not None
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["dropout=0.3", "model.dropout", "default", "0.3"]
    ]
    assert table.notes == ("The very recipe of baseline: “the widest”.",)
    elsewhere = contrast(members(whole(), "baseline", "dropout=0.3", recipes={"baseline": {}}))
    assert recipes(elsewhere) is None
    assert document(elsewhere)["comparisons"][0]["differences"] is None


def test_costs_are_told_as_multiples_and_seconds_only_on_one_device_model() -> None:
    table = costs(picked("baseline", "the widest"))
    assert table is not None
    assert column(table, "parameters") == ["61,706", "67,706 (× 1.10)"]
    assert column(table, "seconds") == ["6.50", "7.10 (× 1.09)"]
    runs = tuple(
        replace(one, device_name="NVIDIA H200") if one.variant == "the widest" else one for one in whole().runs
    )
    mixed = picked("baseline", "the widest", given=replace(whole(), runs=runs))
    table = costs(mixed)
    assert table is not None
    assert "seconds" not in [one.name for one in table.columns]
    assert "No seconds: the runs were on AMD EPYC 9R14 and NVIDIA H200." in table.notes
    assert warnings(mixed) == (
        "no run of “the widest” was on a device model of baseline: a difference may be the machine's.",
    )


def across(second: Results, **changes: Any) -> Contrast:
    first = replace(whole(), test_sets=(ImageSetRecord(variant_key="b", digest="one", count=9, classes=3),))
    other = second.outline.model_copy(update={"name": "second"})
    sides: Sequence[Member] = (
        *members(first, "baseline"),
        *members(replace(second, outline=other), "baseline", recipes=changes),
    )
    labelled = [replace(one, label=f"{one.study}:baseline") for one in sides]
    return contrast(labelled)


def test_variants_of_several_studies_are_exploratory_and_other_images_are_warned_of() -> None:
    unknown = across(whole())
    assert unknown.several_studies
    assert unknown.judged[0].basis == "exploratory"
    assert warnings(unknown) == ("whether second:baseline and shapes:baseline met the same test images is not stored.",)
    other = replace(whole(), test_sets=(ImageSetRecord(variant_key="b", digest="two", count=9, classes=3),))
    assert "met different test images" in warnings(across(other))[0]
    mnist = {**RECIPE, "data": {"name": "mnist"}}
    assert "are of different data (mnist and digits)" in warnings(across(whole(), baseline=mnist))[0]
    same = replace(whole(), test_sets=(ImageSetRecord(variant_key="b", digest="one", count=9, classes=3),))
    assert warnings(across(same)) == ()
    newer = tuple(replace(one, provenance={**PROVENANCE, "torch": "3.0"}) for one in same.runs)
    assert "under a version of torch that shapes:baseline had" in warnings(across(replace(same, runs=newer)))[0]


def test_one_seed_has_no_verdict_and_the_document_has_null() -> None:
    found = picked("baseline", "the widest", given=results(shapes(seeds=(0,)), ACCURACIES))
    made = document(found)
    assert made["test"] == "none"
    (one,) = made["comparisons"]
    assert [one[key] for key in ("p", "p_adjusted", "ci_low", "mde")] == [None] * 4
    assert (one["verdict"], one["why"], one["basis"]) == ("undecided", "fewer than 2 seeds", "confirmatory")


def test_a_variant_that_was_not_run_is_called_so() -> None:
    outline = shapes()
    more = outline.model_copy(update={"variants": (*outline.variants, variant("late"))})
    found = picked("baseline", "late", given=replace(whole(), outline=more))
    assert column(verdicts(found), "verdict")[1] == "not run"


def test_variants_that_were_computed_in_different_ways_are_noted() -> None:
    given = whole()
    fused = {**EXECUTION, "tier": "fused", "k": 4}
    runs = [replace(run, execution=fused) if run.variant == "the widest" else run for run in given.runs]
    found = picked("baseline", "the widest", "dropout=0.3", given=replace(given, runs=tuple(runs)))
    note = "“the widest” was computed otherwise (fused x4) than baseline (exact); that agrees up to rounding."
    assert [line for line in notes(found) if "computed" in line] == [note]
    assert not warnings(found)
