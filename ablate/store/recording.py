"""Epochs of running jobs as rows, behind the fence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from ablate.metrics import EpochMetrics, StepMetrics
from ablate.protocol import Measured, Ticket
from ablate.store.pointers import exchange_checkpoints
from ablate.store.serialization import finite
from ablate.store.statements import ADVANCE, CHECKPOINTS_OF_SEVERAL, FIRST_EPOCH, OVERTAKEN
from ablate.store.tables import custom_metrics, epochs, steps


def write_epochs(connection: Connection, items: Sequence[Measured]) -> Collection[str]:
    """Write what tickets that passed the fence have measured, several epochs of one in their order.

    Rows of earlier attempts from these epochs on are replaced. Returns the names of checkpoints that are no longer
    needed.
    """
    if not items:
        return ()
    keys = [
        {"job_id": ticket.job, "attempt_id": ticket.attempt, "new_epoch": metrics.epoch} for ticket, metrics, _ in items
    ]
    connection.execute(ADVANCE, keys)
    connection.execute(FIRST_EPOCH, [{**key, "epoch_before": key["new_epoch"] - 1} for key in keys])
    connection.execute(OVERTAKEN, keys)
    connection.execute(insert(epochs), [_epoch_row(ticket, metrics) for ticket, metrics, _ in items])
    custom = [
        {"job": ticket.job, "epoch": metrics.epoch, "name": name, "value": finite(value)}
        for ticket, metrics, _ in items
        for name, value in metrics.custom.items()
    ]
    if custom:
        connection.execute(insert(custom_metrics), custom)
    within = [_step_row(ticket, metrics.epoch, step) for ticket, metrics, _ in items for step in metrics.steps]
    if within:
        connection.execute(insert(steps), within)
    return _exchange(connection, items)


def _exchange(connection: Connection, items: Sequence[Measured]) -> Collection[str]:
    """Point at the new checkpoints, and no longer at those that are overtaken."""
    if len(items) > 1:  # one question saves many: most epochs of short jobs have no checkpoint
        jobs = {ticket.job for ticket, _, _ in items}
        busy = {row.job for row in connection.execute(CHECKPOINTS_OF_SEVERAL, {"job_ids": sorted(jobs)})}
        busy |= {ticket.job for ticket, _, new in items if new is not None}
        items = [item for item in items if item[0].job in busy]
    dropped: list[str] = []
    for ticket, metrics, new in items:
        dropped += exchange_checkpoints(connection, ticket, metrics.epoch, new)
    return tuple(dropped)


def _epoch_row(ticket: Ticket, metrics: EpochMetrics) -> dict[str, Any]:
    return {
        "job": ticket.job,
        "epoch": metrics.epoch,
        "attempt": ticket.attempt,
        "train_loss": finite(metrics.train_loss),
        "train_accuracy": finite(metrics.train_accuracy),
        "val_loss": finite(metrics.val_loss),
        "val_accuracy": finite(metrics.val_accuracy),
        "lr": finite(metrics.lr),
        "seconds": metrics.seconds,
        "images_per_second": finite(metrics.images_per_second),
        "peak_memory_bytes": metrics.peak_memory_bytes,
    }


def _step_row(ticket: Ticket, epoch: int, metrics: StepMetrics) -> dict[str, Any]:
    return {
        "job": ticket.job,
        "step": metrics.step,
        "epoch": epoch,
        "loss": finite(metrics.loss),
        "val_loss": finite(metrics.val_loss),
        "val_accuracy": finite(metrics.val_accuracy),
    }
