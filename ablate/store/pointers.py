"""Which files the database points at: the newest two checkpoints of a running job, the weights of a finished one."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, delete, insert

from ablate.metrics import Weights
from ablate.protocol import Checkpoint, Ticket
from ablate.store.statements import CHECKPOINTS
from ablate.store.tables import CHECKPOINT, WEIGHTS, artifacts

#: Checkpoints kept of a running job.
KEPT_CHECKPOINTS = 2


def exchange_checkpoints(connection: Connection, ticket: Ticket, epoch: int, new: Checkpoint | None) -> Collection[str]:
    """Point at the new checkpoint, drop overtaken and surplus ones; the names of files to delete."""
    kept: list[RowMapping] = []
    dropped: list[RowMapping] = []
    for row in connection.execute(CHECKPOINTS, {"job_id": ticket.job}).mappings():
        overtaken = row["epoch"] == epoch or (row["epoch"] > epoch and row["attempt"] != ticket.attempt)
        (dropped if overtaken else kept).append(row)
    room = KEPT_CHECKPOINTS - (new is not None)
    dropped += kept[room:]
    if dropped:
        connection.execute(delete(artifacts).where(artifacts.c.id.in_([row["id"] for row in dropped])))
    if new is not None:
        connection.execute(insert(artifacts), _row(ticket, CHECKPOINT, new))
    return tuple(row["name"] for row in dropped if new is None or row["name"] != new.name)


def drop_checkpoints(connection: Connection, job: int) -> Collection[str]:
    """Point at no checkpoint of the job any more; the names of files to delete."""
    dropped = delete(artifacts).where(artifacts.c.job == job, artifacts.c.kind == CHECKPOINT)
    return tuple(connection.execute(dropped.returning(artifacts.c.name)).scalars().all())


def exchange_weights(connection: Connection, ticket: Ticket, new: Collection[Weights]) -> Collection[str]:
    """Point at the weights that a run has written, and at none of an earlier run; the names of files to delete."""
    dropped = delete(artifacts).where(artifacts.c.job == ticket.job, artifacts.c.kind == WEIGHTS)
    before = connection.execute(dropped.returning(artifacts.c.name)).scalars().all()
    if new:
        connection.execute(insert(artifacts), [_row(ticket, WEIGHTS, one) for one in new])
    return tuple(sorted(set(before) - {one.name for one in new}))


def _row(ticket: Ticket, kind: str, file: Checkpoint | Weights) -> dict[str, object]:
    return {
        "job": ticket.job,
        "attempt": ticket.attempt,
        "kind": kind,
        "epoch": file.epoch,
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
    }
