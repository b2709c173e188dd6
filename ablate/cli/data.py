"""`ablate data list|fetch|verify`: which data sets are on this machine, and whether they are whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DataRootOption,
    JsonOption,
    PlainOption,
    is_file,
    open_existing,
    read_study,
)

if TYPE_CHECKING:
    from ablate.orchestrate.data import Standing
    from ablate.recipe import Data
    from ablate.study import Study

NamesArgument = Annotated[
    list[str],
    typer.Argument(metavar="NAME|STUDY...", help="Data sets by name, or studies that use them.", show_default=False),
]
OptionalNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME|STUDY...]", help="Data sets or studies; without it, all that are here.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Show, fetch and check data sets.")
    group.command("list")(show)
    group.command("fetch")(fetch)
    group.command("verify")(verify)
    app.add_typer(group, name="data")


def show(data_root: DataRootOption = None, as_json: JsonOption = False) -> None:
    """List the data sets that ablate knows: their size, and where they lie on this machine."""
    from ablate.orchestrate.data import list_data

    standing = list_data(data_root)
    if data_root and not data_root.expanduser().exists():
        typer.echo(f"there is no folder {data_root}; `ablate data fetch` and `ablate run` would make it", err=True)
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in standing], indent=2))
    else:
        _print(standing)


def fetch(
    names: NamesArgument,
    db: DatabaseOption = DEFAULT_DATABASE,
    data_root: DataRootOption = None,
    plain: PlainOption = False,
) -> None:
    """Download data sets and decode them, as their studies want them."""
    from ablate.cli.bars import data_progress
    from ablate.orchestrate.data import prepare_each

    with data_progress(plain=plain) as progress:
        for text in prepare_each(_wanted(names, db), data_root, progress):
            typer.echo(text)


def verify(
    names: OptionalNames = None,
    db: DatabaseOption = DEFAULT_DATABASE,
    data_root: DataRootOption = None,
    plain: PlainOption = False,
) -> None:
    """Check archives against their checksums, and decode again what is decoded; a damaged cache is made anew."""
    from ablate.cli.bars import data_progress
    from ablate.errors import DataMissingError
    from ablate.orchestrate.data import verify_data

    with data_progress(plain=plain) as progress:
        findings = []
        for finding in verify_data(_wanted(names, db) if names else None, data_root, progress):
            typer.echo(f"{finding.title}: {finding.text}")
            findings.append(finding)
    bad = sum(finding.bad for finding in findings)
    if bad:
        raise DataMissingError(f"{bad} of {len(findings)} checks found something damaged or missing.")


def _wanted(names: list[str], db: str) -> list[Data]:
    """What names of data sets and studies ask for, each set of images once."""
    from ablate.orchestrate.data import distinct, named, tables_of

    found: list[Data] = []
    for name in names:
        data = named(name)
        found += [data] if data else list(tables_of(variant.recipe for variant in _study(name, db).variants()))
    return distinct(found)


def _study(name: str, db: str) -> Study:
    """The study in a file or in the database, if there is one; a mistyped data set must not be told as its lack.

    Raises:
        UsageError: There is no such study.
    """
    from ablate.orchestrate.data import unknown
    from ablate.store.reading import studies

    if not is_file(name):
        with open_existing(db) as database:
            known = [record.name for record in studies(database)] if database else []
        if name not in known:
            raise unknown(name, known)
    return read_study(name, db)


def _print(standing: list[Standing]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("data set", "images", "classes", "size", "where", "decoded"):
        table.add_column(heading, justify="right" if heading in ("images", "classes") else "left", overflow="fold")
    for one in standing:
        table.add_row(*map(Text, _cells(one)))
    Console().print(table)
    if any(one.shape is not None and not (one.folder or one.fault) for one in standing):
        typer.echo("`ablate data fetch NAME` fetches what is not here.")


def _cells(one: Standing) -> tuple[str, ...]:
    from ablate.orchestrate.data import size_text

    if one.shape is None:
        facts, where = ("", "", ""), "a study says which"
    else:
        channels, height, width = one.shape
        facts = (f"{one.images:,}", str(one.classes), f"{width}x{height}x{channels}")
        where = one.fault or one.folder or "not here"
    return one.name, *facts, where, ", ".join(f"{size_text(cached.bytes)} ({cached.words})" for cached in one.caches)
