"""One `ablate run` from its first worker to its last job."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ablate.errors import DatabaseAwayError
from ablate.launch.interrupts import Interrupts
from ablate.launch.local import LocalWorkers, Placement
from ablate.launch.pacing import Pacing
from ablate.orchestrate.progress import Progress, progress
from ablate.orchestrate.submit import Advance
from ablate.store import Database
from ablate.store.patience import Patience
from ablate.store.queue import release_worker
from ablate.worker.line import Line
from ablate.worker.watchdog import STALL_SECONDS

#: Pause between two looks at the database, seconds.
LOOK_SECONDS = 0.4


def train_queued(
    db: Database,
    study: str,
    placement: Placement,
    *,
    data_root: Path | None,
    watch: Callable[[Progress], None],
    on_interrupt: Callable[[], None],
    on_time_over: Callable[[], None],
    stall_timeout: float | None = STALL_SECONDS,
    time_over: float | None = None,
    advance: Advance | None = None,
    line: Line | None = None,
) -> Progress:
    """Start workers and watch them until no job of `study` waits or runs, and none can follow.

    Args:
        db: The experiment database.
        study: Name of the study.
        placement: How many workers, and where.
        data_root: Where data sets lie; None for the default.
        watch: Called with the state of the study about twice a second.
        on_interrupt: Called when Ctrl-C or SIGTERM arrives, before the workers are asked to give their jobs back.
        on_time_over: Called when the time is over, before the same.
        stall_timeout: Time without a sign of life after which a job fails, seconds; None for never.
        time_over: When to stop, by the monotonic clock, seconds; None for no limit.
        advance: Queues what follows from jobs that have ended; None where nothing does.
        line: To the nursery that trainers come from; None has every worker start one of its own.

    Returns:
        Where the study stands at the end; jobs are left if the user interrupted or the time was over.

    Raises:
        DataMissingError: The jobs that are left lack their data set or their weights.
        DatabaseError: The database failed.
        JobsFailedError: Workers die one after the other.
    """
    patiently = Patience()

    def give_back(worker: str) -> None:
        with contextlib.suppress(DatabaseAwayError):  # it waited for the database itself; its lease runs out
            release_worker(db, worker)

    now = progress(db, study)
    more = advance is not None and advance.waiting
    workers = LocalWorkers(
        placement=placement,
        database=db.secret_url,
        study=study,
        artifacts=db.artifacts,
        data_root=data_root,
        on_death=give_back,
        drain=not more,
        stall_timeout=stall_timeout,
        line=line,
    )
    pacing = Pacing(db, study, placement.devices, placement.most) if placement.most else None
    with Interrupts() as interrupts, workers:
        try:
            while now.left or workers.alive:
                interrupts.check()
                before, now = now, patiently(partial(progress, db, study, now))
                if advance is not None and advance.waiting and (now.done > before.done or not now.left):
                    patiently(advance)
                    now = patiently(lambda: progress(db, study))
                watch(now)
                if now.left and time_over is not None and time.monotonic() >= time_over:
                    on_time_over()
                    workers.preempt()
                    return progress(db, study)
                workers.look(progressed=now.done > before.done, work_left=now.left > 0)
                if pacing is not None and now.left:
                    patiently(partial(pacing.look, now, workers))
                if now.left:
                    time.sleep(LOOK_SECONDS)
                elif more:
                    workers.stop()
                else:
                    workers.join()
        except KeyboardInterrupt:  # a second one leaves through __exit__, which ends the workers at once
            interrupts.answered()
            on_interrupt()
            workers.stop()
            now = progress(db, study)
    return now
