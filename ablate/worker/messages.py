"""What a supervisor and its trainer say to each other over their pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablate.metrics import EpochMetrics, Outcome
from ablate.protocol import Checkpoint, FailureKind, Keep
from ablate.recipe import AnyRecipe


@dataclass(frozen=True, kw_only=True)
class Train:
    """To the trainer: run this job."""

    #: Number of the job.
    job: int
    #: Attempt number in the database; names the checkpoints.
    attempt: int
    recipe: AnyRecipe
    seed: int
    #: `cpu` or `cuda:0`.
    device: str
    #: Threads of one operation on the CPU.
    threads: int
    #: Where data sets lie; None for the default.
    data_root: Path | None
    #: Folder of checkpoints and other files.
    artifacts: Path
    #: Folder of this job alone, which is there until the job has ended; not made yet.
    folder: Path
    #: Checkpoints to go on from, newest first.
    checkpoints: Sequence[Checkpoint]
    #: Least time between two checkpoints, seconds.
    checkpoint_every: float
    #: Longest time between two signs of life, seconds.
    alive_every: float
    #: Text of the user's own files that the recipe's model needs, by path relative to the study file.
    sources: dict[str, str]
    #: Name of the study; its weights lie together.
    study: str
    #: Which final weights the study keeps.
    keep: Keep


@dataclass(frozen=True)
class Stop:
    """To the trainer: give the job back at the next batch."""


@dataclass(frozen=True)
class Here:
    """From the trainer, before all else: it has begun."""

    #: Its process id.
    pid: int


@dataclass(frozen=True)
class Alive:
    """From the trainer: the job goes on."""


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """From the trainer: an epoch was trained, and perhaps a checkpoint written that contains it."""

    metrics: EpochMetrics
    checkpoint: Checkpoint | None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """From the trainer: the job is done."""

    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class DivergedAway:
    """From the trainer: the loss is no longer a number."""

    message: str
    #: Wall time of the attempt, seconds.
    seconds: float


@dataclass(frozen=True)
class Stopped:
    """From the trainer: it stopped because it was told to."""


@dataclass(frozen=True, kw_only=True)
class Broke:
    """From the trainer: the job failed, and this process is not to be trusted any more."""

    kind: FailureKind
    #: One line for tables.
    message: str
    #: The traceback.
    details: str
    #: Peak memory, batch size and the like.
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spent:
    """From the trainer, before its last report of a job: this process should serve no further one."""

    #: What the job's code left behind, for the log.
    reason: str


Report = Alive | EpochDone | Finished | DivergedAway | Stopped | Broke | Spent
