"""Effects of a grid or a fraction with one seed a cell, by size, against what noise alone would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.report.factorial import Crossed
from ablate.report.figures import style
from ablate.report.language import say
from ablate.statistics import Effect, Lenth, half_normal_quantiles
from ablate.told import told
from ablate.verdicts.analysis import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF_NORMAL_NOTE = told(
    "Each dot is an effect. Noise alone lies along the dotted line; what lies far to its right stands out. Exploratory."
)
#: Letters of an effect's name beside its dot.
NAME_WIDTH = 38
#: Height of the axes and of a line of text, inches.
HEIGHT, TEXT = 3.0, 0.15


def half_normal_figure(analysis: Analysis, part: Crossed) -> Figure | None:
    """The half-normal plot with Lenth's margins; None where there are several seeds, or too few effects."""
    if part.found is None or part.found.lenth is None:
        return None
    with style.drawing():
        return _draw(analysis, part, part.found.lenth)


def _draw(analysis: Analysis, part: Crossed, margins: Lenth) -> Figure:
    metric = analysis.results.metric
    scale = 100.0 if metric.percent else 1.0
    effects = sorted(part.mains + part.interactions, key=lambda effect: abs(effect.effect or 0.0))
    sizes = [scale * abs(effect.effect or 0.0) for effect in effects]
    heights = half_normal_quantiles(len(effects)).tolist()
    figure = style.new_figure(6.4, HEIGHT + 0.9)
    axes = figure.subplots()
    top, right = heights[-1] * 1.1, max(sizes[-1], scale * margins.sme) * 1.06
    pse = scale * margins.pse
    reach = min(top, right / pse)
    axes.plot(
        [0, reach * pse], [0, reach], color=style.GREY, linewidth=0.9, linestyle=":", label=say("noise alone (PSE)")
    )
    axes.axvline(scale * margins.me, color=style.GREY, linewidth=0.9, linestyle="--", label="ME")
    axes.axvline(scale * margins.sme, color=style.GREY, linewidth=0.9, label="SME")
    for sign, label, marker, colour in (
        (1, say("raises the metric"), "^", style.COLOURS[0]),
        (-1, say("lowers it"), "v", style.COLOURS[1]),
    ):
        chosen = [index for index, effect in enumerate(effects) if ((effect.effect or 0.0) >= 0) == (sign > 0)]
        axes.plot(
            [sizes[index] for index in chosen],
            [heights[index] for index in chosen],
            linestyle="",
            marker=marker,
            markersize=5,
            color=colour,
            label=label,
        )
    axes.set_xlim(0, right)
    axes.set_ylim(0, top)
    _names(axes, part, effects, sizes, heights)
    axes.set_xlabel(say("size of the effect, points") if metric.percent else say("size of the effect"))
    axes.set_ylabel(say("half-normal quantile"))
    figure.legend(loc="outside lower center", ncols=5, columnspacing=1.4, handletextpad=0.5)
    return figure


def _names(axes: Axes, part: Crossed, effects: list[Effect], sizes: list[float], heights: list[float]) -> None:
    """Names of effects beyond a margin, the largest first; those that would cover others are left to the table.

    Dots rise from left to right, so that only lower ones stand left of a dot and only higher ones right of it.
    """
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    line = TEXT / HEIGHT * top
    free = top
    for index in reversed(range(len(effects))):
        is_left = sizes[index] > right / 2
        beside = index - 1 if is_left else index + 1
        gap = abs(heights[beside] - heights[index]) if 0 <= beside < len(effects) else line
        if effects[index].beyond is None or gap < line / 2 or free - heights[index] < line / 2:
            continue
        axes.annotate(
            _name(part, effects[index]),
            (sizes[index], heights[index]),
            xytext=(-6 if is_left else 6, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
        )
        free = heights[index] - line / 2


def _name(part: Crossed, effect: Effect) -> str:
    """Of an interaction each factor is shortened, so that all of them can be read."""
    if effect.level is not None:
        return style.shortened(part.describe(effect), NAME_WIDTH)
    each = NAME_WIDTH // len(effect.factors) - 2
    return " × ".join(style.shortened(part.label(name), each) for name in effect.factors)
