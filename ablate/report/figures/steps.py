"""Losses over single steps: seeds thin, their rolling mean bold, validation within epochs as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ablate.metrics import METRICS
from ablate.report import numbers
from ablate.report.figures import style
from ablate.report.figures.curves import LABEL_WIDTH, LINE_WIDTH, colours, is_baseline
from ablate.report.language import say, say_as
from ablate.report.table import clauses
from ablate.study.outline import OutlineVariant
from ablate.verdicts.results import Results
from ablate.verdicts.steps import StepCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Curves up to which each seed's losses are drawn too.
MOST_RAW_CURVES = 4
#: Points of a line beyond which neighbours are drawn as their mean: more cannot be seen.
MOST_POINTS = 400
#: The rolling mean is over this share of the run, in losses that were kept.
WINDOW = 0.05


@dataclass(frozen=True)
class StepFrame:
    """What all pictures of steps of one sub-table share."""

    results: Results
    #: Label and variant of each curve, for each picture.
    pictures: Sequence[Sequence[tuple[str, OutlineVariant]]]

    @cached_property
    def steps(self) -> tuple[int, int]:
        """First and last step of which anything is known."""
        known = [steps for curve in self._all for steps in (curve.steps, curve.val_steps) if steps.size]
        return min((int(steps[0]) for steps in known), default=0), max((int(steps[-1]) for steps in known), default=0)

    @cached_property
    def losses(self) -> tuple[float, float] | None:
        """Lowest and highest loss to show; None where none is known."""
        shown = [_shown_losses([_of(self.results, variant) for _, variant in picture]) for picture in self.pictures]
        known = [losses for losses in shown if losses]
        return style.common_limits(known, percent=False) if known else None

    @cached_property
    def accuracies(self) -> tuple[float, float] | None:
        """Lowest and highest validation accuracy, percent; None where none is known."""
        shown = [_shown_accuracies([_of(self.results, variant) for _, variant in picture]) for picture in self.pictures]
        known = [accuracies for accuracies in shown if accuracies]
        return style.common_limits(known, percent=True) if known else None

    @cached_property
    def _all(self) -> list[StepCurve]:
        return [curve for picture in self.pictures for _, variant in picture for curve in _of(self.results, variant)]


def steps_figure(
    results: Results, variants: Sequence[tuple[str, OutlineVariant]], frame: StepFrame | None = None
) -> Figure | None:
    """Losses over steps, and the validation accuracy where it was measured; None where no step was kept.

    Args:
        results: The study.
        variants: Label and variant of each curve.
        frame: The axes, where there are further pictures beside this one.
    """
    curves = [_of(results, variant) for _, variant in variants]
    if not any(curves):
        return None
    with style.drawing():
        return _draw(frame or StepFrame(results, (variants,)), variants, curves)


def step_notes(results: Results, variants: Sequence[tuple[str, OutlineVariant]]) -> list[str]:
    """What a reader of the figure has to know beside its legend."""
    curves = [curve for _, variant in variants for curve in _of(results, variant)]
    found = []
    if longest := max((len(curve.steps) for curve in curves), default=0):
        window = _window(longest)
        bold = say("mean over seeds")
        if window > 1:
            bold = say("rolling mean over {n} kept losses, then over seeds", n=window)
        found.append(
            say("Bold: {mean}, as long as all of them run; losses are as trained on, each before its step.", mean=bold)
        )
        if longest > MOST_POINTS and len(variants) <= MOST_RAW_CURVES:
            neighbours = -(-longest // MOST_POINTS)
            found.append(say("Thin: each point is the mean of {n} neighbouring losses of a seed.", n=neighbours))
    if any(curve.val_steps.size for curve in curves):
        found.append(
            say("Points: the validation images after so many steps, mean over seeds; no epoch is selected by them.")
        )
    return found


def _of(results: Results, variant: OutlineVariant) -> list[StepCurve]:
    runs = results.runs_of(variant.key)
    return [results.steps[run.variant_key, run.seed] for run in runs if (run.variant_key, run.seed) in results.steps]


def _draw(
    frame: StepFrame, variants: Sequence[tuple[str, OutlineVariant]], curves: Sequence[Sequence[StepCurve]]
) -> Figure:
    from matplotlib.lines import Line2D

    results = frame.results
    chosen = colours(results, variants, frame.pictures)
    labels = [
        say("{name} ({said})", name=style.shortened(text, LABEL_WIDTH), said=_said(results, variant, found))
        for (text, variant), found in zip(variants, curves, strict=True)
    ]
    validated = any(np.isfinite(curve.val_accuracy).any() for found in curves for curve in found)
    has_losses = any(curve.steps.size for found in curves for curve in found)
    has_points = any(np.isfinite(curve.val_loss).any() for found in curves for curve in found)
    figure = style.new_figure(7.4, 3.1 + 0.19 * style.legend_rows(labels, LINE_WIDTH))
    panels = figure.subplots(1, 2 if validated else 1, squeeze=False)[0]
    for colour, found in zip(chosen, curves, strict=True):
        _losses(panels[0], found, colour, raw=len(variants) <= MOST_RAW_CURVES)
        _points(panels[0], [(curve.val_steps, curve.val_loss) for curve in found], colour)
        if validated:
            _points(panels[1], [(curve.val_steps, 100 * curve.val_accuracy) for curve in found], colour)
    _finish(panels, curves, frame)
    style.legend_below(figure, labels, chosen, LINE_WIDTH)
    kinds = []
    if has_losses:
        kinds.append(Line2D([], [], color=style.GREY, linewidth=2, label=_mean_name(curves)))
    if has_points or validated:
        kinds.append(
            Line2D([], [], color=style.GREY, marker="o", markersize=3.5, linewidth=0.6, label=say("validation"))
        )
    figure.legend(handles=kinds, loc="outside upper right", ncols=2, columnspacing=1.6, handlelength=2.4)
    return figure


def _said(results: Results, variant: OutlineVariant, curves: Sequence[StepCurve]) -> str:
    """Number of seeds whose steps were kept, and whether this is the baseline."""
    said = f"n = {len(curves)}" if curves else say("no steps kept")
    return clauses((said, say("baseline"))) if is_baseline(results, variant) else said


def _losses(axes: Axes, curves: Sequence[StepCurve], colour: Any, *, raw: bool) -> None:  # noqa: ANN401 - whatever matplotlib takes
    kept = [curve for curve in curves if curve.steps.size]
    if not kept:
        return
    for curve in kept if raw else ():
        steps, loss = _thinned(curve.steps.astype(np.float64)), _thinned(curve.loss)
        axes.plot(steps, loss, color=colour, linewidth=0.5, alpha=0.35)
    common = min(len(curve.steps) for curve in kept)
    window = _window(max(len(curve.steps) for curve in kept))
    rolled = [_rolling(curve.loss, window)[:common] for curve in kept]
    steps = kept[0].steps[:common].astype(np.float64)
    lone = "o" if common == 1 else None  # a line of one point is none
    axes.plot(_thinned(steps), _thinned(np.mean(rolled, axis=0)), color=colour, linewidth=1.9, marker=lone)


def _mean_name(curves: Sequence[Sequence[StepCurve]]) -> str:
    return say("training, rolling mean") if _window(_longest(curves)) > 1 else say("training, mean")


def _longest(curves: Sequence[Sequence[StepCurve]]) -> int:
    """Losses that were kept of the longest run."""
    return max((len(curve.steps) for found in curves for curve in found), default=0)


def _window(kept: int) -> int:
    """Losses in the rolling mean of a run that kept so many: an odd number."""
    return max(1, round(WINDOW * kept)) // 2 * 2 + 1


def _rolling(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Mean over a window around each value, (K,), cut off at both ends; NaN counts as not there."""
    half = window // 2
    known = np.isfinite(values)
    sums = np.concatenate(([0.0], np.cumsum(np.where(known, values, 0.0))))
    counts = np.concatenate(([0], np.cumsum(known)))
    places = np.arange(len(values))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    inside = counts[last] - counts[first]
    return np.where(inside > 0, (sums[last] - sums[first]) / np.maximum(inside, 1), np.nan)


