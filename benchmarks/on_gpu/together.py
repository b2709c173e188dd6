"""Jobs beside each other in processes of their own, and in one pack of the fused tier."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import torch

from ablate.metrics import EpochMetrics
from ablate.recipe import Recipe, Training
from benchmarks.on_gpu.jobs import Job

#: Longest wait for a process to be ready, seconds.
READY_SECONDS = 60.0


def in_processes(tables: dict[str, Any], count: int, *, device: str, root: Path, seconds: float) -> float:
    """Images a second of several processes together, each with one job, measured while all of them train."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(count), context.SimpleQueue()
    children = [
        context.Process(target=_train, args=(tables, seed, device, root, seconds, barrier, results), daemon=True)
        for seed in range(count)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(READY_SECONDS + 2 * seconds)
    failed = [child for child in children if child.exitcode != 0]
    for child in failed:
        child.kill()
    if failed:
        raise RuntimeError(f"{len(failed)} of {count} processes failed (exit code {failed[0].exitcode})")
    return sum(results.get() for _ in children)


def _train(
    tables: dict[str, Any], seed: int, device: str, root: Path, seconds: float, barrier: Barrier, results: Any
) -> None:
    torch.set_num_threads(1)
    place = torch.device(device)
    job = Job(Recipe.model_validate(tables), seed=seed, device=place, root=root, recorded=True)
    job.epoch()
    barrier.wait(READY_SECONDS)
    started, images = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        job.epoch()
        images += job.images
    results.put(images / passed)


def has_packs() -> bool:
    """Whether this ablate has the fused tier."""
    return "tier" in Training.model_fields and importlib.util.find_spec("ablate.training.fused") is not None


class _Crew:
    """Keeps nobody waiting: what has come trains to its end."""

    def __init__(self) -> None:
        self.failed: list[Exception] = []

    def ended(self, number: int, result: object) -> None:
        if isinstance(result, Exception):
            self.failed.append(result)

    def free(self, places: int) -> None:
        """Nobody else comes."""

    def joining(self, wait: bool) -> Sequence[Any]:
        return ()

    def left(self) -> Collection[int]:
        return ()

    def should_stop(self) -> bool:
        return False


def in_a_pack(tables: dict[str, Any], count: int, *, device: str, root: Path) -> float:
    """Images a second of jobs that train as one stacked network, from the end of all first epochs on."""
    fused = importlib.import_module("ablate.training.fused")
    recipe = Recipe.model_validate({**tables, "training": {**tables["training"], "tier": "fused"}})
    ends: defaultdict[int, list[float]] = defaultdict(list)

    def at_end(metrics: EpochMetrics, _state: object) -> None:
        ends[metrics.epoch].append(time.perf_counter())

    members = [
        fused.Member(number=seed, recipe=recipe, seed=seed, on_epoch=at_end, resume=None, keeping=None)
        for seed in range(count)
    ]
    crew = _Crew()
    fused.train_pack(members, crew, size=count, device=device, data_root=root, threads=1)
    if crew.failed:
        raise crew.failed[0]
    passed = max(ends[recipe.training.epochs]) - max(ends[1])
    return count * tables["data"]["images"] * (recipe.training.epochs - 1) / passed
