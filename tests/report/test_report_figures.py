"""Pictures: that they are there, name n, and that one run out of bounds does not flatten the others."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from report_cases import (
    ACCURACIES,
    degradation,
    factor,
    many,
    results,
    run,
    shapes,
    stepped,
    stopped,
    variant,
    whole,
    wounded,
)

from ablate.protocol import JobState
from ablate.report.figures import style
from ablate.report.figures.curves import factor_figure, notes
from ablate.report.figures.gallery import wanted
from ablate.report.figures.interaction import interaction_figure
from ablate.report.figures.overview import overview_figure
from ablate.report.figures.steps import StepFrame, step_notes, steps_figure
from ablate.report.figures.style import limits
from ablate.report.grids import matrices, positions
from ablate.report.tables import members
from ablate.study.outline import OutlineReport
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results


def curves(given: Results, index: int = 0) -> Figure:
    figure = factor_figure(given, members(given, given.outline.factors[index]))
    assert figure is not None
    return figure


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes cover each other, and texts that leave the picture."""
    canvas = FigureCanvasAgg(figure)
    with style.drawing():
        canvas.draw()
    renderer = canvas.get_renderer()
    outside = {
        id(text)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for text in (tick.label1, tick.label2)
    }
    texts = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in outside
    ]
    whole_picture = figure.bbox.padded(1)
    found = [(name, "the edge") for name, box in texts if not _inside(box, whole_picture)]
    for index, (name, box) in enumerate(texts):
        found += [(name, other) for other, second in texts[index + 1 :] if box.padded(-1).overlaps(second.padded(-1))]
    return found


def _inside(box: object, outer: object) -> bool:
    return box.x0 >= outer.x0 and box.x1 <= outer.x1 and box.y0 >= outer.y0 and box.y1 <= outer.y1  # type: ignore[attr-defined]


def test_the_legend_names_n_the_baseline_and_what_diverged() -> None:
    assert legend(curves(whole()))[:3] == ["0 (n = 5, baseline)", "0.3 (n = 5)", "0.6 (n = 5)"]
    assert legend(curves(wounded()))[2] == "0.6 (n = 4, 1 diverged)"
    assert "a seed (n = 5 each)" in legend(overview_figure(analyse(whole())))


def test_bold_is_validation_and_thin_is_training() -> None:
    figure = curves(whole())
    assert legend(figure)[-2:] == ["validation, mean and 95 % band", "training"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "accuracy, %"]


def test_without_a_validation_split_the_oracle_curve_is_called_so() -> None:
    given = results(shapes(), ACCURACIES, validation=False)
    assert [axes.get_title(loc="left") for axes in curves(given).axes] == ["training loss", "training accuracy, %"]
    assert legend(curves(given))[-1] == "mean and 95 % band"
    custom = {"oracle_test_accuracy": 0.7, "oracle_test_loss": 0.9}
    stored = replace(given, epochs=tuple(replace(row, custom=custom) for row in given.epochs))
    assert any("oracle" in text for text in legend(curves(stored)))


def test_a_diverged_run_does_not_flatten_the_others() -> None:
    low, high = curves(wounded()).axes[0].get_ylim()
    assert -0.5 < low < high < 5  # the run reached 1e6
    texts = [text.get_text() for text in curves(wounded()).axes[0].texts]
    assert texts == ["1 of 30 curves leave the picture"]


def test_limits_show_every_curve_of_a_sound_study() -> None:
    sound = [np.array([2.3, 1.0, 0.4]), np.array([2.2, 0.8, 0.1]), np.array([1.2, 0.5, 0.2])]
    assert limits(sound) == (0.1, 2.3)
    assert limits([*sound, np.array([2.0, 1e9, np.nan])]) == (0.1, 2.3)
    assert limits([np.array([0.5])]) == (0.5, 0.5)


def test_limits_show_curves_that_lie_far_apart() -> None:
    training, validation = np.array([98.0, 99.0, 99.5]), np.array([50.0, 51.0, 50.5])
    assert limits([training, validation]) == (50.0, 99.5)
    assert limits([training, validation, training, validation]) == (50.0, 99.5)


@pytest.mark.parametrize("count", [2, 8, 30])
def test_no_text_covers_another_in_the_overview(count: int) -> None:
    figure = overview_figure(analyse(many(count)))
    assert figure is not None
    assert overlaps(figure) == []


def test_no_text_covers_another_under_many_and_long_labels() -> None:
    levels = ["off", *(f"a level that has a rather long label, number {index}" for index in range(9))]
    names = [f"f={level}" for level in levels[1:]]
    outline = shapes(
        factors=(factor("f", levels, "off"),),
        designs=(),
        variants=(
            variant("baseline", "b"),
            *(variant(name, levels={"f": level}) for name, level in zip(names, levels[1:], strict=True)),
        ),
    )
    figure = curves(results(outline, {}))
    assert overlaps(figure) == []
    assert len(legend(figure)) == 12


