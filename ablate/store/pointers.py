"""Which checkpoint files the database points at: the newest two of a running job."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, delete, insert

from ablate.protocol import Checkpoint, Ticket
from ablate.store.statements import CHECKPOINTS
from ablate.store.tables import CHECKPOINT, artifacts

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
        values = {
            "job": ticket.job,
            "attempt": ticket.attempt,
            "kind": CHECKPOINT,
            "epoch": new.epoch,
            "name": new.name,
            "size": new.size,
            "sha256": new.sha256,
        }
        connection.execute(insert(artifacts), values)
    return tuple(row["name"] for row in dropped if new is None or row["name"] != new.name)


def drop_checkpoints(connection: Connection, job: int) -> Collection[str]:
    """Point at no checkpoint of the job any more; the names of files to delete."""
    dropped = delete(artifacts).where(artifacts.c.job == job, artifacts.c.kind == CHECKPOINT)
    return tuple(connection.execute(dropped.returning(artifacts.c.name)).scalars().all())
