"""The command `ablate`: one file for each command; they parse, call, and print.

Rooms that a command needs are imported when it runs, so that `ablate --help` answers at once.
"""

from __future__ import annotations

import gc
import io
import sys
from typing import NoReturn

import typer

from ablate.cli import (
    cancel,
    check,
    compare,
    data,
    db,
    doctor,
    export,
    import_,
    init,
    logs,
    plan,
    report,
    retry,
    run,
    schema,
    show,
    status,
    submit,
    worker,
)
from ablate.errors import AblateError

app = typer.Typer(
    name="ablate",
    help="Ablation studies of image classifiers: one TOML file in, trained variants, verdicts and a report out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ablate {version('ablate-lab')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    pass


for _command in (
    run, plan, check, status, report, compare, export, import_, show, logs, retry, cancel, init, schema, data, db,
    doctor,
    submit, worker,
):  # fmt: skip
    _command.register(app)


def main() -> NoReturn:
    """Run the command line; an `AblateError` becomes one message and its exit status."""
    gc.set_threshold(100_000, 20, 20)  # imports make much and free nothing: a tenth of `ablate plan` went into looking
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no ± shows a question mark, not a traceback
    try:
        app(standalone_mode=True)
    except AblateError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `ablate export ... | head`
        sys.stderr.close()
        sys.exit(0)
    sys.exit(0)
