"""Trains the jobs of a pack: epochs in step, each job with its own order, draws, optimizer, schedule and end.

A place that becomes free is given to the next job at the end of an epoch, so that all batches of a step have one size.
What a job computes depends on its recipe, its seed and the number of places, never on its place or on who is beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ablate.errors import AblateError
from ablate.metrics import Outcome
from ablate.training.batches import Batch, EvaluationImages
from ablate.training.data import LATEST
from ablate.training.device import prepare_process
from ablate.training.ending import divergence
from ablate.training.evaluate import Measured, evaluate
from ablate.training.failures import Diverged, Stopped
from ablate.training.fused.certify import certify
from ablate.training.fused.network import Network, Unpackable
from ablate.training.fused.place import Member, Place
from ablate.training.setup import Setup, set_up

#: Numbers that a processor's vectors hold, or a part of them.
FULL = 8

__all__ = ["Crew", "Member", "Unpackable", "train_pack"]


class Crew(Protocol):
    """Whoever has a pack trained: it hears of ends, and sends new members into places that become free."""

    def ended(self, number: int, result: Outcome | Diverged | Exception) -> None:
        """A member is over: with its outcome, diverged, or broken before its first step."""

    def free(self, places: int) -> None:
        """So many more places are free, or will be after this epoch."""

    def joining(self, wait: bool) -> Sequence[Member]:
        """Members that have come since; with `wait` nothing is left to train, and none ends the pack."""

    def left(self) -> Collection[int]:
        """Numbers of members that are not wanted any more."""

    def should_stop(self) -> bool:
        """Whether to stop; asked before each step."""


def train_pack(
    members: Sequence[Member], crew: Crew, *, size: int, device: str, data_root: Path | None, threads: int
) -> None:
    """Train jobs of one pack as one stacked network, until none is left and none joins.

    PyTorch's thread count and its treatment of denormals are set for the process.

    Args:
        members: At most `size` jobs, see `ablate.recipe.packing`.
        crew: Who hears of them.
        size: Places of the network; the bits depend on it, as they do on the number of threads.
        device: `cpu` or `cuda:0`.
        data_root: Folder of the data sets; None means the default one.
        threads: Threads of PyTorch on the CPU.

    Raises:
        Unpackable: The jobs that have not ended must be trained alone: their network has no stacked form here, or a
            step failed for all of them.
        Stopped: The crew said so.
    """
    where = torch.device(device)
    prepare_process(where, threads)
    _Pack(crew, size, where, data_root).train(members)


class _Pack:
    """The jobs that are trained now, by place."""

    def __init__(self, crew: Crew, size: int, device: torch.device, data_root: Path | None) -> None:
        self._crew, self._size, self._device, self._data_root = crew, size, device, data_root
        self._network: Network | None = None
        self._places: dict[int, Place] = {}
        #: Members for which there is no place yet.
        self._waiting: list[Member] = []
        #: Places of which the crew was told that they will be free.
        self._announced: set[int] = set()

    def train(self, members: Sequence[Member]) -> None:
        """Epoch after epoch, until no member is left."""
        self._waiting = list(members)
        while True:
            self._take_in()
            if not self._places:
                self._waiting = list(self._crew.joining(wait=True))
                if not self._waiting:
                    return
                continue
            self._announce(number for number, place in self._places.items() if place.last_epoch)
            try:
                self._epoch()
            except (Stopped, Unpackable):
                raise
            except (RuntimeError, ValueError, MemoryError) as error:
                raise Unpackable(f"a step of the pack failed: {type(error).__name__}: {error}") from error
            for number in [n for n, place in self._places.items() if place.member.number in self._crew.left()]:
                self._vacate(number)
            self._waiting += self._crew.joining(wait=False)

    def _take_in(self) -> None:
        """Give the places that are free to members that wait."""
        while self._waiting and (number := self._free_place()) is not None:
            member = self._waiting.pop(0)
            if member.number in self._crew.left():
                self._announce([number])
                continue
            begun = time.perf_counter()
            try:
                run = self._set_up(member)
                if self._network is None:
                    self._network = _certified(run, self._size)
                place = Place(member, run, self._network, number)
            except (AblateError, OSError) as error:
                self._crew.ended(member.number, error)
                self._announce([number])
                continue
            taken = time.perf_counter() - begun
            place.progress.leave_out(-taken)  # its own set-up is a part of its time
            for other in self._places.values():  # they waited
                other.progress.leave_out(taken)
            self._places[number] = place
            self._announced.discard(number)
            if place.over:  # its last checkpoint was of its last epoch
                self._end(number)

    def _set_up(self, member: Member) -> Setup:
        dataset = LATEST.load(member.recipe.data, self._data_root, None)
        return set_up(member.recipe, dataset, seed=member.seed, device=self._device)

    def _free_place(self) -> int | None:
        return next((number for number in range(self._size) if number not in self._places), None)

    def _announce(self, numbers: Iterable[int]) -> None:
        fresh = set(numbers) - self._announced
        if fresh:
            self._announced |= fresh
            self._crew.free(len(fresh))

    def _vacate(self, number: int) -> None:
        del self._places[number]
        self._announce([number])

    def _end(self, number: int) -> None:
        place = self._places[number]
        begun, others = time.perf_counter(), [other for other in self._places.values() if other is not place]
        outcome = place.end(self._check)
        self._crew.ended(place.member.number, outcome)
        for other in others:  # they waited
            other.progress.leave_out(time.perf_counter() - begun)
        self._vacate(number)

    def _check(self) -> None:
        if self._crew.should_stop():
            raise Stopped(min(place.progress.epoch for place in self._places.values()))

    def _epoch(self) -> None:
        """One epoch of all members, their reports, and the ends of those that are done."""
        assert self._network is not None  # noqa: S101 - there are places
        live = [self._places[number] for number in sorted(self._places)]
        started = time.perf_counter()
        trained = _train_one_epoch(self._network, live, self._check)
        trained_seconds = time.perf_counter() - started
        validated = _measured(self._network, live, lambda run: run.validation, self._check)
        oracle = _measured(
            self._network,
            [place for place in live if place.run.recipe.training.oracle_curve],
            lambda run: run.test,
            self._check,
        )
        seconds = time.perf_counter() - started
        for place in live:
            custom = {}
            if place in oracle and math.isfinite(trained[place].loss):
                seen = oracle[place]
                custom = {"oracle_test_accuracy": seen.accuracy, "oracle_test_loss": seen.loss}
            metrics = place.complete(
                trained[place],
                validated.get(place) if math.isfinite(trained[place].loss) else None,
                custom,
                trained_seconds=trained_seconds,
                seconds=seconds,
                share=1 / len(live),
            )
            if not metrics.finite:
                self._crew.ended(place.member.number, Diverged(metrics.epoch, divergence(metrics), place.computed))
                self._vacate(place.number)
        for place in live:
            if place.number in self._places and place.over:
                self._end(place.number)


def _certified(run: Setup, size: int) -> Network:
    """An empty network of a run's architecture with at least `size` places.

    Some numbers of places do not fill the processor's vectors, and give the last place other bits; a multiple of eight
    is tried then.

    Raises:
        Unpackable: It would compute something else.
    """
    example = next(iter(run.test)).images[:1]
    whole, rest = run.recipe.data.batch_size, run.training.count % run.recipe.data.batch_size
    batches = [min(whole, run.training.count), *([rest] if rest else [])]
    try:
        certify(run.model, example, size, batches)
    except Unpackable:
        if size % FULL == 0:
            raise
        size += -size % FULL
        certify(run.model, example, size, batches)
    return Network(run.model, size)


def _train_one_epoch(network: Network, places: Sequence[Place], check: Callable[[], None]) -> dict[Place, Measured]:
    """The steps of an epoch of all members; loss and accuracy of the images as they were trained on."""
    for place in places:
        place.begin_epoch()
    network.train()
    rows = [place.number for place in places]
    losses = torch.zeros(network.size, dtype=torch.float64, device=network.rows.device)
    correct = torch.zeros(network.size, dtype=torch.int64, device=network.rows.device)
    for batches in zip(*(place.run.training.epoch(place.progress.epoch + 1) for place in places), strict=True):
        check()
        outputs = network(_spread([batch.images for batch in batches], rows, network.size))
        labels = torch.stack(_spread([batch.labels for batch in batches], rows, network.size))
        means = _losses(outputs, labels, batches, places)
        gradients = network.gradients(means[rows].sum())
        means = means.detach()
        for place in places:
            if place.progress.first_step_loss is None:
                place.progress.first_step_loss = float(means[place.number])
            place.step(gradients[place.number])
        losses += means.double() * labels.shape[1]
        correct += (outputs.detach().argmax(dim=2) == labels).sum(dim=1)
    sums, hits = losses.tolist(), correct.tolist()
    return {place: _mean(sums[place.number], hits[place.number], place.run.training.count) for place in places}


def _spread(values: Sequence[Tensor], rows: Sequence[int], size: int) -> list[Tensor]:
    """What members see, in their places; zeros in the others, so that shapes, and with them bits, never change."""
    if len(values) == size:
        return list(values)
    by_row, nothing = dict(zip(rows, values, strict=True)), torch.zeros_like(values[0])
    return [by_row.get(row, nothing) for row in range(size)]


def _losses(outputs: Tensor, labels: Tensor, batches: Sequence[Batch], places: Sequence[Place]) -> Tensor:
    """Mean loss of the batch in each place, nats, (K,).

    Args:
        outputs: Of the network, (K, B, classes).
        labels: Of the batches, (K, B).
        batches: Those of the members.
        places: Where these are.
    """
    smoothings = {_plain_smoothing(place, batch) for place, batch in zip(places, batches, strict=True)}
    if len(smoothings) == 1 and None not in smoothings:
        return _each_loss(outputs, labels, smoothing=smoothings.pop() or 0.0).mean(dim=1)
    means = dict.fromkeys(range(len(outputs)), outputs.new_zeros(()))
    for place, batch in zip(places, batches, strict=True):
        means[place.number] = place.run.objective(outputs[place.number], batch)
    return torch.stack(list(means.values()))


def _each_loss(outputs: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of each image, (K, B), of outputs (K, B, classes) and labels (K, B)."""
    losses = F.cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=smoothing)
    return losses.view(labels.shape)