def _thinned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most `MOST_POINTS` values, each the mean of as many neighbours."""
    size = -(-len(values) // MOST_POINTS)
    if size <= 1:
        return values
    starts = np.arange(0, len(values), size)
    known = np.isfinite(values)
    counts = np.add.reduceat(known.astype(np.float64), starts)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _points(axes: Axes, pairs: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]], colour: Any) -> None:  # noqa: ANN401 - whatever matplotlib takes
    """Validation within epochs: the mean over seeds at each step that all of them reached."""
    found = [(steps, values) for steps, values in pairs if steps.size]
    if not found:
        return
    common = min(len(steps) for steps, _ in found)
    mean = np.mean([values[:common] for _, values in found], axis=0)
    axes.plot(found[0][0][:common], mean, color=colour, linewidth=0.6, marker="o", markersize=3.5, mec="white", mew=0.4)


def _shown_losses(curves: Sequence[Sequence[StepCurve]]) -> list[NDArray[np.float64]]:
    """Rolling means and validation losses of a picture, those that have a value."""
    window = _window(_longest(curves))
    shown = [_rolling(curve.loss, window) for found in curves for curve in found]
    shown += [curve.val_loss for found in curves for curve in found]
    return [one for one in shown if np.isfinite(one).any()]


def _shown_accuracies(curves: Sequence[Sequence[StepCurve]]) -> list[NDArray[np.float64]]:
    """Validation accuracies of a picture, percent, those that have a value."""
    shown = [100 * curve.val_accuracy for found in curves for curve in found]
    return [one for one in shown if np.isfinite(one).any()]


def _finish(panels: Sequence[Axes], curves: Sequence[Sequence[StepCurve]], frame: StepFrame) -> None:
    from matplotlib.ticker import MaxNLocator

    for axes, title in zip(panels, (say("loss"), numbers.axis(METRICS["val_accuracy"])), strict=False):
        axes.set_title(title)
        axes.set_xlabel(say_as("axis", "step"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        style.limit_along(axes, *frame.steps)
    style.limit(panels[0], _shown_losses(curves), free="top", ends=frame.losses)
    for axes in panels[1:]:
        style.limit(axes, _shown_accuracies(curves), free="bottom", ends=frame.accuracies)
