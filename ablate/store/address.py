"""Where a database is, and whether a file may be opened as one; nothing here writes a byte."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ablate.errors import DatabaseError

#: First bytes of every SQLite database.
_MAGIC = b"SQLite format 3\0"
#: File systems on which SQLite's locks and shared memory do not hold between machines.
_CLUSTER = frozenset({"beegfs", "ceph", "glusterfs", "gpfs", "lustre", "orangefs"})
_SHARES = frozenset({"9p", "afs", "cifs", "ncpfs", "nfs", "nfs4", "smb", "smb2", "smb3", "smbfs"})
_MOUNTED_BY_USERS = frozenset({"fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"})
_NETWORK = _CLUSTER | _SHARES | _MOUNTED_BY_USERS
_POSTGRESQL = "postgresql+psycopg"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A database's place, as a file or as a server."""

    #: For messages, logs and reports: without password and options.
    shown: str
    #: As SQLAlchemy takes it, password included; never print it.
    url: URL = field(repr=False)
    #: The SQLite file; None for a server.
    path: Path | None = None

    @classmethod
    def parse(cls, text: str | Path) -> Address:
        """Read a bare path, `sqlite:///results.db`, or `postgresql+psycopg://user@host/name`.

        Raises:
            DatabaseError: The text is none of these.
        """
        if isinstance(text, Path) or "://" not in text:
            if isinstance(text, str) and re.match(r"postgres(ql)?(\+\w+)?:", text):
                raise _unknown(text.split(":", maxsplit=1)[0] + ":")
            return cls._file(Path(text).expanduser(), str(text))
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise _unknown(text.split("://", maxsplit=1)[0]) from None
        if url.drivername in ("sqlite", "sqlite+pysqlite"):
            if url.query or url.host:
                raise DatabaseError(
                    "an SQLite URL is `sqlite:///` and a path, without host or options.",
                    cure="Write `--db sqlite:///results.db`, or `sqlite:////tmp/results.db` for a path from the root.",
                )
            return cls._file(Path(url.database or ""), url.database or "")
        if url.drivername in (_POSTGRESQL, "postgresql", "postgres"):
            if "@" in (url.host or ""):  # the password would be cut there, and its rest be shown as the host
                raise DatabaseError(
                    "the password in the URL of the database has characters that mean something there.",
                    cure="Write %40 for @, %2F for /, %3A for : and %25 for %; or leave it to PGPASSWORD or ~/.pgpass.",
                )
            url = url.set(drivername=_POSTGRESQL)
            shown = url.set(query={}).render_as_string(hide_password=True)
            return cls(shown=shown, url=url)
        raise _unknown(url.drivername)

    @classmethod
    def _file(cls, path: Path, text: str) -> Address:
        if text in ("", ":memory:") or "\0" in text:
            raise DatabaseError(
                f"{text!r} is no file: workers meet in the database, so it cannot be in memory.",
                cure="Write `--db results.db`.",
            )
        return cls(shown=str(path), url=URL.create("sqlite", database=str(path.absolute())), path=path)


def check_file(path: Path, *, create: bool) -> None:
    """Refuse a file that cannot be an ablate database, before SQLite touches it.

    Raises:
        DatabaseError: It is missing (and `create` is false), no regular file, not SQLite, or not readable; or its
            folder is missing or lies on a network file system.
    """
    try:
        mode: int | None = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise DatabaseError(f"{path} cannot be reached: {error.strerror}.", cure="Check `--db`.") from error
    folder = path.absolute().parent
    if mode is None:
        if not create:
            raise DatabaseError(
                f"no {path.name} here: there is no file {path.absolute()}.",
                cure="Run `ablate run STUDY` first, or say where the database is: `--db PATH`.",
            )
        if not folder.is_dir():
            raise DatabaseError(f"there is no folder {folder} for {path.name}.", cure=f"Make it: `mkdir -p {folder}`.")
    elif stat.S_ISDIR(mode):
        raise DatabaseError(f"{path} is a folder, not a database.", cure=f"Write `--db {path / 'results.db'}`.")
    elif not stat.S_ISREG(mode):
        raise DatabaseError(f"{path} is no regular file.", cure="Write `--db results.db`.")
    kind = network_file_system(folder)
    if kind is not None:
        raise DatabaseError(
            f"{path} lies on a network file system ({kind}), where SQLite's locks do not hold.",
            cure="Put it on a local disk, or use a server: `--db postgresql+psycopg://USER@HOST/NAME`.",
        )
    if mode is not None:
        _check_content(path, create=create)


def _check_content(path: Path, *, create: bool) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except PermissionError as error:
        raise DatabaseError(
            f"no permission to read {path}.", cure=f"Ask its owner, or give it to yourself: `chmod u+r {path}`."
        ) from error
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read: {error.strerror}.", cure="Check the disk.") from error
    if not head and not create:
        raise DatabaseError(f"{path} is empty: it holds no results yet.", cure="Run `ablate run STUDY` first.")
    if head and head != _MAGIC:
        raise DatabaseError(
            f"{path} is not a database.",
            cure="Say where the database is: `--db PATH`; nothing in this file was changed.",
        )


def is_sqlite(path: Path) -> bool:
    """Whether a file is an SQLite database, by its first bytes; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def write_refusal(path: Path) -> DatabaseError | None:
    """Why the file and what SQLite keeps beside it cannot be written; None if they can."""
    folder = path.absolute().parent
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return DatabaseError(
            f"{path} cannot be written: {folder} lies on a read-only medium.",
            cure="Copy it to a place that can be written, or choose another one by `--db PATH`.",
        )
    for place, cure in ((path, f"`chmod u+w {path}`"), (folder, f"`chmod u+w {folder}`")):
        if place.exists() and not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            return DatabaseError(
                f"no permission to write {place}.",
                cure=f"Ask its owner, or give it to yourself: {cure}; or choose another place by `--db PATH`.",
            )
    return None


def network_file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The kind of network file system that `folder` lies on; None for a local one, or where Linux's list is missing."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = folder.resolve()
    deepest, kind = -1, ""
    for line in lines:
        _, point, found, *_ = line.split(" ")
        place = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point))  # `\040` is a space
        if (real == place or place in real.parents) and len(place.parts) >= deepest:
            deepest, kind = len(place.parts), found
    return kind if kind in _NETWORK else None


def _unknown(scheme: str) -> DatabaseError:
    return DatabaseError(
        f"{scheme!r} is no kind of database that ablate knows.",
        cure="Write a path, `sqlite:///results.db`, or `postgresql+psycopg://USER@HOST/NAME`.",
    )
