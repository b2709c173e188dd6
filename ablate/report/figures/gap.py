"""The generalisation gap: how much more of its training images a network gets right than of images it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.report.figures import rows, style
from ablate.report.figures.curves import is_baseline
from ablate.report.language import say
from ablate.report.table import clauses
from ablate.statistics import MeanInterval, mean_interval
from ablate.store.records import RunRecord
from ablate.study.outline import OutlineVariant
from ablate.verdicts.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What a gap may be measured against, the first that was.
HELD_OUT = ("val_accuracy", "oracle_test_accuracy")


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The gap of one variant."""

    variant: OutlineVariant
    #: Of each seed, points.
    dots: tuple[float, ...]
    interval: MeanInterval


def gap_note(results: Results) -> str:
    """What the figure shows, in a sentence."""
    what = say("Accuracy on the training images minus accuracy on the validation images")
    if _held_out(results) != HELD_OUT[0]:
        what = say("Accuracy on the training images minus accuracy on the test (oracle) images")
    return say(
        "{what}, both after the epoch that was selected: a dot for each seed, the mean with its 95 % interval. "
        "Training images are measured as trained on, with augmentation and dropout, so that a gap may be negative.",
        what=what,
    )


def gap_figure(results: Results) -> Figure | None:
    """A row for each variant; None where no run has measured both accuracies."""
    name = _held_out(results)
    gaps = [_gap(results, variant, name) for variant in results.outline.variants]
    if not any(gap.dots for gap in gaps):
        return None
    with style.drawing():
        return _draw(results, gaps, name)


def _held_out(results: Results) -> str:
    return next((name for name in HELD_OUT if results.measures(name)), HELD_OUT[0])


def _gap(results: Results, variant: OutlineVariant, name: str) -> Gap:
    found = (_of_run(results, run, name) for run in results.runs_of(variant.key))
    dots = tuple(gap for gap in found if gap is not None)
    return Gap(variant=variant, dots=dots, interval=mean_interval(dots))


def _of_run(results: Results, run: RunRecord, name: str) -> float | None:
    """In points, of a run that succeeded."""
    if run.state != JobState.SUCCEEDED:
        return None
    for row in results.epochs_of(run):
        if row.epoch == run.selected_epoch:
            trained, held_out = results.after_epoch(row, "train_accuracy"), results.after_epoch(row, name)
            return None if trained is None or held_out is None else 100 * (trained - held_out)
    return None


def _draw(results: Results, gaps: Sequence[Gap], name: str) -> Figure:
    figure = style.new_figure(7.4, 0.8 + rows.ROW * len(gaps))
    axes = figure.subplots()
    axes.axvline(0, color=style.GREY, linewidth=0.8, zorder=1)
    looks = [style.BASELINE if is_baseline(results, gap.variant) else style.COLOURS[0] for gap in gaps]
    for row, (gap, colour) in enumerate(zip(gaps, looks, strict=True)):
        _row(axes, row, gap, colour)
    edges = [edge for gap in gaps for edge in (gap.interval.low, gap.interval.high) if edge is not None]
    axes.set_xlim(*rows.limits([dot for gap in gaps for dot in gap.dots], edges, [0.0]))
    for row, (gap, colour) in enumerate(zip(gaps, looks, strict=True)):
        rows.beyond(axes, row, gap.dots, colour)
    rows.label(axes, [gap.variant.name for gap in gaps], [_text(gap) for gap in gaps], looks)
    what = say("training accuracy minus validation accuracy, points")
    axes.set_xlabel(what if name == HELD_OUT[0] else say("training accuracy minus test (oracle) accuracy, points"))
    return figure


def _row(axes: Axes, row: int, gap: Gap, colour: str) -> None:
    lower = [row + rows.BELOW] * len(gap.dots)
    axes.plot(gap.dots, lower, linestyle="", marker="o", markersize=3.2, color=colour, alpha=0.45, mew=0)
    found = gap.interval
    if found.low is not None and found.high is not None:
        axes.plot([found.low, found.high], [row, row], color=colour, linewidth=1.3, zorder=3)
    if found.mean is not None:
        marker = "D" if colour == style.BASELINE else "o"
        axes.plot(found.mean, row, marker=marker, markersize=5.5, color=colour, mec="white", mew=0.6, zorder=4)


def _text(gap: Gap) -> str:
    if gap.interval.mean is None:
        return numbers.UNKNOWN
    sign = "+" if gap.interval.mean > 0 else ""
    return clauses((f"{sign}{numbers.fixed(gap.interval.mean, 1)}", f"n = {gap.interval.n}"))
