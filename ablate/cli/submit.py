"""`ablate submit STUDY`: queue what is missing and leave the training to workers started elsewhere."""

from __future__ import annotations

import typer

from ablate.cli.options import (
    DEFAULT_DATABASE,
    AcceptStaleOption,
    DatabaseOption,
    FactorsOption,
    RerunStaleOption,
    SeedsOption,
    SetOption,
    StudyArgument,
    VariantsOption,
    open_database,
    part_of,
    read_study,
    stale_choice,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit")(submit)


def submit(
    study: StudyArgument,
    db: DatabaseOption = DEFAULT_DATABASE,
    settings: SetOption = None,
    factors: FactorsOption = None,
    variants: VariantsOption = None,
    seeds: SeedsOption = None,
    accept_stale: AcceptStaleOption = False,
    rerun_stale: RerunStaleOption = False,
) -> None:
    """Queue the jobs that STUDY still lacks; `ablate worker` trains them.

    Retuned levels are queued by a second call, when the runs that try their values have ended.
    """
    from ablate.orchestrate.submit import submit_study
    from ablate.orchestrate.tuning import failed_choices, waiting_text

    asked = read_study(study, db, settings)
    stale = stale_choice(accept=accept_stale, rerun=rerun_stale)
    part = part_of(asked, factors=factors, variants=variants, seeds=seeds)
    with open_database(db, create=True) as database:
        typer.echo(submit_study(database, asked, part, stale=stale).describe())
        if text := waiting_text(database, part or asked):
            typer.echo(f"{text}; submit again when they have ended")
        for text in failed_choices(database, part or asked):
            typer.echo(text, err=True)
