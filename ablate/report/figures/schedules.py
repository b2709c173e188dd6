"""The learning rate over epochs: a line for each schedule, with the variants that have it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ablate.report.figures import style
from ablate.report.figures.curves import LABEL_WIDTH, LINE_WIDTH, is_baseline
from ablate.report.language import say
from ablate.study.outline import OutlineVariant
from ablate.told import told
from ablate.verdicts.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Largest rate over smallest from which on the axis is logarithmic.
LOGARITHMIC = 30
#: Lines that can be told apart.
MOST_LINES = 32
#: Digits of a rate by which schedules are told apart.
DIGITS = 9
#: Dashes that tell lines apart which lie on each other.
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
SCHEDULES_NOTE = told(
    "The rate of each epoch as stored with it, of the first group of parameters; lines that share a schedule for a "
    "while lie on each other. Where a schedule follows the validation loss, each seed has its own line."
)
#: Rates of one run, epoch by epoch.
Rates = tuple[float, ...]


def schedules_figure(results: Results) -> Figure | None:
    """All schedules of a study; None where the rate is one constant, or was not stored."""
    grouped: dict[tuple[Rates, ...], list[OutlineVariant]] = {}
    for variant in results.outline.variants:
        if curves := _curves(results, variant):
            grouped.setdefault(curves, []).append(variant)
    rates = {rate for curves in grouped for curve in curves for rate in curve}
    if len(rates) < 2:
        return None
    shown = dict(itertools.islice(grouped.items(), MOST_LINES))
    with style.drawing():
        return _draw(results, shown, rates, left_out=len(grouped) - len(shown))


def _curves(results: Results, variant: OutlineVariant) -> tuple[Rates, ...]:
    """The schedules that a variant's runs had; one that is the beginning of another is none of its own."""
    found: set[Rates] = set()
    for run in results.runs_of(variant.key):
        rows = results.epochs_of(run)
        rates = [results.after_epoch(row, "lr") for row in rows]
        known = tuple(float(f"{rate:.{DIGITS}g}") for rate in rates if rate is not None)
        if known and len(known) == len(rates):
            found.add(known)
    whole = [one for one in found if not any(other != one and other[: len(one)] == one for other in found)]
    return tuple(sorted(whole))


def _draw(
    results: Results,
    grouped: Mapping[tuple[Rates, ...], Sequence[OutlineVariant]],
    rates: set[float],
    *,
    left_out: int,
) -> Figure:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    black = [any(is_baseline(results, variant) for variant in variants) for variants in grouped.values()]
    chosen = style.of_variants(black)
    labels = [_label(variants) for variants in grouped.values()]
    figure = style.new_figure(7.4, 2.8 + 0.19 * style.legend_rows(labels, LINE_WIDTH))
    axes = figure.subplots()
    longest = max(len(curve) for curves in grouped for curve in curves)
    for place, (curves, colour) in enumerate(zip(grouped, chosen, strict=True)):
        for curve in curves:
            axes.plot(
                range(1, len(curve) + 1),
                curve,
                color=colour,
                linestyle=DASHES[place % len(DASHES)],
                linewidth=1.6 if len(curves) == 1 else 0.8,
                marker="o" if len(curve) == 1 or longest <= 15 else "",
                markersize=3.5,
            )
    positive = [rate for rate in rates if rate > 0]
    if min(rates) > 0 and max(positive) > LOGARITHMIC * min(positive):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    else:
        axes.set_ylim(bottom=0)
    title = say("learning rate (without {n} further schedules)", n=left_out) if left_out else say("learning rate")
    axes.set_title(title)
    axes.set_xlabel(say("epoch"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    style.legend_below(figure, labels, chosen, LINE_WIDTH, dashes=DASHES)
    return figure


def _label(variants: Sequence[OutlineVariant]) -> str:
    first = style.shortened(variants[0].name, LABEL_WIDTH)
    kept = "\u200a" if first.startswith("_") else ""  # a legend leaves out what begins with "_"
    if len(variants) == 1:
        return kept + first
    return kept + say("{names} and {more} more", names=first, more=len(variants) - 1, all=len(variants))
