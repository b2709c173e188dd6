"""What a study has cost so far, for budgets."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.tables import attempts, jobs, studies


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Compute of all attempts of a study, tuning runs and lost attempts too."""

    #: Jobs that have been begun.
    runs: int = 0
    #: Sum over attempts on processors, seconds.
    cpu_seconds: float = 0.0
    #: Sum over attempts on GPUs, for each of their devices, seconds.
    gpu_seconds: float = 0.0
    #: Time during which any job of the study ran, seconds.
    wall_seconds: float = 0.0


def spent(db: Database, study: str) -> Spent:
    """What a study has cost so far; nothing where it was never submitted."""
    end = func.coalesce(attempts.c.ended_at, Now())
    question = (
        select(jobs.c.id, attempts.c.device, attempts.c.started_at, end.label("ended_at"))
        .join_from(jobs, attempts, attempts.c.job == jobs.c.id)
        .join(studies, studies.c.id == jobs.c.study)
        .where(studies.c.name == study)
        .order_by(attempts.c.started_at)
    )
    with db.read() as connection:
        rows = connection.execute(question).all()
    seconds = {"cpu": 0.0, "gpu": 0.0}
    wall, covered = 0.0, float("-inf")
    for row in rows:
        device = row.device or "cpu"
        kind, count = ("cpu", 1) if device == "cpu" else ("gpu", device.count(",") + 1)
        seconds[kind] += count * (row.ended_at - row.started_at)
        wall += max(0.0, row.ended_at - max(covered, row.started_at))
        covered = max(covered, row.ended_at)
    return Spent(
        runs=len({row.id for row in rows}),
        cpu_seconds=seconds["cpu"],
        gpu_seconds=seconds["gpu"],
        wall_seconds=wall,
    )
