"""Loss and accuracy over epochs: training thin and dashed, validation bold with its band over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ablate.protocol import JobState
from ablate.report.figures import style
from ablate.report.results import Results, finite
from ablate.statistics import band
from ablate.store.records import EpochRecord
from ablate.study.outline import OutlineVariant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Seeds up to which each is drawn as a thin line too, and curves up to which that stays readable.
SINGLE_LINES = 5
MOST_SINGLE_CURVES = 4
#: Letters of a label in the legend.
LABEL_WIDTH = 40
#: Letters in a line of the legend.
LINE_WIDTH = 112


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One panel: what is drawn thin and what is drawn bold."""

    title: str
    #: Where curves leave room for a remark: losses fall away from the top, accuracies rise from the bottom.
    free: Literal["top", "bottom"]
    #: Reads an epoch's training value, in the panel's unit.
    train: Callable[[EpochRecord], float | None]
    #: Reads what the network does on images that it was not trained on.
    held_out: Callable[[EpochRecord], float | None]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The curves of one variant in one panel: a row for each seed, NaN where it has no value."""

    #: Seeds that did not diverge, (S, E).
    steady: NDArray[np.float64]
    #: Seeds that diverged, (D, E).
    wild: NDArray[np.float64]

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw."""
        return bool(np.isfinite(self.steady).any() or np.isfinite(self.wild).any())


def factor_figure(results: Results, variants: Sequence[tuple[str, OutlineVariant]]) -> Figure | None:
    """Loss and accuracy of the levels of one factor; None where no run has an epoch yet.

    Args:
        results: The study.
        variants: Label and variant of each level, the baseline among them.
    """
    if not any(results.epochs_of(run) for _, variant in variants for run in results.runs_of(variant.key)):
        return None
    with style.drawing():
        return _draw(results, variants)


