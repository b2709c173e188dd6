"""What the best variant takes classes for, against the baseline: the difference of their confusion matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ablate.report import numbers
from ablate.report.class_table import counts_of, differ
from ablate.report.figures import style
from ablate.report.language import say
from ablate.statistics.confusion import pooled
from ablate.study.outline import OutlineVariant
from ablate.told import told
from ablate.verdicts.analysis import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Classes up to which each cell says its number.
MOST_NUMBERS = 12
#: Letters of a class's name, and of a variant's.
CLASS_WIDTH, NAME_WIDTH = 18, 44
#: Letters of a class's name that fit below its column.
UPRIGHT = 3
#: Orange is less, purple is more, white is the same: told apart with any colour vision.
SCALE = "PuOr"
CONFUSION_NOTE = told(
    "Rows are true classes, columns what they were taken for: the share of a row's test images, pooled over seeds, in "
    "points more (purple) or less (orange) than by the baseline. More on the diagonal is better, more beside it worse. "
    "No test stands behind single cells."
)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How one variant's confusion matrix differs from the baseline's."""

    variant: OutlineVariant
    classes: tuple[str, ...]
    #: Points, (K, K): rows true classes, columns predicted ones; NaN for a class without test images.
    points: NDArray[np.float64]


def shift_of_best(analysis: Analysis) -> Shift | None:
    """The best variant's, as `Analysis.best` has it.

    None where the true classes of it and of the baseline were not kept, or are too many.
    """
    results = analysis.results
    base = counts_of(analysis, results.baseline)
    if not base or analysis.best is None:
        return None
    variant = results.outline.variant(analysis.best.arm)
    runs = counts_of(analysis, variant)
    if not runs or any(differ(run, base[0]) for run in (*runs, *base)):
        return None
    return Shift(
        variant=variant,
        classes=base[0].classes,
        points=_shares(pooled([run.counts for run in runs])) - _shares(pooled([run.counts for run in base])),
    )


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each row, percent; NaN for a row without images."""
    images = counts.sum(axis=1, keepdims=True)
    found: NDArray[np.float64] = np.divide(100.0 * counts, images, out=np.full(counts.shape, np.nan), where=images > 0)
    return found


def confusion_figure(analysis: Analysis) -> Figure | None:
    """The difference as a heat map; None where there is none to show, as `shift_of_best` says."""
    shift = shift_of_best(analysis)
    if shift is None:
        return None
    with style.drawing():
        return _draw(shift)


def _draw(shift: Shift) -> Figure:
    size = len(shift.classes)
    side = max(2.6, min(5.4, 0.42 * size))
    figure = style.new_figure(side + 1.9, side + 1.4)
    axes = figure.subplots()
    furthest = float(np.nanmax(np.abs(shift.points), initial=0.0)) or 1.0
    image = axes.imshow(shift.points, cmap=SCALE, vmin=-furthest, vmax=furthest)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.outline.set_visible(False)
    bar.set_label(say("points"))
    names = [style.shortened(name, CLASS_WIDTH) for name in shift.classes]
    axes.set_xticks(range(size), names, rotation=90 if max(map(len, names)) > UPRIGHT else 0)
    axes.set_yticks(range(size), names)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel(say("predicted"))
    axes.set_ylabel(say("true"))
    figure.suptitle(
        f"{style.shortened(shift.variant.name, NAME_WIDTH)}\n{say('minus baseline')}", fontsize=9.5, x=0.02, ha="left"
    )
    if size <= MOST_NUMBERS:
        _say(axes, shift.points, furthest)
    return figure


def _say(axes: Axes, points: NDArray[np.float64], furthest: float) -> None:
    for (row, column), value in np.ndenumerate(points):
        if np.isfinite(value) and abs(value) >= 0.05:
            colour = "white" if abs(value) > 0.6 * furthest else "#222222"
            sign = "+" if value > 0 else ""
            text = f"{sign}{numbers.fixed(float(value), 1)}"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
