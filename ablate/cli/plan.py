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
    from rich.console import Console

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
    for heading in ("variant", "asked for by", "jobs", "done"):
        table.add_column(heading, justify="right" if heading in ("jobs", "done") else "left")
    for variant in found.variants:
        counts = found.counts(variant)
        done = sum(counts[state] for state in ("succeeded", "diverged", "failed", "cancelled"))
        asked = ", ".join(variant.designs)
        table.add_row(Text(variant.name), Text(asked), str(len(study.seeds)), str(done))
    for tuning in found.waiting:
        asked = ", ".join(tuning.variant.designs) if tuning.reference else ""
        table.add_row(Text(tuning.name), Text(asked), str(len(study.seeds)), "0")
    console.print(table)
    variants = len(found.variants) + len(found.waiting)
    cells = f"{variants} variants x {len(study.seeds)} seeds"
    if study.tunings:
        tuning_jobs = found.jobs - variants * len(study.seeds)
        _show_tunings(console, found)
        cells += f" + {tuning_jobs} tuning runs"
    console.print(f"{cells} = {found.jobs} jobs, {found.jobs_to_run} to run")
    if found.seconds_to_run:
        console.print(f"about {clock(found.seconds_to_run)} of one worker's time, by the runs so far")


def _show_tunings(console: Console, found: Plan) -> None:
    """What each retuned level chooses from, and what it chose."""
    for tuning in found.study.tunings:
        runs, ended = found.tuning_counts(tuning)
        values = " | ".join(candidate.label for candidate in tuning.candidates)
        made = found.decided.get(tuning.key)
        if made is None:
            said = f"{ended} of {runs} tuning runs done"
        elif made.choice is None:
            said = "no value succeeded on every tuning seed: not compared"
        else:
            said = f"chosen {made.choice.label}"
        console.print(f"{tuning.name}: {values}: {said}", markup=False, soft_wrap=True)
