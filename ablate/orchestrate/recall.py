"""A study as the database keeps it, for those who have its name but not its file."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.errors import UsageError
from ablate.store import Database
from ablate.store.reading import revision_settings, revision_sources, revision_text
from ablate.study import Study, parse_study


def recall_study(db: Database, name: str, *, settings: Sequence[str] = ()) -> Study:
    """The newest revision of a study, read again from its stored text.

    Args:
        db: The experiment database.
        name: Name of the study.
        settings: Further `--set` options, after those that the revision was submitted with.

    Raises:
        UsageError: There is no such study, or it was imported and has no recipes.
        StudyError: A later version of ablate reads the text differently, or a setting does not fit.
    """
    text = revision_text(db, name)
    if not text:
        raise UsageError(
            f"{name} holds results from elsewhere, which cannot be run.", cure=f"Show them with `ablate report {name}`."
        )
    return parse_study(
        text,
        source=name,
        settings=[*revision_settings(db, name), *settings],
        sources=revision_sources(db, name),
    )
