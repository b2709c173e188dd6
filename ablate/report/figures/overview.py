"""All variants at one glance: a dot for each seed, the mean with its interval, the baseline as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.report import columns, numbers
from ablate.report.figures import rows, style
from ablate.report.language import say
from ablate.report.words import word
from ablate.statistics import MeanInterval
from ablate.study.outline import OutlineVariant
from ablate.verdicts.analysis import NOT_RUN, Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the picture."""

    variant: OutlineVariant
    #: Value of each seed, in the axis's unit.
    dots: tuple[float, ...]
    interval: MeanInterval
    #: What stands at the right.
    text: str
    #: A verdict, `baseline`, or `not run`.
    verdict: str


def overview_figure(analysis: Analysis) -> Figure | None:
    """Every variant in the order of the study, from the top; None where no run has a value yet."""
    run = [variant for variant in analysis.results.outline.variants if analysis.results.is_run(variant.key)]
    counts = {columns.seeds(analysis, variant).text for variant in run}
    common = int(next(iter(counts))) if len(counts) == 1 and next(iter(counts)).isdigit() else None
    lines = [_line(analysis, variant, common) for variant in analysis.results.outline.variants]
    if not any(line.dots for line in lines):
        return None
    with style.drawing():
        return _draw(analysis, lines, common)


def _line(analysis: Analysis, variant: OutlineVariant, common: int | None) -> Line:
    results = analysis.results
    metric, arm, comparison = results.metric, analysis.arms[variant.key], analysis.comparisons.get(variant.key)
    parts = []
    if not analysis.results.is_run(variant.key):
        verdict = NOT_RUN
        parts = [word(NOT_RUN)]
    elif variant.key == results.outline.baseline:
        verdict = "baseline"
        parts = [say("baseline")]
    elif variant.is_reference:
        verdict = "baseline"
        parts = [say("retuned baseline")]
    elif comparison is None:
        verdict = "undecided"
    else:
        verdict = comparison.verdict
        parts = [f"{numbers.signed(metric, comparison.difference.delta)}  {word(comparison.verdict)}"]
    if common is None and verdict != NOT_RUN:
        parts.append(f"n = {columns.seeds(analysis, variant).text}")
    scale = 100.0 if metric.percent else 1.0
    return Line(
        variant=variant,
        dots=tuple(scale * arm.values[seed] for seed in sorted(arm.values)),
        interval=analysis.interval(variant.key),
        text=say(", ").join(parts),
        verdict=verdict,
    )


def _draw(analysis: Analysis, lines: Sequence[Line], common: int | None) -> Figure:
    metric = analysis.results.metric
    figure = style.new_figure(7.4, 1.15 + rows.ROW * len(lines))
    axes = figure.subplots()
    scale = 100.0 if metric.percent else 1.0
    _reference(axes, analysis, scale)
    for row, line in enumerate(lines):
        _row(axes, row, line, scale)
    edges = [scale * edge for line in lines for edge in (line.interval.low, line.interval.high) if edge is not None]
    reported = [scale * line.variant.reported for line in lines if line.variant.reported is not None]
    axes.set_xlim(*rows.limits([dot for line in lines for dot in line.dots], edges, reported))
    for row, line in enumerate(lines):
        rows.beyond(axes, row, line.dots, _look(line)[0])
    axes.set_xlabel(numbers.axis(metric))
    colours = [_look(line)[0] for line in lines]
    rows.label(axes, [line.variant.name for line in lines], [line.text for line in lines], colours)
    _legend(figure, lines, common)
    return figure


def _look(line: Line) -> tuple[str, str]:
    """Colour and marker of a row."""
    if line.verdict == NOT_RUN:
        return style.GREY, ""
    return style.VERDICTS.get(line.verdict, (style.BASELINE, "D"))


def _reference(axes: Axes, analysis: Analysis, scale: float) -> None:
    """The baseline's mean as a line through all rows, its interval as a stripe."""
    found = analysis.interval(analysis.results.outline.baseline)
    if found.mean is not None:
        axes.axvline(scale * found.mean, color=style.BASELINE, linewidth=0.8, zorder=1)
    if found.low is not None and found.high is not None:
        axes.axvspan(scale * found.low, scale * found.high, color=style.BASELINE, alpha=0.07, linewidth=0, zorder=0)


def _row(axes: Axes, row: int, line: Line, scale: float) -> None:
    colour, marker = _look(line)
    axes.plot(
        line.dots,
        [row + rows.BELOW] * len(line.dots),
        linestyle="",
        marker="o",
        markersize=3.2,
        color=colour,
        alpha=0.45,
        mew=0,
    )
    found = line.interval
    if found.low is not None and found.high is not None:
        axes.plot([scale * found.low, scale * found.high], [row, row], color=colour, linewidth=1.3, zorder=3)
    if found.mean is not None:
        axes.plot(scale * found.mean, row, marker=marker, markersize=5.5, color=colour, mec="white", mew=0.6, zorder=4)
    if line.variant.reported is not None:
        axes.plot(scale * line.variant.reported, row, marker="x", markersize=5, color=style.GREY, mew=1.1, zorder=2)


def _legend(figure: Figure, lines: Sequence[Line], common: int | None) -> None:
    from matplotlib.lines import Line2D

    present = {line.verdict for line in lines}
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=5.5, label=word(verdict))
        for verdict, (colour, marker) in {"baseline": (style.BASELINE, "D"), **style.VERDICTS}.items()
        if verdict in present
    ]
    dot = say("a seed") if common is None else say("a seed (n = {n} each)", n=common)
    handles.append(Line2D([], [], linestyle="", marker="o", color=style.GREY, alpha=0.5, markersize=3.4, label=dot))
    handles.append(Line2D([], [], color=style.GREY, linewidth=1.3, label=say("95 % interval of the mean")))
    if any(line.variant.reported is not None for line in lines):
        handles.append(
            Line2D([], [], linestyle="", marker="x", color=style.GREY, markersize=5, label=say("reported elsewhere"))
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4, handletextpad=0.5)
