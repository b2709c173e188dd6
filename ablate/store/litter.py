"""Files below the artifacts, and which of them nothing needs any more.

A database points at its checkpoints, and its attempts name the workers whose logs are kept. A worker that was killed
between a write and the transaction after it leaves a file without a pointer. Several databases in one folder share
their artifacts: what any of them needs stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from ablate.errors import DatabaseError
from ablate.protocol import (
    CHECKPOINTS_FOLDER,
    CODE_FOLDER,
    JOBS_FOLDER,
    LOGS_FOLDER,
    WEIGHTS_FOLDER,
    JobState,
    job_folder,
)
from ablate.store.address import is_sqlite
from ablate.store.database import Database, is_ours
from ablate.store.tables import artifacts, attempts, jobs, studies, variants, workers

#: Age below which a file is left alone, seconds: its pointer may be on the way, through a wait for the database too.
YOUNG_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """A file that the database points at."""

    #: Path relative to the artifacts folder.
    name: str
    #: Bytes.
    size: int


@dataclass(frozen=True, kw_only=True)
class Litter:
    """Files that nothing needs."""

    #: In the order of their names.
    files: tuple[Path, ...]
    #: Bytes of all of them.
    size: int

    def describe(self) -> str:
        """One line for people."""
        count = len(self.files)
        return f"{count} {'file' if count == 1 else 'files'} that nothing needs ({self.size / 1e6:,.1f} MB)"


@dataclass(frozen=True)
class _Needed:
    names: frozenset[str]
    #: Beginnings of the workers' ids, as the names of their logs have them.
    workers: frozenset[str]
    #: Folders of jobs that have not ended well, which may go on from what lies there.
    jobs: frozenset[str]
    #: Whether a job runs, whose code lies in a folder that nothing names.
    busy: bool


def pointers(db: Database) -> tuple[Pointer, ...]:
    """All files that a database points at."""
    with db.read() as connection:
        rows = connection.execute(select(artifacts.c.name, artifacts.c.size).order_by(artifacts.c.name)).all()
    return tuple(Pointer(name=row.name, size=row.size) for row in rows)


def litter(db: Database) -> Litter:
    """Files below the artifacts that neither this database nor another one in its folder needs.

    Raises:
        DatabaseError: A database in the same folder cannot be read, so that nobody knows what it needs.
    """
    with db.read() as connection:
        needed = [_needed(connection)]
    for other in _neighbours(db):
        with Database.open(other, readonly=True) as neighbour, neighbour.read() as connection:
            needed.append(_needed(connection))
    names = frozenset[str]().union(*(one.names for one in needed))
    logs = frozenset[str]().union(*(one.workers for one in needed))
    folders = frozenset[str]().union(*(one.jobs for one in needed))
    busy = any(one.busy for one in needed)
    old = time.time() - YOUNG_SECONDS
    left, size = [], 0
    for file in sorted(_unneeded(db.artifacts, names, logs, folders, busy=busy)):
        found = file.stat()
        if found.st_mtime < old:
            left.append(file)
            size += found.st_size
    return Litter(files=tuple(left), size=size)


def remove(found: Litter) -> None:
    """Delete the files, and folders of code and of jobs that are empty then.

    Raises:
        DatabaseError: A file cannot be deleted.
    """
    for file in found.files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"{file} cannot be deleted: {error.strerror}.", cure="Look at the permissions of its folder: `ls -ld`."
            ) from error
    for folder in sorted({parent for file in found.files for parent in file.parents}, reverse=True):
        if {CODE_FOLDER, JOBS_FOLDER} & set(folder.parts[:-1]) and not any(folder.iterdir()):
            folder.rmdir()


def _needed(connection: Connection) -> _Needed:
    tried = select(attempts.c.worker).where(attempts.c.worker.is_not(None)).distinct()
    alive = select(workers.c.id).where(workers.c.ended_at.is_(None))
    ids = {*connection.execute(tried).scalars(), *connection.execute(alive).scalars()}
    unfinished = (
        select(studies.c.name, variants.c.key, jobs.c.seed)
        .join_from(jobs, studies, studies.c.id == jobs.c.study)
        .join(variants, variants.c.id == jobs.c.variant)
        .where(jobs.c.attempt.is_not(None), jobs.c.state.not_in([JobState.SUCCEEDED.value, JobState.DIVERGED.value]))
    )
    running = select(func.count()).where(jobs.c.state == JobState.RUNNING.value).select_from(jobs)
    return _Needed(
        names=frozenset(connection.execute(select(artifacts.c.name)).scalars()),
        workers=frozenset(worker[:8] for worker in ids),
        jobs=frozenset(job_folder(*row) for row in connection.execute(unfinished)),
        busy=connection.execute(running).scalar_one() > 0,
    )


def _neighbours(db: Database) -> Iterator[Path]:
    """Other databases whose artifacts are ours by default, since they lie in the same folder."""
    if not db.artifacts.parent.is_dir():
        return
    for file in sorted(db.artifacts.parent.iterdir()):
        ourselves = db.path is not None and file.samefile(db.path)
        if file.is_file() and not ourselves and is_sqlite(file) and is_ours(file):
            yield file


def _unneeded(
    folder: Path, names: frozenset[str], logs: frozenset[str], jobs: frozenset[str], *, busy: bool
) -> Iterator[Path]:
    for kind in (CHECKPOINTS_FOLDER, WEIGHTS_FOLDER):
        for file in _files(folder / kind):
            if file.relative_to(folder).as_posix() not in names:
                yield file
    for file in _files(folder / LOGS_FOLDER):
        if file.name.split(".")[0].removeprefix("worker-") not in logs:
            yield file
    for file in _files(folder / JOBS_FOLDER):
        if f"{JOBS_FOLDER}/{file.relative_to(folder / JOBS_FOLDER).parts[0]}" not in jobs:
            yield file
    if not busy:
        yield from _files(folder / CODE_FOLDER)


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
