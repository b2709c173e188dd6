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
from functools import partial
from pathlib import Path

from ablate.worker.devices import usable_cores

from crew import Crew, Trained
from measuring import Spread, Target, arguments, interleaved, machine, publish, table
from workloads import TIERS, Load, Workload, cifar_root, workloads

SCRIPT = Path(__file__).parent / "by_hand" / "students.py"
LOADERS = (0, 2)
#: How many times the students' rate is wanted.
TARGETS = {
    "cifar-64": Target(limit=5),
    "cifar-16": Target(limit=4.5),
    "residual": Target(limit=3),
    "residual, bfloat16": Target(limit=4),
}
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


def ways(key: str, workload: Workload) -> dict[str, tuple[Load, Target | None]]:
    """How ablate trains a recipe: by each tier, and the residual network in half precision, which has one."""
    target = TARGETS.get(key)
    found = {f"ablate, {tier}": (workload.load(tier), target) for tier in TIERS}
    if (half := f"{key}, bfloat16") in TARGETS:
        found["ablate, exact, bfloat16"] = (workload.load("exact", precision="bfloat16"), TARGETS[half])
    return found


def compare(key: str, workload: Workload, crew: Crew, root: Path, rounds: int) -> list[list[str]]:
    """The rows of one recipe."""
    trained: dict[str, Trained] = {}

    def ours(name: str, load: Load) -> float:
        trained[name] = crew.train(load)
        return trained[name].rate

    chosen = ways(key, workload)
    with Students(workload, root, LOADERS[0]) as alone, Students(workload, root, LOADERS[1]) as loaded:
        students: dict[str, Callable[[], float]] = {
            f"students, {number} loaders": script.rate for number, script in zip(LOADERS, (alone, loaded), strict=True)
        }
        sides = students | {name: partial(ours, name, load) for name, (load, _) in chosen.items()}
        found = interleaved(sides, rounds, said=f"{workload.name}, images/s, ")
        parameters = {name: one.parameters for name, one in trained.items()}
        if {*parameters.values()} != {alone.parameters}:
            raise SystemExit(f"{workload.name}: the networks differ: {parameters}, {alone.parameters} by hand")
    best = max(students, key=lambda name: Spread.of(found[name]).median)
    rows = [[workload.name, name, Spread.of(found[name]).text(0), "1" if name == best else "", ""] for name in students]
    for name, (_, target) in chosen.items():
        ratio = Spread.ratio(found[name], found[best])
        words = f"{name}{told(workload, name, trained[name].together)}"
        judged = "" if target is None else target.told(ratio)
        rows.append([workload.name, words, Spread.of(found[name]).text(0), ratio.text(), judged])
    gain = Spread.ratio(found["ablate, fused"], found["ablate, exact"])
    rows.append([workload.name, "fused over exact", "", gain.text(), FUSED_TARGET.told(gain)])
    return rows


def told(workload: Workload, name: str, together: int) -> str:
    """How many networks were stacked, and whether that is what a recipe has by itself."""
    stacked = f", K = {together}" if together > 1 else ", one by one" if "fused" in name else ""
    usual = "fused" if workload.is_fused else "exact"
    return f"{stacked} (by itself)" if name == f"ablate, {usual}" else stacked


def main() -> None:
    """Compare, print and write."""
    options = arguments(__doc__, rounds=5, recipes=workloads()).parse_args()
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
            f"in {usable_cores()} workers of one thread ({chosen['cifar-64'].epochs} epochs, or as much work in "
            "shorter runs that are fused), set-up, test and writes included. Ratios are of a round, to the faster of "
            "the students' ways.",
            table(["recipe", "side", "images/s", "x students", "target"], rows),
        ],
        write=not options.quick and options.only is None,
    )


if __name__ == "__main__":
    main()
