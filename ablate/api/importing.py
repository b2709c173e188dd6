"""`ablate.import_results`: the command `ablate import`, for Python and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ablate.api.database import opened
from ablate.api.results import StudyResults
from ablate.errors import UsageError
from ablate.metrics import Direction
from ablate.orchestrate.imports.bring import import_results as bring
from ablate.orchestrate.imports.options import Form, ImportOptions

if TYPE_CHECKING:
    from pandas import DataFrame


def import_results(
    *sources: str | Path | DataFrame,
    study: str,
    baseline: str | None = None,
    db: str | Path = "results.db",
    format: str | None = None,  # noqa: A002 - as the command's option
    names: Mapping[str, str] | None = None,
    pattern: str | None = None,
    factors: Iterable[str] = (),
    metric: str | None = None,
    direction: Direction | None = None,
    select: Literal["best_val", "best_val_loss", "last"] | None = None,
    epoch_steps: int | None = None,
    percent: bool = False,
    decimal_comma: bool = False,
    title: str | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    test: Literal["auto", "welch", "paired", "dunnett"] | None = None,
    replace: bool = False,
) -> StudyResults:
    """Import results that other tools made, all or nothing; a second time nothing changes.

    Args:
        sources: Files and folders as `ablate import` takes them, or data frames with the same columns.
        study: Name of the study that they become or join.
        baseline: Name of the variant that all others are compared with; None: as before, or `baseline`.
        db: The experiment database, made where there is none.
        format: What the sources are, as `"csv"` or `"mlflow"`; None: recognised.
        names: What columns, tags and parameters are, as `{"variant": "params.arch"}`: ours, theirs.
        pattern: Where variant and seed stand in a run's path or name, as `{variant}/seed{seed}`.
        factors: Columns that hold the levels of factors.
        metric: What ranks the variants; None: as before, else test accuracy, validation accuracy, or the only one.
        direction: Whether more or less of it is better.
        select: Which epoch counts where the sources do not say.
        epoch_steps: Optimizer steps of an epoch, where a source counts steps.
        percent: Accuracies are percentages.
        decimal_comma: Numbers have a comma as decimal point.
        title: The question, for the report.
        margin: Difference below which variants are equivalent, in the metric's unit (accuracies: a fraction).
        alpha: Error rate of a family of comparisons.
        test: Which test judges differences.
        replace: Runs that differ from stored ones take their place.

    Returns:
        The results of the study.

    Raises:
        DatabaseError: The database cannot be opened or written.
        StudyError: Rows are wrong, or contradict what is stored; each is named, and nothing is stored.
        UsageError: An argument does not fit, a source is not there, or ablate itself runs this study.
    """
    if not sources:
        raise UsageError("there is nothing to import.", cure="Give a path or a data frame.")
    known = [str(form) for form in Form]
    if format is not None and format not in known:
        raise UsageError(f"format={format!r} is none.", cure=f"Write one of {', '.join(map(repr, known))}.")
    options = ImportOptions(
        study=study,
        baseline=baseline,
        form=None if format is None else Form(format),
        names=names or {},
        pattern=pattern,
        factors=tuple(factors),
        metric=metric,
        direction=direction,
        select=select,
        epoch_steps=epoch_steps,
        percent=percent,
        decimal_comma=decimal_comma,
        title=title,
        margin=margin,
        alpha=alpha,
        test=test,
        replace=replace,
    )
    database = opened(db, create=True)
    bring(database, [Path(one) if isinstance(one, str) else one for one in sources], options)
    return StudyResults(study=study, database=database)
