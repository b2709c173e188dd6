"""Effects of all changes at one glance: each difference with its interval, and its verdict by colour and marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ablate.report import numbers
from ablate.report.figures import rows, style
from ablate.report.language import say
from ablate.report.words import word
from ablate.statistics import Comparison
from ablate.told import told
from ablate.verdicts.analysis import NOT_RUN, Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What a reader of the figure has to know beside its legend.
EFFECTS_NOTE = told(
    "The lines are 95 % intervals, adjusted for nothing; colours and markers are the verdicts, which are adjusted, so "
    "that a line may miss zero and its change be undecided."
)


def effects_figure(analysis: Analysis) -> Figure | None:
    """A row for each variant that is compared with a baseline; None where no difference is known yet."""
    shown = list(analysis.comparisons.values())
    if not any(one.difference.delta is not None for one in shown):
        return None
    with style.drawing():
        return _draw(analysis, shown)


def _draw(analysis: Analysis, shown: Sequence[Comparison]) -> Figure:
    metric = analysis.results.metric
    scale = 100.0 if metric.percent else 1.0
    figure = style.new_figure(7.4, 1.2 + rows.ROW * len(shown))
    axes = figure.subplots()
    axes.axvline(0, color=style.BASELINE, linewidth=0.8, zorder=1)
    margin = analysis.results.outline.statistics.margin
    if margin is not None:
        axes.axvspan(-scale * margin, scale * margin, color=style.VERDICTS["equivalent"][0], alpha=0.1, linewidth=0)
    looks = [style.VERDICTS[one.verdict] for one in shown]
    for row, (one, (colour, marker)) in enumerate(zip(shown, looks, strict=True)):
        _row(axes, row, one, scale, colour, marker)
    deltas = [scale * one.difference.delta for one in shown if one.difference.delta is not None]
    found = (one.difference for one in shown)
    edges = [scale * edge for each in found for edge in (each.ci_low, each.ci_high) if edge is not None]
    within = [] if margin is None else [-scale * margin, scale * margin]
    axes.set_xlim(*rows.limits(deltas, edges, [0.0, *within]))
    for row, (one, (colour, _)) in enumerate(zip(shown, looks, strict=True)):
        if one.difference.delta is not None:
            rows.beyond(axes, row, [scale * one.difference.delta], colour)
    texts = [_text(analysis, one) for one in shown]
    rows.label(axes, [analysis.names[one.arm] for one in shown], texts, [colour for colour, _ in looks])
    label = say("Δ {metric} against the baseline", metric=metric.label)
    if unit := numbers.unit_of_difference(metric):
        label = say("{text}, {unit}", text=label, unit=unit)
    better = say("more is better") if analysis.results.outline.direction == "max" else say("less is better")
    axes.set_xlabel(say("{name} ({said})", name=label, said=better))
    _legend(figure, shown, is_banded=margin is not None)
    return figure


def _row(axes: Axes, row: int, one: Comparison, scale: float, colour: str, marker: str) -> None:
    found = one.difference
    if found.ci_low is not None and found.ci_high is not None:
        axes.plot([scale * found.ci_low, scale * found.ci_high], [row, row], color=colour, linewidth=1.4, zorder=2)
    if found.delta is not None:
        axes.plot(scale * found.delta, row, marker=marker, markersize=6, color=colour, mec="white", mew=0.6, zorder=3)


def _text(analysis: Analysis, one: Comparison) -> str:
    if analysis.verdict(one) == NOT_RUN:
        return word(NOT_RUN)
    return numbers.difference(analysis.results.metric, one.difference)


def _legend(figure: Figure, shown: Sequence[Comparison], *, is_banded: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    present = {one.verdict for one in shown}
    handles: list[Line2D | Patch] = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6, label=word(verdict))
        for verdict, (colour, marker) in style.VERDICTS.items()
        if verdict in present
    ]
    handles.append(Line2D([], [], color=style.GREY, linewidth=1.4, label=say("95 % interval (not adjusted)")))
    if is_banded:
        handles.append(Patch(color=style.VERDICTS["equivalent"][0], alpha=0.1, label=say("within the margin")))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.4, handletextpad=0.5)
