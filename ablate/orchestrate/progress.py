"""Where studies stand, as one picture that the live view and `ablate status` draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from ablate.orchestrate.throughput import MOST, Throughput, paced
from ablate.protocol import ENDED, JobState
from ablate.store import Database
from ablate.store.reading import counts, ended_last, mean_duration, running, workers
from ablate.store.records import RunningRecord, WorkerRecord
from ablate.store.ways import EndedRecord


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where one study stands."""

    study: str
    #: Jobs of the newest revision by state; every state is there.
    jobs: dict[str, int]
    running: Sequence[RunningRecord]
    workers: Sequence[WorkerRecord]
    #: Time until the last job ends at the present number of workers, seconds; None before the first epoch has ended.
    eta_seconds: float | None
    throughput: Throughput = field(default_factory=Throughput)
    #: Jobs that were trained to their end, the last first, as many as `throughput` looks at.
    ended: Sequence[EndedRecord] = field(default=(), repr=False)

    @property
    def total(self) -> int:
        """All jobs."""
        return sum(self.jobs.values())

    @property
    def done(self) -> int:
        """Jobs that have ended."""
        return self.total - self.left

    @property
    def left(self) -> int:
        """Jobs that wait or run."""
        return self.jobs[JobState.QUEUED] + self.jobs[JobState.RUNNING]

    def as_json(self) -> dict[str, Any]:
        """The study's entry in `ablate status --json`."""
        return {
            "name": self.study,
            "jobs": self.jobs,
            "running": [
                {
                    "job": job.job,
                    "variant": job.variant,
                    "seed": job.seed,
                    "worker": job.worker,
                    "epoch": job.epoch,
                    "epochs": job.epochs_total,
                    "val_accuracy": job.val_accuracy,
                }
                for job in self.running
            ],
            "workers": [
                {"id": worker.id, "host": worker.host, "pid": worker.pid, "device": worker.device}
                for worker in self.workers
            ],
            "eta_seconds": self.eta_seconds,
            "throughput": self.throughput.as_json(),
        }


def progress(db: Database, study: str, before: Progress | None = None) -> Progress:
    """Where `study` stands now.

    Args:
        db: The experiment database.
        study: Name of the study.
        before: Where it stood a moment ago, for who asks again and again: what cannot have changed is not read anew.

    Raises:
        UsageError: The database has no such study.
    """
    by_state = counts(db, study)[study]
    jobs = {str(state): by_state.get(state, 0) for state in JobState}
    at_work = running(db, study)
    if before is not None and all(jobs[state] == before.jobs[state] for state in ENDED):
        ended = before.ended
    else:
        ended = ended_last(db, study, MOST)
    return Progress(
        study=study,
        jobs=jobs,
        running=at_work,
        workers=workers(db),
        eta_seconds=_eta(db, study, queued=jobs[JobState.QUEUED], at_work=at_work),
        throughput=paced(ended, at_work, datetime.now(UTC)),
        ended=ended,
    )


def _projected(job: RunningRecord) -> float | None:
    """How long a running job takes in all if it goes on as it began, seconds; None where that cannot be told."""
    if job.epoch == 0 or job.epochs_total is None:
        return None
    return (datetime.now(UTC) - job.started_at).total_seconds() * job.epochs_total / job.epoch


def _eta(db: Database, study: str, *, queued: int, at_work: Sequence[RunningRecord]) -> float | None:
    """Work left divided by the workers that share it; running jobs count by the epochs left, where known."""
    if queued == 0 and not at_work:
        return 0.0
    if not at_work:
        return None
    usual = mean_duration(db, study)
    if usual is None:
        times = [seconds for job in at_work if (seconds := _projected(job)) is not None]
        if not times:
            return None
        usual = fmean(times)
    left = [usual * (1 - job.epoch / job.epochs_total) if job.epochs_total else usual for job in at_work]
    return max((queued * usual + sum(left)) / len(at_work), max(left))
