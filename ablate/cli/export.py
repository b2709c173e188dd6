"""`ablate export STUDY KIND`: stored rows as CSV, JSON or Parquet; `--to TOOL DIR`: runs as trackers keep them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.files import output
from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, StudyArgument, open_database, study_name


class Kind(StrEnum):
    """What a row stands for."""

    RUNS = "runs"
    EPOCHS = "epochs"
    STEPS = "steps"
    PREDICTIONS = "predictions"
    CLASSES = "classes"
    CONFUSION = "confusion"
    SUBMISSION = "submission"


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class Tool(StrEnum):
    """What runs are written for."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"


WhatArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[KIND|DIR]",
        help="`runs` (the default), `epochs`, `steps`, `predictions`, `classes`, `confusion` or `submission`; with "
        "--to the folder.",
        show_default=False,
    ),
]
ToOption = Annotated[
    Tool | None,
    typer.Option("--to", help="Write runs to DIR as this tool keeps them.", show_default=False),
]
VariantOption = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="submission: whose labels, by name.", show_default=False),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="N", help="submission: which run; default: the lowest that succeeded.", show_default=False
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns", metavar="FILE,CLASS", help="submission: the two headings, as `id,label`.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    study: StudyArgument,
    what: WhatArgument = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    form: Annotated[Format, typer.Option("--format", help="How rows are written.")] = Format.CSV,
    to: ToOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    columns: ColumnsOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: standard output.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE, or an earlier export in DIR.")] = False,
) -> None:
    """Write the rows of STUDY, to standard output or a file; or its runs for another tool, as a folder.

    A row is a run, an epoch (`epochs`), a kept step (`steps`) or a test image (`predictions`); a class or a pair of
    a true and a predicted class (`classes`, `confusion`); or an image without a label (`submission`).

    `ablate export flowers --to tensorboard logs` writes a folder for each run; `mlflow` and `wandb` likewise.

    `ablate export flowers submission --variant resnet101 --columns id,label --out submission.csv` writes the labels
    of a test folder without labels, in the order of its files.
    """
    from ablate.errors import UsageError

    if to is not None:
        _track(study, db, to, what, out, force=force)
        return
    kind = _kind(study, what)
    if kind is not Kind.SUBMISSION and (variant, seed, columns) != (None, None, None):
        raise UsageError(
            f"--variant, --seed and --columns belong to a submission, not to {kind}.",
            cure=f"Write `ablate export {study} submission --variant NAME`, or leave them out.",
        )
    if kind is Kind.SUBMISSION and form is not Format.CSV:
        raise UsageError("a submission is CSV.", cure="Leave `--format` out.")
    if form is Format.PARQUET and out is None and sys.stdout.isatty():
        raise UsageError("Parquet is nothing to read on a terminal.", cure="Name a file: `--out rows.parquet`.")
    write = output(out, force=force)
    if kind is Kind.SUBMISSION:
        write(_submission(study, db, variant, seed, columns))
        return
    with open_database(db) as database:
        if form is Format.PARQUET:
            from ablate.report.parquet import parquet

            content: str | bytes = parquet(database, study_name(study), kind.value)
        else:
            from ablate.report.export import export_rows

            content = export_rows(database, study_name(study), kind.value, form.value)
    write(content)


def _kind(study: str, what: str | None) -> Kind:
    """What a row stands for."""
    from ablate.errors import UsageError
    from ablate.recipe.signatures import did_you_mean

    kinds = [kind.value for kind in Kind]
    if what is not None and what not in kinds:
        raise UsageError(
            f"there is no export of {what!r}{did_you_mean(what, kinds)}",
            cure=f"Write {', '.join(kinds[:-1])} or {kinds[-1]}; or `ablate export {study} --to TOOL DIR`.",
        )
    return Kind(what or Kind.RUNS)


def _track(study: str, db: str, to: Tool, what: str | None, out: Path | None, *, force: bool) -> None:
    """Write the folder of a tool."""
    from ablate.errors import UsageError
    from ablate.report.trackers.write import Tracker, write_tracked

    folder = out if what is None else Path(what)
    if folder is None or None not in (what, out):
        raise UsageError(f"--to {to} needs one folder.", cure=f"Write `ablate export {study} --to {to} DIR`.")
    with open_database(db) as database:
        count = write_tracked(database, study_name(study), Tracker(to.value), folder, force=force)
    typer.echo(f"wrote {count:,} run{'s' * (count != 1)} to {folder}", err=True)


def _submission(study: str, db: str, variant: str | None, seed: int | None, columns: str | None) -> str:
    """The labels of one run; which one is said beside them."""
    from ablate.errors import UsageError
    from ablate.report.labels import COLUMNS, submission

    name = study_name(study)
    if variant is None:
        raise UsageError(
            "a submission needs a variant.", cure=f"Write `ablate export {study} submission --variant NAME`."
        )
    headings = COLUMNS if columns is None else [heading.strip() for heading in columns.split(",")]
    with open_database(db) as database:
        made = submission(database, name, variant, seed=seed, columns=headings)
    typer.echo(f"{variant}, seed {made.seed}: labels for {made.count:,} images", err=True)
    return made.text
