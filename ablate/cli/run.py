"""`ablate run STUDY`: submit what is missing, train it, end with the table and the report."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    DEFAULT_LANGUAGE,
    DEFAULT_STALL,
    AcceptStaleOption,
    DatabaseOption,
    DataRootOption,
    FactorsOption,
    LangOption,
    MaxTimeOption,
    PlainOption,
    RerunStaleOption,
    SeedsOption,
    SetOption,
    StallOption,
    StudyArgument,
    VariantsOption,
    open_database,
    part_of,
    read_study,
    stale_choice,
    stall_limit,
    time_limit,
    worker_count,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    study: StudyArgument,
    db: DatabaseOption = DEFAULT_DATABASE,
    workers: Annotated[str, typer.Option(metavar="N|auto", help="Worker processes on this machine.")] = "auto",
    devices: Annotated[
        str | None, typer.Option(metavar="0,2|cpu", help="GPUs to use, or `cpu`.", show_default=False)
    ] = None,
    settings: SetOption = None,
    factors: FactorsOption = None,
    variants: VariantsOption = None,
    seeds: SeedsOption = None,
    accept_stale: AcceptStaleOption = False,
    rerun_stale: RerunStaleOption = False,
    stall_timeout: StallOption = DEFAULT_STALL,
    max_time: MaxTimeOption = None,
    data_root: DataRootOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the reports.")] = Path("reports"),
    lang: LangOption = DEFAULT_LANGUAGE,
    plain: PlainOption = False,
) -> None:
    """Train what STUDY still lacks, then print the table and write the report.

    Ctrl-C stops cleanly; the same command goes on. A second run of a finished study trains nothing.
    """
    from ablate.worker.line import nursery

    with nursery() as line:  # it imports PyTorch while this process imports, reads and submits
        from ablate.cli.bars import data_progress
        from ablate.cli.live import live_view
        from ablate.cli.report import conclude, load_libraries
        from ablate.errors import InterruptedRunError, JobsFailedError
        from ablate.launch.local import place
        from ablate.launch.run import Audience, run_study

        stall, limit = stall_limit(stall_timeout), time_limit(max_time)
        time_over = None if limit is None else time.monotonic() + limit
        asked = read_study(study, db, settings)
        stale = stale_choice(accept=accept_stale, rerun=rerun_stale)
        part = part_of(asked, factors=factors, variants=variants, seeds=seeds)
        each = max(variant.recipe.training.devices for variant in asked.variants())
        placement = place(worker_count(workers), devices.split(",") if devices else None, each=each)
        with open_database(db, create=True) as database:
            audience = Audience(
                say=typer.echo,
                warn=lambda text: typer.echo(text, err=True),
                data=lambda: data_progress(plain=plain),
                live=lambda: live_view(plain=plain),
                ahead=load_libraries,
                conclude=lambda: conclude(database, asked.name, out, lang=lang),
            )
            now = run_study(
                database,
                asked,
                part,
                placement,
                stale=stale,
                data_root=data_root,
                stall_timeout=stall,
                time_over=time_over,
                audience=audience,
                line=line,
            )
            if now.left:
                raise InterruptedRunError(
                    f"stopped with {now.done} of {now.total} jobs done.", cure="Type the same command again to go on."
                )
            if now.jobs["failed"]:
                where = "" if db == DEFAULT_DATABASE else f" --db {shlex.quote(database.url)}"
                raise JobsFailedError(
                    f"{now.jobs['failed']} of {now.total} jobs failed.",
                    cure=f"`ablate status {asked.name}{where}` tells why, `ablate logs JOB{where}` with the traceback; "
                    f"`ablate retry {asked.name}{where}` gives them another chance.",
                )
