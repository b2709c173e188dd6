"""Curves over epochs: training thin and dashed, the rest bold with its band over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.figures import style
from ablate.report.language import capital, say
from ablate.report.table import clauses, listed
from ablate.statistics import band
from ablate.study.outline import OutlineVariant
from ablate.study.report_table import epoch_metric
from ablate.told import told
from ablate.verdicts.results import Results

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
#: Dashes of training curves.
DASHED = (0, (4, 2))


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What one panel shows, by names of what epochs measure."""

    #: What it shows, and that with its unit.
    name: str
    title: str
    #: What the network does on images that it was not trained on, or what the panel is about alone.
    bold: str
    #: The same while training; empty where there is no such curve.
    thin: str = ""

    @property
    def free(self) -> Literal["top", "bottom"]:
        """Where curves leave room for a remark: losses fall away from the top, accuracies rise from the bottom."""
        return "bottom" if self.bold.endswith("accuracy") else "top"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The curves of one variant in one panel: a row for each seed, NaN where it has no value."""

    #: Seeds that succeeded, (S, E); before any has, those under way.
    steady: NDArray[np.float64]
    #: Seeds that diverged, (D, E).
    wild: NDArray[np.float64]
    #: Seeds that are under way or were broken off while others succeeded, (P, E).
    partial: NDArray[np.float64]

    @property
    def curves(self) -> list[NDArray[np.float64]]:
        """All curves that have a value."""
        return [curve for part in (self.steady, self.wild, self.partial) for curve in part if np.isfinite(curve).any()]

    @property
    def common(self) -> int:
        """Epochs that all steady seeds have run: beyond, a mean would be one of those that happened to go on."""
        return min(_lengths(self.steady), default=0)


def panels(results: Results) -> tuple[Panel, ...]:
    """What the figures show: what the study asks for, else all that was measured."""
    asked = results.outline.report.curves
    shown = [name for name in asked if results.measures(name)] if asked else list(results.measured)

    def of(name: str) -> str:
        return name if name in shown else ""

    found = []
    for kind, name, title in (
        ("loss", say("loss"), say("loss")),
        ("accuracy", say("accuracy"), say("{metric}, %", metric=told("accuracy"))),
    ):
        oracle = of(f"oracle_test_{kind}")
        held_out = of(f"val_{kind}") if {"val_loss", "val_accuracy"} & set(shown) else oracle
        if held_out and of(f"train_{kind}"):
            found.append(Panel(name=name, title=title, thin=f"train_{kind}", bold=held_out))
    found += [
        Panel(name=say(epoch_metric(name).label), title=numbers.axis(epoch_metric(name)), bold=name)
        for name in shown
        if name not in {part for panel in found for part in (panel.thin, panel.bold)}
    ]
    return tuple(found)


def drawn(results: Results) -> str:
    """What the figures show, for their text: `Loss and accuracy`."""
    names = [panel.name for panel in panels(results)]
    return capital(listed(names, len(names)))


def notes(results: Results, variants: Sequence[tuple[str, OutlineVariant]]) -> list[str]:
    """What a reader of a figure has to know beside its legend."""
    found = []
    shown = panels(results)
    bundles = [_bundle(results, variant, panel.bold) for _, variant in variants for panel in shown[:1]]
    if any(len(set(_lengths(bundle.steady))) > 1 for bundle in bundles):
        found.append(
            say(
                "Runs differ in length: mean and band end with the first seed of a variant that stopped, and the seeds "
                "that went on are thin lines."
            )
        )
    if any(len(bundle.partial) for bundle in bundles):
        found.append(say("Runs that are under way or were broken off are thin lines and part of no mean."))
    names = {name for panel in shown for name in (panel.thin, panel.bold)}
    if any(name.startswith("oracle_") for name in names):
        found.append(say("Oracle: the test set was measured after each epoch; nothing was chosen or ranked by it."))
    if "train_loss_variance" in names:
        found.append(say("Variance of the step losses: over the steps within each epoch, nats squared."))
    if "grad_norm" in names:
        found.append(
            say("Gradient norm: of all parameters together, mean over the steps of each epoch, before clipping.")
        )
    return found


def factor_figure(results: Results, variants: Sequence[tuple[str, OutlineVariant]]) -> Figure | None:
    """The curves of the levels of one factor; None where no run has an epoch yet.

    Args:
        results: The study.
        variants: Label and variant of each level, the baseline among them.
    """
    if not any(results.epochs_of(run) for _, variant in variants for run in results.runs_of(variant.key)):
        return None
    shown = panels(results)
    if not shown:
        return None
    with style.drawing():
        return _draw(results, variants, shown)


def _draw(results: Results, variants: Sequence[tuple[str, OutlineVariant]], shown: Sequence[Panel]) -> Figure:
    from matplotlib.lines import Line2D

    chosen = style.of_variants([is_baseline(results, variant) for _, variant in variants])
    labels = [_legend_text(results, text, variant) for text, variant in variants]
    across = min(2, len(shown))
    down = math.ceil(len(shown) / across)
    figure = style.new_figure(7.4, 0.5 + 2.6 * down + 0.19 * style.legend_rows(labels, LINE_WIDTH))
    places = figure.subplots(down, across, squeeze=False).ravel()
    for axes in places[len(shown) :]:
        axes.remove()
    for axes, panel in zip(places, shown, strict=False):
        thin = [_bundle(results, variant, panel.thin) for _, variant in variants]
        bold = [_bundle(results, variant, panel.bold) for _, variant in variants]
        for colour, training, other in zip(chosen, thin, bold, strict=True):
            _train_line(axes, training, colour)
            _bold_lines(axes, other, colour, singles=len(variants) <= MOST_SINGLE_CURVES)
        _finish(axes, panel, [*thin, *bold])
    style.legend_below(figure, labels, chosen, LINE_WIDTH)
    kinds = [Line2D([], [], color=style.GREY, linewidth=2, label=_bold_name(shown))]
    if any(panel.thin for panel in shown):
        kinds.append(Line2D([], [], color=style.GREY, linewidth=0.9, linestyle=DASHED, label=say("training")))
    figure.legend(handles=kinds, loc="outside upper right", ncols=2, columnspacing=1.6, handlelength=2.4)
    return figure


def _bold_name(shown: Sequence[Panel]) -> str:
    """What the bold lines are: beside training curves the held-out images, else what the panel's title says."""
    paired = {panel.bold for panel in shown if panel.thin}
    if not paired:
        return say("mean and 95 % band")
    is_oracle = any(name.startswith("oracle_") for name in paired)
    what = say("test (oracle: never used to choose)") if is_oracle else say("validation")
    if all(panel.thin for panel in shown):
        return say("{images}, mean and 95 % band", images=what)
    return say("{images}, or what the title says: mean and 95 % band", images=what)


