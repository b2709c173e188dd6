"""What a cell holds: numbers, whole numbers, shares, states."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from ablate.orchestrate.imports.sheet import Cell
from ablate.protocol import JobState
from ablate.study.names import checked_text, level_name

#: Texts that stand for no value, in lower case.
MISSING = frozenset({"", "na", "n/a", "null", "none"})
#: States of runs as ablate, MLflow and Weights & Biases call them; None: the run has not ended.
STATES: Mapping[str, JobState | None] = MappingProxyType(
    {
        **{state.value: state for state in JobState if state not in (JobState.QUEUED, JobState.RUNNING)},
        "finished": JobState.SUCCEEDED,
        "crashed": JobState.FAILED,
        "killed": JobState.CANCELLED,
        **dict.fromkeys(("queued", "running", "scheduled", "pending", "preempted", "preempting"), None),
    }
)
_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
#: What a spreadsheet takes for the beginning of a formula, behind the apostrophes that keep it from that.
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
#: Whole numbers that a database column holds.
_LARGEST = 2**63 - 1

Reader = Callable[[Cell], float | None]


class CellError(ValueError):
    """A cell that does not hold what its column is for; the text says what to do about it."""


class TextError(CellError):
    """A cell of words where a number should be."""


def number(cell: Cell) -> float | None:
    """A number, perhaps NaN or infinite; None where there is no value.

    Raises:
        CellError: It is none.
    """
    if cell is None:
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        if str(cell).strip().lower() in MISSING:
            return None
        raise _no_number(str(cell).strip()) from None
    if isinstance(cell, str) and "_" in cell:
        raise CellError(f"{cell.strip()!r} is no number: write it without `_`")
    return value


def _no_number(text: str) -> CellError:
    """What is wrong with a text that should be a number."""
    if _COMMA.fullmatch(text):
        return CellError(f"{text!r} has a comma: write {text.replace(',', '.')}, or add `--decimal-comma`")
    if text.endswith("%"):
        return CellError(f"{text!r} has a percent sign: write the fraction, or the bare number and add `--percent`")
    return TextError(f"{shortened(text)!r} is no number: write one, or leave the cell empty")


def with_comma(cell: Cell) -> float | None:
    """A number with a comma as decimal point.

    Raises:
        CellError: It is none.
    """
    return number(cell.strip().replace(",", ".") if isinstance(cell, str) and cell.count(",") == 1 else cell)


def share(read: Reader, *, percent: bool) -> Reader:
    """A reader of accuracies, which become fractions of 1."""

    def of(cell: Cell) -> float | None:
        value = read(cell)
        if value is None or not math.isfinite(value):
            return value
        fraction = value / 100 if percent else value
        if fraction > 1:
            cure = "write at most 100" if percent else f"write {value / 100:.6g}, or add `--percent`"
            raise CellError(f"{value:g} is more than all: {cure}")
        if fraction < 0:
            raise CellError(f"{value:g} is no accuracy: it is below 0")
        return fraction

    return of


def whole(read: Reader, *, least: int = 0) -> Reader:
    """A reader of whole numbers."""

    def of(cell: Cell) -> float | None:
        value = read(cell)
        if value is None:
            return None
        if not math.isfinite(value) or value != int(value) or not least <= value <= _LARGEST:
            raise CellError(f"{shortened(str(cell).strip())!r} is no whole number from {least} on")
        return int(value)

    return of


@lru_cache(maxsize=4096)  # names come again in every row
def text(cell: Cell, *, guarded: bool) -> str:
    """A name or a text; empty where there is no value.

    Args:
        cell: What stands there.
        guarded: Whether an apostrophe may stand in front of what looks like a formula.

    Raises:
        CellError: It holds what would garble a table.
    """
    if not (found := _bare(cell, guarded=guarded)):
        return ""
    try:
        return checked_text(found)
    except ValueError as error:
        raise CellError(f"{shortened(found)!r}: {error}") from error


def message(cell: Cell, *, guarded: bool) -> str:
    """What a run said when it failed, on one line, whatever its length."""
    line = " ".join(_bare(cell, guarded=guarded).split())
    return "".join(letter for letter in line if letter.isprintable())


def _bare(cell: Cell, *, guarded: bool) -> str:
    """Text of a cell as it was before it was written into a table."""
    if cell is None:
        return ""
    found = (cell if isinstance(cell, str) else level_name(cell)).strip()
    return found[1:] if guarded and _GUARDED.match(found) else found


@lru_cache(maxsize=4096)
def state(cell: Cell) -> tuple[JobState | None, bool]:
    """State of a run and whether it has ended; None where nothing is said.

    Raises:
        CellError: It is no state.
    """
    word = "" if cell is None else str(cell).strip().lower()
    if word in MISSING:
        return None, True
    if word not in STATES:
        raise CellError(f"{shortened(word)!r} is no state: write succeeded, diverged, failed, or leave it empty")
    return STATES[word], STATES[word] is not None


def shortened(told: str, most: int = 40) -> str:
    """Text that fits in a message."""
    return told if len(told) <= most else f"{told[: most - 3]}..."
