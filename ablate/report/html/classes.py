"""Single classes of the baseline and of the best variant: who is taken for whom, and what share of each is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.report import numbers
from ablate.report.class_table import counts_of, differs
from ablate.statistics import class_accuracies, pooled
from ablate.verdicts.analysis import Analysis


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The matrix of one variant, its seeds together; shares are of the images of the true class."""

    name: str
    #: Number of seeds.
    seeds: int
    #: For each true class and each predicted one: images, and their share, (K, K).
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ClassesView:
    """Matrices, and a bar for each class and variant."""

    classes: tuple[str, ...]
    matrices: tuple[Confusion, ...]
    #: Name of the class, and for each matrix the share that is right, in percent, as a number and as text.
    bars: tuple[tuple[str, tuple[tuple[float, str], ...]], ...]
    #: Where the bars begin, percent: high accuracies would all look alike from zero.
    start: float
    #: Why the second variant is shown.
    why: str


def classes_view(analysis: Analysis) -> ClassesView | None:
    """The baseline beside the best, or alone where there is no other; None where true classes were not kept."""
    results = analysis.results
    base = counts_of(analysis, results.baseline)
    if not base:
        return None
    classes = base[0].classes
    keys = [results.outline.baseline, *_best(analysis)]
    found = [(key, counts_of(analysis, results.outline.variant(key))) for key in keys]
    kept = [(key, runs) for key, runs in found if runs and not any(differs(run, base[0]) for run in runs)]
    matrices, rights = [], []
    for key, runs in kept:
        counts = pooled([run.counts for run in runs])
        rights.append(100 * class_accuracies(counts))
        matrices.append(
            Confusion(
                name=analysis.names[key],
                seeds=len(runs),
                counts=tuple(tuple(row) for row in counts.tolist()),
                shares=tuple(tuple(row) for row in _shares(counts).tolist()),
            )
        )
    lowest = min((float(right[np.isfinite(right)].min(initial=100.0)) for right in rights), default=0.0)
    bars = tuple((name, tuple(_bar(float(right[number])) for right in rights)) for number, name in enumerate(classes))
    return ClassesView(
        classes=classes,
        matrices=tuple(matrices),
        bars=bars,
        start=max(0.0, 10.0 * ((lowest - 5) // 10)),
        why=_why(analysis, keys) if len(matrices) > 1 else "",
    )


def _why(analysis: Analysis, keys: Sequence[str]) -> str:
    is_better = analysis.comparisons[keys[1]].verdict == "better"
    of = "of those that are better than it" if is_better else "of all, which is not shown to be better"
    return f"Beside the baseline stands the variant with the best mean {of}."


def _best(analysis: Analysis) -> list[str]:
    """The variant with the best mean among those that are better; among all where none is."""
    sign = 1.0 if analysis.results.outline.direction == "max" else -1.0
    runs = {key: mean for key in analysis.comparisons if (mean := analysis.interval(key).mean) is not None}
    better = [key for key in runs if analysis.comparisons[key].verdict == "better"]
    return [max(better or runs, key=lambda key: sign * runs[key])] if runs else []


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares


def _bar(right: float) -> tuple[float, str]:
    return (right, numbers.fixed(right, 1)) if np.isfinite(right) else (0.0, numbers.UNKNOWN)
