"""Tables for people who read a terminal, and as plain lines for everything else that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from ablate.report.words import word

if TYPE_CHECKING:
    from ablate.report.table import Cell, Table

#: How a word in a table is coloured.
COLOURS = {"better": "green", "worse": "red", "equivalent": "blue"}


def rich_table(table: Table) -> RichTable:
    """The table as a terminal shows it: cells that do not fit are folded, nothing is cut off."""
    made = RichTable(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=Text(table.title), title_justify="left"
    )
    for column in table.columns:
        made.add_column(Text(column.heading), justify=column.align, overflow="fold")
    for row in table.rows:
        made.add_row(
            *(Text(cell.text, style="bold" if row.baseline or cell.strong else _colour(cell)) for cell in row.cells)
        )
    return made


def _colour(cell: Cell) -> str:
    """The colour of a verdict that stands alone."""
    value = cell.value if isinstance(cell.value, str) else ""
    return COLOURS.get(value, "") if cell.text == word(value) else ""


def plain_lines(table: Table) -> list[str]:
    """The table as lines of text, however wide, with two blanks between columns."""
    texts = [[column.heading for column in table.columns], *([cell.text for cell in row.cells] for row in table.rows)]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    lines = [table.title]
    for line in texts:
        parts = []
        for text, width, column in zip(line, widths, table.columns, strict=True):
            blanks = " " * (width - cell_len(text))
            parts.append(text + blanks if column.align == "left" else blanks + text)
        lines.append("  ".join(parts).rstrip())
    return lines
