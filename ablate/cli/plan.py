"""`ablate plan STUDY`: what a run would do; trains nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

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
    from ablate.orchestrate.power import Detectable
    from ablate.study import OutlineDiff
    from ablate.study.designs import Aliases


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
    diff: Annotated[bool, typer.Option("--diff", help="Show what changed since the last revision.")] = False,
    power: Annotated[bool, typer.Option("--power", help="Show which differences so many seeds can find.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the variants and jobs of STUDY, and which of them are done; trains nothing."""
    from ablate.orchestrate.plan import plan_study

    asked = read_study(study, db, settings)
    whole = asked
    asked = part_of(whole, factors=factors, variants=variants, seeds=seeds) or whole
    with open_existing(db) as database:
        found = plan_study(asked, database, whole)
        effects: tuple[Detectable, ...] = ()
        if power:
            from ablate.orchestrate.power import detectable

            effects = detectable(asked, database)
    if as_json:
        entries = {"detectable": [asdict(effect) for effect in effects]} if power else {}
        typer.echo(json.dumps(found.as_json() | entries, indent=2))
        return
    _show(found)
    for effect in effects:
        typer.echo(effect.describe())
    if diff:
        _show_changes(found.changes)


def _show(found: Plan) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ablate.orchestrate.lines import clock

    study = found.study
    console = Console(highlight=False)
    console.print(f"{study.name}: {study.title}", markup=False, style="bold")
    if study.factors:
        factors = Table("factor", "baseline", "other levels", box=None, header_style="bold", pad_edge=False)
        for factor in study.factors:
            labels = {level.name: level.label for level in factor.levels}
            others = ", ".join(level.label for level in factor.others)
            factors.add_row(Text(factor.name), Text(labels[factor.reference]), Text(others))
        console.print(factors)
        console.print()
    table = Table(box=None, header_style="bold", pad_edge=False)
    headings = ("variant", "asked for by", "jobs", "done", *(["stale"] if found.stale else []))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("jobs", "done", "stale") else "left")
    for variant in found.variants:
        counts = found.counts(variant)
        done = sum(counts[state] for state in ("succeeded", "diverged", "failed", "cancelled"))
        asked = ", ".join(variant.designs)
        stale = [str(counts["stale"])] if found.stale else []
        table.add_row(Text(variant.name), Text(asked), str(counts.total()), str(done), *stale)
    for tuning in found.waiting:
        asked = ", ".join(tuning.variant.designs) if tuning.reference else ""
        table.add_row(Text(tuning.name), Text(asked), str(len(study.seeds)), "0")
    console.print(table)
    variants = len(found.variants) + len(found.waiting)
    cells = f"{variants} variants x {len(study.seeds)} seeds"
    if found.given:
        cells = f"{variants} variants"
    if study.tunings:
        compared = sum(len(found.seeds_of(variant)) for variant in found.variants)
        tuning_jobs = found.jobs - compared - len(found.waiting) * len(study.seeds)
        _show_tunings(console, found)
        cells += f" + {tuning_jobs} tuning runs"
    console.print(f"{cells} = {found.jobs} jobs, {found.jobs_to_run} to run")
    console.print(found.together.line(), markup=False, soft_wrap=True)
    if study.seed_plan.looks:
        _show_looks(console, found)
    for design in study.designs:
        if design.left_out:
            console.print(
                f"{design.name}: {design.left_out} of {design.cells} cells left out by constraints", markup=False
            )
        if design.aliases is not None:
            _show_aliases(console, design.name, design.aliases)
    if found.stale:
        files = ", ".join(sorted({path for cell in found.stale for path in cell.files}))
        console.print(
            f"{len(found.stale)} stale: {files} has changed since; `ablate run` takes --rerun-stale or --accept-stale",
            markup=False,
        )
    if found.seconds_to_run:
        console.print(f"about {clock(found.seconds_to_run)} of one worker's time, by the runs so far")


def _show_looks(console: Console, found: Plan) -> None:
    """Which seeds come next, and why."""
    plan = found.study.seed_plan
    ends = f", within {plan.budget_text}" if plan.budget_text else ""
    console.print(f"looks after {', '.join(map(str, plan.looks))} seeds{ends}", markup=False)
    if found.round.waiting:
        console.print(f"  {found.round.waiting} runs must end before the next look")
    for one in found.round.given:
        console.print(f"  {one.variant}: {one.before} -> {one.after} seeds: {one.why}", markup=False, soft_wrap=True)
    if found.round.withheld:
        names = ", ".join(found.round.withheld)
        console.print(f"  undecided, and the budget has no seeds for them: {names}", markup=False, soft_wrap=True)


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


def _show_aliases(console: Console, design: str, aliases: Aliases) -> None:
    """What a fraction cannot tell apart."""
    resolution = "full" if aliases.resolution is None else f"resolution {aliases.resolution}"
    console.print(f"{design}: {aliases.runs} runs, {resolution}", markup=False)
    if aliases.defining_relation:
        console.print(f"  defining relation: I = {' = '.join(aliases.defining_relation)}", markup=False)
    for chain in aliases.chains:
        console.print(f"  not told apart: {' = '.join(chain)}", markup=False)
    for effect, pair, correlation in aliases.partial:
        console.print(f"  partly mixed: {effect} with {pair} ({correlation:+.2f})", markup=False)


def _show_changes(changes: OutlineDiff | None) -> None:
    if changes is None:
        typer.echo("since the last revision: there is none yet")
        return
    lines = [
        *(f"+ variant {name}" for name in changes.added),
        *(f"- variant {name}" for name in changes.removed),
        *(f"~ variant {old} is now called {new}" for old, new in changes.renamed),
        *(f"+ level {name}" for name in changes.added_levels),
        *(f"- level {name}" for name in changes.removed_levels),
        *(f"+ design {name}" for name in changes.added_designs),
        *(f"- design {name}" for name in changes.removed_designs),
        *(f"+ seed {seed}" for seed in changes.added_seeds),
        *(f"- seed {seed}" for seed in changes.removed_seeds),
        *(f"~ {change}" for change in changes.changed),
    ]
    typer.echo("\n".join(["since the last revision:", *(f"  {line}" for line in lines or ["nothing changed"])]))
