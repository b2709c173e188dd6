"""`ablate import FILE... --study NAME --baseline VARIANT`: results of other tools as a study."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, open_database


class Format(StrEnum):
    """Kinds of sources."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"


class Direction(StrEnum):
    """Whether more or less of the metric is better."""

    MAX = "max"
    MIN = "min"


class Select(StrEnum):
    """Which epoch counts."""

    BEST_VAL = "best_val"
    BEST_VAL_LOSS = "best_val_loss"
    LAST = "last"


class Test(StrEnum):
    """Which test judges differences."""

    AUTO = "auto"
    WELCH = "welch"
    PAIRED = "paired"
    DUNNETT = "dunnett"


Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="CSV, JSON or Parquet; exports of Weights & Biases; folders of TensorBoard or MLflow.",
        show_default=False,
    ),
]
StudyOption = Annotated[
    str, typer.Option("--study", metavar="NAME", help="Study that they become or join.", show_default=False)
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        metavar="VARIANT", help="What all others are compared with. [default: `baseline`]", show_default=False
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="OURS=THEIRS",
        help="What a column, tag or parameter is, as `val_accuracy=val/acc`, `variant=params.arch`.",
        show_default=False,
    ),
]
PatternOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Where variant and seed stand in a run's path or name, as `{variant}/seed{seed}`; `*` is anything.",
        show_default=False,
    ),
]
FactorsOption = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Columns that hold levels: each is a factor with a table.", show_default=False),
]
StepsOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Optimizer steps of an epoch, where the source counts steps.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    sources: Sources,
    study: StudyOption,
    baseline: BaselineOption = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    form: Annotated[
        Format | None, typer.Option("--format", help="What the sources are, if not told right.", show_default=False)
    ] = None,
    names: MapOption = None,
    pattern: PatternOption = None,
    factors: FactorsOption = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What ranks the variants.", show_default=False)
    ] = None,
    direction: Annotated[
        Direction | None, typer.Option(help="Whether more or less of it is better.", show_default=False)
    ] = None,
    select: Annotated[
        Select | None, typer.Option(help="Which epoch counts where that is not said.", show_default=False)
    ] = None,
    epoch_steps: StepsOption = None,
    percent: Annotated[bool, typer.Option("--percent", help="Accuracies are percentages.")] = False,
    decimal_comma: Annotated[bool, typer.Option("--decimal-comma", help="Numbers have a decimal comma.")] = False,
    title: Annotated[str | None, typer.Option(help="The question, for the report.", show_default=False)] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Smaller differences are equivalent; accuracies as fractions.", show_default=False),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Error rate of a family of comparisons. [default: 0.05]", show_default=False)
    ] = None,
    test: Annotated[Test | None, typer.Option(help="Which test. [default: auto]", show_default=False)] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Runs that differ from stored ones replace them.")] = False,
) -> None:
    """Import results that were trained elsewhere; `ablate report` then treats them like its own.

    All or nothing: wrong rows are named, and nothing is stored. A second import of the same file changes nothing.
    """
    from ablate.orchestrate.imports.bring import import_results
    from ablate.orchestrate.imports.options import Form, ImportOptions, renamed

    options = ImportOptions(
        study=study,
        baseline=baseline,
        form=None if form is None else Form(form.value),
        names=renamed(names or []),
        pattern=pattern,
        factors=tuple(part.strip() for part in (factors or "").split(",") if part.strip()),
        metric=metric,
        direction=None if direction is None else direction.value,
        select=None if select is None else select.value,
        epoch_steps=epoch_steps,
        percent=percent,
        decimal_comma=decimal_comma,
        title=title,
        margin=margin,
        alpha=alpha,
        test=None if test is None else test.value,
        replace=replace,
    )
    with open_database(db, create=True) as database:
        done = import_results(database, sources, options)
    typer.echo(done.describe())
    typer.echo(f"next: `ablate report {study}`", err=True)
