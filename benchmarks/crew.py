"""Workers of ablate that train whole studies, as `ablate run` has them, and how fast they do.

They are started once, so that a round costs no start: `python -m ablate worker`, one thread each, on a database in a
temporary folder. A round is a study of one recipe with some seeds. What counts is the time from a worker's first claim
to the end of its last job: with each job's set-up, its test and all that is written, without the import of PyTorch.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ablate
from ablate.store import Database
from ablate.worker.devices import usable_cores

#: Pause between two looks at a study, seconds.
LOOK_SECONDS = 0.1
#: Of each worker: its runs, its time from first claim to last end; and what all runs have in common.
OF_WORKERS = """
    SELECT count(*), max(attempts.ended_at) - min(attempts.started_at), max(attempts.flops), max(attempts.parameters)
    FROM attempts JOIN jobs ON attempts.job = jobs.id JOIN studies ON jobs.study = studies.id
    WHERE studies.name = ? AND attempts.state = 'succeeded' GROUP BY attempts.worker
"""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A study that the crew has trained."""

    #: Runs a second: those of every worker by its own time, added up.
    rate: float
    #: Workers that took part.
    workers: int
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

    def train(self, baseline: dict[str, Any], runs: int) -> Trained:
        """Train one recipe with so many seeds, and wait for it."""
        self._studies += 1
        name = f"round_{self._studies}"
        study = {"name": name, "select": "last", "seeds": {"count": runs}, "baseline": baseline}
        results = ablate.submit(ablate.Study.from_dict(study), db=self._database)
        while (now := results.status()).left:
            if any(process.poll() is not None for process in self._processes):
                raise SystemExit(f"a worker ended:\n{(self._folder / 'workers.log').read_text(errors='replace')}")
            time.sleep(LOOK_SECONDS)
        if now.jobs["succeeded"] < runs:
            raise SystemExit(f"of {runs} runs these ended: {now.jobs}\n{results.runs()['error'].dropna().tolist()}")
        with contextlib.closing(sqlite3.connect(self._database)) as raw:
            of_workers = raw.execute(OF_WORKERS, (name,)).fetchall()
        return Trained(
            rate=sum(count / seconds for count, seconds, *_ in of_workers),
            workers=len(of_workers),
            flops=of_workers[0][2],
            parameters=of_workers[0][3],
        )
