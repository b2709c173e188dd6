"""Main effects of a grid or a fraction: the mean at each level of each factor, over all cells that have it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ablate.report import numbers
from ablate.report.factorial import Crossed
from ablate.report.figures import style
from ablate.statistics import Factorial
from ablate.told import told
from ablate.verdicts.analysis import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAINS_NOTE = told(
    "Each dot is the mean of all cells at that level, with its 95 % interval for these seeds where there are several; "
    "the dashed line is the mean of all cells."
)
#: Panels side by side; their width, inches, and that of all panels where there are few.
ACROSS, PANEL, ALL = 4, 1.6, 5.4
#: Letters of one level, and letters to the inch of a title or of all levels below a panel.
TICK_WIDTH, TO_THE_INCH = 18, 13.75


def mains_figure(analysis: Analysis, part: Crossed) -> Figure | None:
    """A panel for each factor on one scale; None without an analysis."""
    if part.found is None:
        return None
    with style.drawing():
        return _draw(analysis, part, part.found)


def _draw(analysis: Analysis, part: Crossed, found: Factorial) -> Figure:
    metric = analysis.results.metric
    across = min(ACROSS, len(part.factors))
    down = math.ceil(len(part.factors) / across)
    texts = [[style.shortened(text, TICK_WIDTH) for _, text in pairs] for pairs in part.levels]
    panel = max(PANEL, ALL / across)
    letters = int(TO_THE_INCH * panel)
    aslant = any(max(map(len, labels)) * len(labels) > letters for labels in texts)
    figure = style.new_figure(1.0 + panel * across, 0.6 + (2.2 + 0.75 * aslant) * down)
    places = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for axes in places[len(part.factors) :]:
        axes.remove()
    scale = 100.0 if metric.percent else 1.0
    grand = scale * sum(mean.mean * mean.cells for mean in found.means) / sum(mean.cells for mean in found.means)
    for index, (axes, factor) in enumerate(zip(places, part.factors, strict=False)):
        axes.axhline(grand, color=style.GREY, linewidth=0.8, linestyle="--")
        _panel(axes, found, factor.name, scale)
        axes.set_title(style.shortened(factor.label, letters), loc="center")
        axes.set_xticks(range(len(texts[index])), texts[index])
        axes.set_xlim(-0.5, len(texts[index]) - 0.5)
        if aslant:
            axes.tick_params(axis="x", labelrotation=30)
            for text in axes.get_xticklabels():
                text.set(ha="right", rotation_mode="anchor")
        if index % across == 0:
            axes.set_ylabel(numbers.axis(metric))
    return figure


def _panel(axes: Axes, found: Factorial, factor: str, scale: float) -> None:
    """The means of one factor's levels with their intervals; the reference is black."""
    means = [mean for mean in found.means if mean.factor == factor]
    axes.plot([mean.level for mean in means], [scale * mean.mean for mean in means], color=style.COLOURS[0])
    for mean in means:
        colour = style.COLOURS[0] if mean.level else style.BASELINE
        if mean.low is not None and mean.high is not None:
            reach = [[scale * (mean.mean - mean.low)], [scale * (mean.high - mean.mean)]]
            axes.errorbar(mean.level, scale * mean.mean, yerr=reach, color=colour, linewidth=1.1, capsize=2.5)
        axes.plot(mean.level, scale * mean.mean, marker="o", markersize=5.5, color=colour, zorder=3)
