"""An experiment database, opened for reading: its studies, and the rows of all of them together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ablate.api.results import StudyResults
from ablate.orchestrate.recall import recall_study
from ablate.report import export, frames
from ablate.store import Database, reading
from ablate.store.address import Address
from ablate.study import Study

if TYPE_CHECKING:
    from pandas import DataFrame


class ExperimentDatabase:
    """An open experiment database. Made by `ablate.open`.

    Close it by `with` or by `close`; otherwise its connections are closed when nothing refers to it or to its results
    any more. It may be shared between threads.

    Args:
        database: What the store opened.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def studies(self) -> DataFrame:
        """A row for each study in the order of their first submission: title, revision, and its jobs by state.

        `submitted` is the time of the first submission, UTC.

        Raises:
            DatabaseError: The database cannot be read.
        """
        jobs = reading.counts(self._database)
        records = [
            {
                "study": record.name,
                "title": record.title,
                "revision": record.revision,
                "submitted": record.created_at,
                **{str(state): count for state, count in jobs[record.name].items()},
            }
            for record in reading.studies(self._database)
        ]
        return frames.of_records(records, frames.STUDY_TYPES)

    def results(self, study: str) -> StudyResults:
        """The results of one study.

        Raises:
            DatabaseError: The database cannot be read.
            UsageError: It has no such study.
        """
        reading.outline(self._database, study)  # refuses a study that is not there
        return StudyResults(study=study, database=self._database)

    def study(self, name: str) -> Study:
        """The newest revision of a study, read again from its stored text, for `ablate.run` or to change it.

        Raises:
            DatabaseError: The database cannot be read.
            StudyError: This version of ablate reads the text differently.
            UsageError: It has no such study, or only results from elsewhere, which cannot be run.
        """
        return recall_study(self._database, name)

    def runs(self) -> DataFrame:
        """The runs of all studies, as `StudyResults.runs` has them, after a column `study`.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return self._together(StudyResults.runs, export.RUN_COLUMNS)

    def epochs(self) -> DataFrame:
        """The epochs of all studies, as `StudyResults.epochs` has them, after a column `study`.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return self._together(StudyResults.epochs, export.EPOCH_COLUMNS)

    def close(self) -> None:
        """Close all connections; whatever is asked later opens new ones."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ablate.open({self._database.place!r})"

    def _repr_html_(self) -> str:
        """The studies, for notebooks; pandas escapes their titles."""
        return self.studies().to_html(index=False)

    def _together(self, read: Callable[[StudyResults], DataFrame], columns: tuple[str, ...]) -> DataFrame:
        import pandas as pd

        parts = []
        for record in reading.studies(self._database):
            part = read(StudyResults(study=record.name, database=self._database))
            part.insert(0, "study", pd.Series(record.name, index=part.index, dtype="string"))
            part.attrs.clear()
            parts.append(part)
        if parts:
            return pd.concat(parts, ignore_index=True)
        empty = frames.of_rows((columns, ()), columns)
        empty.insert(0, "study", pd.Series(dtype="string"))
        return empty


def open(db: str | Path = "results.db") -> ExperimentDatabase:  # noqa: A001 - read as `ablate.open`, like `gzip.open`
    """Open an experiment database to read it. One that an older ablate wrote is migrated first.

    Args:
        db: A path, `sqlite:///results.db`, or `postgresql+psycopg://user@host/name`.

    Raises:
        DatabaseError: It is missing, not a database, not ours, damaged, newer, or out of reach.
    """
    return ExperimentDatabase(opened(db))


def opened(db: str | Path, *, create: bool = False) -> Database:
    """An open database that a later change of the working directory does not mislead.

    Raises:
        DatabaseError: It cannot be opened, or is not there and `create` is false.
    """
    address = Address.parse(db)
    return Database.open(db if address.path is None else address.path.absolute(), create=create)
