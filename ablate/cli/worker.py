"""`ablate worker`: claim jobs and train them, on this or any machine that reaches the database."""

from __future__ import annotations

import logging
import sys
import uuid
from typing import Annotated

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DEFAULT_STALL,
    DatabaseOption,
    DataRootOption,
    MaxTimeOption,
    StallOption,
    open_database,
    stall_limit,
    time_limit,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker)


def worker(
    db: DatabaseOption = DEFAULT_DATABASE,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="Serve only this study.", show_default=False)
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="cpu|0|0,1", help="Several GPUs for jobs with `devices`. Default: the first, else `cpu`."),
    ] = None,
    drain: Annotated[bool, typer.Option("--drain", help="End when nothing is queued.")] = False,
    data_root: DataRootOption = None,
    checkpoint_every: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Least time between two checkpoints of a job.")
    ] = 0.0,
    stall_timeout: StallOption = DEFAULT_STALL,
    max_time: MaxTimeOption = None,
    identity: Annotated[str | None, typer.Option("--id", hidden=True)] = None,
    linked: Annotated[bool, typer.Option("--linked", hidden=True)] = False,
    nursery_line: Annotated[int | None, typer.Option("--nursery", hidden=True)] = None,
) -> None:
    """Claim queued jobs and train them until Ctrl-C, which gives the running job back to the queue.

    Start as many as wanted; each trains one job at a time, or a pack of small ones together.
    """
    from ablate.worker.line import nursery

    with nursery(nursery_line) as line:  # it imports PyTorch while this process imports what it needs
        from ablate.launch.local import place
        from ablate.protocol import BEAT_SECONDS, LEASE_SECONDS, REMOTE_BEAT_SECONDS, REMOTE_LEASE_SECONDS
        from ablate.store.patience import Patience, PatientQueue
        from ablate.store.queue import Queue
        from ablate.store.reading import outline
        from ablate.worker.settings import WorkerSettings
        from ablate.worker.stopping import stop_when_closed, stopped_by_signals
        from ablate.worker.supervisor import Supervisor

        stall, limit = stall_limit(stall_timeout), time_limit(max_time)
        beat, lease = (BEAT_SECONDS, LEASE_SECONDS) if linked else (REMOTE_BEAT_SECONDS, REMOTE_LEASE_SECONDS)
        chosen = device.split(",") if device else None
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        with open_database(db) as database:
            if study is not None:
                outline(database, study)  # refuses a study that is not there
            supervisor = Supervisor(
                PatientQueue(Queue(database, lease_seconds=lease), Patience(stopping=lambda: supervisor.stopping)),
                WorkerSettings(
                    id=identity or str(uuid.uuid4()),
                    device=place(1, chosen, each=len(chosen or "1")).devices[0],
                    artifacts=database.artifacts,
                    data_root=data_root,
                    study=study,
                    drain=drain,
                    checkpoint_every=checkpoint_every,
                    stall_timeout=stall,
                    max_time=limit,
                    beat_seconds=beat,
                ),
                line,
            )
            if linked:  # hidden: the launcher holds the other end of standard input
                stop_when_closed(sys.stdin.fileno(), supervisor)
            with stopped_by_signals(supervisor):
                supervisor.run()
