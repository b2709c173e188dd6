"""Workers as real processes, and what is seen of them from outside."""

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command import TINY_STUDY, clean_environment

#: Trains for minutes, so that whatever happens to it happens in the middle.
LONG_STUDY = TINY_STUDY.replace("epochs = 2", "epochs = 3000").replace("count = 2", "count = 1")


@contextmanager
def worker(folder: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`ablate worker` on results.db of `folder`, ended at the end whatever happens."""
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ablate", "worker", "--device", "cpu", *words],
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def query(folder: Path, sql: str, database: str = "results.db") -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / database)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def wait_until(condition: Callable[[], object], folder: Path, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait for what another process brings about; one that ended brings nothing about."""
    deadline = time.monotonic() + 60
    while not condition():
        log = (folder / "worker.log").read_text(encoding="utf-8")
        assert process is None or process.poll() is None, log
        assert time.monotonic() < deadline, log
        time.sleep(0.02)


def epochs(folder: Path) -> int:
    return int(str(query(folder, "select count(*) from epochs")[0][0]))


def below(process: int) -> dict[int, tuple[int, int]]:
    """Process group and session of everything that descends from a process and lives."""
    parents: dict[int, int] = {}
    places: dict[int, tuple[int, int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state, parent, group, session = entry.read_text(encoding="ascii").rpartition(")")[2].split()[:4]
            if state != "Z":
                parents[int(entry.parent.name)] = int(parent)
                places[int(entry.parent.name)] = int(group), int(session)

    def descends(pid: int) -> bool:
        above = parents.get(pid, 0)
        return above == process or (above != 0 and descends(above))

    return {pid: place for pid, place in places.items() if descends(pid)}


def trainers_of(process: int) -> list[int]:
    """Trainers below a worker or launcher: they lead process groups, but no sessions."""
    return [pid for pid, (group, session) in below(process).items() if group == pid != session]


def trainer_of(process: int) -> int:
    """The trainer of a worker."""
    [trainer] = trainers_of(process)
    return trainer


def nursery_of(process: int) -> int:
    """The nursery that a launcher, or a worker without one, has started."""
    leaders = [pid for pid, (_, session) in below(process).items() if session == pid]
    [nursery] = [pid for pid in leaders if b"nursery import" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return nursery


def gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"