def _draw(results: Results, variants: Sequence[tuple[str, OutlineVariant]]) -> Figure:
    from matplotlib.lines import Line2D

    held_out, name = _held_out(results)
    black = [variant.key == results.outline.baseline or variant.is_reference for _, variant in variants]
    colours = iter(style.colours(black.count(False)))
    chosen = [style.BASELINE if is_black else next(colours) for is_black in black]
    labels = [_legend_text(results, text, variant) for text, variant in variants]
    rows = math.ceil(len(labels) / max(1, min(5, LINE_WIDTH // (max(map(len, labels)) + 6))))
    figure = style.new_figure(7.4, 3.1 + 0.19 * rows)
    panels = figure.subplots(1, 2)
    for axes, quantity in zip(panels, held_out, strict=True):
        bundles = [_bundle(results, variant, quantity.train) for _, variant in variants]
        bold = [_bundle(results, variant, quantity.held_out) for _, variant in variants]
        for colour, thin, thick in zip(chosen, bundles, bold, strict=True):
            _train_line(axes, thin, colour)
            _held_out_lines(axes, thick, colour, singles=len(variants) <= MOST_SINGLE_CURVES)
        _finish(axes, quantity, [*bundles, *bold])
    handles = [Line2D([], [], color=colour, linewidth=2) for colour in chosen]
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=math.ceil(len(labels) / rows),
        columnspacing=1.6,
        handlelength=1.6,
    )
    kinds = [Line2D([], [], color=style.GREY, linewidth=0.9, linestyle=(0, (4, 2)), label="training")]
    if name:
        kinds.insert(0, Line2D([], [], color=style.GREY, linewidth=2, label=name))
    figure.legend(handles=kinds, loc="outside upper right", ncols=2, columnspacing=1.6, handlelength=2.4)
    return figure


def _held_out(results: Results) -> tuple[tuple[Quantity, Quantity], str]:
    """The two panels, and what the bold lines are: validation, else the test curve that is called an oracle."""

    def percent(value: float | None) -> float | None:
        return None if value is None else 100 * value

    def nothing(row: EpochRecord) -> float | None:
        return None

    loss: Callable[[EpochRecord], float | None] = nothing
    accuracy: Callable[[EpochRecord], float | None] = nothing
    name = ""
    if any(row.val_loss is not None or row.val_accuracy is not None for row in results.epochs):
        name = "validation, mean and 95 % band"
        loss, accuracy = (lambda row: row.val_loss), (lambda row: percent(row.val_accuracy))
    elif any("oracle_test_accuracy" in row.custom for row in results.epochs):
        name = "test (oracle: never used to choose), mean and 95 % band"
        loss = lambda row: row.custom.get("oracle_test_loss")  # noqa: E731 - as its siblings
        accuracy = lambda row: percent(row.custom.get("oracle_test_accuracy"))  # noqa: E731
    return (
        Quantity(title="loss", free="top", train=lambda row: row.train_loss, held_out=loss),
        Quantity(title="accuracy, %", free="bottom", train=lambda row: percent(row.train_accuracy), held_out=accuracy),
    ), name


def _legend_text(results: Results, text: str, variant: OutlineVariant) -> str:
    """Label and number of seeds, those that diverged named."""
    runs = [run for run in results.runs_of(variant.key) if results.epochs_of(run)]
    wild = sum(run.state == JobState.DIVERGED for run in runs)
    is_baseline = variant.key == results.outline.baseline or variant.is_reference
    mark = ", baseline" if is_baseline and not text.startswith("baseline") else ""
    diverged = f", {wild} diverged" if wild else ""
    # a legend leaves out what begins with "_": a space that is too thin to see keeps it in
    kept = "\u200a" if text.startswith("_") else ""
    return f"{kept}{style.shortened(text, LABEL_WIDTH)} (n = {len(runs) - wild}{diverged}{mark})"


def _bundle(results: Results, variant: OutlineVariant, read: Callable[[EpochRecord], float | None]) -> Bundle:
    steady: list[NDArray[np.float64]] = []
    wild: list[NDArray[np.float64]] = []
    for run in results.runs_of(variant.key):
        rows = results.epochs_of(run)
        if rows:
            curve = np.full(rows[-1].epoch, np.nan)
            for row in rows:
                value = finite(read(row))
                curve[row.epoch - 1] = np.nan if value is None else value
            (wild if run.state == JobState.DIVERGED else steady).append(curve)
    return Bundle(steady=_stacked(steady), wild=_stacked(wild))


def _stacked(curves: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Curves of different lengths as one matrix, NaN at the end."""
    length = max(map(len, curves), default=0)
    return np.array([np.pad(curve, (0, length - len(curve)), constant_values=np.nan) for curve in curves]).reshape(
        len(curves), length
    )


def _epochs(curves: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.arange(1, curves.shape[1] + 1)


def _marker(curves: NDArray[np.float64]) -> dict[str, Any]:
    """One epoch makes no line: it gets a dot."""
    return {"marker": "o", "markersize": 4} if curves.shape[1] == 1 else {}


def _train_line(axes: Axes, bundle: Bundle, colour: Any) -> None:  # noqa: ANN401 - whatever matplotlib takes
    if bundle.steady.size:
        mean = band(bundle.steady).mean
        axes.plot(
            _epochs(bundle.steady), mean, color=colour, linewidth=0.9, linestyle=(0, (4, 2)), **_marker(bundle.steady)
        )


def _held_out_lines(axes: Axes, bundle: Bundle, colour: Any, *, singles: bool) -> None:  # noqa: ANN401
    if bundle.steady.size:
        epochs, found = _epochs(bundle.steady), band(bundle.steady)
        axes.fill_between(epochs, found.low, found.high, color=colour, alpha=0.14, linewidth=0)
        if singles and 1 < len(bundle.steady) <= SINGLE_LINES:
            axes.plot(epochs, bundle.steady.T, color=colour, linewidth=0.45, alpha=0.45)
        axes.plot(epochs, found.mean, color=colour, linewidth=1.9, **_marker(bundle.steady))
    if bundle.wild.size:
        axes.plot(_epochs(bundle.wild), bundle.wild.T, color=colour, linewidth=0.9, linestyle=":")
        for curve in bundle.wild:  # a cross where the run was last seen
            if (seen := np.flatnonzero(np.isfinite(curve))).size:
                axes.plot(seen[-1] + 1, curve[seen[-1]], color=colour, marker="x", markersize=5)


def _finish(axes: Axes, quantity: Quantity, bundles: Sequence[Bundle]) -> None:
    """Axis texts, and limits that one run out of bounds does not stretch."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(quantity.title)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    curves = [curve for bundle in bundles for curve in (*bundle.steady, *bundle.wild) if np.isfinite(curve).any()]
    if not curves:
        axes.text(0.5, 0.5, "nothing recorded", transform=axes.transAxes, ha="center", va="center", color=style.GREY)
        return
    low, high = limits(curves)
    margin = 0.04 * (high - low) or 0.02 * abs(high) or 0.5
    axes.set_ylim(low - margin, high + margin)
    hidden = sum(bool(np.nanmax(curve) > high + margin or np.nanmin(curve) < low - margin) for curve in curves)
    if hidden:
        text = f"{hidden} of {len(curves)} curves leave the picture"
        height = 0.98 if quantity.free == "top" else 0.02
        axes.text(
            0.98, height, text, transform=axes.transAxes, ha="right", va=quantity.free, fontsize=7, color=style.GREY
        )


def limits(curves: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Lowest and highest value to show.

    Curves count that reach no further than one and a half times the span of the typical curve beyond its ends: at
    least half of them, and one that explodes does not flatten the others.
    """
    tops = np.sort([np.nanmax(curve) for curve in curves])
    bottoms = np.sort([np.nanmin(curve) for curve in curves])
    middle = (len(curves) - 1) // 2
    top, bottom = tops[middle], bottoms[len(curves) - 1 - middle]
    reach = 1.5 * max(top - bottom, 0.02 * abs(top))
    return float(bottoms[bottoms >= bottom - reach].min()), float(tops[tops <= top + reach].max())