def test_one_epoch_one_seed_and_strange_names(tmp_path: Path) -> None:
    name = "_$x$ 学习率 <b>😀"
    outline = shapes(
        seeds=(0,),
        factors=(factor("dropout", ["0", name], "0"),),
        designs=(),
        variants=(variant("baseline", "b", levels={"dropout": "0"}), variant(name, "n", levels={"dropout": name})),
    )
    given = results(outline, {})
    given = replace(given, epochs=tuple(row for row in given.epochs if row.epoch == 1))
    figure = curves(given)
    assert any(name in text for text in legend(figure))
    for title, picture in (("curves", figure), ("overview", overview_figure(analyse(given)))):
        assert picture is not None
        style.save(picture, tmp_path, title)
        assert (tmp_path / f"{title}.png").read_bytes().startswith(b"\x89PNG")
        assert ET.parse(tmp_path / f"{title}.svg").getroot().tag.endswith("svg")


def test_the_same_rows_give_the_same_svg(tmp_path: Path) -> None:
    for name in ("one", "two"):
        style.save(curves(wounded()), tmp_path, name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "one.svg").read_bytes()


def test_nothing_is_drawn_before_there_is_anything() -> None:
    given = whole()
    queued = tuple(run(one, 0, 0, None, state=JobState.QUEUED) for one in given.outline.variants)
    empty = replace(given, runs=queued, epochs=())
    assert overview_figure(analyse(empty)) is None
    assert factor_figure(empty, members(empty, empty.outline.factors[0])) is None


def test_matplotlibs_own_settings_are_left_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    curves(whole())
    assert dict(mpl.rcParams) == before


def test_long_labels_are_cut_in_the_middle_and_wide_letters_count_twice() -> None:
    assert style.shortened("short", 10) == "short"
    assert style.shortened("abcdefghijklmnop", 9) == "abcd…mnop"
    assert style.shortened("学习率学习率", 7) == "学…率"


def panel(figure: Figure, title: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def lines(axes: Axes, at_least: float) -> list[list[float]]:
    """Epochs or steps of the lines (not of single points) that are so thick, points."""
    drawn = (line for line in axes.get_lines() if line.get_linewidth() >= at_least)
    known = (line.get_xdata()[np.isfinite(line.get_ydata())] for line in drawn if len(line.get_xdata()) > 1)
    return [[float(place) for place in places] for places in known if len(places) > 1]


def test_what_else_was_measured_after_each_epoch_is_drawn_without_being_asked() -> None:
    figure = curves(stopped())
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "loss",
        "accuracy, %",
        "test loss (oracle)",
        "test accuracy (oracle), %",
        "variance of the step losses",
    ]
    assert overlaps(figure) == []
    told = notes(stopped(), members(stopped(), stopped().outline.factors[0]))
    assert any("nothing was chosen or ranked by it" in note for note in told)


def test_a_study_chooses_its_curves() -> None:
    given = stopped()
    report = OutlineReport(curves=("train_loss", "train_loss_variance"))
    given = replace(given, outline=given.outline.model_copy(update={"report": report}))
    figure = curves(given)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["training loss", "variance of the step losses"]
    assert legend(figure)[-1] == "mean and 95 % band"


def test_metrics_of_ones_own_have_a_panel_each_and_may_be_chosen() -> None:
    given = stopped()
    own = {"val_macro_f1": 0.5, "grad_norm": 2.0, "val_top_5_accuracy": 0.75}
    epochs = tuple(replace(row, custom={**row.custom, **own}) for row in given.epochs)
    given = replace(given, epochs=epochs)
    figure = curves(given)
    assert [axes.get_title(loc="left") for axes in figure.axes][-3:] == [
        "gradient norm",
        "validation macro f1",
        "validation top 5 accuracy, %",
    ]
    assert overlaps(figure) == []
    for title, height in (("gradient norm", 2.0), ("validation top 5 accuracy, %", 75.0)):
        drawn = np.concatenate([line.get_ydata() for line in panel(figure, title).get_lines()])
        assert set(drawn[np.isfinite(drawn)].tolist()) == {height}
    chosen = OutlineReport(curves=("grad_norm", "lr", "never_logged"))
    figure = curves(replace(given, outline=given.outline.model_copy(update={"report": chosen})))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["gradient norm", "learning rate"]


