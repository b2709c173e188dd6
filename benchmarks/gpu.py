"""Everything that is claimed of a GPU, measured by one command within eight minutes.

    python benchmarks/gpu.py

Sides are measured in turn, round after round: the students' loop, eager steps, recorded steps, several jobs side by
side (in one process, each on its stream; in processes; as one pack where ablate has the fused tier), ResNet-18 at
CIFAR's size in float32, TF32 and bfloat16, and lab C as a whole study. What must be equal bit for bit passes or fails.
The page `benchmarks/results/<GPU>.md` is written anew. `--self-check` runs all of this on a processor with toys, in
less than a minute, and writes nothing: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")  # else more than eight streams wait for each other
sys.path.insert(0, str(Path(__file__).parents[1]))  # so that processes of their own find this too

import torch

from ablate.training.data import LATEST
from ablate.training.device import prepare_process
from ablate.worker.devices import cuda_names, usable_cores
from benchmarks.on_gpu.jobs import Job, equal, side_by_side
from benchmarks.on_gpu.page import Gate, Table, Target, interleaved
from benchmarks.on_gpu.students import students_loop
from benchmarks.on_gpu.study import whole_study
from benchmarks.on_gpu.together import has_packs, in_a_pack, in_processes
from benchmarks.on_gpu.work import FULL, TOY, Sizes, recipe

RESULTS = Path(__file__).parent / "results"
#: Time for all of it, seconds; sections that would begin later are left out with a word.
BUDGET_SECONDS = 480.0
STUDENTS, EAGER, GRAPH = "the students' loop", "eager", "recorded"


@dataclass(kw_only=True)
class Bench:
    """One run of the benchmark."""

    sizes: Sizes
    device: torch.device
    #: Folder for data sets and databases, gone afterwards.
    folder: Path
    tables: list[Table] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    #: Further lines of the page.
    notes: list[str] = field(default_factory=list)
    #: Sections that broke off.
    broken: list[str] = field(default_factory=list)
    #: When it began, by `time.monotonic`.
    started: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> float:
        """Time so far, seconds."""
        return time.monotonic() - self.started

    @property
    def root(self) -> Path:
        """Where data sets are."""
        return self.folder / "data"

    def job(self, tables: dict[str, object], *, seed: int = 0, recorded: bool) -> Job:
        """A job on the device."""
        return Job(recipe(tables), seed=seed, device=self.device, root=self.root, recorded=recorded)


def equality(bench: Bench) -> None:
    """Recorded against eager steps, and jobs side by side against each alone."""
    for name, tables in bench.sizes.hard().items():
        eager, again, recorded = (bench.job(tables, recorded=how) for how in (False, False, True))
        for _ in range(2):
            for job in (eager, again, recorded):
                job.epoch()
        twice = equal(eager.weights(), again.weights())
        same = equal(eager.weights(), recorded.weights()) and eager.losses == recorded.losses
        bench.gates.append(Gate(name=f"{name}: eager steps give the same bits twice", holds=twice))
        bench.gates.append(Gate(name=f"{name}: recorded steps give the bits of eager ones", holds=same))
        packed = [bench.job(tables, seed=seed, recorded=True) for seed in range(3)]
        for _ in range(2):
            side_by_side(packed, bench.device)
        alone = bench.job(tables, seed=0, recorded=True)
        for _ in range(2):
            side_by_side([alone], bench.device)
        both = equal(packed[0].weights(), alone.weights()) and equal(alone.weights(), eager.weights())
        bench.gates.append(Gate(name=f"{name}: a job among three gives the bits that it gives alone", holds=both))


def small_network(bench: Bench) -> None:
    """Lab C's network by each way of filling a GPU."""
    sizes = bench.sizes
    tables = sizes.small()
    train = LATEST.load(recipe(tables).data, bench.root, None).train
    pixels = train.images[: sizes.students].permute(0, 2, 3, 1).contiguous().numpy()
    labels = train.labels[: sizes.students].tolist()
    jobs = [bench.job(tables, seed=seed, recorded=True) for seed in range(max(sizes.streams))]
    sides: dict[str, Callable[[], float]] = {
        STUDENTS: students_loop(pixels, labels, device=bench.device, loaders=sizes.loaders),
        EAGER: bench.job(tables, recorded=False).epoch,
        GRAPH: jobs[0].epoch,
    }
    for count in sizes.streams[1:]:
        sides[_streams(count)] = lambda count=count: side_by_side(jobs[:count], bench.device)  # type: ignore[misc]
    table = Table(
        title="Lab C's network, batch 64",
        against=(STUDENTS, EAGER, GRAPH),
        targets={_streams(max(sizes.streams)): (Target(to=STUDENTS, ratio=150), Target(to=GRAPH, ratio=3))},
    )
    bench.tables.append(table)
    table.rates = interleaved(sides, sizes.rounds)


def processes(bench: Bench) -> None:
    """The same network in processes of their own, which share the GPU by turns."""
    for count in bench.sizes.processes:
        rate = in_processes(
            bench.sizes.small(),
            count,
            device=str(bench.device),
            root=bench.root,
            seconds=bench.sizes.process_seconds,
        )
        bench.tables[0].rates[f"{count} processes"] = [rate]


def packs(bench: Bench) -> None:
    """The same network, several jobs as one stacked network."""
    if not has_packs():
        bench.notes.append("This ablate has no fused tier: packs were not measured.")
        return
    targets = (Target(to=STUDENTS, ratio=400), Target(to=GRAPH, ratio=6), Target(to=EAGER, ratio=12))
    for count in bench.sizes.packs:
        name = f"a pack of {count}"
        rate = in_a_pack(bench.sizes.small(), count, device=str(bench.device), root=bench.root)
        bench.tables[0].rates[name] = [rate]
        if count == max(bench.sizes.packs):
            bench.tables[0].targets = {**bench.tables[0].targets, name: targets}


