"""Tables of a report as HTML, for notebooks. Names come from whoever wrote the study, so all text is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ablate.report.table import Cell, Column, Table


def table_html(table: Table, *, caption: str) -> str:
    """A table with a caption above it and its notes below.

    Args:
        table: What is shown.
        caption: Plain text, escaped here.
    """
    return "".join(_parts(table, caption))


def _parts(table: Table, caption: str) -> Iterator[str]:
    yield f'<table><caption style="caption-side: top; text-align: left">{escape(caption)}</caption><thead><tr>'
    for column in table.columns:
        yield _cell("th", column, Cell(text=column.heading))
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield "<tr>"
        for column, cell in zip(table.columns, row.cells, strict=True):
            yield _cell("td", column, cell)
        yield "</tr>"
    yield "</tbody></table>"
    for note in table.notes:
        yield f"<p>{escape(note)}</p>"


def _cell(tag: str, column: Column, cell: Cell) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.strong else escape(cell.text)
    return f'<{tag} style="text-align: {column.align}">{text}</{tag}>'