def test_a_mean_ends_with_the_first_seed_that_stopped() -> None:
    loss = panel(curves(stopped()), "loss")
    bold = lines(loss, 1.5)
    assert {tuple(epochs) for epochs in bold} == {(1, 2, 3, 4, 5, 6)}
    beyond = [epochs for epochs in lines(loss, 0.55) if epochs[0] == 6]
    assert {epochs[-1] for epochs in beyond} == {7, 8, 9}
    told = notes(stopped(), members(stopped(), stopped().outline.factors[0]))
    assert any("end with the first seed of a variant that stopped" in note for note in told)
    assert notes(whole(), members(whole(), whole().outline.factors[0])) == []


def test_runs_that_did_not_end_are_no_part_of_a_mean() -> None:
    assert legend(curves(wounded()))[1] == "0.3 (n = 4, 1 not ended)"
    assert {len(epochs) for epochs in lines(panel(curves(wounded()), "loss"), 1.5)} == {6}


def test_steps_are_drawn_with_a_rolling_mean_and_validation_points() -> None:
    given = stepped()
    variants = members(given, given.outline.factors[0])
    figure = steps_figure(given, variants)
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "validation accuracy, %"]
    assert [len(steps) for steps in lines(figure.axes[0], 1.5)] == [120] * 3
    assert [list(line.get_xdata()) for line in figure.axes[1].get_lines()] == [list(range(100, 1201, 100))] * 3
    assert overlaps(figure) == []
    assert steps_figure(whole(), variants) is None
    assert any("no epoch is selected by them" in note for note in step_notes(given, variants))


def test_many_steps_are_drawn_as_means_of_neighbours() -> None:
    given = stepped(count=9000)
    variants = members(given, given.outline.factors[1])
    figure = steps_figure(given, variants)
    assert figure is not None
    assert all(len(line.get_xdata()) <= 400 for line in figure.axes[0].get_lines())
    assert any("mean of 3 neighbouring losses" in note for note in step_notes(given, variants))


def interaction(given: Results) -> Figure:
    analysis = analyse(given)
    figure = interaction_figure(analysis, matrices(given, given.outline.designs[-1]))
    assert figure is not None
    return figure


def test_factors_of_a_grid_are_shown_over_an_honest_axis() -> None:
    figure = interaction(degradation())
    [axes] = figure.axes
    assert list(axes.get_xticks()) == [8, 14, 20, 32, 56]
    assert legend(figure) == ["residual connections: false", "residual connections: true"]
    plain, residual = (line.get_ydata() for line in axes.get_lines() if len(line.get_xdata()) == 5)
    assert plain[-1] > plain[0] > residual[-1]
    assert overlaps(figure) == []


def test_levels_of_a_grid_that_are_numbers_stand_by_their_size() -> None:
    given = degradation()
    depth = given.outline.factors[0]
    mixed = depth.model_copy(update={"levels": (*depth.levels[2:], *depth.levels[:2])})
    outline = given.outline.model_copy(update={"factors": (mixed, given.outline.factors[1])})
    [matrix] = matrices(replace(given, outline=outline), outline.designs[0])
    assert [name for name, _ in matrix.rows] == ["8", "14", "20", "32", "56"]


def test_a_line_breaks_where_a_cell_has_no_value_and_hollow_cells_lack_seeds() -> None:
    given = degradation()
    gone = {"depth=20": (0, 1, 2, 3, 4), "depth=32": (4,)}
    runs = tuple(
        replace(one, state=JobState.QUEUED) if one.seed in gone.get(one.variant, ()) else one for one in given.runs
    )
    [axes] = interaction(replace(given, runs=runs)).axes
    lines = [line.get_ydata() for line in axes.get_lines() if len(line.get_xdata()) == 5]
    assert [bool(known) for known in np.isfinite(lines[0])] == [True, True, False, True, True]
    assert [line.get_markerfacecolor() for line in axes.get_lines() if line.get_marker() == "o"].count("white") == 1


def test_a_grid_of_three_factors_has_a_panel_for_each_level_of_the_third() -> None:
    figure = interaction(degradation(("batch", "group", "none")))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["normalisation: batch", "normalisation: group", "normalisation: none"]
    assert overlaps(figure) == []


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["0.1", "0.001"], (0.1, 0.001)),
        (["8 layers", "20 layers"], (8, 20)),
        (["Adam(lr=0.1)", "SGD(lr=0.2)"], None),
        (["1e-3", "none"], None),
    ],
)
def test_levels_lie_where_their_numbers_are(names: list[str], places: tuple[float, ...] | None) -> None:
    assert positions(tuple((name, name) for name in names)) == places


def test_the_number_that_people_read_counts() -> None:
    assert positions((("1", "8 layers"), ("3", "20 layers"))) == (8, 20)
    assert positions((("1", "shallow"), ("3", "deep"))) == (1, 3)