def large_network(bench: Bench) -> None:
    """ResNet-18 at CIFAR's size."""
    last = {"memory_format": "channels_last"}
    kinds = {
        "float32": {},
        "TF32": {"tf32": True},
        "TF32, channels last": {"tf32": True, **last},
        "bfloat16, channels last": {"precision": "bfloat16", "tf32": True, **last},
    }
    sides: dict[str, Callable[[], float]] = {}
    for name, training in kinds.items():
        for how, recorded in ((EAGER, False), (GRAPH, True)):
            sides[f"{name}, {how}"] = bench.job(bench.sizes.large(**training), recorded=recorded).epoch
    base = f"float32, {EAGER}"
    table = Table(
        title=f"ResNet-18 at CIFAR's size, batch {bench.sizes.large_batch}",
        against=(base,),
        targets={
            f"TF32, channels last, {GRAPH}": (Target(to=base, ratio=3),),
            f"bfloat16, channels last, {GRAPH}": (Target(to=base, ratio=5),),
        },
    )
    bench.tables.append(table)
    table.rates = interleaved(sides, bench.sizes.rounds)


def study(bench: Bench) -> None:
    """Lab C as a whole, from the command to the report."""
    on_gpu = bench.device.type == "cuda"
    devices, workers = ("0", "auto") if on_gpu else ("cpu", "1")
    ways: dict[str, dict[str, object]] = {GRAPH: {"graphs": True}}
    if has_packs() and on_gpu:
        ways["packs"] = {"tier": "fused"}
    sizes = bench.sizes
    for name, training in ways.items():
        if bench.passed + sizes.study_seconds > BUDGET_SECONDS:
            bench.broken.append(f"lab C, {name}: left out, {bench.passed:.0f} s had passed")
            continue
        folder = bench.folder / f"study-{name}"
        found = whole_study(sizes, folder, bench.root, devices=devices, workers=workers, **training)
        whole = "" if found.done == found.total else f", which makes {found.expected:,.0f} s for all"
        met = "met" if found.expected < 120 else "NOT met"
        bench.notes.append(
            f"Lab C, {sizes.variants} variants x {sizes.seeds} seeds x {sizes.epochs} epochs, {name}, {workers} "
            f"workers: {found.done} of {found.total} jobs in {found.seconds:,.0f} s{whole}; target below 120 s: {met}."
        )


SECTIONS = (equality, small_network, large_network, packs, processes, study)


def measure(bench: Bench) -> None:
    """All sections, each whatever became of the others."""
    for section in SECTIONS:
        if bench.passed > BUDGET_SECONDS:
            bench.broken.append(f"{section.__name__}: left out, {bench.passed:.0f} s had passed")
            continue
        print(f"{bench.passed:4.0f} s  {section.__doc__}", file=sys.stderr, flush=True)
        try:
            section(bench)
        except Exception as error:  # noqa: BLE001 - the others are worth having
            bench.broken.append(f"{section.__name__}: {type(error).__name__}: {str(error)[:300]}")
        gc.collect()  # jobs of a section hold memory that the next one needs
        if bench.device.type == "cuda":
            torch.cuda.empty_cache()


def page(bench: Bench, kind: str) -> str:
    """All that was found, in Markdown."""
    versions = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"
    lines = [
        f"# {kind}",
        "",
        "`python benchmarks/gpu.py`",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {usable_cores()} usable cores, {versions}. Medians of {bench.sizes.rounds} "
        "interleaved rounds with their range; a single figure was measured once. Ratios are those of each round.",
        "",
    ]
    for table in bench.tables:
        lines += table.lines()
    if bench.notes:
        lines += ["## Whole studies and remarks", "", *(f"- {note}" for note in bench.notes), ""]
    lines += ["## What must be equal", "", *(gate.line() for gate in bench.gates), ""]
    if bench.broken:
        lines += ["## Not measured", "", *(f"- {one}" for one in bench.broken), ""]
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Measure, print and write; 1 where a gate fails, or in a self-check anything breaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-check", action="store_true", help="toys on a processor; nothing is written")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the page")
    options = parser.parse_args(words)
    if not options.self_check and not torch.cuda.is_available():
        print("error: PyTorch sees no GPU. Type `python benchmarks/gpu.py --self-check`.", file=sys.stderr)
        return 2
    device = torch.device("cpu" if options.self_check else "cuda:0")
    prepare_process(device, 1)
    with tempfile.TemporaryDirectory(prefix="ablate-gpu-") as folder:
        bench = Bench(sizes=TOY if options.self_check else FULL, device=device, folder=Path(folder))
        measure(bench)
        kind = "self-check on a processor: no figure means anything" if options.self_check else _kind(device)
        text = page(bench, kind)
    print(text)
    if not options.self_check:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"{re.sub(r'[^a-z0-9]+', '-', kind.lower()).strip('-')}.md").write_text(text, encoding="utf-8")
    failed = any(not gate.holds for gate in bench.gates) or (options.self_check and bool(bench.broken))
    return 1 if failed else 0


def _streams(count: int) -> str:
    return f"{GRAPH}, {count} side by side"


def _kind(device: torch.device) -> str:
    """Model of the GPU."""
    names = cuda_names()
    return names[0] if names else torch.cuda.get_device_name(device)


if __name__ == "__main__":
    sys.exit(main())
