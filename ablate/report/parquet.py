"""`ablate export --format parquet`: rows with their types, for pandas, Polars, DuckDB, R and Spark.

Whole numbers stay whole where some are missing, `correct` is a truth value, states are a dictionary. Runs have more
columns than elsewhere: `started_at` and `ended_at`, for Parquet has a type for times (UTC, microseconds), and how they
were computed.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ablate.errors import UsageError
from ablate.report import frames
from ablate.report.export import RUN_COLUMNS, rows_of, run_rows
from ablate.store import Database

if TYPE_CHECKING:
    from pandas import DataFrame

#: Columns that only typed rows of runs have, of the attempt that they are from: its start and end, and its way.
TIMES = ("started_at", "ended_at")
WAY = ("tier", "k", "threads", "memory_format", "precision")
CURE = "Install it: `pip install 'ablate-lab[parquet]'`; or write `--format csv`."


def parquet(db: Database, study: str, kind: str) -> bytes:
    """The rows of a study as the content of a Parquet file, in the order of `export_rows`.

    Args:
        db: The experiment database.
        study: Name of the study.
        kind: One of `KINDS`.

    Raises:
        UsageError: pyarrow is not installed, the database has no such study, or there is no such kind.
    """
    stream = io.BytesIO()
    try:
        _frame(db, study, kind).to_parquet(stream, engine="pyarrow", index=False)
    except ImportError as error:
        raise UsageError("Parquet is written by `pyarrow`, which is not installed.", cure=CURE) from error
    return stream.getvalue()


def _frame(db: Database, study: str, kind: str) -> DataFrame:
    if kind == "confusion":  # which speaks of classes by their names
        return frames.of_rows(*rows_of(db, study, kind), types={**frames.ROW_TYPES, "predicted": "string"})
    if kind != "runs":
        return frames.of_rows(*rows_of(db, study, kind))
    from ablate.store import reading

    runs = reading.runs(db, study)
    frame = frames.of_rows(run_rows(runs), RUN_COLUMNS)
    attempts = [
        {name: getattr(run, name) for name in TIMES} | {name: run.execution.get(name) for name in WAY} for run in runs
    ]
    more = frames.of_records(attempts, {name: frames.ROW_TYPES[name] for name in (*TIMES, *WAY)})
    for place, name in enumerate((*TIMES, *WAY), start=len(RUN_COLUMNS)):
        if name not in frame.columns:  # a trainer of the user's own may have logged a number under this name
            frame.insert(place, name, more[name])
    return frame
