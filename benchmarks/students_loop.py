"""Images a second of ablate's trainers and of the loop that a course hands out, for the same recipes.

Run `python benchmarks/students_loop.py`; `--data-root DIR` trains on the real CIFAR-10 where DIR has it, else made-up
images are written in its format. The students' script (`by_hand/students.py`) runs as students run it: one process,
PyTorch's own number of threads, once without and once with two loader processes; the faster of the two is what counts.
Its rate is that of an epoch's steps alone. Ablate trains whole runs in workers of one thread each, one for each core:
its rate includes each run's set-up, evaluations and writes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ablate.worker.devices import usable_cores

from crew import Crew
from measuring import Spread, Target, arguments, interleaved, machine, publish, table
from workloads import TIERS, Workload, cifar_root, workloads

SCRIPT = Path(__file__).parent / "by_hand" / "students.py"
LOADERS = (0, 2)
#: Runs of a round for each worker, by tier: a pack needs several.
RUNS = {"exact": 1, "fused": 4}
#: How many times the students' rate is wanted.
TARGETS = {"cifar-64": 5.0, "cifar-16": 4.5, "residual": 3.0, "residual, bfloat16": 4.0}
#: How many times the rate of one network after the other is wanted of those that train as one.
FUSED_TARGET = Target(limit=1.2)


class Students:
    """The students' script, which waits for its next epoch; leaving the context ends it."""

    def __init__(self, workload: Workload, root: Path, loaders: int) -> None:
        words = [workload.network, "--batch-size", workload.batch_size, "--images", workload.images]
        words += ["--root", root, "--loaders", loaders]
        command = [sys.executable, str(SCRIPT), *map(str, words)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.parameters = 0

    def __enter__(self) -> Students:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # at the end of its input it ends

    def rate(self) -> float:
        """Images a second of one more epoch."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{SCRIPT.name} ended with status {self._process.wait()}")
        told = json.loads(line)
        self.parameters = told["parameters"]
        return told["images"] / told["seconds"]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """A way in which ablate trains a recipe."""

    #: For people.
    name: str
    #: Further keys of the recipe's `training`.
    settings: dict[str, Any]
    runs: int
    target: float | None


def ways(key: str) -> list[Ours]:
    """The tiers that there are; the residual network also in half precision."""
    found = []
    for tier in TIERS:
        settings = {} if len(TIERS) == 1 else {"tier": tier}
        runs = RUNS[tier] * usable_cores()
        found.append(Ours(name=f"ablate, {tier}", settings=settings, runs=runs, target=TARGETS.get(key)))
        half = f"{key}, bfloat16"
        if half in TARGETS:
            low = {**settings, "precision": "bfloat16"}
            found.append(Ours(name=f"ablate, {tier}, bfloat16", settings=low, runs=runs, target=TARGETS[half]))
    return found


def compare(key: str, workload: Workload, crew: Crew, root: Path, rounds: int) -> list[list[str]]:
    """The rows of one recipe."""
    parameters: dict[str, int] = {}

    def ours(way: Ours) -> float:
        trained = crew.train(workload.with_settings(way.settings), way.runs)
        if trained.workers < usable_cores():
            print(f"{way.name}: only {trained.workers} of the workers were given runs", file=sys.stderr)
        parameters[way.name] = trained.parameters
        return trained.rate * workload.epochs * workload.images

    with Students(workload, root, LOADERS[0]) as alone, Students(workload, root, LOADERS[1]) as loaded:
        students: dict[str, Callable[[], float]] = {
            f"students, {number} loaders": script.rate for number, script in zip(LOADERS, (alone, loaded), strict=True)
        }
        chosen = ways(key)
        sides = students | {way.name: partial(ours, way) for way in chosen}
        found = interleaved(sides, rounds, said=f"{workload.name}, images/s, ")
        if {*parameters.values()} != {alone.parameters}:
            raise SystemExit(f"{workload.name}: the networks differ: {parameters}, {alone.parameters} by hand")
    best = max(students, key=lambda name: Spread.of(found[name]).median)
    rows = [[workload.name, name, Spread.of(found[name]).text(0), "1" if name == best else "", ""] for name in students]
    for way in chosen:
        ratio = Spread.ratio(found[way.name], found[best])
        told = "" if way.target is None else Target(limit=way.target).told(ratio)
        rows.append([workload.name, way.name, Spread.of(found[way.name]).text(0), ratio.text(), told])
        alike = way.name.replace("fused", "exact")
        if alike != way.name:
            gain = Spread.ratio(found[way.name], found[alike])
            rows.append([workload.name, "fused over exact", "", gain.text(), FUSED_TARGET.told(gain)])
    return rows


def main() -> None:
    """Compare, print and write."""
    parser = arguments(__doc__, rounds=5)
    parser.add_argument("--data-root", type=Path, help="folder with the real CIFAR-10")
    parser.add_argument("--only", nargs="+", choices=workloads(), help="only these recipes; nothing is written")
    options = parser.parse_args()
    chosen, rows = workloads(quick=options.quick), []
    with tempfile.TemporaryDirectory() as name:
        root, what = cifar_root(options.data_root, Path(name) / "data", quick=options.quick)
        with Crew(Path(name), data_root=root) as crew:
            for key, workload in chosen.items():
                if options.only is None or key in options.only:
                    rows += compare(key, workload, crew, root, options.rounds)
    publish(
        "The students' loop",
        [
            machine(("torch", "torchvision", "pillow", "ablate-lab")),
            f"Images: {what}; 1,437 of scikit-learn's digits. Same network (the numbers of parameters are compared), "
            "images an epoch, batch size, optimizer, augmentation (shifted by up to 4 pixels, mirrored; digits: none). "
            f"Medians and ranges of {options.rounds} interleaved rounds: an epoch of the students' script against runs "
            f"of {chosen['cifar-64'].epochs} epochs (digits: {chosen['digits'].epochs}) by {usable_cores()} workers of "
            "one thread, set-up, test and writes included. Ratios are of a round, to the faster of the students' ways.",
            table(["recipe", "side", "images/s", "x students", "target"], rows),
        ],
        write=not options.quick and options.only is None,
    )


if __name__ == "__main__":
    main()
