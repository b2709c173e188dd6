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


@dataclass(frozen=True, kw_only=True)
class TrainPack:
    """To the trainer: run these jobs as one stacked network, all on one device."""

    #: At least one.
    orders: tuple[Train, ...]
    #: Places of the stacked network; those without a job stay empty.
    size: int


@dataclass(frozen=True)
class Join:
    """To the trainer, in answer to `Room`: jobs that join the pack; none where nothing fits now."""

    orders: tuple[Train, ...]


@dataclass(frozen=True)
class Drop:
    """To the trainer: train this job of the pack no longer, and say nothing more of it."""

    attempt: int


@dataclass(frozen=True)
class Stop:
    """To the trainer: give the job, or all jobs of the pack, back at the next batch."""


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

    attempt: int
    metrics: EpochMetrics
    checkpoint: Checkpoint | None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """From the trainer: the job is done."""

    attempt: int
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class DivergedAway:
    """From the trainer: the loss is no longer a number."""

    attempt: int
    message: str
    #: Wall time of the attempt, seconds.
    seconds: float
    #: How it was computed, as in `Outcome`.
    execution: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stopped:
    """From the trainer: it stopped, with all jobs that it had, because it was told to."""


@dataclass(frozen=True, kw_only=True)
class Broke:
    """From the trainer: the job failed, and this process is not to be trusted any more."""

    #: None: all that it had, said in its place by the supervisor.
    attempt: int | None
    kind: FailureKind
    #: One line for tables.
    message: str
    #: The traceback.
    details: str
    #: Peak memory, batch size and the like.
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """From the trainer of a pack: so many places are free, or will be soon. It is answered by one `Join`."""

    places: int


@dataclass(frozen=True)
class Unpackable:
    """From the trainer: what is left of the pack is to be trained one by one; this process serves no further job."""

    reason: str


@dataclass(frozen=True)
class PackOver:
    """From the trainer: no job of the pack is left, and all its reports came before."""


@dataclass(frozen=True)
class Spent:
    """From the trainer, before its last report of a job or pack: this process should serve no further one."""

    #: What the job's code left behind, for the log.
    reason: str


Order = Train | TrainPack | Join | Drop | Stop
Report = Alive | EpochDone | Finished | DivergedAway | Stopped | Broke | Spent | Room | Unpackable | PackOver
