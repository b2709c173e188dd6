"""Jobs that a merge takes over, with their attempts and all that these measured, under new numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, func, insert, select, text, update

from ablate.protocol import AttemptState, JobState
from ablate.store.merge_files import FileCopies
from ablate.store.tables import (
    artifacts,
    attempts,
    custom_metrics,
    epochs,
    fingerprints,
    jobs,
    labellings,
    predictions,
    run_metrics,
    steps,
    test_sets,
    workers,
)

#: Jobs that are copied together.
_CHUNK = 200
#: What two results must agree on.
_OUTCOME = (attempts.c.state, attempts.c.selected_epoch, attempts.c.test_loss, attempts.c.test_accuracy)
_MEASURED = (epochs.c.epoch, epochs.c.train_loss, epochs.c.train_accuracy, epochs.c.val_loss, epochs.c.val_accuracy)

_Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Copy:
    """A job that comes over."""

    #: Its row over there.
    row: RowMapping
    #: Its number over here.
    job: int
    #: Our row that it takes the place of; None where we have none.
    mine: RowMapping | None
    #: Our study and variant of a job that we have not.
    home: tuple[int, int] | None = None

    @property
    def before(self) -> int:
        """Attempts that are here already; they stay, and theirs are counted after them."""
        return 0 if self.mine is None else int(self.mine["attempt_count"])


@dataclass(kw_only=True)
class JobCopies:
    """Collects the jobs that come over and writes them in one go.

    Args:
        ours: Connection of the database that grows, within a transaction.
        theirs: Connection of the other one.
        files: Takes their checkpoints and logs.
    """

    ours: Connection
    theirs: Connection
    files: FileCopies
    _copies: list[_Copy] = field(default_factory=list)
    #: Highest number that was given to a job which is not written yet.
    _last: int = 0

    def add(self, row: RowMapping, *, study: int, variant: int) -> int:
        """Take a job that we have not; its number over here."""
        [job] = _fresh(self.ours, jobs, 1, after=self._last)
        self._last = job
        self._copies.append(_Copy(row=row, job=job, mine=None, home=(study, variant)))
        return job

    def replace(self, row: RowMapping, mine: RowMapping) -> int:
        """Take a job in the place of ours, whose attempts stay as its history; its number over here."""
        self._copies.append(_Copy(row=row, job=mine["id"], mine=mine))
        return int(mine["id"])

    def write(self) -> None:
        """Copy all rows and files."""
        for chunk in _chunks(self._copies):
            self._clear([copy for copy in chunk if copy.mine is not None])
            self._write(chunk)
        self._copies.clear()

    def _clear(self, copies: Sequence[_Copy]) -> None:
        """Delete the epochs and checkpoints of ours that are overtaken."""
        ids = [copy.job for copy in copies]
        self.ours.execute(delete(epochs).where(epochs.c.job.in_(ids)))
        gone = delete(artifacts).where(artifacts.c.job.in_(ids)).returning(artifacts.c.name)
        for name in self.ours.execute(gone).scalars():
            self.files.drop(name)

    def _write(self, copies: Sequence[_Copy]) -> None:
        by_job = {int(copy.row["id"]): copy for copy in copies}
        job_of = {number: copy.job for number, copy in by_job.items()}
        tried = self._theirs(attempts, "job", by_job)
        attempt_of = dict(zip((row["id"] for row in tried), _fresh(self.ours, attempts, len(tried)), strict=True))
        self._take_workers({row["worker"] for row in tried if row["worker"] is not None})
        for copy in copies:
            self._write_job(copy, attempt_of)
        for row in tried:
            copy = by_job[row["job"]]
            row["number"] += copy.before
            if row["state"] == AttemptState.RUNNING:  # its lease has run out, else nothing would be merged
                row |= {"state": AttemptState.LOST.value, "ended_at": copy.row["lease_expires_at"] or row["started_at"]}
        self._insert(attempts, tried, {"id": attempt_of, "job": job_of})
        self._insert(epochs, self._theirs(epochs, "job", by_job), {"job": job_of, "attempt": attempt_of})
        for table in (steps, custom_metrics):
            self._insert(table, self._theirs(table, "job", by_job), {"job": job_of})
        said = self._theirs(predictions, "attempt", attempt_of)
        self._take_test_sets({row["test_set"] for row in said if row["test_set"] is not None})
        self._insert(predictions, said, {"attempt": attempt_of})
        for table in (labellings, fingerprints, run_metrics):
            self._insert(table, self._theirs(table, "attempt", attempt_of), {"attempt": attempt_of})
        self._write_files(by_job, job_of, attempt_of)

    def _write_job(self, copy: _Copy, attempt_of: Mapping[int, int]) -> None:
        row = copy.row
        running = row["state"] == JobState.RUNNING
        values = {name: row[name] for name in jobs.c.keys() if name != "id"} | {  # noqa: SIM118 - not a dict
            "state": JobState.QUEUED.value if running else row["state"],
            "attempt": attempt_of.get(row["attempt"]),
            "attempt_count": row["attempt_count"] + copy.before,
            "retried_after": row["retried_after"] + copy.before,
            "worker": None,
            "lease_expires_at": None,
        }
        if copy.mine is None and copy.home is not None:
            values |= {"id": copy.job, "study": copy.home[0], "variant": copy.home[1]}
            self.ours.execute(insert(jobs), values)
        elif copy.mine is not None:
            mine = copy.mine
            for name in ("study", "variant", "position", "created_at"):
                values[name] = mine[name]
            values["listed"] = mine["listed"] or row["listed"]
            self.ours.execute(update(jobs).where(jobs.c.id == copy.job).values(values))

    def _write_files(
        self, by_job: Mapping[int, _Copy], job_of: Mapping[int, int], attempt_of: Mapping[int, int]
    ) -> None:
        fresh: _Rows = []
        for row in self.theirs.execute(select(artifacts).where(artifacts.c.job.in_(by_job))).mappings():
            name = self.files.take(row, attempt_of[row["attempt"]])
            if name is not None:
                values = {key: value for key, value in row.items() if key != "id"}
                fresh.append(values | {"name": name, "job": job_of[row["job"]], "attempt": attempt_of[row["attempt"]]})
        if fresh:
            self.ours.execute(insert(artifacts), fresh)

    def _take_test_sets(self, digests: set[str]) -> None:
        known = set(self.ours.execute(select(test_sets.c.digest).where(test_sets.c.digest.in_(digests))).scalars())
        self._insert(test_sets, self._theirs(test_sets, "digest", digests - known), {})

    def _take_workers(self, ids: set[str]) -> None:
        known = set(self.ours.execute(select(workers.c.id).where(workers.c.id.in_(ids))).scalars())
        fresh = self._theirs(workers, "id", ids - known)
        for row in fresh:
            row["ended_at"] = row["ended_at"] or row["seen_at"]
            self.files.take_log(row["id"])
        self._insert(workers, fresh, {})

    def _theirs(self, table: Table, column: str, keys: Mapping[int, object] | set[str]) -> _Rows:
        question = select(table).where(table.c[column].in_(list(keys))).order_by(*table.primary_key.columns)
        return [dict(row) for row in self.theirs.execute(question).mappings()]

    def _insert(self, table: Table, rows: _Rows, renumbered: Mapping[str, Mapping[int, int]]) -> None:
        for row in rows:
            for column, number_of in renumbered.items():
                row[column] = number_of[row[column]]
        if rows:
            self.ours.execute(insert(table), rows)


def differs(ours: Connection, theirs: Connection, mine: RowMapping, row: RowMapping) -> str:
    """In what two results of one job differ; empty where they are the same to the last bit."""
    here, there = (_result(connection, job) for connection, job in ((ours, mine), (theirs, row)))
    if here == there:
        return ""
    (state, _, _, accuracy), (their_state, _, _, their_accuracy) = here[0], there[0]
    if state != their_state:
        return f"{state} here, {their_state} there"
    if accuracy != their_accuracy:
        return f"test accuracy {accuracy} here, {their_accuracy} there"
    return f"the same test accuracy ({accuracy}) by other epochs"


def _result(connection: Connection, job: RowMapping) -> list[tuple[Any, ...]]:
    outcome = connection.execute(select(*_OUTCOME).where(attempts.c.id == job["attempt"])).one()
    measured = select(*_MEASURED).where(epochs.c.job == job["id"]).order_by(epochs.c.epoch)
    return [tuple(outcome), *(tuple(row) for row in connection.execute(measured))]


def _fresh(connection: Connection, table: Table, count: int, *, after: int = 0) -> list[int]:
    """Numbers that no row of the table has, and that are higher than `after`."""
    if connection.dialect.name == "postgresql":
        sequence = f"nextval(pg_get_serial_sequence('{table.name}', 'id'))"
        rows = connection.execute(text(f"SELECT {sequence} FROM generate_series(1, :count)"), {"count": count})  # noqa: S608 - a name of our own
        return [int(number) for number in rows.scalars()]
    last = max(after, connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())
    return list(range(last + 1, last + 1 + count))


def _chunks(copies: Sequence[_Copy]) -> Iterator[Sequence[_Copy]]:
    for start in range(0, len(copies), _CHUNK):
        yield copies[start : start + _CHUNK]
