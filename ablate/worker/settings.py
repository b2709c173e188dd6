"""How one worker behaves, and what it orders of its trainer for a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ablate.protocol import BEAT_SECONDS, Claim, job_folder
from ablate.worker.messages import Train
from ablate.worker.watchdog import STALL_SECONDS

#: Longest time between two signs of life of a trainer that goes on, seconds.
ALIVE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How one worker behaves."""

    #: uuid4, new at each start.
    id: str
    #: `cpu` or `cuda:0`.
    device: str
    #: Folder of checkpoints and other files.
    artifacts: Path
    #: Where data sets lie; None for the default.
    data_root: Path | None = None
    #: Serve only this study; None for all.
    study: str | None = None
    #: End when nothing is queued, instead of waiting for more.
    drain: bool = False
    #: Least time between two checkpoints of a job, seconds.
    checkpoint_every: float = 0.0
    #: Time without a sign of life of the trainer after which its job fails, seconds; None for never.
    stall_timeout: float | None = STALL_SECONDS
    #: Time after which no job is claimed and the running one is given back, seconds; None for no limit.
    max_time: float | None = None
    #: Time between two beats, seconds; at most a quarter of the lease.
    beat_seconds: float = BEAT_SECONDS

    def order(self, claim: Claim) -> Train:
        """What its trainer needs to know of a job."""
        return Train(
            job=claim.ticket.job,
            attempt=claim.ticket.attempt,
            recipe=claim.recipe,
            seed=claim.seed,
            device=self.device,
            threads=int(claim.execution.get("threads", 1)),
            data_root=self.data_root,
            artifacts=self.artifacts,
            folder=self.artifacts / job_folder(claim.study, claim.recipe.key, claim.seed),
            checkpoints=claim.checkpoints,
            checkpoint_every=self.checkpoint_every,
            alive_every=min(ALIVE_SECONDS, (self.stall_timeout or float("inf")) / 4),
            sources=dict(claim.sources),
            study=claim.study,
            keep=claim.keep,
        )
