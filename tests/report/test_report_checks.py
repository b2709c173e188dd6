"""What the report notices by itself."""

from dataclasses import replace

import pytest
from report_cases import results, shapes, whole

from ablate.protocol import JobState
from ablate.report.checks import Finding, findings
from ablate.report.markdown import render
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results


def texts(given: Results, severity: str | None = None) -> list[str]:
    found: tuple[Finding, ...] = findings(analyse(given))
    return [one.text for one in found if severity in (None, one.severity)]


def copied(name: str, *, device: str = "cpu", **changes: float) -> Results:
    """A study in which a variant repeats the baseline, but for `changes` to each of its epochs."""
    given = whole()
    base = {one.seed: one for one in given.runs if one.variant_key == "b"}
    curves = {(row.seed, row.epoch): row for row in given.epochs if row.variant_key == "b"}
    runs = [
        replace(base[one.seed], job=one.job, variant=one.variant, variant_key=one.variant_key, device=device)
        if one.variant == name
        else one
        for one in given.runs
    ]
    epochs = [
        replace(curves[row.seed, row.epoch], variant=row.variant, variant_key=row.variant_key, **changes)
        if row.variant == name
        else row
        for row in given.epochs
    ]
    return replace(given, runs=tuple(runs), epochs=tuple(epochs))


def test_a_sound_study_has_no_findings() -> None:
    assert texts(whole()) == []


def test_a_level_that_changes_nothing_is_flagged() -> None:
    assert texts(copied("dropout=0.3"), "warning") == [
        "dropout=0.3: changes nothing. Network, optimizer, transforms, learning rates and all losses are those of the "
        "baseline, for every common seed."
    ]


def test_a_schedule_that_starts_like_the_baseline_is_no_no_op() -> None:
    assert texts(copied("dropout=0.3", lr=0.025)) == []


def test_different_losses_are_no_no_op_where_runs_repeat_bit_for_bit() -> None:
    assert texts(copied("dropout=0.3", train_loss=0.123)) != []  # equal over seeds: another finding
    assert not any("changes nothing" in text for text in texts(copied("dropout=0.3", train_loss=0.123)))


def test_on_a_gpu_a_no_op_may_differ_in_its_losses() -> None:
    found = texts(copied("dropout=0.3", device="cuda:0", val_loss=0.5, train_accuracy=0.5))
    assert "dropout=0.3: changes nothing" in found[0]
    given = copied("dropout=0.3", device="cuda:0")
    nudged = tuple(
        replace(one, test_loss=one.test_loss + 1e-6) if one.variant == "dropout=0.3" else one for one in given.runs
    )
    assert "dropout=0.3: seems to change nothing" in texts(replace(given, runs=nudged))[0]


def test_seeds_without_effect_are_an_error() -> None:
    given = whole()
    same = [row.train_loss for row in given.epochs if row.variant_key == "b" and row.seed == 0]
    epochs = tuple(
        replace(row, train_loss=same[row.epoch - 1]) if row.variant_key == "b" and row.seed == 3 else row
        for row in given.epochs
    )
    found = texts(replace(given, epochs=epochs), "error")
    assert len(found) == 1
    assert found[0].startswith("baseline: seeds 0 and 3 have identical training losses: seed has no effect?")


def test_equal_accuracies_are_only_noted() -> None:
    given = whole()
    runs = tuple(replace(one, test_accuracy=0.8) if one.variant_key == "b" else one for one in given.runs)
    assert texts(replace(given, runs=runs)) == ["All seeds reached the very same test accuracy in baseline."]


def test_mixed_machines_are_a_warning_and_a_machine_of_its_own_a_second() -> None:
    given = whole()
    runs = tuple(
        replace(one, device_name="NVIDIA H200") if one.variant == "optimizer=Adam" else one for one in given.runs
    )
    found = texts(replace(given, runs=runs), "warning")
    assert "2 device models (AMD EPYC 9R14 and NVIDIA H200)" in found[0]
    assert found[1].startswith("optimizer=Adam: no run on a device model of the baseline")


@pytest.mark.parametrize("package", ["torch", "ablate-lab", "commit"])
def test_mixed_versions_are_a_warning(package: str) -> None:
    given = whole()
    runs = tuple(replace(one, provenance={**one.provenance, package: f"9.{one.seed % 2}"}) for one in given.runs)
    found = texts(replace(given, runs=runs), "warning")
    assert found == [f"Runs were made under different versions of {package}: 9.0 and 9.1."]


