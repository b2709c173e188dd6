"""Single classes of the baseline and of the best variant: who is taken for whom, and what share of each is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.report import numbers
from ablate.report.class_table import counts_of, differ
from ablate.report.language import say, say_number
from ablate.statistics import class_accuracies, pooled
from ablate.statistics.confusion import Counts
from ablate.verdicts.analysis import Analysis

#: Depths of colour of a cell.
LEVELS = 10
#: Height of a bar with the gap below it, and of both margins of a class, pixels.
BAR, MARGINS = 9, 4


@dataclass(frozen=True, kw_only=True)
class ConfusionCell:
    """Images of one true class that were given one class."""

    #: Their share of the true class, in percent; a dot where there is hardly one.
    text: str
    #: In words: who was taken for whom, and how many times.
    title: str
    #: Whether it lies on the diagonal.
    is_right: bool
    #: Depth of its colour, 0 to `LEVELS`.
    level: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The matrix of one variant, its seeds together."""

    name: str
    #: As `5 seeds together`.
    seeds: str
    #: Name of each true class with a cell for each predicted one.
    rows: tuple[tuple[str, tuple[ConfusionCell, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class ClassBars:
    """What share of one class each variant got right."""

    name: str
    #: Of each variant: length of its bar, percent of the longest possible, and the share as text.
    shares: tuple[tuple[float, str], ...]

    @property
    def height(self) -> int:
        """Of all bars together, pixels."""
        return MARGINS + BAR * len(self.shares)

    def top(self, number: int) -> int:
        """Where the bar of a variant begins, pixels."""
        return MARGINS // 2 + BAR * number


@dataclass(frozen=True, kw_only=True)
class ClassesView:
    """Matrices, and bars for each class."""

    classes: tuple[str, ...]
    matrices: tuple[Confusion, ...]
    bars: tuple[ClassBars, ...]
    #: Where the bars begin, percent: from zero, high accuracies would all look alike.
    start: float
    #: Why the second variant is shown; empty where there is none.
    why: str


def classes_view(analysis: Analysis) -> ClassesView | None:
    """The baseline beside the best, or alone where there is no other; None where true classes were not kept."""
    results = analysis.results
    base = counts_of(analysis, results.baseline)
    if not base:
        return None
    classes = base[0].classes
    keys = [results.outline.baseline, *([analysis.best.arm] if analysis.best else [])]
    found = [(key, counts_of(analysis, results.outline.variant(key))) for key in keys]
    kept = [(key, runs) for key, runs in found if runs and not any(differ(run, base[0]) for run in runs)]
    counts = [pooled([run.counts for run in runs]) for _, runs in kept]
    rights = [100 * class_accuracies(each) for each in counts]
    known = np.concatenate(rights)
    start = max(0.0, 10.0 * ((float(known[np.isfinite(known)].min(initial=100.0)) - 5) // 10))
    return ClassesView(
        classes=classes,
        matrices=tuple(
            Confusion(
                name=analysis.names[key],
                seeds=say_number(len(runs), "{n} seed", "{n} seeds together"),
                rows=tuple(_rows(classes, each)),
            )
            for (key, runs), each in zip(kept, counts, strict=True)
        ),
        bars=tuple(
            ClassBars(name=name, shares=tuple(_bar(float(right[number]), start) for right in rights))
            for number, name in enumerate(classes)
        ),
        start=start,
        why=_why(analysis, keys[1]) if len(kept) > 1 else "",
    )


def _why(analysis: Analysis, key: str) -> str:
    is_better = analysis.comparisons[key].verdict == "better"
    if is_better:
        return say("Beside the baseline stands the variant with the best mean of those that are better than it.")
    return say("Beside the baseline stands the variant with the best mean of all, which is not shown to be better.")


def _rows(classes: Sequence[str], counts: Counts) -> list[tuple[str, tuple[ConfusionCell, ...]]]:
    shares: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return [
        (
            name,
            tuple(
                _cell(name, other, int(counts[true, said]), float(shares[true, said]), is_right=true == said)
                for said, other in enumerate(classes)
            ),
        )
        for true, name in enumerate(classes)
    ]


def _cell(name: str, other: str, count: int, share: float, *, is_right: bool) -> ConfusionCell:
    return ConfusionCell(
        text=numbers.fixed(100 * share, 1) if share >= 0.0005 else "·",
        title=say("{name} taken for {other}: {n}", name=name, other=other, n=numbers.count(count)),
        is_right=is_right,
        level=math.ceil(LEVELS * share),
    )


def _bar(right: float, start: float) -> tuple[float, str]:
    if math.isnan(right):  # a class without test images
        return 0.0, numbers.UNKNOWN
    return round(100 * max(right - start, 0.0) / (100 - start), 2), numbers.fixed(right, 1)
