"""Which columns of a table stand side by side, how wide they are, and in which size: so that none leaves the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.report.latex.widths import width, wrapped
from ablate.report.table import Table

#: Width of the text on the page that is planned for, points: A4 with margins of 2 cm.
PAGE = 483.0
#: Widest column whose lines need not be broken, and the narrowest to which a column of text is cut, em.
UNBROKEN, NARROWEST = 20.0, 9.0
#: Least room for a heading above numbers and above text, em.
HEADING, TEXT_HEADING = 4.0, 12.0
#: Lines of a table from which on it is broken across pages.
MOST_LINES = 38


@dataclass(frozen=True, kw_only=True)
class Size:
    """A size of letters."""

    #: LaTeX's name of it.
    name: str
    #: Width of an em, points, in a document of 10 points: small letters of Computer Modern are wide for their size.
    em: float
    #: Room on each side of a column, points.
    apart: float

    def room(self, columns: int) -> float:
        """What so many columns have for their text, em."""
        return (PAGE - 2 * self.apart * columns) / self.em


SIZES = (
    Size(name="small", em=9.25, apart=5.0),
    Size(name="footnotesize", em=8.5, apart=4.0),
    Size(name="scriptsize", em=7.97, apart=3.0),
)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A column in its place."""

    #: Its index in the table.
    index: int
    #: Width of its text, em.
    width: float
    #: Whether its cells are broken into lines of that width.
    broken: bool
    #: Lines of its heading.
    heading: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a table is set."""

    size: Size
    #: The columns of each part; parts stand one below the other, each with the first column.
    parts: tuple[tuple[Placed, ...], ...]
    #: Whether it is so long that it is broken across pages.
    long: bool


def lay_out(table: Table) -> Layout:
    """The largest letters in which all columns fit side by side; where none are small enough, several parts.

    Names of variants are broken into lines before letters would get too small, numbers are not.
    """
    whole = range(len(table.columns))
    natural = [_natural(table, index) for index in whole]
    least = [
        min(each, UNBROKEN if column.align == "right" else NARROWEST)
        for each, column in zip(natural, table.columns, strict=True)
    ]
    for size in SIZES:
        room = size.room(len(natural))
        if sum(min(each, UNBROKEN) for each in natural) <= room:
            return _layout(table, size, [(whole, _shared(natural, least, room))])
    smallest = SIZES[-1]
    if sum(least) <= (room := smallest.room(len(natural))):
        return _layout(table, smallest, [(whole, _shared(natural, least, room))])
    return _layout(table, SIZES[1], _split(natural, SIZES[1]))


def _natural(table: Table, index: int) -> float:
    """Width of the widest cell, or what its heading needs where that is wider."""
    cells = max((width(row.cells[index].text, bold=row.cells[index].strong) for row in table.rows), default=0.0)
    column = table.columns[index]
    words = [width(word) for word in column.heading.split()]
    least = HEADING if column.align == "right" else TEXT_HEADING
    return max(cells, min(max(words, default=0.0), UNBROKEN), min(least, width(column.heading)))


def _shared(natural: Sequence[float], least: Sequence[float], room: float) -> list[float]:
    """Widths that fill no more than the room: all columns are cut to one width, but none below its least."""

    def cut(most: float) -> list[float]:
        return [max(low, min(each, most)) for each, low in zip(natural, least, strict=True)]

    if sum(natural) <= room:
        return list(natural)
    low, high = 0.0, max(natural)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if sum(cut(middle)) <= room else (low, middle)
    return cut(low)


def _split(natural: Sequence[float], size: Size) -> list[tuple[Sequence[int], list[float]]]:
    """Columns in several parts, each after the first column."""
    widths = [min(each, UNBROKEN) for each in natural]
    parts: list[list[int]] = [[]]
    for index in range(1, len(widths)):
        both = [0, *parts[-1], index]
        if parts[-1] and sum(widths[place] for place in both) > size.room(len(both)):
            parts.append([])
        parts[-1].append(index)
    return [([0, *part], [widths[place] for place in (0, *part)]) for part in parts]


def _layout(table: Table, size: Size, parts: Sequence[tuple[Sequence[int], Sequence[float]]]) -> Layout:
    placed = []
    for indices, widths in parts:
        columns = []
        for index, each in zip(indices, widths, strict=True):
            cells = (width(row.cells[index].text, bold=row.cells[index].strong) for row in table.rows)
            broken = max(cells, default=0.0) > each + 1e-6
            heading = tuple(wrapped(table.columns[index].heading, each + 0.05)) or ("",)
            columns.append(Placed(index=index, width=each, broken=broken, heading=heading))
        placed.append(tuple(columns))
    lines = sum(_lines(table, part) for part in placed)
    return Layout(size=size, parts=tuple(placed), long=lines > MOST_LINES)


def _lines(table: Table, part: Sequence[Placed]) -> float:
    """Lines of one part with its heading."""
    head = max(len(one.heading) for one in part) + 1.0
    return head + sum(
        max([1.0, *(len(wrapped(row.cells[one.index].text, 0.9 * one.width)) for one in part if one.broken)])
        for row in table.rows
    )
