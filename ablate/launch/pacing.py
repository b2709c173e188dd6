"""Probing at work: what the database tells of running jobs becomes a number of workers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
        #: Epochs that jobs had when the number was last changed, and jobs that were done.
        self._had: dict[int, int] = {}
        self._done: int | None = None

    def look(self, now: Progress, workers: Workers) -> None:
        """Change the number of workers where what runs now says so.

        Args:
            now: Where the study stands.
            workers: Those of this run.
        """
        if self._done is None:
            self._done = now.done
        before, failures = self._probe.width, out_of_memory(self._db, self._study)
        if failures > self._failures:
            self._failures = failures
            self._probe.out_of_memory({job.variant for job in now.running})
        elif (load := self._load(now, workers.names)) is not None:
            self._probe.measured(load)
            self._had |= {job.job: job.epoch for job in now.running}  # what is measured next comes after this
        elif not self._probe.settled and now.done - self._done >= UNMEASURED_JOBS * len(self._devices) * before:
            self._probe.unmeasurable()
        if self._probe.width != before:
            wanted = self._devices * self._probe.width
            workers.resize(wanted[: max(now.left, len(workers.names))])  # no more than there are jobs
            self._had |= {job.job: job.epoch for job in now.running}
            self._done = now.done

    def _load(self, now: Progress, ours: Collection[str]) -> Load | None:
        """What runs now; None where not every worker has a job that was measured since the last change."""
        jobs = [job for job in now.running if job.worker in ours]
        if not len(jobs) == len(ours) == len(self._devices) * self._probe.width:
            return None
        rates = {job.job: self._rate(job) for job in jobs}
        if not all(rates.values()):
            return None
        return Load(
            rates={job: rate for job, rate in rates.items() if rate},
            memory={job.job: job.peak_memory_bytes for job in jobs if job.peak_memory_bytes},
            variants=frozenset(job.variant for job in jobs),
        )

    def _rate(self, job: RunningRecord) -> float | None:
        """Images a second, once enough epochs have passed; a job that has only one epoch left is measured by that."""
        had = self._had.get(job.job, 0)
        left = EPOCHS if job.epochs_total is None else job.epochs_total - had
        return job.images_per_second if job.epoch - had >= max(1, min(EPOCHS, left)) else None


def smallest_memory(devices: Sequence[str]) -> int | None:
    """Bytes of the smallest of some devices; None where that of one is not known."""
    there = cuda_memory()
    found = [
        there[index] if index < len(there) else None
        for index in (int(device.removeprefix("cuda:")) for device in devices if device.startswith("cuda:"))
    ]
    known = [memory for memory in found if memory is not None]
    return min(known) if known and len(known) == len(devices) else None
