"""What a worker needs of the experiment database, and nothing else.

The store implements `JobQueue`; a later launcher can carry it over another wire. Every call of a worker names its
`Ticket`; the first statement of each transaction renews the lease where job and attempt still belong together, so
a worker that was given up as lost writes nothing (`ReplacedError`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, Protocol

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import AnyRecipe
from ablate.recipe.packing import Pack

#: Seconds between two beats of a worker, and seconds without one after which its attempt counts as lost: of a worker
#: that `ablate run` watches on its own machine, and of one that may be anywhere.
BEAT_SECONDS, LEASE_SECONDS = 10.0, 60.0
REMOTE_BEAT_SECONDS, REMOTE_LEASE_SECONDS = 15.0, 120.0
#: Time for which a worker waits for a database that is away (full disk, no server) before it gives up, seconds.
AWAY_SECONDS = 600.0
#: Folders below the artifacts: checkpoints, workers' logs, and the user's own files while a job runs.
CHECKPOINTS_FOLDER, LOGS_FOLDER, CODE_FOLDER = "checkpoints", "logs", "code"
JOBS_FOLDER, WEIGHTS_FOLDER = "jobs", "weights"
#: Fact of a failure: the end of what the trainer printed.
PRINTED = "printed"
#: Attempts in a row without a new epoch after which a job that was lost or killed fails.
MAX_FRUITLESS_ATTEMPTS = 3


#: Which final weights of a run are kept: none, those of the selected epoch, or those of the last epoch too.
Keep = Literal["none", "best", "best+last"]


class ReplacedError(Exception):
    """The attempt no longer owns its job: it was rescued, cancelled, or ended. Stop the trainer, write nothing."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DIVERGED = "diverged"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States in which a job is not run again by itself.
ENDED = frozenset({JobState.SUCCEEDED, JobState.DIVERGED, JobState.FAILED, JobState.CANCELLED})


class AttemptState(StrEnum):
    """How one execution of a job stands or ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DIVERGED = "diverged"
    FAILED = "failed"
    LOST = "lost"
    RELEASED = "released"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"


class FailureKind(StrEnum):
    """Why an attempt ended without an outcome."""

    USER_ERROR = "user_error"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"
    CUDA_FAULT = "cuda_fault"
    DATA_MISSING = "data_missing"
    STALLED = "stalled"


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """The fence: which attempt of which job a worker holds."""

    job: int
    attempt: int
    worker: str


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file from which a job can go on."""

    #: Last epoch whose results it contains.
    epoch: int
    #: Path relative to the artifacts folder.
    name: str
    #: Bytes.
    size: int
    #: SHA-256 of the file, hexadecimal.
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job given to a worker, with all that is needed to train it."""

    ticket: Ticket
    #: Name of the study.
    study: str
    #: Name of the variant, for people.
    variant: str
    #: Seed index.
    seed: int
    recipe: AnyRecipe
    #: Settings of the revision that change bits: `{"threads": 1}`.
    execution: Mapping[str, Any]
    #: Checkpoints of this job, newest first.
    checkpoints: Sequence[Checkpoint] = ()
    #: Number of this attempt, counted from 1.
    attempt_number: int = 1
    #: Text of the user's own files that the recipe's model needs, by path relative to the study file.
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: Which final weights the study keeps.
    keep: Keep = "none"
    #: What it is trained in, with other jobs or with empty places beside it; None: alone.
    pack: Pack | None = None
    #: Whether other jobs may be beside it there; not where it may have taken some down. Its numbers are the same.
    company: bool = True


class Packing(StrEnum):
    """Which jobs a worker takes several of, to train them as one stacked network."""

    NEVER = "never"
    #: Those whose recipe says `training.tier = "fused"`.
    ASKED = "asked"
    #: All that belong to a pack.
    ALWAYS = "always"


#: An epoch that an attempt has trained, and the checkpoint that contains it.
Measured = tuple[Ticket, EpochMetrics, Checkpoint | None]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What became of epochs that were written together."""

    #: Names of checkpoints that are no longer needed (of a job all but the newest two), to be deleted now.
    unneeded: Collection[str]
    #: Tickets that no longer own their jobs; of these nothing was written.
    replaced: frozenset[Ticket]


