"""`ablate plan STUDY`: what a run would do; trains nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    FactorsOption,
    JsonOption,
    SeedsOption,
    SetOption,
    StudyArgument,
    VariantsOption,
    open_existing,
    part_of,
    read_study,
)

if TYPE_CHECKING:
    from ablate.orchestrate.plan import Plan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan")(plan)


def plan(
    study: StudyArgument,
    db: DatabaseOption = DEFAULT_DATABASE,
    settings: SetOption = None,
    factors: FactorsOption = None,
    variants: VariantsOption = None,
    seeds: SeedsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the variants and jobs of STUDY, and which of them are done."""
    from ablate.orchestrate.plan import plan_study

    asked = read_study(study, db, settings)
    asked = part_of(asked, factors=factors, variants=variants, seeds=seeds) or asked
    with open_existing(db) as database:
        found = plan_study(asked, database)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        _show(found)


def _show(found: Plan) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ablate.cli.live import clock

    study = found.study
    console = Console(highlight=False)
    console.print(f"{study.name}: {study.title}", markup=False, style="bold")
    table = Table(box=None, header_style="bold", pad_edge=False)
    headings = ("variant", "asked for by", "jobs", "done", *(["stale"] if found.stale else []))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("jobs", "done", "stale") else "left")
    for variant in study.variants():
        counts = found.counts(variant)
        done = sum(counts[state] for state in ("succeeded", "diverged", "failed", "cancelled"))
        asked = ", ".join(variant.designs)
        stale = [str(counts["stale"])] if found.stale else []
        table.add_row(Text(variant.name), Text(asked), str(len(study.seeds)), str(done), *stale)
    console.print(table)
    cells = f"{len(study.variants())} variants x {len(study.seeds)} seeds"
    console.print(f"{cells} = {found.jobs} jobs, {found.jobs_to_run} to run")
    if found.stale:
        files = ", ".join(sorted({path for cell in found.stale for path in cell.files}))
        console.print(
            f"{len(found.stale)} stale: {files} has changed since; `ablate run` takes --rerun-stale or --accept-stale",
            markup=False,
        )
    if found.seconds_to_run:
        console.print(f"about {clock(found.seconds_to_run)} of one worker's time, by the runs so far")
