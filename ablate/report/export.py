"""`ablate export`: stored rows; one for each run, epoch, step, test image or class of each run. CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
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
PREDICTION_COLUMNS = ("variant", "variant_key", "seed", "example", "correct", "predicted", "confidence", "label")
CLASS_COLUMNS = ("variant", "variant_key", "seed", "class", "examples", "accuracy")
CONFUSION_COLUMNS = ("variant", "variant_key", "seed", "true", "predicted", "count")
#: Kinds of rows.
KINDS = ("runs", "epochs", "steps", "predictions", "classes", "confusion")
#: Text that a spreadsheet would run as a formula, or that looks as if it had been kept from that already.
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def export_rows(db: Database, study: str, kind: str, form: str) -> str:
    """The rows of a study, in the order of its variants, then by seed, then by epoch, step, test image or class.

    Args:
        db: The experiment database.
        study: Name of the study.
        kind: One of `KINDS`.
        form: `csv` or `json` (a list of objects, one a line).

    Raises:
        UsageError: The database has no such study, or there is no such kind or form.
    """
    rows, _ = rows_of(db, study, kind)
    stream = io.StringIO()
    if form == "csv":
        write_csv(rows, stream)
    elif form == "json":
        write_json(rows, stream)
    else:
        raise UsageError(f"there is no text of rows as {form!r}.", cure="Write csv or json.")
    return stream.getvalue()


def rows_of(db: Database, study: str, kind: str) -> tuple[Rows, Sequence[str]]:
    """The rows of one kind, and the columns that these have for every study; what follows them are metrics.

    Args:
        db: The experiment database.
        study: Name of the study.
        kind: One of `KINDS`.

    Raises:
        UsageError: The database has no such study, or there is no such kind.
    """
    from ablate.store import reading

    if kind == "runs":
        return run_rows(reading.runs(db, study)), RUN_COLUMNS
    if kind == "epochs":
        return epoch_rows(reading.epochs(db, study)), EPOCH_COLUMNS
    if kind == "steps":
        return step_rows(reading.steps(db, study)), STEP_COLUMNS
    if kind == "predictions":
        return prediction_rows(reading.predictions(db, study)), PREDICTION_COLUMNS
    if kind == "classes":
        return class_rows(reading.predictions(db, study)), CLASS_COLUMNS
    if kind == "confusion":
        return confusion_rows(reading.predictions(db, study)), CONFUSION_COLUMNS
    raise UsageError(f"there is no export of {kind!r}.", cure=f"Write {', '.join(KINDS[:-1])}, or {KINDS[-1]}.")


def run_rows(runs: Sequence[RunRecord]) -> Rows:
    """A row for each run, whatever its state; after the columns that all studies have come further metrics, by name."""
    further = sorted({name for run in runs for name in run.metrics} - set(RUN_COLUMNS))
    rows = (
        (
            *(_value(_either(getattr(run, name), run.metrics.get(name))) for name in RUN_COLUMNS),
            *(_value(run.metrics.get(name)) for name in further),
        )
        for run in runs
    )
    return (*RUN_COLUMNS, *further), rows


def _either(known: object, logged: float | None) -> object:
    """What a run has a column for, or what a trainer of the user's own logged of the whole run under the same name."""
    return logged if known is None else known


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
    """A row for each test image of each run, counted from 0 in the order of the data set; `correct` is 0 or 1.

    `label` is the number of the true class, as `predicted` is; missing where it was not kept.
    """
    return PREDICTION_COLUMNS, (row for record in records for row in _examples(record))


def _examples(record: PredictionRecord) -> Iterator[tuple[Value, ...]]:
    import numpy as np

    said = record.predictions
    correct = np.unpackbits(np.frombuffer(said.correct, dtype=np.uint8), count=said.count).tolist()
    predicted = np.frombuffer(said.predicted, dtype="<u2").tolist()
    confidence = np.frombuffer(said.confidence, dtype="<f2").tolist()
    truth = [None] * said.count if said.labels is None else np.frombuffer(said.labels, dtype="<u2").tolist()
    columns = zip(correct, predicted, confidence, truth, strict=True)
    for example, (right, guess, share, label) in enumerate(columns):
        yield record.variant, record.variant_key, record.seed, example, right, guess, _value(share), label


def class_rows(records: Iterable[PredictionRecord]) -> Rows:
    """A row for each class of each run whose true classes were kept: its test images, and the share that was right."""
    return CLASS_COLUMNS, (row for record in records for row in _classes(record))


def _classes(record: PredictionRecord) -> Iterator[tuple[Value, ...]]:
    from ablate.statistics import class_accuracies
    from ablate.verdicts.class_counts import counted

    if (made := counted(record)) is None:
        return
    examples, shares = made.counts.sum(axis=1).tolist(), class_accuracies(made.counts).tolist()
    for name, number, share in zip(made.classes, examples, shares, strict=True):
        yield record.variant, record.variant_key, record.seed, name, number, _value(share)


def confusion_rows(records: Iterable[PredictionRecord]) -> Rows:
    """A row for each pair of a true and a predicted class of each run whose true classes were kept, zeros too."""
    return CONFUSION_COLUMNS, (row for record in records for row in _pairs(record))


def _pairs(record: PredictionRecord) -> Iterator[tuple[Value, ...]]:
    from ablate.verdicts.class_counts import counted

    if (made := counted(record)) is None:
        return
    for name, row in zip(made.classes, made.counts.tolist(), strict=True):
        for guess, number in zip(made.classes, row, strict=True):
            yield record.variant, record.variant_key, record.seed, name, guess, number


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
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
