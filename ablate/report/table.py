"""What a table is, whatever draws it: plain text and values in cells; renderers escape and decorate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from ablate.report.language import say


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column."""

    #: What it holds, as `verdict`; the same in every table.
    name: str
    #: Text above it.
    heading: str
    align: Literal["left", "right"] = "right"
    #: Left out where all rows say the same; the table then says it once, in its notes.
    hideable: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell."""

    #: Plain text, unescaped.
    text: str
    #: What the text was made from; None where there is no single value.
    value: float | str | None = None
    #: To be set in bold: a "better" verdict.
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row."""

    cells: tuple[Cell, ...]
    #: The variant's key; empty where the row is none.
    key: str = ""
    #: To be marked: the row that others are compared with.
    baseline: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A title, columns, rows, and what there is to say below them."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def hidden(self) -> Table:
        """The table without the hideable columns that say nothing or the same in every row.

        What they say is added to the notes.
        """
        kept, same = [], []
        for index, column in enumerate(self.columns):
            texts = {row.cells[index].text for row in self.rows}
            if not column.hideable or len(texts) > 1 or len(self.rows) < 2:
                kept.append(index)
            elif (text := next(iter(texts))).strip("–"):
                same.append(say("{heading} {text}", heading=column.heading, text=text))
        notes = (*self.notes, say("The same for all: {same}.", same=say("; ").join(same))) if same else self.notes
        return Table(
            title=self.title,
            columns=tuple(self.columns[index] for index in kept),
            rows=tuple(
                Row(cells=tuple(row.cells[index] for index in kept), key=row.key, baseline=row.baseline)
                for row in self.rows
            ),
            notes=notes,
        )


def words(text: str) -> Cell:
    """A cell of text."""
    return Cell(text=text, value=text)


def quoted(name: str) -> str:
    """A name within a sentence: in quotes where commas or blanks would run it together with its neighbours."""
    return f"“{name}”" if set(name) & set(", ;") else name


def listed(names: Sequence[str], limit: int = 8) -> str:
    """`a, b and c`; beyond the limit `a, b and 5 more`."""
    if len(names) > limit:
        shown, more = say(", ").join(names[: limit - 1]), len(names) - limit + 1
        return say("{names} and {more} more", names=shown, more=more, all=len(names))
    if len(names) < 2:
        return "".join(names)
    return say("{names} and {last}", names=say(", ").join(names[:-1]), last=names[-1])


def clauses(parts: Sequence[str]) -> str:
    """Parts of a sentence, a comma between two."""
    return reduce(lambda first, second: say("{first}, {second}", first=first, second=second), parts)


def together(sentences: Sequence[str]) -> str:
    """Sentences one after the other."""
    return reduce(lambda first, second: say("{first} {second}", first=first, second=second), sentences)
