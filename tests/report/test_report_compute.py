"""Variants at equal epochs, at equal time, and against what they cost."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_cases import ACCURACIES, curve, many, results, shapes, variant, whole, wounded
from scipy import stats
from test_report_figures import legend, overlaps
from test_report_markdown import rows, section, text_of

from ablate.protocol import JobState
from ablate.report.comparisons import comparisons_json
from ablate.report.equal import at_equal_cost
from ablate.report.figures.pareto import pareto_figure
from ablate.report.pareto import paretos
from ablate.report.write import write_report
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

SPEEDS = {"dropout=0.3": 2.0, "dropout=0.6": 10.0}


def timed(given: Results | None = None, *, epochs: int = 6) -> Results:
    """The baseline takes 1 s an epoch, dropout=0.3 2 s and dropout=0.6 10 s; the baseline runs 6 epochs."""
    given = given or whole()
    rows = []
    for place, one in enumerate(given.outline.variants):
        for run in given.runs_of(one.key):
            length = 6 if one.name == "baseline" else epochs
            rows += curve(run, place, length, seconds=SPEEDS.get(one.name, 1.0))
    return replace(given, epochs=tuple(rows))


def val_accuracies(given: Results, name: str, epoch: int) -> list[float]:
    return [row.val_accuracy for row in given.epochs if (row.variant, row.epoch) == (name, epoch) and row.val_accuracy]


def test_equal_epochs_are_the_last_that_all_runs_reached() -> None:
    given = timed(epochs=9)
    found = at_equal_cost(analyse(given))
    assert found is not None
    assert (found.metric.name, found.epoch) == ("val_accuracy", 6)
    point = found.at_epoch["key of dropout=0.3"]
    ours, theirs = val_accuracies(given, "dropout=0.3", 6), val_accuracies(given, "baseline", 6)
    assert point.interval.mean == pytest.approx(np.mean(ours))
    assert point.difference is not None
    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert (point.difference.ci_low, point.difference.ci_high) == pytest.approx(tuple(interval))
    assert found.at_epoch["b"].difference is None


def test_equal_time_takes_of_each_variant_the_epochs_that_were_over_by_then() -> None:
    given = timed()
    found = at_equal_cost(analyse(given))
    assert found is not None
    assert found.seconds == pytest.approx(6.0)
    reached = {key: point and point.epoch for key, point in found.at_time.items()}
    assert (reached["b"], reached["key of dropout=0.3"], reached["key of dropout=0.6"]) == (6, 3, None)
    at_time = found.at_time["key of dropout=0.3"]
    assert at_time is not None
    assert at_time.interval.mean == pytest.approx(np.mean(val_accuracies(given, "dropout=0.3", 3)))
    text = section(text_of(given), "At equal epochs and at equal time")
    table = rows(text_of(given), "At equal epochs and at equal time")
    assert "| epochs in 6.0 s | after 6.0 s (%) |" in text
    assert [row[4] for row in table][:3] == ["6", "3", "0"]
    assert "No epoch was over by then: dropout=0.6." in text
    assert "adjusted for nothing, and no verdict rests on them" in text


def test_time_is_the_median_over_seeds_so_that_one_slow_run_changes_nothing() -> None:
    given = timed()
    slow = tuple(replace(row, seconds=500.0) if row.seed == 0 else row for row in given.epochs)
    found, other = at_equal_cost(analyse(replace(given, epochs=slow))), at_equal_cost(analyse(given))
    assert found == other


def test_seconds_are_never_compared_across_device_models() -> None:
    given = timed()
    one = tuple(replace(run, device_name="NVIDIA H200") if run.variant == "dropout=0.3" else run for run in given.runs)
    found = at_equal_cost(analyse(replace(given, runs=one)))
    assert found is not None
    assert found.device == "AMD EPYC 9R14"
    assert "key of dropout=0.3" not in found.at_time
    assert found.other_devices == ("key of dropout=0.3",)
    assert "Left out of equal time, for other device models: dropout=0.3." in text_of(replace(given, runs=one))
    each = tuple(replace(run, device_name=run.variant) for run in given.runs)
    found = at_equal_cost(analyse(replace(given, runs=each)))
    assert found is not None
    assert found.seconds is None
    assert not found.at_time
    assert "No comparison at equal time: the runs were on different device models." in text_of(
        replace(given, runs=each)
    )
    assert "seconds" not in [one.cost.name for one in paretos(analyse(replace(given, runs=each)))]


def test_survivors_have_no_difference_and_say_how_many_they_are() -> None:
    found = at_equal_cost(analyse(wounded()))
    assert found is not None
    assert found.at_epoch["key of dropout=0.6"].difference is None
    table = rows(text_of(wounded()), "At equal epochs and at equal time")
    assert table[2][:2] == ["dropout=0.6", "4 of 5"]
    assert table[2][3] == "–"


def test_without_validation_images_it_is_the_training_loss_and_never_the_test_set() -> None:
    given = results(shapes(), ACCURACIES, validation=False)
    oracle = tuple(replace(row, custom={"oracle_test_accuracy": 0.9}) for row in given.epochs)
    found = at_equal_cost(analyse(replace(given, epochs=oracle)))
    assert found is not None
    assert found.metric.name == "train_loss"
    loss = given.outline.model_copy(update={"metric": "test_loss", "direction": "min"})
    found = at_equal_cost(analyse(replace(whole(), outline=loss)))
    assert found is not None
    assert found.metric.name == "val_loss"


def test_results_without_epochs_have_no_such_table() -> None:
    given = replace(whole(), epochs=())
    assert at_equal_cost(analyse(given)) is None
    assert "At equal epochs" not in text_of(given)
    assert comparisons_json(given)["compute"]["at_equal_epochs"] == []


def sized(sizes: dict[str, int], accuracies: dict[str, float]) -> Results:
    """A study with a named variant for each size beside the baseline of size 100."""
    named = tuple(variant(name) for name in sizes if name != "baseline")
    outline = shapes(factors=(), designs=(), variants=(variant("baseline", "b"), *named))
    given = results(outline, accuracies)
    runs = tuple(replace(run, parameters=sizes[run.variant], seconds=1.0) for run in given.runs)
    return replace(given, runs=runs)


def test_what_something_cheaper_beats_is_dominated_unless_noise_hides_it() -> None:
    sizes = {"baseline": 100, "large": 200, "waste": 300, "hardly": 400}
    given = sized(sizes, {"baseline": 0.7, "large": 0.8, "waste": 0.75, "hardly": 0.8005})
    (found,) = paretos(analyse(given))
    assert [one.verdict for one in found.candidates] == ["front", "front", "dominated", "not separable"]
    table = rows(text_of(given), "Test accuracy against cost")
    assert [row[2] for row in table] == ["front", "front", "dominated by large", "not separable from large"]
    assert found.cost.name == "parameters"


def test_costs_that_do_not_vary_have_no_picture_and_a_tenth_of_time_is_chance() -> None:
    given = sized({"baseline": 100, "same": 100}, {})
    assert paretos(analyse(given)) == ()
    assert "against cost" not in text_of(given)
    times = tuple(replace(run, seconds=1.0 if run.variant == "same" else 1.05) for run in given.runs)
    assert paretos(analyse(replace(given, runs=times))) == ()
    times = tuple(replace(run, seconds=1.0 if run.variant == "same" else 1.5) for run in given.runs)
    (found,) = paretos(analyse(replace(given, runs=times)))
    assert (found.cost.name, found.device) == ("seconds", "AMD EPYC 9R14")


def test_runs_that_diverged_or_failed_have_no_place_and_are_named() -> None:
    (found,) = paretos(analyse(wounded()))
    assert set(found.left_out) == {"key of dropout=0.6", "key of optimizer=Adam"}
    assert "Without a place, for runs that diverged, failed or are not in: dropout=0.6 and optimizer=Adam." in text_of(
        wounded()
    )


def spread(count: int = 30) -> Results:
    """Many variants whose parameters span several powers of ten."""
    given = many(count)
    place = {one.key: index for index, one in enumerate(given.outline.variants)}
    sizes = {key: int(1000 * 1.35 ** (7 * index % 31)) for key, index in place.items()}
    runs = tuple(
        replace(run, parameters=sizes[run.variant_key], flops=10 + place[run.variant_key] % 5) for run in given.runs
    )
    return replace(given, runs=runs)


@pytest.mark.parametrize("given", [whole(), spread(2), spread(30), many(30)])
def test_names_in_the_picture_cover_neither_each_other_nor_leave_it(given: Results) -> None:
    analysis = analyse(given)
    for one in paretos(analysis):
        figure = pareto_figure(analysis, one)
        assert overlaps(figure) == []
        shown = {text.get_text() for text in figure.axes[0].texts}
        assert "baseline" in shown
        assert "front of the means" in legend(figure)


def test_the_axis_is_logarithmic_where_costs_span_more_than_tenfold() -> None:
    analysis = analyse(spread())
    scales = {one.cost.name: pareto_figure(analysis, one).axes[0].get_xscale() for one in paretos(analysis)}
    assert scales["parameters"] == "log"
    assert scales["flops"] == "linear"


def test_a_variant_far_out_does_not_flatten_the_others() -> None:
    given = sized({name: 100 + 10 * index for index, name in enumerate(("baseline", "a", "b2", "c", "d", "broken"))},
                  {"broken": 0.1})  # fmt: skip
    analysis = analyse(given)
    (found,) = paretos(analysis)
    axes = pareto_figure(analysis, found).axes[0]
    assert axes.get_ylim()[0] > 50
    assert "1 of 6 variants leave the picture" in [text.get_text() for text in axes.texts]


def test_the_picture_lies_beside_the_report_and_the_json_has_it_all(tmp_path: Path) -> None:
    given = timed()
    text = write_report(given, tmp_path).read_text("utf-8")
    assert "](figures/pareto-parameters.png)" in text
    assert (tmp_path / "figures" / "pareto-parameters.svg").is_file()
    made = json.loads((tmp_path / "report.json").read_text("utf-8"))["compute"]
    assert (made["metric"], made["epoch"], made["seconds"], made["device"]) == ("val_accuracy", 6, 6.0, "AMD EPYC 9R14")
    late = next(one for one in made["at_equal_time"] if one["variant"] == "dropout=0.6")
    assert (late["epoch"], late["n"], late["mean"]) == (None, 0, None)
    (pareto,) = made["pareto"]
    assert pareto["cost"] == "parameters"
    first = pareto["variants"][0]
    assert (first["variant"], first["standing"], first["neighbour"]) == ("baseline", "front", None)


def test_an_unfinished_study_is_told_as_far_as_it_is() -> None:
    given = whole()
    waiting = tuple(
        replace(run, state=JobState.QUEUED, test_accuracy=None, epochs=0) if run.variant_key != "b" else run
        for run in given.runs
    )
    alone = replace(given, runs=waiting, epochs=tuple(row for row in given.epochs if row.variant_key == "b"))
    assert at_equal_cost(analyse(alone)) is None
    assert paretos(analyse(alone)) == ()
