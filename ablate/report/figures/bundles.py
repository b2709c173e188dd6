"""The curves of one variant for one metric, by how its runs ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.protocol import JobState
from ablate.study.outline import OutlineVariant
from ablate.study.report_table import epoch_metric
from ablate.verdicts.results import Results


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
        return min(lengths(self.steady), default=0)


def bundle_of(results: Results, variant: OutlineVariant, metric: str) -> Bundle:
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


def lengths(curves: NDArray[np.float64]) -> list[int]:
    """Last epoch of each curve that has a value."""
    return [int(known[-1]) + 1 for curve in curves if (known := np.flatnonzero(np.isfinite(curve))).size]
