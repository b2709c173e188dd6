"""Rows of a source under named columns, before anybody has looked at what the cells hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.errors import Problem, StudyError

#: What a cell may hold; empty text and None are missing values.
Cell = str | float | int | bool | None
#: Number of the row (its line in a text, from 1; its index in `places`, from 0), and its cells.
Row = tuple[int, Sequence[Cell]]
#: Mistakes that are shown.
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table of one source."""

    #: Name of the file or folder, as messages and provenance have it.
    source: str
    columns: tuple[str, ...]
    #: Each with as many cells as there are columns.
    rows: Sequence[Row]
    #: Where each row stands, for sources that have no lines.
    places: Sequence[str] | None = None
    #: Of the file, hexadecimal; empty for a folder.
    sha256: str = ""
    #: Columns whose texts begin with an apostrophe where a spreadsheet would take them for a formula.
    guarded: bool = False

    @property
    def head(self) -> str:
        """Where the names of the columns stand."""
        return f"{self.source}:1" if self.places is None else self.source

    def place(self, number: int) -> str:
        """Where a row stands."""
        return f"{self.source}:{number}" if self.places is None else self.places[number]


class Faults:
    """Collects what is wrong with the sources, so that all is told at once."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, place: str, what: str) -> None:
        """Note a mistake.

        Args:
            place: `FILE.csv:LINE`, or a folder.
            what: The column, what is wrong, and the cure.
        """
        self._count += 1
        if self._count <= SHOWN:
            self._problems.append(Problem(source=place, message=what))

    def settle(self) -> None:
        """Go on where nothing was wrong.

        Raises:
            StudyError: Something was; all of it, up to a limit.
        """
        if not self._count:
            return
        hidden = self._count - len(self._problems)
        files = list(dict.fromkeys(problem.source.partition(":")[0] for problem in self._problems))
        self._problems.sort(key=lambda problem: (files.index(problem.source.partition(":")[0]), _line(problem.source)))
        more = [Problem(source=f"and {hidden:,} more", message="shown when these are mended")] if hidden else []
        raise StudyError([*self._problems, *more, Problem(source="nothing was imported", message=TOLD)])


def _line(place: str) -> int:
    """Line of a place; 0 where it has none."""
    line = place.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


#: The last words of a refusal.
TOLD = "mend the rows and type the command again"
