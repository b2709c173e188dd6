"""CSV files: commas, semicolons or tabs between the cells, UTF-8."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from ablate.errors import UsageError
from ablate.orchestrate.imports.sheet import Faults, Row, Sheet

#: What may stand between cells.
SEPARATORS = (",", ";", "\t")


def read_bytes(path: Path) -> bytes:
    """What a file holds.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", cure="Name another file.") from error


def decoded(content: bytes, source: str, faults: Faults) -> str | None:
    """The text of a file; None where it is not UTF-8, which is noted with its place."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.add(f"{source}:1", "the file is UTF-16: save it as UTF-8")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        faults.add(
            f"{source}:{line}",
            f"byte {column} of the line (0x{content[error.start]:02X}) is not UTF-8: save the file as UTF-8",
        )
        return None


def read_csv(path: Path, source: str, faults: Faults) -> Sheet | None:
    """The rows of a file; None where it cannot be taken apart, which is noted."""
    content = read_bytes(path)
    text = decoded(content, source, faults)
    if text is None:
        return None
    if not text.strip():
        faults.add(source, "the file is empty")
        return None
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    rows: list[Row] = []
    columns: tuple[str, ...] = ()
    begins = 1
    try:
        for cells in lines:
            if not columns and any(cells):
                columns = tuple(cell.strip() for cell in cells)
            elif columns and any(cell.strip() for cell in cells):
                if len(cells) != len(columns):
                    faults.add(f"{source}:{begins}", f"{len(cells)} cells, and the header has {len(columns)}")
                else:
                    rows.append((begins, cells))
            begins = lines.line_num + 1
    except csv.Error as error:
        faults.add(f"{source}:{begins}", f'{error}: is a quote " left open, or one within a cell not written twice?')
        return None
    if not rows and not len(faults):
        faults.add(source, "there is a header and no row below it")
    return Sheet(source=source, columns=columns, rows=rows, sha256=hashlib.sha256(content).hexdigest(), guarded=True)


def _separator(text: str) -> str:
    """What stands between the cells of the header most often."""
    header = next(line for line in text.splitlines() if line.strip())
    bare = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=bare.count)
