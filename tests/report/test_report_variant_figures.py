"""Pictures of whole studies: effects, learning rates, generalisation gaps, ladders, confusion against the baseline."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from report_cases import factor, many, results, shapes, variant, whole, wounded
from test_report_figures import legend, overlaps

from ablate.protocol import JobState
from ablate.report.document import Picture, compose
from ablate.report.figures import gallery, style
from ablate.report.figures.confusion import confusion_figure, shift_of_best
from ablate.report.figures.effects import effects_figure
from ablate.report.figures.gap import gap_figure, gap_note
from ablate.report.figures.ladder import ladder_figure
from ablate.report.figures.schedules import schedules_figure
from ablate.study.outline import OutlineDesign, StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.class_counts import ClassCounts
from ablate.verdicts.results import Results


def sound(figure: Figure | None) -> Figure:
    assert figure is not None
    assert overlaps(figure) == []
    return figure


def markers(axes: Axes) -> dict[float, tuple[str, str]]:
    """Marker and colour at the height of each row: of means, not of seeds or of arrows at the edge."""
    found = [line for line in axes.get_lines() if line.get_marker() in "osD^v" and len(line.get_xdata()) == 1]
    return {float(line.get_ydata()[0]): (line.get_marker(), to_hex(line.get_color()).upper()) for line in found}


def rows(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


def rated(given: Results) -> Results:
    """A third of the variants at a constant rate, a third halved every second epoch, a third on a cosine of its own."""
    places = {one.key: place for place, one in enumerate(given.outline.variants)}

    def rate(place: int, epoch: int) -> float:
        cosine = (1 + math.cos(math.pi * epoch / 7)) / (2 + place)
        return [0.05, 0.05 * 0.5 ** ((epoch - 1) // 2), 0.05 * cosine][place % 3]

    return replace(
        given, epochs=tuple(replace(row, lr=rate(places[row.variant_key], row.epoch)) for row in given.epochs)
    )


def classed(given: Results, classes: tuple[str, ...]) -> Results:
    """Each network takes a tenth of each class for the next one, `the widest` a twentieth."""
    found = {}
    for one in given.runs:
        wrong = 5 if one.variant == "the widest" else 10
        counts = (100 - wrong) * np.eye(len(classes), dtype=np.int64)
        counts += wrong * np.roll(np.eye(len(classes), dtype=np.int64), 1, axis=1)
        found[one.variant_key, one.seed] = ClassCounts(classes=classes, counts=counts)
    return replace(given, classes=found)


def ladder(steps: int) -> Results:
    factors = tuple(
        factor(f"a component with a rather long name, number {n}", ["off", "on"], "off") for n in range(steps)
    )
    names = [one.name for one in factors]
    variants = [variant("baseline", "b", levels=dict.fromkeys(names, "off"), designs=("ladder",))]
    for count in range(1, steps + 1):
        levels = {name: "on" if place < count else "off" for place, name in enumerate(names)}
        variants.append(variant(f"step {count}", levels=levels, designs=("ladder",)))
    design = OutlineDesign(name="ladder", kind="ladder", factors=tuple(names))
    outline = shapes(factors=factors, designs=(design,), variants=tuple(variants))
    return results(outline, {one.name: 0.7 + 0.005 * place for place, one in enumerate(variants)})


@pytest.mark.parametrize("count", [2, 30])
def test_no_text_covers_another_with_few_or_many_variants(count: int) -> None:
    given = rated(many(count))
    sound(effects_figure(analyse(given)))
    sound(gap_figure(given))
    sound(schedules_figure(given))
    climbed = analyse(ladder(count - 1))
    sound(ladder_figure(climbed, climbed.ladders[0]))


def test_an_effect_has_its_verdict_in_colour_and_marker() -> None:
    analysis = analyse(whole())
    axes = sound(effects_figure(analysis)).axes[0]
    assert rows(axes) == [analysis.names[key] for key in analysis.comparisons]
    found = markers(axes)
    for row, one in enumerate(analysis.comparisons.values()):
        colour, marker = style.VERDICTS[one.verdict]
        assert found[row] == (marker, colour.upper())


def test_the_margin_is_a_band_and_zero_a_line() -> None:
    given = whole()
    outline = given.outline.model_copy(update={"statistics": StatisticsSettings(margin=0.01)})
    figure = sound(effects_figure(analyse(replace(given, outline=outline))))
    [band] = figure.axes[0].patches
    assert (band.get_x(), band.get_width()) == pytest.approx((-1.0, 2.0))
    assert [0, 0] in [list(line.get_xdata()) for line in figure.axes[0].get_lines()]
    assert "within the margin" in legend(figure)
    assert "within the margin" not in legend(sound(effects_figure(analyse(given))))


def test_an_effect_without_a_difference_has_a_row_without_a_marker() -> None:
    analysis = analyse(wounded())
    place = list(analysis.comparisons).index("key of dropout=0.6")
    assert place not in markers(sound(effects_figure(analysis)).axes[0])


def test_schedules_that_are_the_same_are_one_line() -> None:
    figure = sound(schedules_figure(rated(whole())))
    assert legend(figure)[:2] == ["baseline and 2 more", "dropout=0.3 and 1 more"]
    first = figure.axes[0].get_lines()[1]
    assert list(first.get_ydata()) == pytest.approx([0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125])
    assert schedules_figure(whole()) is None  # one constant rate for all


def test_more_schedules_than_can_be_told_apart_are_counted() -> None:
    given = many(60)
    places = {one.key: place for place, one in enumerate(given.outline.variants)}
    own = tuple(replace(row, lr=0.001 * (1 + places[row.variant_key])) for row in given.epochs)
    figure = sound(schedules_figure(replace(given, epochs=own)))
    assert len(legend(figure)) == 32
    assert figure.axes[0].get_title(loc="left") == "learning rate (without 28 further schedules)"


def test_a_run_that_was_broken_off_has_no_schedule_of_its_own() -> None:
    given = rated(whole())
    short = tuple(row for row in given.epochs if not (row.seed == 3 and row.epoch > 2))
    assert legend(sound(schedules_figure(replace(given, epochs=short)))) == legend(sound(schedules_figure(given)))


def test_schedules_that_follow_the_validation_loss_have_a_line_for_each_seed() -> None:
    given = whole()
    epochs = tuple(replace(row, lr=0.1 if row.epoch < 3 + row.seed % 2 else 0.01) for row in given.epochs)
    [axes] = sound(schedules_figure(replace(given, epochs=epochs))).axes
    assert len(axes.get_lines()) == 2


def test_the_gap_is_that_of_the_selected_epoch() -> None:
    given = whole()
    figure = sound(gap_figure(given))
    run = given.runs_of("b")[0]
    row = given.epochs_of(run)[run.selected_epoch - 1]
    dots = figure.axes[0].get_lines()[1].get_xdata()
    assert dots[0] == pytest.approx(100 * (row.train_accuracy - row.val_accuracy))
    assert len(dots) == 5
    assert "validation images" in gap_note(given)


def test_without_validation_images_the_gap_is_called_oracle_or_not_drawn() -> None:
    given = results(shapes(), {}, validation=False)
    assert gap_figure(given) is None
    oracle = replace(given, epochs=tuple(replace(row, custom={"oracle_test_accuracy": 0.7}) for row in given.epochs))
    assert "test (oracle)" in sound(gap_figure(oracle)).axes[0].get_xlabel()
    assert "test (oracle)" in gap_note(oracle)


def test_a_ladder_stands_beside_what_its_steps_cost() -> None:
    given = ladder(3)
    costly = tuple(replace(run, flops=1_000_000 * (1 + run.job // 100)) for run in given.runs)
    analysis = analyse(replace(given, runs=costly))
    figure = sound(ladder_figure(analysis, analysis.ladders[0]))
    metric, *costs = figure.axes[:3]
    assert [axes.get_xlabel() for axes in (metric, *costs)] == ["test accuracy, %", "parameters", "FLOPs"]
    assert [bar.get_width() for bar in costs[1].patches] == [1e6, 2e6, 3e6, 4e6]
    assert all(axes.get_xlim()[0] == 0 for axes in costs)
    same = analyse(replace(given, runs=tuple(replace(run, parameters=9, seconds_per_epoch=1.0) for run in given.runs)))
    assert len(sound(ladder_figure(same, same.ladders[0])).axes) == 1


@pytest.mark.parametrize("count", [2, 3, 12, 20])
def test_confusion_is_that_of_the_best_variant_minus_the_baseline(count: int) -> None:
    given = classed(whole(), tuple(f"a class with a long name, {place}" for place in range(count)))
    shift = shift_of_best(analyse(given))
    assert shift is not None
    assert shift.variant.name == "the widest"
    assert np.diagonal(shift.points) == pytest.approx(5.0)
    assert shift.points.sum(axis=1) == pytest.approx(0.0)
    figure = sound(confusion_figure(analyse(given)))
    [image] = figure.axes[0].images
    assert image.get_clim() == pytest.approx((-5.0, 5.0))
    assert bool(figure.axes[0].texts) == (count <= 12)


def test_short_names_of_classes_stand_upright() -> None:
    figure = sound(confusion_figure(analyse(classed(whole(), tuple(str(place) for place in range(100, 120))))))
    assert {text.get_rotation() for text in figure.axes[0].get_xticklabels()} == {0.0}


def test_without_true_classes_there_is_no_confusion() -> None:
    assert confusion_figure(analyse(whole())) is None
    given = classed(whole(), ("a", "b"))
    others = {place: one for place, one in given.classes.items() if place[0] != "key of the widest"}
    assert confusion_figure(analyse(replace(given, classes=others))) is None


def test_chinese_letters_are_embedded_as_drawings_and_latin_ones_as_truetype(tmp_path: Path) -> None:
    given = whole()
    named = tuple(one.model_copy(update={"name": f"{one.name} 学习率 😀"}) for one in given.outline.variants)
    chinese = replace(given, outline=given.outline.model_copy(update={"variants": named}))
    for name, study, kind in (("latin", given, b"/FontFile2"), ("chinese", chinese, b"/Type3")):
        style.save(sound(effects_figure(analyse(study))), tmp_path, name, pdf=True)
        data = (tmp_path / f"{name}.pdf").read_bytes()
        assert {word for word in (b"/FontFile2", b"/Type3") if word in data} == {kind}


def test_nothing_is_drawn_before_there_is_anything() -> None:
    given = whole()
    queued = tuple(replace(one, state=JobState.QUEUED, test_accuracy=None, epochs=0) for one in given.runs)
    analysis = analyse(replace(given, runs=queued, epochs=()))
    assert [make() for _, _, make in gallery.wanted(analysis)] == [None] * len(list(gallery.wanted(analysis)))


def test_every_picture_that_is_drawn_is_shown() -> None:
    for given in (classed(rated(whole()), ("a", "b")), ladder(2), wounded()):
        analysis = analyse(given)
        drawn = {name: file for name, file, make in gallery.wanted(analysis) if make() is not None}
        document = compose(analysis, drawn)
        blocks = [*document.opening, *(block for section in document.sections for block in section.blocks)]
        assert sorted(block.name for block in blocks if isinstance(block, Picture)) == sorted(drawn)