def test_a_level_that_ran_under_a_version_of_its_own_is_named() -> None:
    given = whole()
    runs = tuple(
        replace(one, provenance={**one.provenance, "torch": "2.9", "commit": "f" * 40})
        if one.variant in ("optimizer=Adam", "dropout=0.3")
        else one
        for one in given.runs
    )
    found = [text for text in texts(replace(given, runs=runs), "warning") if "no run under" in text]
    assert found == [
        f"dropout=0.3 and optimizer=Adam: no run under a version of {name} that the baseline had, so a difference may "
        "be the version's."
        for name in ("torch", "commit")
    ]
    some = tuple(new if new.seed else old for new, old in zip(runs, given.runs, strict=True))
    assert not [text for text in texts(replace(given, runs=some)) if "no run under" in text]


def test_a_curve_of_the_test_set_is_never_ranked() -> None:
    """Even where a database has such a study from elsewhere."""
    given = whole()
    epochs = tuple(replace(row, custom={"oracle_test_accuracy": 0.9}) for row in given.epochs)
    outline = given.outline.model_copy(update={"metric": "oracle_test_accuracy"})
    ranked = replace(given, outline=outline, epochs=epochs)
    assert not any(arm.values for arm in analyse(ranked).arms.values())
    (told,) = texts(ranked, "error")
    assert told.startswith("`oracle_test_accuracy` looks at the test set after every epoch: nothing is ranked by it.")
    assert "`test_accuracy` as `metric`" in told


def test_a_study_in_which_nothing_succeeded_says_so() -> None:
    given = whole()
    runs = tuple(replace(one, state=JobState.FAILED, error="boom", test_accuracy=None) for one in given.runs)
    assert texts(replace(given, runs=runs), "error") == ["No run has succeeded: there is nothing to compare."]
    assert "## Cost" not in render(analyse(replace(given, runs=runs)), {})


def test_files_of_a_data_set_that_changed_between_runs_are_an_error() -> None:
    given = whole()
    runs = tuple(
        replace(one, fingerprints={**one.fingerprints, "data": f"fashion:{'new' if one.seed == 4 else 'old'}"})
        for one in given.runs
    )
    (told,) = texts(replace(given, runs=runs), "error")
    assert told.startswith("The files of the data set were changed between runs")
    assert "(seed 4)" in told
    resized = tuple(
        replace(one, fingerprints={**one.fingerprints, "data": f"{one.variant}:{one.variant}"}) for one in given.runs
    )
    assert texts(replace(given, runs=resized), "error") == []


def test_reported_figures_of_a_study_that_was_changed_are_noted() -> None:
    given = replace(whole(), settings=("data.name=mnist", "seeds.count=2"))
    assert any(variant.reported is not None for variant in given.outline.variants)
    assert texts(given) == [
        "The reported figures belong to the study as its file has it; here data.name=mnist was set."
    ]
    assert texts(replace(given, settings=("seeds.count=2",))) == []


def test_uncommitted_changes_are_noted() -> None:
    given = whole()
    runs = tuple(replace(one, provenance={**one.provenance, "dirty": one.seed == 0}) for one in given.runs)
    assert texts(replace(given, runs=runs)) == ["7 of 35 runs were made with uncommitted changes in the working tree."]


def test_a_second_name_for_a_recipe_is_noted() -> None:
    outline = shapes()
    variants = (outline.variants[0].model_copy(update={"also": ("no change",)}), *outline.variants[1:])
    found = texts(results(outline.model_copy(update={"variants": variants}), {}))
    assert found == ["no change: the same recipe as baseline."]


def test_runs_of_an_older_file_are_told_and_named() -> None:
    given = whole()
    name = given.runs[-1].variant
    runs = tuple(
        replace(one, provenance={**one.provenance, "sources": {"nets.py": "old" if one.seed == 0 else "new"}})
        if one.variant == name
        else one
        for one in given.runs
    )
    assert texts(replace(given, runs=runs, sources={"nets.py": "new"})) == [
        f"1 run of {name} was made with an older nets.py than the study has now; "
        "`ablate run --rerun-stale` runs them again."
    ]
    assert texts(replace(given, runs=runs)) == []
