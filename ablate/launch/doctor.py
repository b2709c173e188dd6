"""What `ablate doctor` looks at: one line for each thing, with what to do where it is not as it should be."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ablate.errors import AblateError, DatabaseError
from ablate.launch.machine import Diagnosis, Verdict, fonts, gpus, python, pytorch, sqlite_library
from ablate.protocol import REMOTE_LEASE_SECONDS
from ablate.store import Database, exists
from ablate.store.address import Address, network_file_system
from ablate.store.database import revision
from ablate.store.integrity import sound
from ablate.store.litter import litter
from ablate.store.reading import leftover_workers
from ablate.store.schema import REVISIONS
from ablate.store.upkeep import size
from ablate.training.data.prepare import data_root

#: Free space below which a warning is given, bytes.
_LITTLE_ROOM = 1 << 30


def examine(url: str, root: Path | None, *, load_torch: bool = False) -> Iterator[Diagnosis]:
    """Look at everything that a run needs, one after the other; nothing is changed.

    Args:
        url: The experiment database; it need not be there.
        root: Where data sets lie; None for the default.
        load_torch: Import PyTorch (in a process of its own) and ask it for GPUs; takes seconds.
    """
    yield python()
    yield pytorch(load=load_torch)
    yield gpus()
    yield sqlite_library()
    try:
        address = Address.parse(url)
        there = exists(url)
    except DatabaseError as error:
        yield _fail("database", error)
        there, address = False, None
    if address is not None:
        if address.path is not None:
            yield _disk(address.path.absolute().parent)
        if there:
            yield from _database(url)
        else:
            yield _ok("database", f"{address.shown} is not there yet; `ablate run STUDY` makes it")
    yield _data(root)
    yield fonts()


def _database(url: str) -> Iterator[Diagnosis]:
    try:
        found = revision(url)
        if found is None:
            yield _ok("database", "it holds nothing yet")
            return
        if found != REVISIONS[-1]:
            yield Diagnosis(
                name="database",
                verdict=Verdict.WARN,
                text=f"its schema is {found}, and this ablate writes {REVISIONS[-1]}",
                cure="Make a backup, then type `ablate db migrate`; any command that writes does it too.",
            )
            return
        with Database.open(url, readonly=True) as db:
            sound(db)
            yield _ok("database", f"{db.place} is sound: schema {found}, {size(db) / 1e6:,.1f} MB")
            yield _artifacts(db)
            yield _workers(db)
    except DatabaseError as error:
        yield _fail("database", error)


def _disk(folder: Path) -> Diagnosis:
    name = "disk"
    if not folder.is_dir():
        return Diagnosis(
            name=name, verdict=Verdict.FAIL, text=f"there is no folder {folder}", cure=f"Make it: `mkdir -p {folder}`."
        )
    kind = network_file_system(folder)
    if kind is not None:
        return Diagnosis(
            name=name,
            verdict=Verdict.FAIL,
            text=f"{folder} is on a network file system ({kind}), where SQLite's locks do not hold",
            cure="Put the database on a local disk, or use a server: `--db postgresql+psycopg://USER@HOST/NAME`.",
        )
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return Diagnosis(
            name=name,
            verdict=Verdict.WARN,
            text=f"{folder} is on a read-only medium: results can be read, nothing can be trained",
            cure="Copy the database to a place that can be written, to go on with it.",
        )
    return _room(name, folder)


def _artifacts(db: Database) -> Diagnosis:
    name, folder = "artifacts", db.artifacts
    if not folder.exists():
        return _ok(name, f"{folder} is not there yet; the first worker makes it")
    if (found := _unwritable(folder)) is not None:
        return Diagnosis(name=name, verdict=Verdict.FAIL, text=found, cure=f"Mend its permissions: `ls -ld {folder}`.")
    left = litter(db)
    if left.files:
        return Diagnosis(
            name=name,
            verdict=Verdict.WARN,
            text=f"{folder} can be written; {left.describe()}",
            cure="`ablate db gc` lists them, `ablate db gc --yes` deletes them.",
        )
    return _ok(name, f"{folder} can be written")


def _workers(db: Database) -> Diagnosis:
    """Workers of this machine that never said goodbye: dead ones, and ones that live without a beat."""
    name, here = "workers", socket.gethostname()
    alive, stalled, others = 0, [], 0
    for worker, silent in leftover_workers(db):
        if worker.host != here:
            others += silent < REMOTE_LEASE_SECONDS
        elif _lives(worker.pid):
            alive += silent < REMOTE_LEASE_SECONDS
            if silent >= REMOTE_LEASE_SECONDS:
                stalled.append(worker.pid)
    if stalled:
        pids = " ".join(map(str, stalled))
        return Diagnosis(
            name=name,
            verdict=Verdict.WARN,
            text=f"processes that were workers have given no sign of life for {REMOTE_LEASE_SECONDS:.0f} s: {pids}",
            cure=f"Their jobs go to others by themselves. See what they are (`ps -p {pids.replace(' ', ',')}`) "
            f"and end them: `kill {pids}`.",
        )
    return _ok(name, f"{alive} at work on this machine, {others} on others; none is stuck")


def _data(root: Path | None) -> Diagnosis:
    try:
        place = data_root(root)
    except AblateError as error:
        return _fail("data root", error)
    if not place.exists():
        return _ok("data root", f"{place} is not there yet; `ablate data fetch` makes it")
    if (found := _unwritable(place)) is not None:
        return Diagnosis(
            name="data root",
            verdict=Verdict.WARN,
            text=found,
            cure="Data sets that are decoded already can be used; else choose another place: `--data-root`.",
        )
    return _room("data root", place)


def _room(name: str, folder: Path) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    text = f"{folder}: {free / 1e9:,.1f} GB free"
    if free < _LITTLE_ROOM:
        return Diagnosis(name=name, verdict=Verdict.WARN, text=text, cure="Free some space before a long run: `df -h`.")
    return _ok(name, text)


def _unwritable(folder: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _ok(name: str, text: str) -> Diagnosis:
    return Diagnosis(name=name, verdict=Verdict.OK, text=text)


def _fail(name: str, error: AblateError) -> Diagnosis:
    return Diagnosis(name=name, verdict=Verdict.FAIL, text=error.message, cure=error.cure)
