"""What a study costs beside its trainers' own compute: start, claims, set-up, tests, writes, idle workers, report.

Run `python benchmarks/overhead.py`. `ablate run` trains a study whose epochs take about `--minutes` in all workers
together, from an empty database to its report. Overhead is the share of the workers' time (wall time of the command x
workers) that is not in the seconds of stored epochs, which are those of the trainer: steps and validation. It is shown
by where it falls. Jobs are trained one by one (tier `exact`), so that an epoch's seconds are a process's own. There are
two studies: one of runs with long epochs, as most are, and one of runs of a second, the worst that there is.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import ablate
from ablate.worker.devices import usable_cores

from measuring import Spread, Target, arguments, machine, publish, table
from workloads import Workload, cifar_root, workloads

#: Of all workers' time, per cent.
TARGET = Target(limit=3, at_least=False, unit=" %")
#: Compute of a study, minutes of wall time.
MINUTES = 5.0
#: Epochs of a run by workload, and runs of each worker from which their number is worked out.
EPOCHS = {"cifar-64": 12, "digits": 20}
FIRST_RUNS = 2
OF_ATTEMPTS = "SELECT worker, started_at, ended_at, id FROM attempts WHERE state = 'succeeded' ORDER BY started_at"
OF_EPOCHS = "SELECT attempt, sum(seconds) FROM epochs GROUP BY attempt"


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of the workers' time; they add up to 1."""

    #: Epochs: what the trainer computes.
    epochs: float
    #: From the start of the command to a worker's first claim.
    before: float
    #: Of attempts, what is no epoch: set-up, test, writes, and PyTorch's import in the first.
    beside: float
    #: Between the end of a job and the next claim.
    between: float
    #: From a worker's last job to the end of the command: others' last jobs, table and report.
    after: float

    @property
    def overhead(self) -> float:
        """All but epochs."""
        return 1 - self.epochs


def run(workload: Workload, epochs: int, runs: int, data_root: Path, folder: Path) -> Shares:
    """`ablate run`, and where its time went."""
    baseline = replace(workload, epochs=epochs).load("exact").baseline
    study = ablate.Study.from_dict(
        {"name": "overhead", "select": "last", "seeds": {"count": runs}, "baseline": baseline}
    )
    file = folder / "overhead.toml"
    file.write_text(study.text, encoding="utf-8")
    command = [sys.executable, "-m", "ablate", "run", str(file), "--devices", "cpu", "--data-root", str(data_root)]
    started = time.time()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    ended = time.time()
    with contextlib.closing(sqlite3.connect(folder / "results.db")) as raw:
        attempts = raw.execute(OF_ATTEMPTS).fetchall()
        compute = dict(raw.execute(OF_EPOCHS).fetchall())
    if len(attempts) != runs:
        raise SystemExit(f"{len(attempts)} of {runs} runs succeeded")
    workers = {worker for worker, *_ in attempts}
    whole = (ended - started) * usable_cores()
    before = between = 0.0
    after = (ended - started) * (usable_cores() - len(workers))  # of workers that came too late for any job
    for worker in workers:
        times = [(begun, over) for who, begun, over, _ in attempts if who == worker]
        before += times[0][0] - started
        between += sum(later[0] - earlier[1] for earlier, later in itertools.pairwise(times))
        after += ended - times[-1][1]
    inside = sum(over - begun for _, begun, over, _ in attempts)
    epochs_time = sum(compute.values())
    return Shares(
        epochs=epochs_time / whole,
        before=before / whole,
        beside=(inside - epochs_time) / whole,
        between=between / whole,
        after=after / whole,
    )


def enough(workload: Workload, epochs: int, minutes: float, data_root: Path) -> int:
    """How many runs take so long in all workers together, from a few."""
    workers = usable_cores()
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        shares = run(workload, epochs, FIRST_RUNS * workers, data_root, Path(name))
        a_run = (time.perf_counter() - started) * shares.epochs / FIRST_RUNS
    return workers * max(1, round(60 * minutes / a_run))


def measured(workload: Workload, epochs: int, runs: int, data_root: Path, rounds: int) -> list[Shares]:
    """Each round's shares, in a new folder."""
    found = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            found.append(run(workload, epochs, runs, data_root, Path(name)))
        print(f"{workload.name}, round {number + 1} of {rounds}: {found[-1].overhead:.4f}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure, print and write."""
    parser = arguments(__doc__, rounds=1, recipes=EPOCHS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"compute of a study; {MINUTES:g} by default")
    options = parser.parse_args()
    minutes = 0.1 if options.quick else options.minutes
    rows = []
    chosen = {key: one for key, one in workloads(quick=options.quick).items() if key in (options.only or EPOCHS)}
    with tempfile.TemporaryDirectory() as folder:
        root, what = cifar_root(options.data_root, Path(folder) / "data", quick=options.quick)
        for key, workload in chosen.items():
            runs = enough(workload, EPOCHS[key], minutes, root)
            found = measured(workload, EPOCHS[key], runs, root, options.rounds)
            overhead = Spread.of([one.overhead for one in found])
            parts = [Spread.of([getattr(one, field.name) for one in found]) for field in fields(Shares)]
            cells = [f"{runs} x {EPOCHS[key]}", overhead.text(2, 100), TARGET.told(overhead, 100)]
            rows.append([workload.name, *cells, *(part.text(2, 100) for part in parts)])
    head = ["recipe", "runs x epochs", "overhead, %", "target", "epochs, %", "before the first claim, %"]
    publish(
        "Overhead",
        [
            machine(("torch", "ablate-lab")),
            f"`ablate run` from an empty database to its report, {usable_cores()} workers of one thread, studies of "
            f"about {minutes:g} minutes of compute; n = {options.rounds}. Images: {what}; 1,437 of scikit-learn's "
            "digits. Shares of wall time x workers. What is no epoch is overhead: also each run's set-up and test.",
            table([*head, "in jobs beside epochs, %", "between jobs, %", "after the last job, %"], rows),
        ],
        write=not options.quick and options.only is None,
    )


if __name__ == "__main__":
    main()
