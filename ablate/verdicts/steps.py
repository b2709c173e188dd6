"""Measurements at single steps, as arrays: a study may have kept millions of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ablate.store.records import StepRecord


@dataclass(frozen=True, kw_only=True)
class StepCurve:
    """What one run measured at its steps, in their order; NaN where a value is missing."""

    #: Steps whose loss was kept, counted from 1, (K,).
    steps: NDArray[np.int64]
    #: Loss of each, nats, (K,).
    loss: NDArray[np.float64]
    #: Steps after which the validation images were measured, (V,).
    val_steps: NDArray[np.int64]
    #: Mean loss of the validation images, nats, (V,).
    val_loss: NDArray[np.float64]
    #: Share of the validation images classified right, (V,).
    val_accuracy: NDArray[np.float64]


def step_curves(records: Iterable[StepRecord]) -> Mapping[tuple[str, int], StepCurve]:
    """The curve of each run by variant key and seed.

    Args:
        records: All records of a run in the order of its steps, one run after the other.
    """
    return {place: _curve(list(run)) for place, run in groupby(records, key=lambda one: (one.variant_key, one.seed))}


def _curve(records: list[StepRecord]) -> StepCurve:
    kept = [one for one in records if one.loss is not None]
    validated = [one for one in records if one.val_loss is not None or one.val_accuracy is not None]
    return StepCurve(
        steps=np.array([one.step for one in kept], dtype=np.int64),
        loss=_numbers([one.loss for one in kept]),
        val_steps=np.array([one.step for one in validated], dtype=np.int64),
        val_loss=_numbers([one.val_loss for one in validated]),
        val_accuracy=_numbers([one.val_accuracy for one in validated]),
    )


def _numbers(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