def _plain_smoothing(place: Place, batch: Batch) -> float | None:
    """The smoothing of a loss that is plain cross-entropy; None of any other."""
    if batch.others is not None or place.run.objective.weighted:
        return None
    return place.run.recipe.training.label_smoothing


def _mean(loss: float, correct: int, count: int) -> Measured:
    return Measured(loss=loss / count, accuracy=correct / count)


@torch.no_grad()
def _measured(
    network: Network,
    places: Sequence[Place],
    portion: Callable[[Setup], EvaluationImages],
    check: Callable[[], None],
) -> dict[Place, Measured]:
    """Loss and accuracy of each member over images that all of them share; nothing where there are none.

    Members whose weights are averaged are measured one by one: their averages are networks of their own.
    """
    places = [place for place in places if portion(place.run).count]
    alone = [place for place in places if place.run.average is not None]
    found = {place: evaluate(place.run.judged, portion(place.run), place.run.loss, check)[0] for place in alone}
    rest = [place for place in places if place.run.average is None]
    if not rest:
        return found
    losses = torch.zeros(network.size, dtype=torch.float64, device=network.rows.device)
    correct = torch.zeros(network.size, dtype=torch.int64, device=network.rows.device)
    images = portion(rest[0].run)
    network.train(False)
    for batch in images:
        check()
        outputs = network([batch.images] * network.size)
        labels = batch.labels.expand(network.size, -1)
        losses += _each_loss(outputs, labels).sum(dim=1).double()
        correct += (outputs.argmax(dim=2) == labels).sum(dim=1)
    sums, hits = losses.tolist(), correct.tolist()
    return found | {place: _mean(sums[place.number], hits[place.number], images.count) for place in rest}
