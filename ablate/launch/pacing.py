"""Probing at work: what the database tells of running jobs becomes a number of workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ablate.launch.probing import Load, Probe
from ablate.orchestrate.progress import Progress
from ablate.store import Database
from ablate.store.reading import out_of_memory
from ablate.store.records import RunningRecord
from ablate.worker.devices import cuda_memory

#: Epochs of a job after a change of the number, the last of which is measured: the first ran partly before it.
EPOCHS = 2
#: Jobs that end for each worker without one measurement before measuring is given up.
UNMEASURED_JOBS = 3


class Workers(Protocol):
    """What pacing needs of workers."""

    @property
    def names(self) -> frozenset[str]:
        """Ids of those that are to stay."""
        ...

    def resize(self, devices: Sequence[str]) -> None:
        """Have as many workers on each device as it is named."""
        ...


class Pacing:
    """Adjusts how many workers share each GPU.

    Args:
        db: The experiment database.
        study: Name of the study.
        devices: Where the workers are to begin with, one on each device.
        most: Largest number of workers on each device.
    """

    def __init__(self, db: Database, study: str, devices: Sequence[str], most: int) -> None:
        self._db = db
        self._study = study
        self._devices = tuple(devices)
        self._probe = Probe(most=most, memory=smallest_memory(devices))
        self._failures = out_of_memory(db, study)
        #: Jobs that ran at the last look, and when they were begun.
        self._running: frozenset[tuple[int, datetime]] = frozenset()
        #: The jobs by which each worker was measured since the number was last changed.
        self._measured: dict[str, list[RunningRecord]] = {}
        #: Epochs that jobs had then, and how many jobs were done.
        self._had: dict[int, int] = {}
        self._done: int | None = None

    def look(self, now: Progress, workers: Workers) -> None:
        """Change the number of workers where what runs now says so.

        Args:
            now: Where the study stands.
            workers: Those of this run.
        """
        before = self._probe.width
        if self._ran_out(now):
            self._probe.out_of_memory({job.variant for job in now.running})
        elif len(workers.names) == len(self._devices) * before:
            self._probed(now, workers.names)
        if self._probe.width != before:
            wanted = self._devices * self._probe.width
            workers.resize(wanted[: max(now.left, len(workers.names))])  # no more than there are jobs
            self._begin(now)

    def _ran_out(self, now: Progress) -> bool:
        """Whether an attempt ended for want of memory since the last look; only then others run."""
        running = frozenset((job.job, job.started_at) for job in now.running)
        if running == self._running:
            return False
        self._running = running
        before, self._failures = self._failures, out_of_memory(self._db, self._study)
        return self._failures > before

    def _probed(self, now: Progress, ours: frozenset[str]) -> None:
        """Tell the probe what runs now, once every worker has been measured; or that they cannot be."""
        if self._done is None:
            self._done = now.done
        for worker in ours:  # one that trains a pack has several jobs
            jobs = [job for job in now.running if job.worker == worker]
            if jobs and all(map(self._rate, jobs)):
                self._measured[worker] = jobs
        if self._measured.keys() >= ours:
            self._probe.measured(load_of({worker: self._measured[worker] for worker in ours}))
            self._begin(now)
        elif not self._probe.settled and now.done - self._done >= UNMEASURED_JOBS * len(ours):
            self._probe.unmeasurable()

    def _begin(self, now: Progress) -> None:
        """What is measured from here on comes after this moment."""
        self._measured.clear()
        self._had |= {job.job: job.epoch for job in now.running}
        self._done = now.done

    def _rate(self, job: RunningRecord) -> float | None:
        """Images a second, once enough epochs have passed; a job that has only one epoch left is measured by that."""
        had = self._had.get(job.job, 0)
        left = EPOCHS if job.epochs_total is None else job.epochs_total - had
        return job.images_per_second if job.epoch - had >= max(1, min(EPOCHS, left)) else None


def load_of(crew: Mapping[str, Sequence[RunningRecord]]) -> Load:
    """What workers are busy with, each with its jobs."""
    jobs = [job for held in crew.values() for job in held]
    peaks = {worker: max(job.peak_memory_bytes or 0 for job in held) for worker, held in crew.items()}
    return Load(
        rates={job.job: job.images_per_second for job in jobs if job.images_per_second},
        memory={worker: peak for worker, peak in peaks.items() if peak},
        variants=frozenset(job.variant for job in jobs),
    )


def smallest_memory(devices: Sequence[str]) -> int | None:
    """Bytes of the smallest of some devices; None where that of one is not known."""
    there = cuda_memory()
    found = [
        there[index] if index < len(there) else None
        for index in (int(device.removeprefix("cuda:")) for device in devices if device.startswith("cuda:"))
    ]
    known = [memory for memory in found if memory is not None]
    return min(known) if known and len(known) == len(devices) else None
