"""Curves over epochs: training thin and dashed, the rest bold with its band over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.figures import style
from ablate.report.figures.bundles import Bundle, bundle_of, lengths
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
#: What is measured in one unit on one scale.
SCALES = MappingProxyType(
    {
        "loss": ("train_loss", "val_loss", "oracle_test_loss"),
        "accuracy": ("train_accuracy", "val_accuracy", "oracle_test_accuracy"),
    }
)
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
    def quantity(self) -> str:
        """Which panels have one scale: losses that ablate measures, its accuracies, else what the panel shows."""
        return next((kind for kind, names in SCALES.items() if self.bold in names), self.bold)

    @property
    def free(self) -> Literal["top", "bottom"]:
        """Where curves leave room for a remark: losses fall away from the top, accuracies rise from the bottom."""
        return "bottom" if self.bold.endswith("accuracy") else "top"


@dataclass(frozen=True)
class Frame:
    """What curve pictures of one sub-table share, so that they can be compared: axes, and a colour for each label."""

    results: Results
    #: Label and variant of each curve, for each picture.
    pictures: Sequence[Sequence[tuple[str, OutlineVariant]]]

    @cached_property
    def epochs(self) -> int:
        """Last epoch of the longest run; 0 where no run has one."""
        variants = [variant for picture in self.pictures for _, variant in picture]
        runs = [run for variant in variants for run in self.results.runs_of(variant.key)]
        return max((rows[-1].epoch for run in runs if (rows := self.results.epochs_of(run))), default=0)

    @cached_property
    def heights(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value to show of each quantity that any curve has a value of."""
        found: dict[tuple[str, bool], list[list[NDArray[np.float64]]]] = {}
        for panel in panels(self.results):
            for picture in self.pictures:
                curves = [curve for bundle in self.bundles(panel, picture) for curve in bundle.curves]
                if curves:
                    quantity = panel.quantity, epoch_metric(panel.bold).percent
                    found.setdefault(quantity, []).append(curves)
        return {name: style.common_limits(shown, percent=percent) for (name, percent), shown in found.items()}

    def bundles(self, panel: Panel, picture: Sequence[tuple[str, OutlineVariant]]) -> list[Bundle]:
        """What a panel of a picture shows: the thin curves of each variant, then the bold ones."""
        return [self._bundle(variant, name) for name in (panel.thin, panel.bold) for _, variant in picture]

    def _bundle(self, variant: OutlineVariant, name: str) -> Bundle:
        if (variant.key, name) not in self._made:
            self._made[variant.key, name] = bundle_of(self.results, variant, name)
        return self._made[variant.key, name]

    @cached_property
    def _made(self) -> dict[tuple[str, str], Bundle]:
        return {}


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
    bundles = [bundle_of(results, variant, panel.bold) for _, variant in variants for panel in shown[:1]]
    if any(len(set(lengths(bundle.steady))) > 1 for bundle in bundles):
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


def factor_figure(
    results: Results, variants: Sequence[tuple[str, OutlineVariant]], frame: Frame | None = None
) -> Figure | None:
    """The curves of the levels of one factor; None where no run has an epoch yet.

    Args:
        results: The study.
        variants: Label and variant of each level, the baseline among them.
        frame: The axes, where there are further pictures beside this one.
    """
    if not any(results.epochs_of(run) for _, variant in variants for run in results.runs_of(variant.key)):
        return None
    shown = panels(results)
    if not shown:
        return None
    with style.drawing():
        return _draw(frame or Frame(results, (variants,)), variants, shown)


def _draw(frame: Frame, variants: Sequence[tuple[str, OutlineVariant]], shown: Sequence[Panel]) -> Figure:
    from matplotlib.lines import Line2D

    results = frame.results
    chosen = colours(results, variants, frame.pictures)
    labels = [_legend_text(results, text, variant) for text, variant in variants]
    across = min(2, len(shown))
    down = math.ceil(len(shown) / across)
    figure = style.new_figure(7.4, 0.5 + 2.6 * down + 0.19 * style.legend_rows(labels, LINE_WIDTH))
    places = figure.subplots(down, across, squeeze=False).ravel()
    for axes in places[len(shown) :]:
        axes.remove()
    for axes, panel in zip(places, shown, strict=False):
        bundles = frame.bundles(panel, variants)
        thin, bold = bundles[: len(variants)], bundles[len(variants) :]
        for colour, training, other in zip(chosen, thin, bold, strict=True):
            _train_line(axes, training, colour)
            _bold_lines(axes, other, colour, singles=len(variants) <= MOST_SINGLE_CURVES)
        _finish(axes, panel, bundles, frame)
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


def colours(
    results: Results,
    variants: Sequence[tuple[str, OutlineVariant]],
    pictures: Sequence[Sequence[tuple[str, OutlineVariant]]],
) -> list[Any]:
    """A colour for each curve of a picture: black for baselines, else that of its label in all pictures beside it."""
    if len(pictures) < 2:
        return style.of_variants([is_baseline(results, variant) for _, variant in variants])
    others = dict.fromkeys(text for one in pictures for text, variant in one if not is_baseline(results, variant))
    of_label = dict(zip(others, style.colours(len(others)), strict=True))
    return [style.BASELINE if is_baseline(results, variant) else of_label[text] for text, variant in variants]


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


def _bold_lines(axes: Axes, bundle: Bundle, colour: Any, *, singles: bool) -> None:  # noqa: ANN401 - whatever matplotlib takes
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


def _singles(axes: Axes, curves: NDArray[np.float64], first: int, colour: Any, linestyle: Any = "-") -> None:  # noqa: ANN401 - whatever matplotlib takes
    """Seeds from an epoch on, each by itself."""
    for curve in curves:
        if curve.size > first:
            epochs = np.arange(max(first, 1), curve.size + 1)
            axes.plot(epochs, curve[epochs - 1], color=colour, linewidth=0.6, alpha=0.6, linestyle=linestyle)


def _finish(axes: Axes, panel: Panel, bundles: Sequence[Bundle], frame: Frame) -> None:
    """Axis texts, and limits that one run out of bounds does not stretch."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(panel.title)
    axes.set_xlabel(say("epoch"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    style.limit_along(axes, 1, frame.epochs)
    curves = [curve for bundle in bundles for curve in bundle.curves]
    style.limit(axes, curves, free=panel.free, ends=frame.heights.get(panel.quantity))
