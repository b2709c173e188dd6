"""Workers as real processes, and what is seen of them from outside."""

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


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [int(child) for child in found]


def trainer_of(process: int) -> int:
    """The trainer among a supervisor's children (the other is multiprocessing's resource tracker)."""
    trainers = [child for child in children(process) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert len(trainers) == 1
    return trainers[0]


def gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"
