"""The first lines of a report answer what readers ask first, and claim no more than the verdicts do."""

from dataclasses import replace

from report_cases import degradation, results, shapes, variant, whole, wobble, wounded

from ablate.protocol import JobState
from ablate.report.glance import glance
from ablate.study.outline import OutlineDesign
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

CALLS = (("studies/shapes.toml",),)


def told(given: Results) -> dict[str, str]:
    return dict(glance(analyse(given), CALLS))


def test_a_gain_is_told_with_its_certainty_its_cost_and_the_command() -> None:
    assert told(whole()) == {
        "what helped most": "“the widest”: test accuracy 86.26 % against 79.73 % of the baseline (+6.53 points)",
        "is that sure": "yes: better (95 % interval +6.30 to +6.75 points, adjusted p < 0.001, 5 seeds each)",
        "what it costs": "1.10 times the parameters and 1.06 times the seconds per epoch of the baseline",
        "what the study took": "35 runs, 3 min 58 s of training in sum on AMD EPYC 9R14",
        "how to run it again": "ablate run studies/shapes.toml",
    }


def test_an_undecided_gain_is_not_sold_as_one() -> None:
    given = results(shapes(), {})
    noisy = tuple(replace(one, test_accuracy=0.8 + 0.05 * wobble(one.seed, one.job)) for one in given.runs)
    said = told(replace(given, runs=noisy))["is that sure"]
    assert said.startswith("no: undecided (95 % interval ")
    assert "differences looks better than it is" in said


def test_where_nothing_gained_nothing_is_said_to_help() -> None:
    outline = shapes()
    worse = {one.name: 0.7 for one in outline.variants if one.name != "baseline"}
    found = told(results(outline, worse))
    assert found["what helped most"].startswith("nothing: no change did better than the 79.")
    assert not {"is that sure", "what it costs"} & set(found)


def test_of_losses_the_smallest_helped_most() -> None:
    assert told(degradation())["what helped most"].startswith("“depth=56, residual=true”: training loss 0.1")
    assert "−0.0" in told(degradation())["what helped most"]


def test_a_ladder_alone_tells_its_largest_step() -> None:
    outline = shapes()
    names = ("baseline", "dropout=0.3", "dropout=0.3, optimizer=Adam")
    outline = outline.model_copy(
        update={
            "designs": (OutlineDesign(name="ladder", kind="ladder", factors=("dropout", "optimizer")),),
            "variants": tuple(
                one.model_copy(update={"designs": ("ladder",)}) for one in outline.variants if one.name in names
            ),
        }
    )
    found = told(results(outline, {"dropout=0.3, optimizer=Adam": 0.85}))
    assert "against 80.20 % of dropout=0.3" in found["what helped most"]
    assert found["is that sure"].startswith("yes: better")


def test_one_seed_and_one_variant_have_few_answers() -> None:
    lone = told(results(shapes(seeds=(0,)), {}))
    assert lone["is that sure"].startswith("no: undecided, ")
    assert set(told(results(shapes(factors=(), designs=(), variants=(variant("baseline", "b"),)), {}))) == {
        "what the study took",
        "how to run it again",
    }


def test_a_study_under_way_says_so_and_an_empty_one_only_how_to_run_it() -> None:
    assert "what helped most so far" in told(wounded())
    given = whole()
    queued = tuple(
        replace(one, state=JobState.QUEUED, test_accuracy=None, seconds=None, attempt=0) for one in given.runs
    )
    assert set(told(replace(given, runs=queued, epochs=()))) == {"how to run it again"}


def test_what_was_added_after_results_is_not_yet_sure() -> None:
    outline = shapes()
    late = tuple(
        one.model_copy(update={"exploratory": True}) if one.name == "the widest" else one for one in outline.variants
    )
    said = told(results(outline.model_copy(update={"variants": late}), {"the widest": 0.9}))["is that sure"]
    assert said.startswith("not yet: better (")
    assert said.endswith("exploratory, added after results were seen")


def test_devices_of_two_kinds_tell_no_ratio_of_seconds() -> None:
    given = whole()
    runs = tuple(replace(one, device_name="other") if one.variant == "the widest" else one for one in given.runs)
    assert told(replace(given, runs=runs))["what it costs"] == "1.10 times the parameters of the baseline"
