"""What workers were told, held against what the database holds: nothing lost, nothing twice, nothing of the past."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import text

from ablate.store import Database
from ablate.store.integrity import check


@dataclass(frozen=True, kw_only=True)
class Told:
    """The database said to a worker that this is stored."""

    job: int
    attempt: int
    #: None: the end of the job, as succeeded.
    epoch: int | None
    #: The training loss.
    loss: float | None = None

    def line(self) -> bytes:
        """For a file that several processes append to; written in one call, it survives the process."""
        return json.dumps(asdict(self)).encode() + b"\n"


def read_told(file: Path) -> list[Told]:
    """What was appended to a file."""
    return [Told(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def damage(told: Iterable[Told], db: Database) -> list[str]:
    """Everything in which the database is not what it told; attempts must be numbered in the order of their claims."""
    with db.read() as connection:
        rows = {
            (row.job, row.epoch): (row.attempt, row.train_loss)
            for row in connection.execute(text("SELECT job, epoch, attempt, train_loss FROM epochs"))
        }
        jobs = {row.id: row for row in connection.execute(text("SELECT id, state, attempt FROM jobs"))}
    told = list(told)
    found = [finding.text for finding in check(db) if finding.bad]
    newest: dict[tuple[int, int, int], Told] = {
        (one.job, one.attempt, one.epoch): one for one in told if one.epoch is not None
    }
    #: Lowest epoch that each attempt recorded: what lies beyond it of earlier attempts was replaced.
    begun: dict[int, dict[int, int]] = {}
    for job, attempt, epoch in newest:
        first = begun.setdefault(job, {})
        first[attempt] = min(first.get(attempt, epoch), epoch)
    for (job, attempt, epoch), one in newest.items():
        where = f"epoch {epoch} of job {job}, told to attempt {attempt}"
        replaced = any(later > attempt and first <= epoch for later, first in begun[job].items())
        row = rows.get((job, epoch))
        if row is None:
            if not replaced:
                found.append(f"{where}, is lost")
        elif row[0] < attempt:
            found.append(f"{where}, was overwritten by the older attempt {row[0]}")
        elif row[0] == attempt and row[1] != one.loss:
            found.append(f"{where}, holds {row[1]} instead of {one.loss}")
        elif row[0] != attempt and not replaced:
            found.append(f"{where}, is held by attempt {row[0]}, which was told nothing")
    ends: dict[int, list[int]] = {}
    for one in told:
        if one.epoch is None:
            ends.setdefault(one.job, []).append(one.attempt)
    for job, attempts in ends.items():
        if len(attempts) > 1:
            found.append(f"job {job} was told to have ended {len(attempts)} times")
        elif (jobs[job].state, jobs[job].attempt) != ("succeeded", attempts[0]):
            found.append(f"job {job}, told to have succeeded, is {jobs[job].state}")
    return found
