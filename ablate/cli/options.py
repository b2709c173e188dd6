"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.cli.durations import seconds
from ablate.cli.secrets import database_url

if TYPE_CHECKING:
    from ablate.orchestrate.stale import Stale
    from ablate.store import Database
    from ablate.study import Study

StudyArgument = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="A study file, or the name of a study in the database.", show_default=False),
]
OptionalStudy = Annotated[
    str | None,
    typer.Argument(
        metavar="[STUDY]", help="A study file or a study's name; all studies without it.", show_default=False
    ),
]
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--db",
        envvar="ABLATE_DB",
        metavar="URL",
        help="Experiment database: a path, an SQLAlchemy URL, or `@FILE` with one.",
        callback=database_url,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change the study for this call, as `--set training.epochs=3`.",
        show_default=False,
    ),
]
FactorsOption = Annotated[
    str | None, typer.Option(metavar="A,B", help="Only variants that change these factors.", show_default=False)
]
VariantsOption = Annotated[
    str | None, typer.Option(metavar="A;B", help="Only these variants, by name.", show_default=False)
]
SeedsOption = Annotated[
    str | None, typer.Option(metavar="0,1,2", help="Only these seeds, as `0,2` or `0-4`.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Plain lines instead of a live display.")]
DataRootOption = Annotated[
    Path | None,
    typer.Option(
        envvar="ABLATE_DATA", metavar="DIR", help="Where data sets lie or are downloaded to.", show_default=False
    ),
]

AcceptStaleOption = Annotated[
    bool,
    typer.Option("--accept-stale", help="Keep results that were made with older versions of your own files."),
]
RerunStaleOption = Annotated[
    bool, typer.Option("--rerun-stale", help="Run again what was run with older versions of your own files.")
]
StallOption = Annotated[
    str,
    typer.Option(
        "--stall-timeout",
        metavar="DURATION",
        help="Fail a job that shows no sign of life for so long, as `90s`, `30m`, `2h`; 0: never.",
    ),
]
MaxTimeOption = Annotated[
    str | None,
    typer.Option(
        "--max-time",
        metavar="DURATION",
        help="Stop after so long, as `90m`, `4h`; running jobs are given back.",
        show_default=False,
    ),
]
LangOption = Annotated[
    str,
    typer.Option(
        "--lang",
        envvar="ABLATE_LANG",
        metavar="CODE",
        help="Language of tables, reports and pictures: `en` or `zh`.",
        callback=lambda code: language(code),
    ),
]

DEFAULT_STALL = "30m"
DEFAULT_LANGUAGE = "en"
DEFAULT_DATABASE = "sqlite:///results.db"
#: Highest seed index that can be asked for.
MAX_SEED = 1_000_000


def language(code: str) -> str:
    """The language of `--lang`.

    Raises:
        UsageError: There is no such language.
    """
    from ablate.report.language import checked

    return checked(code)


def is_file(study: str) -> bool:
    """Whether STUDY means a file rather than a name."""
    return study.endswith(".toml") or "/" in study or Path(study).is_file()


def read_study(study: str, db: str, settings: list[str] | None = None) -> Study:
    """The study in a file, or the newest revision of a study in the database.

    Raises:
        StudyError: The file is not a valid study.
        UsageError: There is no such file or study.
    """
    if is_file(study):
        from ablate.study import load_study

        return load_study(Path(study), settings=settings or [])
    from ablate.orchestrate.recall import recall_study

    with open_database(db) as database:
        return recall_study(database, study, settings=settings or [])


def part_of(study: Study, *, factors: str | None, variants: str | None, seeds: str | None = None) -> Study | None:
    """The part of a study that was asked for; None for the whole.

    Raises:
        UsageError: There is no such part.
    """
    if factors is None and variants is None and seeds is None:
        return None
    return study.only(
        factors=_names("--factors", factors, ","),
        variants=_names("--variants", variants, ";"),
        seeds=None if seeds is None else seed_list(seeds),
    )


def stale_choice(*, accept: bool, rerun: bool) -> Stale:
    """What `--accept-stale` and `--rerun-stale` ask for.

    Raises:
        UsageError: Both.
    """
    from ablate.errors import UsageError
    from ablate.orchestrate.stale import Stale

    if accept and rerun:
        raise UsageError("--accept-stale keeps what --rerun-stale would run again: give one of them.")
    return Stale.KEEP if accept else Stale.RERUN if rerun else Stale.REFUSE


def study_name(study: str) -> str:
    """The name of STUDY, read from the file if it is one."""
    if not is_file(study):
        return study
    from ablate.study import load_study

    return load_study(Path(study)).name


def open_database(url: str, *, create: bool = False) -> Database:
    """The experiment database.

    Raises:
        DatabaseError: It cannot be opened, or is not there and `create` is false.
    """
    from ablate.store import Database

    return Database.open(url, create=create)


@contextmanager
def open_existing(url: str) -> Iterator[Database | None]:
    """The experiment database if there is one, else None: to plan a first study none is needed."""
    from ablate.store import Database, exists

    if not exists(url):
        yield None
        return
    with Database.open(url) as database:
        yield database


def stall_limit(text: str) -> float | None:
    """Seconds in `--stall-timeout`; None for never.

    Raises:
        UsageError: The text is no duration, or shorter than a second.
    """
    limit = seconds("--stall-timeout", text)
    if 0 < limit < 1:
        from ablate.errors import UsageError

        raise UsageError(
            f"--stall-timeout {text!r} is shorter than a second.", cure="Write a second or more, or 0 for never."
        )
    return limit or None


def time_limit(text: str | None) -> float | None:
    """Seconds in `--max-time`; None for no limit.

    Raises:
        UsageError: The text is no duration, or none at all.
    """
    if text is None:
        return None
    limit = seconds("--max-time", text)
    if not limit:
        from ablate.errors import UsageError

        raise UsageError("--max-time 0 leaves no time to train.", cure="Leave it out for no limit.")
    return limit


def worker_count(text: str) -> int | None:
    """A number of workers; None for `auto`.

    Raises:
        UsageError: The text is neither.
    """
    from ablate.errors import UsageError
    from ablate.launch.local import MAX_WORKERS

    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        raise UsageError(
            f"--workers {text!r} is no number of workers.", cure="Write `--workers 4` or `--workers auto`."
        )
    return int(text)


def seed_list(text: str) -> list[int]:
    """The seeds in `0,2` or `0-4`.

    Raises:
        UsageError: The text says neither.
    """
    from ablate.errors import UsageError

    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        numbers = [int(number) for number in (first, last or first) if number.isdecimal()]
        if len(numbers) != 2 or numbers[0] > numbers[1] or numbers[1] > MAX_SEED or (dash and not last):
            raise UsageError(f"--seeds {text!r} lists no seeds.", cure="Write `--seeds 0,2` or `--seeds 0-4`.")
        found.extend(range(numbers[0], numbers[1] + 1))
    return found


def _names(option: str, text: str | None, separator: str) -> list[str] | None:
    from ablate.errors import UsageError

    if text is None:
        return None
    found = [part.strip() for part in text.split(separator) if part.strip()]
    if not found:
        raise UsageError(f"{option} names nothing.", cure=f"Write names with `{separator}` between, or leave it out.")
    return found
