"""What pictures share that have a row for each variant: names left, words right, and an axis that outliers leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ablate.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Letters of a variant's name beside its row.
NAME_WIDTH = 46
#: Height of a row, inches.
ROW = 0.235
#: How far single seeds lie below the mean and its interval, rows.
BELOW = 0.27


def label(axes: Axes, names: Sequence[str], texts: Sequence[str] = (), colours: Sequence[str] = ()) -> None:
    """Set the rows from the top down, with a name at the left of each, and words in its colour at the right."""
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), [style.shortened(name, NAME_WIDTH) for name in names])
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if texts:
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(names)), list(texts))
        right.tick_params(length=0)
        right.spines["right"].set_visible(False)
        for colour, text in zip(colours, right.get_yticklabels(), strict=True):
            text.set_color(colour)


def limits(values: Sequence[float], edges: Sequence[float], always: Sequence[float] = ()) -> tuple[float, float]:
    """Ends of the axis.

    Args:
        values: What is shown, except where it lies far out.
        edges: Ends of intervals, shown where they fit.
        always: Shown in any case.
    """
    known = np.array(values)
    first, last = np.percentile(known, [25, 75])
    reach = 3 * max(last - first, 1e-3 * abs(last), 1e-9)
    inside = known[(known >= first - reach) & (known <= last + reach)]
    low, high = float(inside.min()), float(inside.max())
    wide = 0.5 * max(high - low, 0.02 * abs(high), 1e-9)
    low = min([low, *(edge for edge in edges if low - wide <= edge < low)])
    high = max([high, *(edge for edge in edges if high < edge <= high + wide)])
    low, high = min([low, *always]), max([high, *always])
    margin = 0.04 * max(high - low, 1e-3 * abs(high), 1e-9)
    return low - margin, high + margin


def beyond(axes: Axes, row: int, values: Sequence[float], colour: str) -> None:
    """Arrows at the edges of the axis, whose limits are set, for values that lie outside."""
    from matplotlib.transforms import blended_transform_factory

    low, high = axes.get_xlim()
    edge = blended_transform_factory(axes.transAxes, axes.transData)
    for outside, place, arrow in (
        (any(value < low for value in values), 0.008, "<"),
        (any(value > high for value in values), 0.992, ">"),
    ):
        if outside:
            axes.plot(place, row, transform=edge, marker=arrow, markersize=5, color=colour, clip_on=False)
