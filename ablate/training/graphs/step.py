"""A step of a phase as a function without arguments, on tensors that stay where they are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ablate.training.batches import Batch, Chunk, TrainingImages
from ablate.training.graphs.recorder import NotRecorded, Recorder
from ablate.training.models import dropout_generators
from ablate.training.setup import Setup, Stage
from ablate.training.stepping import take_step
from ablate.training.update import single_precision

log = logging.getLogger(__name__)

#: Steps on batches of one size that are taken before one is recorded. They are steps of the run like all others: a
#: recording changes no weight, so nothing has to be put back. Libraries make handles and plans at a first call, and an
#: optimizer its state; SGD also begins its momentum in another way than it goes on.
STEPS_BEFORE = 2


class RecordedStep:
    """The steps of a phase, recorded once for each size of batch.

    A step finds its images by a counter on the device in a chunk of the epoch, which the same calls have augmented
    that the eager loop makes; its learning rates by another counter in a table of the epoch. It adds to sums that stay
    on the device.

    Args:
        run: A run whose recipe `why_eager` has nothing against.
        stage: The phase that is trained.
        recorder: Records a step.
    """

    def __init__(self, run: Setup, stage: Stage, recorder: Recorder) -> None:
        if not isinstance(run.training, TrainingImages):
            raise TypeError("mixed batches are not recorded")
        self.run = run
        self.stage = stage
        self._images = run.training
        self._without_average = replace(run, average=None)  # its share of an update is a number of the host
        self._recorder: Recorder | None = recorder
        self._replays: dict[int, Callable[[], None]] = {}
        self._taken: dict[int, int] = {}
        device, steps = run.device, run.training.steps
        self._on_device = torch.float32 if device.type == "cuda" else torch.float64
        groups = stage.optimizer.param_groups
        # where the epoch and its chunk are, in steps
        self._step = torch.zeros(1, dtype=torch.int64, device=device)
        self._row = torch.zeros(1, dtype=torch.int64, device=device)
        self._offsets = torch.arange(run.recipe.data.batch_size, device=device)
        self._chunk: tuple[Tensor, Tensor] | None = None
        self._table = torch.zeros(steps, len(groups), dtype=self._on_device, device=device)
        self._rates = torch.zeros(len(groups), dtype=self._on_device, device=device)
        self._rate_of = [self._rates[place] for place in range(len(groups))]
        #: Learning rate of the first parameter group in each step of the epoch.
        self.rates: list[float] = []
        #: Sum of the losses of the epoch's images so far, float64, a scalar.
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        #: Images of the epoch that were classified right so far, int64, a scalar.
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        #: Mean loss of the last batch, a scalar.
        self.loss = torch.zeros((), device=device)
        #: L2 norm of each step's gradient, (steps,); only written where it is kept.
        self.norms = torch.zeros(steps, device=device)

    def batches(self, epoch: int) -> Iterator[int]:
        """Make an epoch ready, counted from 1, and give the size of each batch; `take` is called for each."""
        self._step.zero_()
        self.loss_sum.zero_()
        self.correct.zero_()
        self._write_rates(0, [self._rates_now()])
        for chunk in self._images.chunks(epoch):
            self._load(chunk)
            yield from chunk.sizes

    def take(self, size: int) -> None:
        """Take the next step, on a batch of a size."""
        replay = self._replays.get(size)
        if replay is not None:
            replay()
        else:
            self._on_batch(size)
            self._taken[size] = self._taken.get(size, 0) + 1
            if self._taken[size] >= STEPS_BEFORE:
                self._record(size)
        if self.run.average is not None:
            self.run.average.update()
        if len(self.rates) == 1:
            self._write_rates(1, self._rates_to_come())

    def _record(self, size: int) -> None:
        if self._recorder is None:
            return
        try:
            self._replays[size] = self._recorder.record(
                lambda: self._on_batch(size), dropout_generators(self.run.model)
            )
        except NotRecorded as reason:
            log.warning("the steps of this job cannot be recorded and are taken one by one: %s", reason)
            self._recorder = None
            self._replays.clear()  # they draw from what the generators were before

    def _on_batch(self, size: int) -> None:
        """One step. All that differs from step to step is read from the device, and nothing is asked of it."""
        if self._chunk is None:
            raise AssertionError("a step follows its chunk")
        pixels, labels = self._chunk
        places = self._offsets[:size] + self._row * len(self._offsets)
        images = self.run.normalize(pixels.index_select(0, places))
        batch = Batch(images, labels.index_select(0, places), size)
        self._rates.copy_(self._table.index_select(0, self._step)[0])
        with self._rates_of_the_device():
            taken = take_step(self._without_average, self.stage, (batch,))
        self.loss_sum += taken.summed
        self.correct += taken.correct
        self.loss.copy_(taken.loss)
        if taken.norm is not None:
            self.norms.index_copy_(0, self._step, taken.norm.reshape(1))
        self._row += 1
        self._step += 1

    def _load(self, chunk: Chunk) -> None:
        """Put a chunk where steps find it, in the order of its batches."""
        if self._chunk is None:
            rows = min(self._images.steps_at_once, self._images.steps) * len(self._offsets)
            shape = (rows, *chunk.pixels.shape[1:])
            pixels = torch.zeros(shape, dtype=chunk.pixels.dtype, device=self.run.device)
            self._chunk = (pixels, torch.zeros(rows, dtype=torch.int64, device=self.run.device))
        for there, values in zip(self._chunk, (chunk.pixels, chunk.labels), strict=True):
            there[: len(values)].copy_(values)
        self._row.zero_()

    def _rates_now(self) -> list[float]:
        return [float(group["lr"]) for group in self.stage.optimizer.param_groups]

    def _rates_to_come(self) -> list[list[float]]:
        """The rates of the epoch's other steps; the schedule is then where the epoch's end finds it.

        PyTorch's schedules want a step to have been taken before they move.
        """
        rows = []
        for _ in range(self._images.steps):
            self.stage.schedule.after_step()
            rows.append(self._rates_now())
        return rows[:-1]

    def _write_rates(self, first: int, rows: list[list[float]]) -> None:
        self.rates[first:] = [row[0] for row in rows]
        if rows:
            values = [[self._as_stored(rate) for rate in row] for row in rows]
            self._table[first : first + len(rows)].copy_(torch.tensor(values, dtype=self._on_device))

    def _as_stored(self, rate: float) -> float:
        return single_precision(rate) if self._on_device == torch.float32 else rate

    @contextmanager
    def _rates_of_the_device(self) -> Iterator[None]:
        """Let the optimizer read its rates from the device; for schedules and checkpoints they stay plain numbers."""
        groups = self.stage.optimizer.param_groups
        before: list[dict[str, Any]] = [
            {key: group[key] for key in ("lr", "capturable") if key in group} for group in groups
        ]
        for group, rate in zip(groups, self._rate_of, strict=True):
            group["lr"] = rate
            if "capturable" in group:  # a promise that PyTorch wants before it lets Adam be recorded
                group["capturable"] = True
        try:
            yield
        finally:
            for group, values in zip(groups, before, strict=True):
                group.update(values)