def test_long_levels_of_a_grid_do_not_cover_each_other() -> None:
    given = whole()
    labels = [f"a level that has a rather long label, number {index}" for index in range(3)]
    first = given.outline.factors[0]
    named = tuple(level.model_copy(update={"label": label}) for level, label in zip(first.levels, labels, strict=True))
    factors = (first.model_copy(update={"levels": named, "label": "x"}), given.outline.factors[1])
    outline = given.outline.model_copy(update={"factors": factors, "designs": given.outline.designs[:2]})
    assert overlaps(interaction(replace(given, outline=outline))) == []


def drawn_of(given: Results, start: str) -> list[Figure]:
    """The pictures of a report whose names begin so."""
    made = [make() for name, _, make in wanted(analyse(given)) if name.startswith(start)]
    return [figure for figure in made if figure is not None]


def colours_of(figure: Figure) -> list[object]:
    """Of each line of the legends."""
    return [line.get_color() for box in figure.legends for line in box.get_lines()]


def ends(figures: Sequence[Figure], title: str) -> set[tuple[tuple[float, float], tuple[float, float]]]:
    """Limits of both axes of the panels of this title."""
    return {(axes.get_xlim(), axes.get_ylim()) for axes in (panel(figure, title) for figure in figures)}


def test_pictures_of_one_sub_table_share_their_axes() -> None:
    given = degradation()
    # residual networks learn faster and stop early
    variants = given.outline.variants
    fast = {one.key for one in variants if "residual=true" in one.name}
    epochs = tuple(
        replace(row, train_loss=row.train_loss / 4, val_loss=row.val_loss / 4) if row.variant_key in fast else row
        for row in given.epochs
        if row.epoch <= 4 or row.variant_key not in fast
    )
    figures = drawn_of(replace(given, epochs=epochs), "grid ")
    assert len(figures) == 2
    for title in ("loss", "accuracy, %"):
        [(along, _)] = ends(figures, title)
        assert along == (0.75, 6.25)
    [first, second] = [dict(zip(legend(figure), colours_of(figure), strict=True)) for figure in figures]
    assert first.pop("8 (n = 5, baseline)") == style.BASELINE
    assert first.items() <= second.items()
    [(_, (low, high))] = ends(figures, "loss")
    values = [value for row in epochs for value in (row.train_loss, row.val_loss)]
    assert low < min(values) < max(values) < high
    lone = factor_figure(replace(given, epochs=epochs), [(one.name, one) for one in variants if one.key in fast])
    assert lone is not None
    assert ends([lone], "loss") != ends(figures, "loss")


def test_a_picture_out_of_bounds_does_not_flatten_those_beside_it() -> None:
    given = degradation()
    wild = {one.key for one in given.outline.variants if "residual=true" in one.name}
    epochs = tuple(
        replace(row, train_loss=1e6 * row.train_loss, val_loss=1e6 * row.val_loss) if row.variant_key in wild else row
        for row in given.epochs
    )
    figures = drawn_of(replace(given, epochs=epochs), "grid ")
    [(_, (low, high))] = ends(figures, "loss")
    assert -1 < low < high < 10
    said = [[text.get_text() for text in panel(figure, "loss").texts] for figure in figures]
    assert said == [[], ["50 of 50 curves leave the picture"]]


def test_panels_of_one_quantity_share_their_axes_and_others_do_not() -> None:
    figure = curves(stopped())
    for one, other in (("loss", "test loss (oracle)"), ("accuracy, %", "test accuracy (oracle), %")):
        assert ends([figure], one) == ends([figure], other)
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert panel(figure, "variance of the step losses").get_ylim() != panel(figure, "loss").get_ylim()


def test_pictures_of_steps_share_their_axes_too() -> None:
    given = stepped()
    pair = {one.key: place for place, one in enumerate(given.outline.variants)}
    pictures = [[(one.name, one)] for one in given.outline.variants if pair[one.key] in (0, 5)]
    alone = [steps_figure(given, picture) for picture in pictures]
    beside = [steps_figure(given, picture, StepFrame(given, pictures)) for picture in pictures]
    for title in ("loss", "validation accuracy, %"):
        assert len(ends([one for one in alone if one], title)) == 2
        assert len(ends([one for one in beside if one], title)) == 1


@pytest.mark.parametrize("count", [2, 30])
def test_no_text_covers_another_among_curves(count: int) -> None:
    given = many(count)
    shown = [(one.name, one) for one in given.outline.variants]
    figure = factor_figure(given, shown)
    assert figure is not None
    assert overlaps(figure) == []


def test_matrices_of_an_interaction_share_their_axes() -> None:
    given = degradation(("batch", "group"))
    gone = {"depth=56, norm=group", "depth=56, residual=true, norm=group"}
    runs = tuple(replace(one, state=JobState.QUEUED) if one.variant in gone else one for one in given.runs)
    figure = interaction(replace(given, runs=runs))
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in figure.axes}) == 1
