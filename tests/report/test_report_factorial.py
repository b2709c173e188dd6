"""Grids and fractions as a whole: their tables, sentences, pictures and JSON, and when there are none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from report_cases import crossed, grid, screening, whole, wobble, wounded
from test_report_figures import legend, overlaps
from test_report_markdown import rows, section

from ablate.protocol import JobState
from ablate.report.comparisons import comparisons_json
from ablate.report.factorial import crossed as crossed_of
from ablate.report.figures import gallery
from ablate.report.figures.half_normal import half_normal_figure
from ablate.report.figures.mains import mains_figure
from ablate.report.figures.names import OURS
from ablate.report.markdown import render
from ablate.store.records import RunRecord
from ablate.study import Study
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

PICTURES = {
    "mains grid": "mains-01-grid",
    "mains fraction": "mains-01-fraction",
    "half-normal fraction": "half-normal-01",
}
TWO = {"a": ("0", "1"), "b": ("0", "1")}


def text_of(given: Results) -> str:
    return render(analyse(given), PICTURES)


def the_part(given: Results, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = comparisons_json(given)["factorial"][index]
    return found


def verdicts(part: dict[str, Any]) -> dict[str, str]:
    return {
        "*".join(one["factors"]) + (f"={one['level']}" if one["level"] else ""): one["verdict"]
        for one in part["effects"]
    }


def changed(given: Results, change: Callable[[RunRecord], RunRecord]) -> Results:
    return replace(given, runs=tuple(change(one) for one in given.runs))


def without(given: Results, name: str, seed: int, state: JobState, **more: Any) -> Results:
    """The same, but one run has no value."""
    return changed(
        given,
        lambda one: (
            replace(one, state=state, test_accuracy=None, **more) if (one.variant, one.seed) == (name, seed) else one
        ),
    )


@pytest.mark.parametrize(("name", "make"), [("grid", grid), ("fraction", screening)])
def test_the_report_is_the_golden_one(
    name: str, make: Callable[[], Results], golden: Callable[[str, str], str]
) -> None:
    text = text_of(make())
    assert text == golden(f"{name}.md", text)


def test_the_order_of_stored_rows_does_not_matter() -> None:
    given = grid()
    assert text_of(replace(given, runs=given.runs[::-1])) == text_of(given)


def test_a_grid_says_what_its_factors_do_on_average_and_together() -> None:
    found = rows(text_of(grid()), "Main effects: grid")
    assert [row[:3] for row in found] == [
        ["dropout", "0.3", "0"],
        ["dropout", "0.6", "0"],
        ["normalisation", "batch", "none"],
        ["optimizer", "Adam", "SGD"],
    ]
    assert [row[-1] for row in found] == ["undecided", "worse", "**better**", "**better**"]
    assert rows(text_of(grid()), "Interactions: grid")[2][-1] == "**better together**"
    assert "normalisation × optimizer: better together" in text_of(grid()).split("## Settings")[0]
    assert "0.00" in rows(text_of(grid()), "Analysis of variance: grid")[0][-1]


def test_a_fraction_with_one_seed_explores_and_prints_what_it_confounds() -> None:
    text = text_of(screening())
    found = {row[0]: row for row in rows(text, "Main effects: fraction")}
    assert {name for name, row in found.items() if row[5] == "beyond SME"} == {"dynamo", "gear"}
    assert found["gear"][6].startswith("−seat × dynamo, −handlebars × tyres")
    said = section(text, "Main effects: fraction")
    assert "Exploratory: one seed" in said
    assert r"Resolution 3 with 8 runs, computed from its cells; defining relation I = −seat\*dynamo\*gear" in said
    part = the_part(screening())
    assert {one["verdict"] for one in part["effects"]} == {"undecided"}
    assert {one["p"] for one in part["effects"]} == {None}
    assert part["lenth"]["effects"] == 7


def test_a_fraction_with_seeds_is_judged_and_says_what_a_main_effect_may_be() -> None:
    given = screening()
    outline = given.outline.model_copy(update={"seeds": (0, 1, 2)})
    runs = [
        replace(one, seed=seed, test_accuracy=(one.test_accuracy or 0) + 0.002 * wobble(seed, one.job))
        for one in given.runs
        for seed in range(3)
    ]
    text = text_of(replace(given, outline=outline, runs=tuple(runs)))
    assert rows(text, "Main effects: fraction")[3][-2] == "**better**"
    assert "cannot tell main effects from interactions of two factors" in text.split("## Settings")[0]


def test_the_relation_is_that_of_the_plan() -> None:
    """The report computes it from the levels of stored variants, `ablate plan` from the matrix of the design."""
    paths = {"a": "data.batch_size", "b": "model.dropout", "c": "training.optimizer.momentum", "d": "model.kernel_size"}
    values = {"a": 8, "b": 0.1, "c": 0.9, "d": 5}
    made = Study.from_dict(
        {
            "name": "x",
            "baseline": {
                "data": {"name": "digits"},
                "model": {"name": "convnet"},
                "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
            },
            "factors": {name: {"path": path, "levels": [values[name]]} for name, path in paths.items()},
            "designs": [{"kind": "fraction", "resolution": 4}],
        }
    )
    outline = made.outline()
    given = Results(outline=outline, runs=())
    part = the_part(given)
    planned = made.designs[0].aliases
    assert planned is not None
    assert (part["resolution"], part["defining_relation"]) == (planned.resolution, list(planned.defining_relation))


def test_failures_are_never_dropped() -> None:
    text = text_of(wounded())
    said = section(text, "Main effects: grid")
    assert "since runs of some cells brought no value (diverged: dropout=0.6; failed: optimizer=Adam)" in said
    part = the_part(wounded())
    assert (part["effects"], part["n"]) == ([], None)
    assert "failed: optimizer=Adam" in part["why"]


def test_a_run_that_the_machine_lost_may_be_missing() -> None:
    given = crossed(TWO, {("a=1",): 0.1}, seeds=4)
    lost = without(given, "b=1", 2, JobState.FAILED)
    job = next(one.job for one in lost.runs if one.state == JobState.FAILED)
    lost = replace(lost, failures=tuple(replace(one, job=job, kind=None) for one in wounded().failures[:1]))
    part = the_part(lost)
    assert (part["n"], part["balanced"], verdicts(part)["a=1"]) == (15, False, "better")
    assert "15 runs: 4 cells with 4 seeds each, without 1 that the machine lost" in text_of(lost)
    assert "type II analysis of variance" in text_of(lost)


def test_an_interim_grid_has_effects_of_complete_seeds_and_no_verdicts() -> None:
    given = crossed(TWO, {("a=1",): 0.1}, seeds=4)
    interim = without(given, "b=1", 3, JobState.QUEUED, attempt=0)
    part = the_part(interim)
    assert (part["seeds"], part["n"]) == (3, 12)
    assert set(verdicts(part).values()) == {"undecided"}
    assert "all cells have 3 seeds; nothing is judged before all seeds are in" in text_of(interim)
    empty = changed(
        given, lambda one: replace(one, state=JobState.QUEUED, test_accuracy=None) if one.variant == "b=1" else one
    )
    assert the_part(empty)["why"] == "No analysis of the whole yet: there is no seed of which every cell has a value."


def test_seeds_that_only_some_cells_were_given_do_not_count() -> None:
    given = crossed(TWO, {("a=1",): 0.1}, seeds=4)
    more = next(one for one in given.runs if one.variant == "b=1")
    grown = replace(given, runs=(*given.runs, replace(more, seed=9, state=JobState.QUEUED, test_accuracy=None)))
    assert verdicts(the_part(grown)) == verdicts(the_part(given))
    assert the_part(grown)["seeds"] == 4


def test_a_grid_with_holes_has_no_averages() -> None:
    kept = [("0", "0"), ("0", "1"), ("1", "0")]
    part = the_part(crossed(TWO, {}, kept=kept))
    assert part["why"].startswith("No analysis of the whole: 1 of 4 combinations of levels have no cell of their own")


def test_a_level_that_came_after_results_leaves_the_first_analysis_alone() -> None:
    levels = {"a": ("0", "1", "2"), "b": ("0", "1")}
    given = crossed(levels, {("a=1",): 0.1, ("a=2",): 0.2}, seeds=4)
    late = tuple(one.model_copy(update={"exploratory": "a=2" in one.name}) for one in given.outline.variants)
    grown = replace(given, outline=given.outline.model_copy(update={"variants": late}))
    first, second = comparisons_json(grown)["factorial"]
    before = the_part(crossed({"a": ("0", "1"), "b": ("0", "1")}, {("a=1",): 0.1}, seeds=4))
    assert (first["exploratory"], second["exploratory"]) == (False, True)
    assert list(verdicts(first)) == list(verdicts(before)) == ["a=1", "b=1", "a*b"]
    assert "a=2" in verdicts(second)
    assert "## Main effects: grid (exploratory)" in text_of(grown)


def test_a_factor_beside_the_grid_and_a_study_without_grids_change_nothing() -> None:
    assert [one["design"] for one in comparisons_json(whole())["factorial"]] == ["grid"]
    alone = whole().outline.model_copy(update={"designs": whole().outline.designs[:1]})
    assert comparisons_json(replace(whole(), outline=alone))["factorial"] == []


LONG = {
    "normalisation of the activations": ("none at all, nowhere", "batch normalisation after each layer"),
    "norm": ("SGD", "Adam with decoupled weight decay"),
}
SEVEN = {f"factor {index}": ("off", "on") for index in range(7)}
LARGE = {("factor 0=on",): 0.05, ("factor 1=on",): 0.04, ("factor 2=on",): 0.03, ("factor 0=on", "factor 1=on"): 0.03}


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        (crossed(LONG, {}), (True, False)),
        (crossed(SEVEN, LARGE, seeds=1), (True, True)),
        (grid(), (True, False)),
        (screening(), (True, True)),
    ],
    ids=["long", "seven", "grid", "fraction"],
)
def test_nothing_overlaps(given: Results, drawn: tuple[bool, bool]) -> None:
    analysis = analyse(given)
    pictures = [make(analysis, crossed_of(analysis)[0]) for make in (mains_figure, half_normal_figure)]
    assert tuple(picture is not None for picture in pictures) == drawn
    assert [overlaps(picture) for picture in pictures if picture is not None] == [[] for is_drawn in drawn if is_drawn]


def test_the_half_normal_plot_names_what_stands_out() -> None:
    analysis = analyse(screening())
    figure = half_normal_figure(analysis, crossed_of(analysis)[0])
    assert isinstance(figure, Figure)
    assert {text.get_text() for text in figure.axes[0].texts} == {"gear=changed", "dynamo=changed"}
    assert legend(figure) == ["noise alone (PSE)", "ME", "SME", "raises the metric", "lowers it"]


def test_pictures_are_written_and_known_as_ours(tmp_path: Path) -> None:
    written = gallery.draw(analyse(screening()), tmp_path)
    assert {"mains fraction", "half-normal fraction"} <= set(written)
    assert all(OURS.fullmatch(path.name) for path in tmp_path.iterdir())
    text = render(analyse(screening()), written)
    assert "![Half-normal plot: fraction](figures/half-normal-01-fraction.png)" in text
