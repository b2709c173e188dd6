"""Rows that are typed already: JSON lists of objects, Parquet files, data frames of pandas."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.errors import UsageError
from ablate.orchestrate.imports.csv import decoded, read_bytes
from ablate.orchestrate.imports.sheet import Cell, Faults, Sheet

if TYPE_CHECKING:
    from pandas import DataFrame


def read_json(path: Path, source: str, faults: Faults) -> Sheet | None:
    """A list of objects, as `ablate export --format json` writes it; None where it is none, which is noted."""
    content = read_bytes(path)
    text = decoded(content, source, faults)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        faults.add(f"{source}:{error.lineno}", f"this is no JSON: {error.msg}")
        return None
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        faults.add(source, "this is no list of objects, one for each row")
        return None
    columns = tuple(dict.fromkeys(name for one in found for name in one))
    places = [f"{source}, object {number}" for number in range(1, len(found) + 1)]
    rows = []
    for number, one in enumerate(found):
        for name, value in one.items():
            if isinstance(value, list | dict):
                faults.add(places[number], f"{name}: holds a list or an object, and one value is wanted")
        rows.append((number, [_plain(one.get(name)) for name in columns]))
    digest = hashlib.sha256(content).hexdigest()
    return Sheet(source=source, columns=columns, rows=rows, places=places, sha256=digest)


def read_parquet(path: Path, source: str) -> Sheet:
    """The rows of a Parquet file.

    Raises:
        UsageError: It cannot be read, or pandas lacks what it needs for that.
    """
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise UsageError(
            f"{source} is Parquet, which needs pyarrow.",
            cure="Install it (`pip install pyarrow`), or write the file as CSV.",
        ) from error
    except Exception as error:  # pyarrow's own errors, whose classes are known only where it is installed
        raise UsageError(f"{source} cannot be read as Parquet: {error}", cure="Write it as CSV.") from error
    return of_frame(frame, source, sha256=hashlib.sha256(read_bytes(path)).hexdigest())


def of_frame(frame: DataFrame, source: str, *, sha256: str = "") -> Sheet:
    """The rows of a data frame; its index is left out."""
    columns = tuple(str(name) for name in frame.columns)
    known = frame.astype(object).where(frame.notna(), None)
    rows = [
        (number, [_plain(cell) for cell in row]) for number, row in enumerate(known.itertuples(index=False, name=None))
    ]
    places = [f"{source}, row {number}" for number in range(len(rows))]
    return Sheet(source=source, columns=columns, rows=rows, places=places, sha256=sha256)


def _plain(value: Any) -> Cell:  # noqa: ANN401 - whatever a file or a frame holds
    """A value of NumPy or JSON as a cell."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    return str(value)
