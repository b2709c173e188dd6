"""`ablate check STUDY`: build every variant and take two steps of each, before hours are spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    DataRootOption,
    FactorsOption,
    JsonOption,
    SetOption,
    StudyArgument,
    VariantsOption,
    part_of,
    read_study,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ablate.errors import Problem
    from ablate.orchestrate.check import Checked


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    study: StudyArgument,
    db: DatabaseOption = DEFAULT_DATABASE,
    settings: SetOption = None,
    factors: FactorsOption = None,
    variants: VariantsOption = None,
    data_root: DataRootOption = None,
    no_data: Annotated[
        bool, typer.Option("--no-data", help="Random images and weights: touch neither data sets nor the network.")
    ] = False,
    repeat: Annotated[
        bool,
        typer.Option("--repeat", help="Then train the baseline twice with one seed: by how much do equal runs differ?"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build every variant of STUDY and take two steps of each: shapes, sizes, memory, levels without effect."""
    from dataclasses import asdict
    from importlib import import_module

    from ablate.cli.bars import data_progress
    from ablate.cli.repeat import repeated
    from ablate.errors import StudyError, UsageError
    from ablate.metrics import named_metric
    from ablate.orchestrate.check import check_study
    from ablate.orchestrate.data import remark_pictures
    from ablate.report.repeats import repeat_told
    from ablate.study.own_code import laid_out

    if repeat and no_data:
        raise UsageError("--repeat trains, and --no-data has nothing to train on.", cure="Give one of them.")
    asked = read_study(study, db, settings)
    asked = part_of(asked, factors=factors, variants=variants) or asked
    probe = import_module("ablate.training").probe  # the one command that computes in its own process
    with laid_out(asked.sources) as code_root:
        seen = list(
            check_study(
                asked,
                lambda recipe: probe(recipe, data_root=data_root, real_data=not no_data, code_root=code_root),
            )
        )
    if not no_data:
        with data_progress(plain=True) as told:
            remark_pictures([variant.recipe for variant in asked.variants()], data_root, told)
    found = {"study": asked.name, "variants": [item.as_json() for item in seen]}
    if not as_json:
        _show(seen)
    elif not repeat or any(item.error for item in seen):
        typer.echo(json.dumps(found, indent=2))
    broken: dict[str, list[str]] = {}
    for item in seen:
        if item.error:
            broken.setdefault(item.error, []).append(item.variant.name)
    if broken:
        raise StudyError([_problem(asked.path, error, names) for error, names in broken.items()])
    if repeat:
        made = repeated(asked, db, data_root)
        if as_json:
            typer.echo(json.dumps(found | {"repeat": asdict(made)}, indent=2))
        else:
            typer.echo(repeat_told("baseline", named_metric(asked.metric, asked.direction), made))


def _show(seen: list[Checked]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("variant")
    for heading in ("parameters", "MFLOPs", "memory MB", "loss"):
        table.add_column(heading, justify="right")
    table.add_column("findings")
    for item in seen:
        if item.probe is None:
            said = "cannot be trained" if item.error else "; ".join(item.findings)
            table.add_row(Text(item.variant.name), "", "", "", "", said)
            continue
        table.add_row(
            Text(item.variant.name),
            f"{item.probe.parameters:,}",
            f"{item.probe.flops / 1e6:.2f}",
            f"{item.probe.memory_bytes / 2**20:.1f}",
            " -> ".join(f"{loss:.3f}" for loss in item.probe.losses),
            "; ".join(item.findings),
        )
    Console().print(table)


def _problem(path: Path | None, error: str, variants: list[str]) -> Problem:
    """Variants that cannot be trained for the same reason, as one mistake of their study."""
    from ablate.errors import Problem

    who = ", ".join(variants[:3]) + (f" and {len(variants) - 3} more" if len(variants) > 3 else "")
    return Problem(message=f"{who} cannot be trained: {error}", source=str(path or "study"))
