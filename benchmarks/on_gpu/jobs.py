"""Jobs that are trained an epoch at a time, so that sides can be measured in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from ablate.recipe import Recipe
from ablate.training.data import LATEST
from ablate.training.device import prepare_process
from ablate.training.epoch import begin_epoch, train_one_epoch
from ablate.training.graphs.epoch import train_recorded_epoch
from ablate.training.graphs.recorder import Called, CudaGraphs, Recorder
from ablate.training.graphs.step import RecordedStep
from ablate.training.progress import Progress
from ablate.training.setup import set_up


class Job:
    """A job of a recipe with one phase, by the functions that a worker's trainer calls.

    Args:
        recipe: What is trained.
        seed: Seed index.
        device: Where.
        root: Folder of the data sets.
        recorded: Record the steps, on a stream of the job's own; else take them one by one on the default stream.
    """

    def __init__(self, recipe: Recipe, *, seed: int, device: torch.device, root: Path, recorded: bool) -> None:
        self._recipe = recipe
        self._device = device
        self._stream = None
        if recorded and device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.prepare()
        with self._on_stream():
            self._run = set_up(recipe, LATEST.load(recipe.data, root, None), seed=seed, device=device)
            self._stage = self._run.begin(recipe.training.parts[0])
            recorder: Recorder = Called() if self._stream is None else CudaGraphs(self._stream)
            self.step = RecordedStep(self._run, self._stage, recorder) if recorded else None
        self._progress = Progress(self._run.model, select="last", stopping=None, started=time.perf_counter())
        self._epoch = 0
        self.images = self._run.training.count
        #: Mean training loss of each epoch, nats.
        self.losses: list[float] = []

    def epoch(self) -> float:
        """Train an epoch; images a second."""
        self.prepare()
        self._epoch += 1
        started = time.perf_counter()
        with self._on_stream():
            if self.step is not None:
                trained = train_recorded_epoch(self.step, self._progress, self._epoch, lambda: None)
            else:
                trained = train_one_epoch(self._run, self._stage, self._progress, self._epoch, lambda: None)
            synchronize(self._device)
        self._stage.schedule.after_epoch(None)
        self.losses.append(trained.measured.loss)
        return self.images / (time.perf_counter() - started)

    def steps(self) -> Iterator[None]:
        """Train an epoch by recorded steps, one for each item, so that several jobs can take turns."""
        assert self.step is not None
        self._epoch += 1
        with self._on_stream():
            begin_epoch(self._run, self._epoch)
        sizes = self.step.batches(self._epoch)
        while True:
            with self._on_stream():
                size = next(sizes, None)
                if size is None:
                    break
                self.step.take(size)
            yield
        self._stage.schedule.after_epoch(None)

    def weights(self) -> list[Tensor]:
        """All parameters and buffers, on the CPU."""
        synchronize(self._device)
        return [value.cpu() for value in self._run.model.state_dict().values()]

    def prepare(self) -> None:
        """Set PyTorch up as the recipe wants it."""
        prepare_process(self._device, torch.get_num_threads(), tf32=self._recipe.training.tf32)

    def _on_stream(self) -> AbstractContextManager[object]:
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)


def side_by_side(jobs: Sequence[Job], device: torch.device) -> float:
    """Train an epoch of each job, step by step in turn; images a second of all together."""
    jobs[0].prepare()
    started = time.perf_counter()
    going = [job.steps() for job in jobs]
    while going:
        going = [steps for steps in going if next(steps, _OVER) is not _OVER]
    synchronize(device)
    return sum(job.images for job in jobs) / (time.perf_counter() - started)


def equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Whether weights are the same, bit for bit."""
    return len(one) == len(other) and all(map(torch.equal, one, other))


def synchronize(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


_OVER = object()
