"""How jobs were computed, and when those that ended last did so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.lookup import study_id, utc
from ablate.store.tables import attempts, jobs


@dataclass(frozen=True, kw_only=True, order=True)
class Way:
    """How a run was computed, as far as the last bits of its numbers depend on it."""

    #: `exact` or `fused`.
    tier: str
    #: Networks that were computed as one.
    k: int
    #: PyTorch's.
    threads: int
    #: `contiguous` or `channels_last`.
    memory_format: str
    #: Of the forward pass, as `float32`.
    precision: str

    @classmethod
    def of(cls, execution: Mapping[str, Any]) -> Way | None:
        """What an attempt's `execution` says; None where it does not say all, as for results from elsewhere."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: execution[name] for name in names}) if execution.keys() >= set(names) else None

    @property
    def text(self) -> str:
        """In words: `fused x8, 1 thread, channels_last`; single precision goes without saying."""
        return self.told((self.k,))

    def told(self, sizes: Collection[int]) -> str:
        """The same for several numbers of networks as one: `fused x3 to x7, 1 thread, channels_last`."""
        span = [f"x{size}" for size in sorted({min(sizes), max(sizes)}) if size > 1]
        tier = " ".join([self.tier, " to ".join(span)]) if span else self.tier
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        precision = [] if self.precision == "float32" else [self.precision]
        return ", ".join([tier, threads, self.memory_format, *precision])


@dataclass(frozen=True, kw_only=True)
class EndedRecord:
    """A job that a worker has trained to its end."""

    #: Start of its last attempt.
    started_at: datetime
    #: End of that attempt.
    ended_at: datetime
    #: None where it is not known.
    way: Way | None


def ended_last(db: Database, study: str, most: int) -> tuple[EndedRecord, ...]:
    """Jobs of the newest revision that succeeded or diverged, the last first, at most so many; none from elsewhere.

    Raises:
        UsageError: The database has no such study.
    """
    with db.read() as connection:
        last = (  # found by their jobs alone: a status line asks twice a second, and attempts are long rows
            select(jobs.c.attempt)
            .where(jobs.c.study == study_id(connection, study), jobs.c.listed)
            .where(jobs.c.state.in_([JobState.SUCCEEDED.value, JobState.DIVERGED.value]))
            .order_by(jobs.c.ended_at.desc(), jobs.c.id.desc())
            .limit(most)
            .subquery()
        )
        question = (
            select(attempts.c.started_at, attempts.c.ended_at, attempts.c.execution)
            .join_from(last, attempts, attempts.c.id == last.c.attempt)
            .where(attempts.c.worker.is_not(None), attempts.c.ended_at.is_not(None))
            .order_by(attempts.c.ended_at.desc(), attempts.c.id.desc())
        )
        rows = connection.execute(question).all()
    return tuple(
        EndedRecord(started_at=utc(row.started_at), ended_at=utc(row.ended_at), way=Way.of(row.execution or {}))
        for row in rows
    )
