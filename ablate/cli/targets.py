"""Which jobs STUDY and job numbers mean, for the commands that take both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import study_name

if TYPE_CHECKING:
    from ablate.store import Database

Targets = Annotated[
    list[str],
    typer.Argument(metavar="STUDY|JOB...", help="Studies (files or names), or numbers of jobs.", show_default=False),
]
JobArgument = Annotated[int, typer.Argument(metavar="JOB", min=1, help="Number of a job.", show_default=False)]


def chosen(database: Database, targets: Sequence[str]) -> dict[str, set[int] | None]:
    """Names of studies with the jobs that are meant; None means all of the study's.

    Raises:
        UsageError: There is no such study or job.
    """
    from ablate.store.history import by_study
    from ablate.store.reading import outline

    numbers = [int(word) for word in targets if word.isdecimal()]
    found: dict[str, set[int] | None] = dict(by_study(database, numbers)) if numbers else {}
    for word in targets:
        if not word.isdecimal():
            name = study_name(word)
            outline(database, name)  # refuses a study that is not there
            found[name] = None
    return found
