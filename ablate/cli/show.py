"""`ablate show STUDY|JOB`: the jobs of a study, or all that is known of one job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ablate.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_database, study_name

if TYPE_CHECKING:
    from rich.table import Table

    from ablate.store import Database
    from ablate.store.history import JobRecord
    from ablate.store.records import RunRecord


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show")(show)


def show(
    target: Annotated[
        str, typer.Argument(metavar="STUDY|JOB", help="A study, or the number of a job.", show_default=False)
    ],
    db: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """List the jobs of a study; or show one job: its recipe beside the baseline's, its attempts, versions and files."""
    from ablate.store import history, reading

    with open_database(db) as database:
        if target.isdecimal():
            record = history.job(database, int(target))
            differences = _differences(database, record)
            if as_json:
                typer.echo(json.dumps(_job_json(record), indent=2))
            else:
                _print_job(record, differences, database.artifacts)
            return
        runs = reading.runs(database, study_name(target))
        if as_json:
            typer.echo(json.dumps([_run_json(run) for run in runs], indent=2))
        else:
            from rich.console import Console

            Console(highlight=False).print(_table(runs))


def _differences(database: Database, record: JobRecord) -> list[str]:
    """Where the recipe departs from the baseline's, a line for each path."""
    from ablate.recipe.compare import differences, value_text
    from ablate.store import reading

    baseline = reading.recipe(database, record.study, reading.outline(database, record.study).baseline)
    changed = differences(baseline, record.recipe)
    return [f"{path} = {value_text(now)} (baseline: {value_text(was)})" for path, was, now in changed]


def _print_job(record: JobRecord, differences: list[str], artifacts: Path) -> None:
    from ablate.store.ways import Way

    typer.echo(f"job {record.id}: {record.study}, {record.variant}, seed {record.seed}")
    typer.echo(f"state: {record.state}{'' if record.listed else ' (the study no longer asks for it)'}")
    planned = f" of {record.recipe.get('training', {}).get('epochs', '?')}" if record.recipe else ""
    typer.echo(f"epochs recorded: {record.epochs}{planned}")
    if record.error:
        typer.echo(f"error: {record.error}")
    if record.recipe:
        typer.echo("recipe: as the baseline's, but for" if differences else "recipe: the baseline's")
    else:
        typer.echo("recipe: none, since its results were imported")
    for line in differences:
        typer.echo(f"  {line}")
    for one in record.attempts:
        if not record.recipe:
            typer.echo(f"attempt {one.number}: {one.state}, stored {one.started_at:%Y-%m-%d %H:%M:%S} UTC")
            continue
        ended = "" if one.ended_at is None else f", {(one.ended_at - one.started_at).total_seconds():.1f} s"
        after = f", went on after epoch {one.resumed_from}" if one.resumed_from else ""
        typer.echo(f"attempt {one.number}: {one.state}, {one.started_at:%Y-%m-%d %H:%M:%S} UTC{ended}{after}")
        if one.worker is not None:
            typer.echo(f"  worker {one.worker[:8]} on {one.host}, {one.device_name}")
        if (way := Way.of(one.execution)) is not None:
            typer.echo(f"  computed: {way.text}; its process multiplies matrices at {_flops(one.execution)}")
        if one.failure_message:
            typer.echo(f"  {one.failure_kind or 'diverged'}: {one.failure_message}")
    if record.attempts and record.attempts[-1].provenance:
        known = record.attempts[-1].provenance
        label = "versions" if record.recipe else "source"
        typer.echo(f"{label}: " + ", ".join(f"{key} {value}" for key, value in known.items() if isinstance(value, str)))
    for metric, value in record.metrics.items():
        typer.echo(f"metric: {metric} = {'no number' if value is None else f'{value:g}'}")
    for name in record.checkpoints:
        typer.echo(f"checkpoint: {name}")
    for file in record.weights:
        gone = "" if (artifacts / file.name).exists() else "; not on this machine"
        typer.echo(f"weights: {artifacts / file.name} (epoch {file.epoch}, {file.size:,} bytes{gone})")


def _flops(execution: Mapping[str, Any]) -> str:
    """What a process reached in a product of matrices."""
    return f"{execution['peak_flops'] / 1e9:,.0f} GFLOP/s"


def _job_json(record: JobRecord) -> dict[str, Any]:
    return {
        "job": record.id,
        "study": record.study,
        "variant": record.variant,
        "variant_key": record.variant_key,
        "seed": record.seed,
        "state": record.state,
        "error": record.error,
        "epochs": record.epochs,
        "recipe": dict(record.recipe),
        "metrics": dict(record.metrics),
        "checkpoints": list(record.checkpoints),
        "weights": [asdict(file) for file in record.weights],
        "attempts": [
            {
                "number": one.number,
                "state": one.state,
                "started_at": one.started_at.isoformat(),
                "ended_at": None if one.ended_at is None else one.ended_at.isoformat(),
                "resumed_from": one.resumed_from,
                "worker": one.worker,
                "host": one.host,
                "device": one.device_name,
                "failure_kind": one.failure_kind,
                "failure": one.failure_message,
                "provenance": dict(one.provenance),
                "execution": dict(one.execution) or None,
            }
            for one in record.attempts
        ],
    }


def _run_json(run: RunRecord) -> dict[str, Any]:
    return {
        "job": run.job,
        "variant": run.variant,
        "variant_key": run.variant_key,
        "seed": run.seed,
        "state": run.state,
        "epochs": run.epochs,
        "test_accuracy": run.test_accuracy,
        "attempt": run.attempt,
        "error": run.error,
    }


def _table(runs: tuple[RunRecord, ...]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    words = ("variant", "state", "error")
    for name in ("job", "variant", "seed", "state", "epochs", "test accuracy, %", "attempts", "error"):
        table.add_column(name, justify="left" if name in words else "right")
    for run in runs:
        accuracy = "" if run.test_accuracy is None else f"{100 * run.test_accuracy:.2f}"
        row = (run.job, run.variant, run.seed, run.state, run.epochs, accuracy, run.attempt, run.error or "")
        table.add_row(*(Text(str(cell)) for cell in row))
    return table