def is_baseline(results: Results, variant: OutlineVariant) -> bool:
    """Whether a variant is drawn in black: the baseline, retuned or not."""
    return variant.key == results.outline.baseline or variant.is_reference


def _legend_text(results: Results, text: str, variant: OutlineVariant) -> str:
    """Label and number of seeds, those that diverged or did not end named."""
    runs = [run for run in results.runs_of(variant.key) if results.epochs_of(run)]
    wild = sum(run.state == JobState.DIVERGED for run in runs)
    ended = sum(run.state == JobState.SUCCEEDED for run in runs)
    partial = len(runs) - wild - ended if ended else 0
    said = [f"n = {len(runs) - wild - partial}" if runs else say("not run")]
    said += [say("{n} diverged", n=wild)] if wild else []
    said += [say("{n} not ended", n=partial)] if partial else []
    if is_baseline(results, variant) and not text.startswith(say("baseline")):
        said.append(say("baseline"))
    # a legend leaves out what begins with "_": a space that is too thin to see keeps it in
    kept = "\u200a" if text.startswith("_") else ""
    return kept + say("{name} ({said})", name=style.shortened(text, LABEL_WIDTH), said=clauses(said))


def _bundle(results: Results, variant: OutlineVariant, metric: str) -> Bundle:
    """The curves of a metric, shares in percent; empty where no metric is named."""
    steady: list[NDArray[np.float64]] = []
    wild: list[NDArray[np.float64]] = []
    partial: list[NDArray[np.float64]] = []
    scale = 100.0 if metric and epoch_metric(metric).percent else 1.0
    for run in results.runs_of(variant.key) if metric else ():
        rows = results.epochs_of(run)
        if rows:
            curve = np.full(rows[-1].epoch, np.nan)
            for row in rows:
                value = results.after_epoch(row, metric)
                curve[row.epoch - 1] = np.nan if value is None else scale * value
            kind = {JobState.DIVERGED: wild, JobState.SUCCEEDED: steady}.get(run.state, partial)
            kind.append(curve)
    if not steady:
        steady, partial = partial, []
    return Bundle(steady=_stacked(steady), wild=_stacked(wild), partial=_stacked(partial))


