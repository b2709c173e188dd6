"""Images a second on processors, and which share of the machine's peak that is.

Run `python benchmarks/throughput.py`. Recipes and workers are those of `students_loop.py`: whole runs, one thread for
each core, by tier. The peak is what float32 matrix products reach in as many processes of one thread, measured in turn
with the runs. A training step is counted as three forward passes, whose multiply-adds ablate stores with each run:
shares count convolutions and linear layers, not the rest, which takes its time all the same.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from ablate.report.computed import PASSES
from ablate.worker.devices import usable_cores

from crew import Crew, Trained
from measuring import Spread, Target, arguments, interleaved, machine, publish, table
from workloads import TIERS, Workload, cifar_root, workloads

#: Side of the square matrices, and how long they are multiplied, seconds.
SIDE, SECONDS = 1024, 1.0
#: Of the peak, per cent.
TARGETS = {"residual": Target(limit=60, unit=" %")}


def sgemm(seconds: float) -> float:
    """Floating-point operations a second of one thread that multiplies matrices."""
    import torch

    torch.set_num_threads(1)
    left, right = torch.randn(2, SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    torch.mm(left, right, out=out)
    products, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        torch.mm(left, right, out=out)
        products += 1
    return 2 * SIDE**3 * products / taken


def peak(pool: Pool) -> float:
    """Operations a second of all cores together."""
    return sum(pool.map(sgemm, [SECONDS] * usable_cores(), chunksize=1))


def measure(key: str, workload: Workload, crew: Crew, pool: Pool, rounds: int) -> list[list[str]]:
    """The rows of one recipe."""
    trained: dict[str, list[Trained]] = {tier: [] for tier in TIERS}

    def rate(tier: str) -> float:
        trained[tier].append(crew.train(workload.load(tier)))
        return trained[tier][-1].rate

    sides = {tier: partial(rate, tier) for tier in TIERS} | {"peak": partial(peak, pool)}
    found = interleaved(sides, rounds, said=f"{workload.name}, ")
    rows = []
    for tier in TIERS:
        one = trained[tier][-1]
        done = [PASSES * one.flops * images for images in found[tier]]
        share = Spread.ratio(done, found["peak"])
        runs = Spread.of([of_round.runs_an_hour for of_round in trained[tier][-rounds:]])
        told = TARGETS[key].told(share, 100) if key in TARGETS else ""
        figures = [Spread.of(found[tier]).text(0), runs.text(0), Spread.of(done).text(1, 1e-9)]
        name = f"{tier}, K = {one.together}" if one.together > 1 else tier
        rows.append([workload.name, name, *figures, Spread.of(found["peak"]).text(1, 1e-9), share.text(1, 100), told])
    return rows


def main() -> None:
    """Measure, print and write."""
    options = arguments(__doc__, rounds=5, recipes=workloads()).parse_args()
    chosen, rows = workloads(quick=options.quick), []
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, context.Pool(usable_cores()) as pool:
        root, what = cifar_root(options.data_root, Path(name) / "data", quick=options.quick)
        with Crew(Path(name), data_root=root) as crew:
            for key, workload in chosen.items():
                if options.only is None or key in options.only:
                    rows += measure(key, workload, crew, pool, options.rounds)
    head = ["recipe", "tier", "images/s", "runs/hour", "GFLOP/s", "peak, GFLOP/s", "share of peak, %", "target"]
    publish(
        "Throughput",
        [
            machine(("torch", "ablate-lab")),
            f"Images: {what}; 1,437 of scikit-learn's digits. Whole runs of {chosen['cifar-64'].epochs} epochs "
            f"(digits: {chosen['digits'].epochs}; fused ones are shorter) in {usable_cores()} workers of one thread. "
            f"Medians and ranges of {options.rounds} interleaved rounds. A step counts as {PASSES} forward passes; the "
            f"peak is float32 products of {SIDE}x{SIDE} matrices in as many processes, in the same rounds.",
            table(head, rows),
        ],
        write=not options.quick and options.only is None,
    )


if __name__ == "__main__":
    main()
