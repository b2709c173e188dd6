"""How two factors of a grid act on each other: a line for each level of one over the levels of the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ablate.report import numbers
from ablate.report.figures import style
from ablate.report.grids import Matrix, positions
from ablate.report.language import say
from ablate.study.outline import OutlineVariant
from ablate.told import told
from ablate.verdicts.analysis import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INTERACTION_NOTE = told(
    "A line for each level, the mean over seeds with its 95 % t-interval; parallel lines mean that the two factors "
    "add up. Hollow: seeds are missing."
)
#: Largest level over smallest from which on an axis of numbers is logarithmic.
LOGARITHMIC = 30
#: Letters of a level below the axis, and of all levels together, before they are set aslant.
TICK_WIDTH, TICKS_WIDTH = 24, 44
LABEL_WIDTH, LINE_WIDTH = 40, 112
#: Of the lines, in turn: shape says what colour says.
MARKERS = "osD^vP*X"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One cell of the grid."""

    place: float
    mean: float
    #: How far the interval reaches below and above; None with fewer than two seeds.
    reach: tuple[float, float] | None
    #: Whether all planned seeds are in.
    is_whole: bool


def interaction_figure(analysis: Analysis, found: Sequence[Matrix]) -> Figure | None:
    """A panel for each matrix of a grid; None where no cell has a value."""
    if not any(analysis.arms[variant.key].values for matrix in found for variant in matrix.cells.values()):
        return None
    with style.drawing():
        return _draw(analysis, [matrix.turned for matrix in found])


def _draw(analysis: Analysis, found: Sequence[Matrix]) -> Figure:
    metric = analysis.results.metric
    lines = found[0].columns
    chosen = style.of_variants([name == found[0].across.reference for name, _ in lines])
    across = min(2, len(found))
    down = math.ceil(len(found) / across)
    labels = [
        say("{factor}: {level}", factor=found[0].across.label, level=style.shortened(text, LABEL_WIDTH))
        for _, text in lines
    ]
    aslant = 0.5 if any(_are_aslant(matrix) for matrix in found) else 0.0
    height = 0.6 + (2.7 + aslant) * down + 0.19 * style.legend_rows(labels, LINE_WIDTH)
    figure = style.new_figure(7.4 if across > 1 else 5.6, height)
    places = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for axes in places[len(found) :]:
        axes.remove()
    for index, (axes, matrix) in enumerate(zip(places, found, strict=False)):
        _panel(axes, analysis, matrix, chosen)
        axes.set_title(say(", ").join(say("{factor}: {level}", factor=one, level=at) for one, at in matrix.fixed))
        if index % across == 0:
            axes.set_ylabel(numbers.axis(metric))
    style.legend_below(figure, labels, chosen, LINE_WIDTH if across > 1 else LINE_WIDTH * 3 // 4, markers=MARKERS)
    return figure


def _places(matrix: Matrix) -> tuple[tuple[float, ...], bool]:
    """Where the levels lie along the axis, and whether it is logarithmic; words stand side by side."""
    places = positions(matrix.rows)
    if places is None:
        return tuple(float(index) for index in range(len(matrix.rows))), False
    return places, min(places) > 0 and max(places) >= LOGARITHMIC * min(places)


def _panel(axes: Axes, analysis: Analysis, matrix: Matrix, chosen: Sequence[Any]) -> None:
    places, is_log = _places(matrix)
    gap = 0.0 if is_log or len(places) < 2 else _gap(places, len(matrix.columns))
    for number, ((level, _), colour) in enumerate(zip(matrix.columns, chosen, strict=True)):
        aside = gap * (number - (len(matrix.columns) - 1) / 2)
        cells = [(place, matrix.cells.get((name, level))) for place, (name, _) in zip(places, matrix.rows, strict=True)]
        _line(
            axes, [_point(analysis, place + aside, one) for place, one in cells], colour, MARKERS[number % len(MARKERS)]
        )
    if is_log:
        axes.set_xscale("log")
    axes.set_xticks(places, [style.shortened(text, TICK_WIDTH) for _, text in matrix.rows])
    axes.minorticks_off()
    if _are_aslant(matrix):
        axes.tick_params(axis="x", labelrotation=30)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    if positions(matrix.rows) is None:
        axes.set_xlim(-0.4, len(places) - 0.6)
    elif is_log:
        aside = (max(places) / min(places)) ** 0.05
        axes.set_xlim(min(places) / aside, max(places) * aside)
    else:
        style.limit_along(axes, min(places), max(places))
    axes.set_xlabel(style.shortened(matrix.down.label, LABEL_WIDTH))


def _gap(places: Sequence[float], lines: int) -> float:
    """How far lines stand beside each other, so that their intervals can be told apart but not taken for others'."""
    ordered = sorted(places)
    nearest = min(other - one for one, other in itertools.pairwise(ordered))
    return min(0.012 * (ordered[-1] - ordered[0]), 0.4 * nearest / lines)


def _are_aslant(matrix: Matrix) -> bool:
    """Whether the levels below the axis would cover each other if they stood upright."""
    texts = [style.shortened(text, TICK_WIDTH) for _, text in matrix.rows]
    places, is_log = _places(matrix)
    return len("  ".join(texts)) > TICKS_WIDTH or (len(places) > 1 and _crowded(places, texts, is_log=is_log))


def _crowded(places: Sequence[float], texts: Sequence[str], *, is_log: bool) -> bool:
    """Whether numbers on their axis would cover each other."""
    along = sorted(zip((math.log(place) if is_log else place for place in places), texts, strict=True))
    span = along[-1][0] - along[0][0]
    return any(
        (other - one) / span < 0.022 * (1 + (len(text) + len(second)) / 2)
        for (one, text), (other, second) in itertools.pairwise(along)
    )


def _point(analysis: Analysis, place: float, variant: OutlineVariant | None) -> Point | None:
    if variant is None:
        return None
    scale = 100.0 if analysis.results.metric.percent else 1.0
    arm, found = analysis.arms[variant.key], analysis.interval(variant.key)
    if found.mean is None:
        return None
    reach = None
    if found.low is not None and found.high is not None:
        reach = scale * (found.mean - found.low), scale * (found.high - found.mean)
    return Point(place=place, mean=scale * found.mean, reach=reach, is_whole=len(arm.values) == arm.planned)


def _line(axes: Axes, points: Sequence[Point | None], colour: Any, marker: str) -> None:  # noqa: ANN401 - matplotlib's
    """A line through the cells of one level; it breaks where one is missing."""
    places, means = zip(*((one.place, one.mean) if one else (math.nan, math.nan) for one in points), strict=True)
    axes.plot(places, means, color=colour, linewidth=1.5)
    for one in filter(None, points):
        if one.reach is not None:
            axes.errorbar(
                one.place, one.mean, yerr=[[one.reach[0]], [one.reach[1]]], color=colour, linewidth=1.1, capsize=2.5
            )
        face = colour if one.is_whole else "white"
        axes.plot(one.place, one.mean, marker=marker, markersize=5.5, mec=colour, mfc=face, zorder=3)
