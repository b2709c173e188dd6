"""Workers of ablate that train whole studies, as `ablate run` has them, and how fast they do.

They are started once, so that a round costs no start: `python -m ablate worker`, one thread each, on a database in a
temporary folder. A round is a study of one recipe with some seeds. What counts is the time from a worker's first claim
to the end of its last job: with each job's set-up, its test and all that is written, without the import of PyTorch.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import ablate
from ablate.store import Database
from ablate.worker.devices import usable_cores

from workloads import Load

#: Pause between two looks at a study, seconds.
LOOK_SECONDS = 0.1
OF_STUDY = """
    SELECT attempts.* FROM attempts JOIN jobs ON attempts.job = jobs.id JOIN studies ON jobs.study = studies.id
    WHERE studies.name = ? AND attempts.state = 'succeeded'
"""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A study that the crew has trained."""

    #: Training images a second: those of every worker by its own time, added up.
    rate: float
    #: Finished runs an hour, in the same way.
    runs_an_hour: float
    #: Runs that shared a stacked network; 1: none did.
    together: int
    #: Multiply-adds times two of one image's forward pass.
    flops: int
    #: Parameters of the network.
    parameters: int


class Crew:
    """Workers that wait for studies; leaving the context ends them.

    Args:
        folder: Of the database, and of the workers' files.
        data_root: Where data sets lie; None for the default.
        workers: How many; None means one for each core.
    """

    def __init__(self, folder: Path, *, data_root: Path | None = None, workers: int | None = None) -> None:
        self._folder = folder
        self._database = folder / "crew.db"
        self._data_root = data_root
        self._count = workers or usable_cores()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._studies = 0

    def __enter__(self) -> Crew:
        Database.open(self._database, create=True).close()
        command = [sys.executable, "-m", "ablate", "worker", "--db", str(self._database), "--device", "cpu"]
        command += [] if self._data_root is None else ["--data-root", str(self._data_root)]
        with (self._folder / "workers.log").open("wb") as log:
            for _ in range(self._count):
                self._processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
            process.wait()

    def train(self, load: Load) -> Trained:
        """Have every worker train such a load, and wait for it."""
        self._studies += 1
        name, runs = f"round_{self._studies}", self._count * load.runs
        study = {"name": name, "select": "last", "seeds": {"count": runs}, "baseline": load.baseline}
        results = ablate.submit(ablate.Study.from_dict(study), db=self._database)
        while (now := results.status()).left:
            if any(process.poll() is not None for process in self._processes):
                raise SystemExit(f"a worker ended:\n{(self._folder / 'workers.log').read_text(errors='replace')}")
            time.sleep(LOOK_SECONDS)
        if now.jobs["succeeded"] < runs:
            raise SystemExit(f"of {runs} runs these ended: {now.jobs}\n{results.runs()['error'].dropna().tolist()}")
        return self._trained(name, load)

    def _trained(self, study: str, load: Load) -> Trained:
        with contextlib.closing(sqlite3.connect(self._database)) as raw:
            raw.row_factory = sqlite3.Row
            attempts = [dict(row) for row in raw.execute(OF_STUDY, (study,))]
        rate = 0.0  # runs a second
        for worker in {attempt["worker"] for attempt in attempts}:
            own = [attempt for attempt in attempts if attempt["worker"] == worker]
            rate += len(own) / (max(one["ended_at"] for one in own) - min(one["started_at"] for one in own))
        if (idle := self._count - len({attempt["worker"] for attempt in attempts})) > 0:
            print(f"{idle} of {self._count} workers came too late for any run of {study}", file=sys.stderr)
        execution = json.loads(attempts[0].get("execution") or "{}")
        return Trained(
            rate=rate * load.images,
            runs_an_hour=3600 * rate,
            together=execution.get("k") or 1,
            flops=attempts[0]["flops"],
            parameters=attempts[0]["parameters"],
        )
