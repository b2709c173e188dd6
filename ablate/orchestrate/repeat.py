"""One job trained twice outside the queue: what two equal runs differ by is the floor of what a difference means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ablate.metrics import METRICS, EpochMetrics, Outcome
from ablate.store.records import RepeatRecord
from ablate.study import Study

#: Figures of an epoch that two equal runs ought to share; seconds and memory are none.
COMPARED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
#: Trains the job once and answers with its epochs and its outcome.
TrainOnce = Callable[[], tuple[Sequence[EpochMetrics], Outcome]]


def repeat_baseline(
    study: Study, train: TrainOnce, *, device: str, device_name: str, provenance: Mapping[str, Any]
) -> RepeatRecord:
    """Train the baseline with the study's first seed, twice.

    Args:
        study: The study.
        train: Called twice.
        device: `cpu` or `cuda:0`.
        device_name: Model of the processor or GPU.
        provenance: Versions, git commit, dirty flag.

    Raises:
        AblateError: The job cannot be trained, or diverges.
    """
    (rows, first), (others, second) = train(), train()
    return RepeatRecord(
        key=study.baseline.key,
        seed=study.seeds[0],
        device=device,
        device_name=device_name,
        provenance=provenance,
        first=_figures(rows, first),
        second=_figures(others, second),
        apart_from=_apart_from(rows, others),
    )


def _apart_from(rows: Sequence[EpochMetrics], others: Sequence[EpochMetrics]) -> int | None:
    """The first epoch whose figures differ, in any bit."""
    for one, other in zip(rows, others, strict=False):
        if any(getattr(one, name) != getattr(other, name) for name in COMPARED):
            return one.epoch
    return min(len(rows), len(others)) + 1 if len(rows) != len(others) else None


def _figures(rows: Sequence[EpochMetrics], outcome: Outcome) -> dict[str, float]:
    """By what variants can be ranked: of the selected epoch, of the test images, and what the trainer reported."""
    chosen = next((row for row in rows if row.epoch == outcome.selected_epoch), rows[-1] if rows else None)
    found: dict[str, float | None] = dict(chosen.custom) if chosen is not None else {}
    for name in METRICS:
        source = outcome if name.startswith("test_") else rows[-1] if name.startswith("train_") and rows else chosen
        found[name] = getattr(source, name, None)
    found |= outcome.metrics
    return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}
