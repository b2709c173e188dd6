"""`ablate export`: stored rows as CSV or JSON; a row for each run, epoch, kept step, or test image of each run."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from ablate.errors import UsageError
from ablate.store import Database
from ablate.store.records import EpochRecord, PredictionRecord, RunRecord, StepRecord

Value = str | int | float | None
#: Names of the columns, and the rows.
Rows = tuple[Sequence[str], Iterable[tuple[Value, ...]]]

RUN_COLUMNS = (
    "variant",
    "variant_key",
    "seed",
    "state",
    "selected_epoch",
    "train_loss",
    "val_accuracy",
    "test_accuracy",
    "test_loss",
    "parameters",
    "flops",
    "seconds",
    "device",
    "attempt",
    "error",
)
EPOCH_COLUMNS = (
    "variant",
    "variant_key",
    "seed",
    "epoch",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "lr",
    "seconds",
    "attempt",
)
STEP_COLUMNS = ("variant", "variant_key", "seed", "epoch", "step", "loss", "val_loss", "val_accuracy")
PREDICTION_COLUMNS = ("variant", "variant_key", "seed", "example", "correct", "predicted", "confidence")
#: Text that a spreadsheet would run as a formula when a cell begins with it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_rows(db: Database, study: str, kind: str, form: str) -> str:
    """The rows of a study, in the order of its variants, then by seed, then by epoch, step or test image.

    Args:
        db: The experiment database.
        study: Name of the study.
        kind: `runs`, `epochs`, `steps`, or `predictions`.
        form: `csv` or `json` (a list of objects, one a line).

    Raises:
        UsageError: The database has no such study, or there is no such kind or form.
    """
    from ablate.store import reading

    if kind == "runs":
        rows = run_rows(reading.runs(db, study))
    elif kind == "epochs":
        rows = epoch_rows(reading.epochs(db, study))
    elif kind == "steps":
        rows = step_rows(reading.steps(db, study))
    elif kind == "predictions":
        rows = prediction_rows(reading.predictions(db, study))
    else:
        raise UsageError(f"there is no export of {kind!r}.", cure="Write runs, epochs, steps, or predictions.")
    stream = io.StringIO()
    if form == "csv":
        write_csv(rows, stream)
    elif form == "json":
        write_json(rows, stream)
    else:
        raise UsageError(f"there is no export as {form!r}.", cure="Write csv or json.")
    return stream.getvalue()


def run_rows(runs: Iterable[RunRecord]) -> Rows:
    """A row for each run, whatever its state."""
    return RUN_COLUMNS, (tuple(_value(getattr(run, name)) for name in RUN_COLUMNS) for run in runs)


def epoch_rows(epochs: Sequence[EpochRecord]) -> Rows:
    """A row for each epoch; after the columns that all studies have come the custom metrics, by name."""
    custom = sorted({name for row in epochs for name in row.custom})
    rows = (
        (
            *(_value(getattr(row, name)) for name in EPOCH_COLUMNS),
            *(_value(row.custom.get(name)) for name in custom),
        )
        for row in epochs
    )
    return (*EPOCH_COLUMNS, *custom), rows


def step_rows(steps: Iterable[StepRecord]) -> Rows:
    """A row for each step of which the loss was kept, or after which the validation images were measured."""
    return STEP_COLUMNS, (tuple(_value(getattr(row, name)) for name in STEP_COLUMNS) for row in steps)


def prediction_rows(records: Iterable[PredictionRecord]) -> Rows:
    """A row for each test image of each run, counted from 0 in the order of the data set; `correct` is 0 or 1."""
    return PREDICTION_COLUMNS, (row for record in records for row in _examples(record))


def _examples(record: PredictionRecord) -> Iterator[tuple[Value, ...]]:
    import numpy as np

    said = record.predictions
    correct = np.unpackbits(np.frombuffer(said.correct, dtype=np.uint8), count=said.count).tolist()
    predicted = np.frombuffer(said.predicted, dtype="<u2").tolist()
    confidence = np.frombuffer(said.confidence, dtype="<f2").tolist()
    for example, (right, label, share) in enumerate(zip(correct, predicted, confidence, strict=True)):
        yield record.variant, record.variant_key, record.seed, example, right, label, _value(share)


def write_csv(rows: Rows, stream: TextIO) -> None:
    """Write CSV: a missing value is an empty cell, text that looks like a formula begins with an apostrophe."""
    columns, lines = rows
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_guarded(name) for name in columns])
    writer.writerows([_guarded(value) for value in line] for line in lines)


def write_json(rows: Rows, stream: TextIO) -> None:
    """Write a JSON list of objects, one a line; a missing value is null, NaN is a missing value."""
    columns, lines = rows
    start = "[\n"
    for line in lines:
        stream.write(start + json.dumps(dict(zip(columns, line, strict=True)), ensure_ascii=False, allow_nan=False))
        start = ",\n"
    stream.write("[]\n" if start == "[\n" else "\n]\n")


def _value(value: object) -> Value:
    """A stored value as plain JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return str(value)


def _guarded(value: Value) -> Value:
    """Text that a spreadsheet leaves alone."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