def _stacked(curves: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Curves of different lengths as one matrix, NaN at the end."""
    length = max(map(len, curves), default=0)
    return np.array([np.pad(curve, (0, length - len(curve)), constant_values=np.nan) for curve in curves]).reshape(
        len(curves), length
    )


def _lengths(curves: NDArray[np.float64]) -> list[int]:
    """Last epoch of each curve that has a value."""
    return [int(known[-1]) + 1 for curve in curves if (known := np.flatnonzero(np.isfinite(curve))).size]


def _marker(epochs: int) -> dict[str, Any]:
    """One epoch makes no line: it gets a dot."""
    return {"marker": "o", "markersize": 4} if epochs == 1 else {}


def _train_line(axes: Axes, bundle: Bundle, colour: Any) -> None:  # noqa: ANN401 - whatever matplotlib takes
    if bundle.common:
        mean = band(bundle.steady[:, : bundle.common]).mean
        epochs = np.arange(1, bundle.common + 1)
        axes.plot(epochs, mean, color=colour, linewidth=0.9, linestyle=DASHED, **_marker(bundle.common))
    _singles(axes, bundle.steady, bundle.common, colour, linestyle=DASHED)
    _singles(axes, bundle.partial, 1, colour, linestyle=DASHED)


def _bold_lines(axes: Axes, bundle: Bundle, colour: Any, *, singles: bool) -> None:  # noqa: ANN401
    if bundle.common:
        epochs, found = np.arange(1, bundle.common + 1), band(bundle.steady[:, : bundle.common])
        axes.fill_between(epochs, found.low, found.high, color=colour, alpha=0.14, linewidth=0)
        if singles and 1 < len(bundle.steady) <= SINGLE_LINES:
            axes.plot(epochs, bundle.steady[:, : bundle.common].T, color=colour, linewidth=0.45, alpha=0.45)
        axes.plot(epochs, found.mean, color=colour, linewidth=1.9, **_marker(bundle.common))
    _singles(axes, bundle.steady, bundle.common, colour)
    _singles(axes, bundle.partial, 1, colour)
    if bundle.wild.size:
        axes.plot(np.arange(1, bundle.wild.shape[1] + 1), bundle.wild.T, color=colour, linewidth=0.9, linestyle=":")
        for curve in bundle.wild:  # a cross where the run was last seen
            if (seen := np.flatnonzero(np.isfinite(curve))).size:
                axes.plot(seen[-1] + 1, curve[seen[-1]], color=colour, marker="x", markersize=5)


def _singles(axes: Axes, curves: NDArray[np.float64], first: int, colour: Any, linestyle: Any = "-") -> None:  # noqa: ANN401
    """Seeds from an epoch on, each by itself."""
    for curve in curves:
        if curve.size > first:
            epochs = np.arange(max(first, 1), curve.size + 1)
            axes.plot(epochs, curve[epochs - 1], color=colour, linewidth=0.6, alpha=0.6, linestyle=linestyle)


def _finish(axes: Axes, panel: Panel, bundles: Sequence[Bundle]) -> None:
    """Axis texts, and limits that one run out of bounds does not stretch."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(panel.title)
    axes.set_xlabel(say("epoch"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    style.limit(axes, [curve for bundle in bundles for curve in bundle.curves], free=panel.free)
