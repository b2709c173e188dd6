"""The ranked metric against a cost: every variant with its interval, the front as a line, names where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ablate.metrics import Metric
from ablate.report import numbers
from ablate.report.figures import style
from ablate.report.language import say
from ablate.report.pareto import Candidate, Pareto
from ablate.statistics import MeanInterval
from ablate.verdicts.analysis import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

#: Times that the largest cost must be the smallest for a logarithmic axis.
LOGARITHMIC = 10
#: Letters of a name beside its point.
NAME_WIDTH = 26
#: Where a name may stand, seen from its point: horizontal and vertical alignment, and how far away, points.
PLACES = (
    ("left", "center", 6, 0),
    ("right", "center", -6, 0),
    ("center", "bottom", 0, 6),
    ("center", "top", 0, -6),
    ("left", "bottom", 5, 4),
    ("left", "top", 5, -4),
    ("right", "bottom", -5, 4),
    ("right", "top", -5, -4),
    ("left", "bottom", 8, 12),
    ("left", "top", 8, -12),
    ("right", "bottom", -8, 12),
    ("right", "top", -8, -12),
)
#: Colour and marker of each standing.
LOOKS = {"front": ("#009E73", "o"), "not separable": (style.GREY, "o"), "dominated": ("#D55E00", "v")}
#: Room between a name and what it must not cover, pixels.
AIR = 2.5


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A variant in the picture."""

    candidate: Candidate
    name: str
    is_baseline: bool
    #: Ranked metric, in the axis's unit.
    mean: float
    #: Ends of its 95 % interval, in that unit; None below two seeds.
    interval: tuple[float, float] | None


def pareto_figure(analysis: Analysis, pareto: Pareto) -> Figure:
    """One kind of cost, on a logarithmic axis where it spans more than tenfold."""
    dots = [_dot(analysis, one) for one in pareto.candidates]
    with style.drawing():
        return _draw(analysis.results.metric, pareto, [dot for dot in dots if dot is not None])


def _dot(analysis: Analysis, one: Candidate) -> Dot | None:
    found: MeanInterval = analysis.interval(one.key)
    if found.mean is None:
        return None
    scale = 100.0 if analysis.results.metric.percent else 1.0
    known = found.low is not None and found.high is not None
    return Dot(
        candidate=one,
        name=style.shortened(analysis.names[one.key], NAME_WIDTH),
        is_baseline=one.key == analysis.results.outline.baseline,
        mean=scale * found.mean,
        interval=(scale * (found.low or 0.0), scale * (found.high or 0.0)) if known else None,
    )


def _draw(metric: Metric, pareto: Pareto, dots: Sequence[Dot]) -> Figure:
    figure = style.new_figure(7.4, 4.4)
    axes = figure.subplots()
    costs = [dot.candidate.cost for dot in dots]
    if min(costs) > 0 and max(costs) > LOGARITHMIC * min(costs):
        axes.set_xscale("log")
    low, high = _limits(dots)
    for dot in dots:
        _draw_dot(axes, dot)
    corners = _front(dots)
    axes.plot(*zip(*corners, strict=True), color=LOOKS["front"][0], linewidth=1.0, alpha=0.7, zorder=1)
    label = say(pareto.cost.heading)
    if pareto.device:
        label = say("{cost} on {device}", cost=label, device=style.shortened(pareto.device, 60))
    axes.set_xlabel(label)
    axes.set_title(numbers.axis(metric))
    axes.set_xmargin(0.12)
    _tick(axes, pareto)
    axes.set_ylim(low, high)
    outside = sum(not low <= dot.mean <= high for dot in dots)
    if outside:
        text = say("{n} of {all} variants leave the picture", n=outside, all=len(dots))
        axes.text(0.98, 0.02, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=7, color=style.GREY)
    _legend(figure, dots)
    _name(figure, axes, dots, corners)
    return figure


def _front(dots: Sequence[Dot]) -> list[tuple[float, float]]:
    """The corners of the front's steps: what is the best mean for so much cost."""
    front = sorted((dot for dot in dots if dot.candidate.standing.on_front), key=lambda dot: dot.candidate.cost)
    corners = [(front[0].candidate.cost, front[0].mean)]
    for before, dot in pairwise(front):
        corners += [(dot.candidate.cost, before.mean), (dot.candidate.cost, dot.mean)]
    return corners


