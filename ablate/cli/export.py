"""`ablate export STUDY runs|epochs|steps|predictions|classes|confusion|submission`: stored rows as CSV or JSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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


KindArgument = Annotated[
    Kind,
    typer.Argument(
        help="A row for each run, epoch, kept step, or test image; for each class, or pair of a true and a predicted "
        "class (confusion); or for each image without a label (submission)."
    ),
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
    kind: KindArgument = Kind.RUNS,
    db: DatabaseOption = DEFAULT_DATABASE,
    form: Annotated[Format, typer.Option("--format", help="csv or json.")] = Format.CSV,
    variant: VariantOption = None,
    seed: SeedOption = None,
    columns: ColumnsOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: standard output.", show_default=False)
    ] = None,
) -> None:
    """Write the rows of STUDY, to standard output or a file.

    `ablate export flowers submission --variant resnet101 --columns id,label --out submission.csv` writes the labels
    of a test folder without labels, in the order of its files.
    """
    from ablate.errors import UsageError
    from ablate.report.export import export_rows

    if kind is Kind.SUBMISSION:
        if form is not Format.CSV:
            raise UsageError("a submission is CSV.", cure="Leave `--format` out.")
        text = _submission(study, db, variant, seed, columns)
    elif (variant, seed, columns) != (None, None, None):
        raise UsageError(
            f"--variant, --seed and --columns belong to a submission, not to {kind}.",
            cure=f"Write `ablate export {study} submission --variant NAME`, or leave them out.",
        )
    else:
        with open_database(db) as database:
            text = export_rows(database, study_name(study), kind.value, form.value)
    if out is None:
        typer.echo(text, nl=False)
    else:
        try:
            out.write_text(text, encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written: {error.strerror}.", cure="Name another file by --out."
            ) from error
        typer.echo(f"wrote {out}", err=True)


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
