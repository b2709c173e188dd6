"""Runs as tests look at them: all that came out, and what of it does not depend on the clock."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import Recipe
from ablate.training import train


def run(recipe: Recipe, **options: Any) -> tuple[Outcome, list[EpochMetrics], list[dict[str, Any]]]:
    """Outcome, metrics and checkpoints (through a file's bytes) of a run."""
    rows: list[EpochMetrics] = []
    states: list[dict[str, Any]] = []

    def on_epoch(metrics: EpochMetrics, state: Callable[[], dict[str, Any]]) -> None:
        rows.append(metrics)
        buffer = io.BytesIO()
        torch.save(state(), buffer)
        buffer.seek(0)
        states.append(torch.load(buffer, weights_only=True))

    return train(recipe, seed=0, on_epoch=on_epoch, **options), rows, states


def timeless(outcome: Outcome, rows: list[EpochMetrics]) -> tuple[Outcome, list[EpochMetrics]]:
    return replace(outcome, seconds=0.0, execution={}), [
        replace(row, seconds=0.0, images_per_second=0.0, peak_memory_bytes=0) for row in rows
    ]
