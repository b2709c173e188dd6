"""How long ablate takes to answer, to begin to train, and to replace a trainer that died.

Run `python benchmarks/startup.py`. The first table has commands that only read, against a bare `python -c pass`; rounds
are interleaved. The second has `ablate run` of a tiny study to its first training step and to its first stored epoch,
with as many workers as it chooses by itself, and the time from `kill -9` of a trainer to the first step of the one that
takes its place. It looks at `/proc`, so it needs Linux.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from measuring import Spread, Target, arguments, interleaved, machine, publish, table

ROUNDS = 9
#: From the command to the first step, seconds.
TARGET = Target(limit=4, at_least=False, unit=" s")
TO_STEP = "to the first step"
STUDY = Path(__file__).parents[1] / "studies" / "digits_net.toml"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "ablate --help": ["-m", "ablate", "--help"],
    "ablate plan": ["-m", "ablate", "plan", str(STUDY)],
    "ablate status": ["-m", "ablate", "status"],
}
#: Trains until it is stopped.
TINY = """
name = "tiny"
seeds = { count = 4 }

[baseline.data]
name = "digits"
batch_size = 64
train_images = 256

[baseline.model]
name = "convnet"
channels = [4]
hidden = [16]

[baseline.training]
epochs = 100_000
optimizer = { name = "SGD", lr = 0.05, momentum = 0.9 }
"""
#: When nothing more is waited for, seconds.
PATIENCE = 120.0


def main() -> None:
    """Print two tables of medians in seconds, and write them down."""
    parser = arguments(__doc__, rounds=ROUNDS)
    parser.add_argument("--only", choices=("commands", "training"), help="one of the tables; nothing is written")
    asked = parser.parse_args()
    rounds = 1 if asked.quick else asked.rounds
    found = [f"{machine(['torch'])} Seconds, median and range of {rounds} rounds."]
    if asked.only != "training":
        found.append(commands(rounds))
    if asked.only != "commands":
        found.append(training(rounds))
    publish("Start", found, write=asked.only is None and not asked.quick)


def commands(rounds: int) -> str:
    """Time what only reads."""

    def timed(words: list[str]) -> Callable[[], float]:
        def once() -> float:
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=False)
            return time.perf_counter() - started

        return once

    times = interleaved({name: timed(words) for name, words in COMMANDS.items()}, rounds)
    bare = next(iter(times.values()))
    rows = [
        [f"`{name}`", Spread.of(seconds).text(), Spread.ratio(seconds, bare).text(1)] for name, seconds in times.items()
    ]
    return table(["command", "s", "to the bare interpreter"], rows)


def training(rounds: int) -> str:
    """Time what comes before the first step."""
    times: dict[str, list[float]] = {}
    for number in range(rounds + 1):  # the first fills caches
        for name, seconds in _one_run().items():
            print(f"round {number} of {rounds}, {name}: {seconds:.2f}", file=sys.stderr, flush=True)
            times.setdefault(name, []).append(seconds)
    spreads = {name: Spread.of(seconds[1:]) for name, seconds in times.items()}
    rows = [[name, spread.text(), TARGET.told(spread) if name == TO_STEP else ""] for name, spread in spreads.items()]
    return table(["`ablate run` of a tiny study", "s", "target"], rows)


def _one_run() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name, _running(Path(name)) as launcher:
        folder = Path(name)
        started = time.time()
        first, took = _first_epoch(folder, attempt=1)
        told = {TO_STEP: first - took - started, "to the first stored epoch": first - started}
        killed = time.time()
        os.kill(_trainers(launcher.pid)[0], signal.SIGKILL)
        newest = _waited_for(lambda: _asked(folder, "select max(id) from attempts where number = 2"))
        first, took = _first_epoch(folder, attempt=int(newest))
        return told | {"from kill -9 of a trainer to a step": first - took - killed}


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "tiny.toml").write_text(TINY, encoding="utf-8")
    words = [sys.executable, "-m", "ablate", "run", "tiny.toml", "--devices", "cpu", "--plain"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as launcher:
        try:
            yield launcher
        finally:
            launcher.send_signal(signal.SIGTERM)


def _first_epoch(folder: Path, *, attempt: int) -> tuple[float, float]:
    """When the first epoch of an attempt was there (Unix time), and how long that epoch took, seconds."""
    query = f"select seconds from epochs where attempt = {attempt} order by epoch limit 1"
    took = _waited_for(lambda: _asked(folder, query))
    return time.time(), took


def _asked(folder: Path, query: str) -> float | None:
    with contextlib.suppress(sqlite3.OperationalError):  # there is no database or no table yet
        connection = sqlite3.connect(f"file:{folder / 'results.db'}?mode=ro", uri=True)
        with contextlib.closing(connection):
            row = connection.execute(query).fetchone()
            return None if row is None else row[0]
    return None


def _waited_for(ask: Callable[[], float | None]) -> float:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (found := ask()) is not None:
            return found
        time.sleep(0.005)
    raise TimeoutError("the run does not do what is waited for")


def _trainers(launcher: int) -> list[int]:
    """Trainers lead a process group, and no session as workers do."""
    parents: dict[int, int] = {}
    leaders = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid = int(file.parent.name)
            _, parent, group, session = file.read_text(encoding="ascii").rpartition(")")[2].split()[:4]
            parents[pid] = int(parent)
            if int(group) == pid != int(session):
                leaders.append(pid)

    def descends(pid: int) -> bool:
        return pid == launcher or (pid in parents and descends(parents[pid]))

    return [pid for pid in leaders if pid != launcher and descends(pid)]


if __name__ == "__main__":
    main()