def job_folder(study: str, key: str, seed: int) -> str:
    """Name of a job's own folder below the artifacts, for a trainer of the user's own, until the job has ended."""
    return f"{JOBS_FOLDER}/{study}-{key}-{seed}"


@dataclass(frozen=True, kw_only=True)
class WorkerInfo:
    """A worker as it introduces itself."""

    #: uuid4, new at each start.
    id: str
    host: str
    pid: int
    #: `cpu` or `cuda:0`.
    device: str
    #: Model of the processor or GPU.
    device_name: str
    #: Versions of Python, torch and ablate, the git commit and whether the tree was dirty.
    provenance: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt failed."""

    kind: FailureKind
    #: One line for tables.
    message: str
    #: The traceback, or where the trainer stood.
    details: str = ""
    #: Peak memory, batch size and the like; `PRINTED`.
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


class JobQueue(Protocol):
    """The worker's side of the experiment database."""

    def introduce(self, worker: WorkerInfo) -> None:
        """Register a worker before its first claim."""

    def claim_pack(
        self,
        worker: str,
        *,
        study: str | None = None,
        without: Collection[int] = (),
        packing: Packing = Packing.ALWAYS,
        alone: Collection[str] = (),
        apart: Collection[str] = (),
    ) -> tuple[Claim, ...]:
        """Open attempts on the next queued job (seed-major, then the variants' order) and on those of its pack.

        None are given when none is queued. Attempts whose lease has run out are rescued first. Variants of the jobs in
        `without` are left to others; jobs of the packs in `alone` come without their pack, those of the packs in
        `apart` come one by one.
        """

    def join(
        self,
        worker: str,
        pack: Pack,
        room: int,
        *,
        study: str,
        without: Collection[int] = (),
        packing: Packing = Packing.ALWAYS,
        held: Collection[Ticket] = (),
    ) -> tuple[Claim, ...]:
        """Open attempts on at most `room` waiting jobs of a pack, beside those that the worker holds."""

    def beat_all(self, tickets: Collection[Ticket]) -> frozenset[Ticket]:
        """Renew the leases of one worker; the tickets whose jobs were cancelled, rescued, or ended."""

    def record_epochs(self, items: Sequence[Measured]) -> Recorded:
        """Write rows of epochs of one worker's jobs, and the checkpoints that contain them, in one transaction.

        Rows of earlier attempts from an epoch on are replaced. Nothing is written of tickets that were replaced, and
        they do not spoil the others.
        """

    def finish(self, ticket: Ticket, outcome: Outcome) -> Collection[str]:
        """Close the attempt and the job as succeeded.

        Returns the names of the job's checkpoints, and of weights of an earlier run of it that this one did not write
        anew, which are no longer needed. Raises `ReplacedError`.
        """

    def diverge(
        self, ticket: Ticket, message: str, *, seconds: float, execution: Mapping[str, Any] | None = None
    ) -> Collection[str]:
        """Close the attempt and the job as diverged: a finding, not an error. `execution` is as in `Outcome`.

        Returns the names of the job's checkpoints, and of weights of an earlier run of it, which are no longer needed.
        Raises `ReplacedError`.
        """

    def fail(self, ticket: Ticket, failure: Failure) -> JobState:
        """Close the attempt as failed; the job fails, or is queued again where the kind of failure allows.

        Raises `ReplacedError`.
        """

    def release(self, ticket: Ticket, state: AttemptState = AttemptState.RELEASED) -> None:
        """Give the job back to the queue, uncounted. Does nothing where the attempt no longer owns it."""

    def retire(self, worker: str) -> None:
        """A worker ends; attempts that it still holds are released."""
