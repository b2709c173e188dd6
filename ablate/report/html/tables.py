"""Tables of a page: what its templates ask of the cells that all formats share."""

from __future__ import annotations

from dataclasses import dataclass

from ablate.report.table import Cell, Column, Table

#: Rows from which on a table has a filter.
FILTERED = 8
#: Words that have a mark and a colour.
VERDICTS = frozenset({"better", "worse", "equivalent", "undecided", "not run"})


@dataclass(frozen=True, kw_only=True)
class TableView:
    """A table as it stands in a page."""

    #: Unique in the page.
    id: str
    table: Table

    @property
    def is_filtered(self) -> bool:
        """Whether it is long enough to be searched."""
        return len(self.table.rows) >= FILTERED


def sort_key(cell: Cell) -> str:
    """What a cell is sorted by: its value; empty, and last, where there is none."""
    if cell.value is None or cell.text in ("–", ""):
        return ""
    return cell.value if isinstance(cell.value, str) else repr(cell.value)


def verdict_word(column: Column, cell: Cell) -> str:
    """The verdict that a cell holds; empty where it holds none."""
    is_verdict = column.name == "verdict" and isinstance(cell.value, str) and cell.value in VERDICTS
    return str(cell.value) if is_verdict else ""
