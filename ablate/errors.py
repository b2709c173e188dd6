"""The one family of errors that ablate raises on purpose.

A message names the thing, where it stands, and what to type next. Whatever is not an `AblateError` is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class AblateError(Exception):
    """Anything a user can mend. Commands print it without a traceback and exit with `exit_code`.

    Args:
        message: What is wrong and where.
        cure: What to do or type about it, as a sentence; empty when the message says it.
    """

    #: Exit status of the command that meets this error.
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}\n{self.cure}" if self.cure else self.message


class UsageError(AblateError):
    """A command was given something that it cannot use."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a study file."""

    #: What is wrong and what to write instead.
    message: str
    #: File (or other name of the text) in which it stands.
    source: str
    #: Line, counted from 1; None when the mistake has no single place.
    line: int | None = None
    #: Column, counted from 1.
    column: int | None = None
    #: The source line itself, for the caret.
    text: str = ""

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.source}: {self.message}"
        column = self.column or 1
        place = f"{self.source}:{self.line}:{column}: {self.message}"
        if not self.text:
            return place
        margin = f"{self.line:>5} | "
        caret = " " * (len(margin) - 2) + "| " + " " * (column - 1) + "^"
        return f"{place}\n{margin}{self.text}\n{caret}"


class StudyError(AblateError):
    """A study (or a file to import) is not valid; carries every problem found, in the order of the file."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class JobsFailedError(AblateError):
    """Some jobs of a study failed; the others are done."""

    exit_code = 4


class DataMissingError(AblateError):
    """A data set is not on this machine and cannot be fetched."""

    exit_code = 5


class DatabaseError(AblateError):
    """The experiment database cannot be opened, read, or written."""

    exit_code = 6


class DatabaseAwayError(DatabaseError):
    """The database cannot be used for now: its disk is full, it is locked, or its server is gone. Waiting may help."""


class ReportMismatchError(AblateError):
    """A committed report does not say what the database says."""

    exit_code = 7


class InterruptedRunError(AblateError):
    """The user stopped the run; nothing that was reported is lost."""

    exit_code = 130
