"""`--db @FILE`: the URL of a database in a file of one's own, since it may hold a password."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import typer

#: Permissions that let others read or write.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def database_url(context: typer.Context, url: str) -> str:
    """The URL that `--db` or ABLATE_DB means; a password in the command line is warned of.

    Raises:
        DatabaseError: `@FILE` names a file that is not there, that others may read, or that holds no URL.
    """
    if url.startswith("@"):
        return _from_file(Path(url[1:]).expanduser())
    source = context.get_parameter_source("db")
    if source is not None and source.name == "COMMANDLINE" and _holds_password(url):
        typer.echo(
            "warning: everybody on this machine can see the password in a command line. Put the URL into ABLATE_DB, "
            "or into a file of your own (chmod 600) and write --db @FILE; or leave the password to PGPASSWORD or "
            "~/.pgpass.",
            err=True,
        )
    return url


def _holds_password(url: str) -> bool:
    scheme, mark, rest = url.partition("://")
    return bool(mark) and not scheme.startswith("sqlite") and (":" in rest.rpartition("@")[0] or "password=" in rest)


def _from_file(path: Path) -> str:
    from ablate.errors import DatabaseError

    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if os.name == "posix" and found.st_mode & _OTHERS:
                raise DatabaseError(
                    f"{path} may be read by others, and it is meant to hold a password.", cure=f"`chmod 600 {path}`."
                )
            lines = file.read(4096).split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DatabaseError(
            f"{path} cannot be read: {reason}.", cure="It holds the URL of the database and nothing else."
        ) from None
    if len(lines) != 1:
        raise DatabaseError(f"{path} does not hold one URL.", cure="Write the URL of the database and nothing else.")
    return lines[0]