def _tick(axes: Axes, pareto: Pareto) -> None:
    """Costs as the tables write them."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    if axes.get_xscale() == "log":
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: pareto.cost.text(value)))


def _draw_dot(axes: Axes, dot: Dot) -> None:
    colour, marker = LOOKS[dot.candidate.verdict]
    colour, marker = (style.BASELINE, "D") if dot.is_baseline else (colour, marker)
    if dot.interval is not None:
        axes.plot([dot.candidate.cost] * 2, dot.interval, color=colour, linewidth=1.0, alpha=0.55, zorder=2)
    axes.plot(
        dot.candidate.cost,
        dot.mean,
        linestyle="",
        marker=marker,
        markersize=5.5,
        color=colour,
        mfc="white" if dot.candidate.verdict == "not separable" and not dot.is_baseline else colour,
        mew=1.0,
        zorder=3,
    )


def _limits(dots: Sequence[Dot]) -> tuple[float, float]:
    """Ends of the vertical axis: all means but those far out, and the intervals of what is shown as far as they fit."""
    means = np.array([dot.mean for dot in dots])
    first, last = np.percentile(means, [25, 75])
    reach = 3 * max(last - first, 0.02 * abs(last), 1e-9)
    inside = means[(means >= first - reach) & (means <= last + reach)]
    low, high = float(inside.min()), float(inside.max())
    room = max(high - low, 0.004 * abs(high), 1e-9)
    ends = [end for dot in dots if dot.interval is not None and low <= dot.mean <= high for end in dot.interval]
    lowest, highest = low - room, high + room
    low, high = min([low, *(max(end, lowest) for end in ends)]), max([high, *(min(end, highest) for end in ends)])
    margin = 0.06 * max(high - low, room)
    return low - margin, high + margin


def _legend(figure: Figure, dots: Sequence[Dot]) -> None:
    from matplotlib.lines import Line2D

    texts = {
        "front": say("on the front, beyond noise"),
        "not separable": say("not separable from a cheaper one"),
        "dominated": say("dominated"),
    }
    present = {dot.candidate.verdict for dot in dots if not dot.is_baseline}
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=5.5,
               mfc="white" if verdict == "not separable" else colour, label=texts[verdict])
        for verdict, (colour, marker) in LOOKS.items()
        if verdict in present
    ]  # fmt: skip
    if any(dot.is_baseline for dot in dots):
        handles.append(
            Line2D([], [], linestyle="", marker="D", color=style.BASELINE, markersize=5.5, label=say("baseline"))
        )
    handles.append(Line2D([], [], color=LOOKS["front"][0], linewidth=1.0, label=say("front of the means")))
    handles.append(Line2D([], [], color=style.GREY, linewidth=1.0, label=say("95 % interval of the mean")))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.4, handletextpad=0.5)


def _name(figure: Figure, axes: Axes, dots: Sequence[Dot], corners: Sequence[tuple[float, float]]) -> None:
    """Write names beside points, the front's first, as long as they cover neither each other nor what is drawn.

    The rest stay without: the table has them all.
    """
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()  # lays the panel out, so that places in it are known
    where = axes.transData.transform([(dot.candidate.cost, dot.mean) for dot in dots])
    taken = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in where]
    lines = [*pairwise(corners), *(((dot.candidate.cost, end) for end in dot.interval) for dot in dots if dot.interval)]
    taken += [Bbox(axes.transData.transform(list(line))).padded(1) for line in lines]
    frame = axes.get_window_extent()
    bare = 0
    order = sorted(range(len(dots)), key=lambda place: (not dots[place].is_baseline, *_rank(dots[place]), place))
    for place in order:
        if not frame.contains(*where[place]):
            continue
        box = next(_fitting(axes, dots[place], frame, taken), None)
        if box is None:
            bare += 1
        else:
            taken.append(box)
    if bare:
        text = say("without a name for want of room: {n}; the table has them", n=bare)
        axes.text(0.98, 1.01, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=7, color=style.GREY)


def _rank(dot: Dot) -> tuple[bool, bool]:
    return not dot.candidate.standing.on_front, dot.candidate.verdict == "dominated"


def _fitting(axes: Axes, dot: Dot, frame: Bbox, taken: Sequence[Bbox]) -> Iterator[Bbox]:
    """The room of a name at the first place where it fits; the name stays there."""
    for across, along, right, up in PLACES:
        text: Text = axes.annotate(
            dot.name,
            (dot.candidate.cost, dot.mean),
            xytext=(right, up),
            textcoords="offset points",
            ha=across,
            va=along,
            fontsize=7,
            color=style.BASELINE if dot.is_baseline else "#333333",
        )
        text.set_in_layout(False)
        box = text.get_window_extent().padded(AIR)
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        if inside and not any(box.overlaps(other) for other in taken):
            yield box
            return
        text.remove()
