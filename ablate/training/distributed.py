"""One job spread over several devices of a machine: a process for each, started through torchrun's API.

The processes train in step by DistributedDataParallel (Li et al. 2020) and take equal parts of each batch, so that
batch size and learning rate stay what the recipe says. The first one evaluates, and talks to the caller over a pipe:

    rank 0 -> Epoch -> caller; caller -> "state" -> rank 0 -> checkpoint -> caller; caller -> "go" -> rank 0
    rank 0 -> Alive -> caller; caller -> "stop" -> rank 0; any rank -> Ended -> caller

Batch normalisation takes its statistics over each device's part of a batch.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.nn.parallel import DistributedDataParallel

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import Recipe
from ablate.training.failures import Diverged, Killed, RecipeError, Stopped
from ablate.training.group import Group
from ablate.training.weights import Keeping

#: How long the caller waits for news before it looks whether the processes are there, seconds.
LOOK_SECONDS = 0.05
#: Least time between two signs of life, seconds: at each the caller asks whether to stop.
ALIVE_SECONDS = 0.2
#: How long the processes have to end after one has, seconds.
END_SECONDS = 30.0
#: How long a process waits for the others. PyTorch's ten minutes are short for the evaluations of the first one, and a
#: process that is gone is noticed at once by those who started it.
PATIENCE = timedelta(days=7)


class Ranks(Group):
    """This process among those that `elastic_launch` started."""

    def __init__(self, device: torch.device) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self._device = device

    def parallel(self, model: nn.Module) -> nn.Module:
        """The network whose gradients are averaged over the processes."""
        return DistributedDataParallel(model, device_ids=[self._device] if self._device.type == "cuda" else None)

    def averaging(self, model: nn.Module, now: bool) -> AbstractContextManager[object]:
        """Forward and backward passes within it average the gradients over the processes, or add up one's own."""
        if isinstance(model, DistributedDataParallel) and not now:
            return model.no_sync()
        return contextlib.nullcontext()

    def total(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    def told(self, values: Sequence[float] | None) -> Sequence[float]:
        """What the first process says, known to all; the others pass None. Two numbers."""
        said = torch.tensor(values or (0.0, 0.0), dtype=torch.float64, device=self._device)
        dist.broadcast(said, src=0)
        return tuple(said.tolist())


@dataclass(frozen=True, kw_only=True)
class Order:
    """What each process is to train; the keywords of `loop.train`."""

    recipe: Recipe
    seed: int
    #: A device for each process.
    devices: tuple[str, ...]
    data_root: Path | None
    #: A checkpoint as `torch.save` writes it; None to start at the beginning.
    resume: bytes | None
    threads: int
    code_root: Path | None
    keeping: Keeping | None = None


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """From the first process: an epoch was trained; it waits for "state" or "go"."""

    metrics: EpochMetrics


@dataclass(frozen=True)
class Alive:
    """From the first process: it is about to begin a batch."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """From a process: it has nothing more to do, for whatever reason."""

    outcome: Outcome | None = None
    #: Last completed epoch of a run that was asked to stop.
    stopped: int | None = None
    #: Epoch and message of a run that diverged.
    diverged: tuple[int, str] | None = None
    error: BaseException | None = None
    #: The error's traceback.
    details: str = ""


def packed(state: Mapping[str, Any]) -> bytes:
    """A checkpoint as `torch.save` writes it: PyTorch would send tensors by shared memory, scarce in containers."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def spread(device: str, count: int) -> tuple[str, ...]:
    """A device for each process.

    Args:
        device: `cpu`, or GPUs with commas between them.
        count: Number of processes.

    Raises:
        RecipeError: There are fewer GPUs than processes.
    """
    given = tuple(device.split(","))
    if given == ("cpu",):
        return given * count
    if len(given) < count:
        raise RecipeError(
            f"`training.devices = {count}`, but this worker has {device}",
            cure=f"Start it with {count} GPUs, as `ablate worker --device {','.join(map(str, range(count)))}`.",
        )
    return given[:count]


def train_spread(
    order: Order,
    *,
    on_epoch: Callable[[EpochMetrics, Callable[[], dict[str, Any]]], None] | None,
    should_stop: Callable[[], bool],
) -> Outcome:
    """Train a job over several processes; arguments and errors as of `loop.train`."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in order.devices]
    # The ranks end when its other end closes, however this process went.
    watched, lifeline = context.Pipe(duplex=False)
    ours, theirs = [mine for mine, _ in pipes], [other for _, other in pipes]
    exits: list[int] = []
    others = set(multiprocessing.active_children())
    ranks: set[BaseProcess] = set()
    launch = threading.Thread(target=_launch, args=(order, theirs, watched, exits), name="ablate-ranks", daemon=True)
    launch.start()
    try:
        try:
            ended = _followed(launch, ours, theirs[0], ranks, on_epoch, should_stop)
        except Killed as error:  # while a checkpoint was asked for
            ended = Ended(error=error)
        if ended.outcome is not None or ended.error is not None:
            launch.join(END_SECONDS)
        if ended.error is not None and _is_consequence(ended):
            # of processes that end at the same moment PyTorch tells one, which may not be the one that was first
            exits += [rank.exitcode for rank in ranks - others if rank.exitcode is not None]
        if any(code == -signal.SIGKILL for code in exits):
            raise Killed("a process of this job was ended by SIGKILL, probably for want of memory")
        return _result(ended)
    finally:
        lifeline.close()
        launch.join(END_SECONDS)
        for connection in (*ours, *theirs, watched):
            connection.close()


def _launch(order: Order, theirs: list[Connection], watched: Connection, exits: list[int]) -> None:
    """Start the processes and wait for them; `exits` gets the statuses of those that failed."""
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=len(order.devices),
        run_id=f"ablate-{os.getpid()}-{time.monotonic_ns()}",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=os.devnull),  # else each job would leave a folder behind
    )
    # What they say of processes that ended is known from themselves.
    for name in ("torch.distributed.elastic", "torch.multiprocessing.spawn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        elastic_launch(config, _rank)(order, theirs, watched)
    except ChildFailedError as failed:
        exits += [failure.exitcode for failure in failed.failures.values()]


def _followed(
    launch: threading.Thread,
    ours: Sequence[Connection],
    other_end: Connection,
    ranks: set[BaseProcess],
    on_epoch: Callable[[EpochMetrics, Callable[[], dict[str, Any]]], None] | None,
    should_stop: Callable[[], bool],
) -> Ended:
    """Pass on what the processes say until one has ended.

    Args:
        launch: The thread that waits for the processes.
        ours: This process's ends of their pipes.
        other_end: The first one's end of its pipe. It is closed here as soon as that process has it, so that the pipe
            breaks when that process dies.
        ranks: Gets the processes, once they work together.
        on_epoch: As of `loop.train`.
        should_stop: As of `loop.train`.
    """
    first, told = ours[0], False

    def state() -> dict[str, Any]:
        try:
            first.send("state")
            content = first.recv_bytes()
        except (EOFError, ConnectionError) as error:
            raise Killed("a process of this job ended without a word") from error
        loaded: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
        return loaded

    while True:
        alive = launch.is_alive()
        ready = [connection for connection in wait(ours, timeout=LOOK_SECONDS) if isinstance(connection, Connection)]
        messages = [(connection, _heard(connection)) for connection in ready]
        if ends := [message for _, message in messages if isinstance(message, Ended)]:
            return min(ends, key=_is_consequence)
        if messages and not ranks:
            ranks.update(multiprocessing.active_children())
        for connection, message in messages:
            other_end.close()
            if isinstance(message, Alive):
                if not told and should_stop():  # asked only while they go on: to ask is a sign of life
                    told = True
                    with contextlib.suppress(ConnectionError):  # as below
                        connection.send("stop")
                continue
            if on_epoch is not None and isinstance(message, Epoch):
                on_epoch(message.metrics, state)
            with contextlib.suppress(ConnectionError):  # its end is seen at the next look
                connection.send("go")
        if not alive and not ready:
            return Ended(error=Killed("the processes of this job ended without a word"))


def _heard(connection: Connection) -> Ended | Epoch | Alive:
    try:
        message: Ended | Epoch | Alive = connection.recv()
    except EOFError:
        message = Ended(error=Killed("a process of this job ended without a word"))
    return message


def _is_consequence(ended: Ended) -> bool:
    """Whether an error is likely to be what a process sees when another one has failed."""
    return type(ended.error) in (RuntimeError, dist.DistBackendError, dist.DistNetworkError, Killed)


def _result(ended: Ended) -> Outcome:
    if ended.stopped is not None:
        raise Stopped(ended.stopped)
    if ended.diverged is not None:
        raise Diverged(*ended.diverged)
    if ended.outcome is not None:
        return ended.outcome
    error = ended.error or RuntimeError("a process of this job failed")
    error.add_note(ended.details)
    raise error


def _rank(order: Order, pipes: Sequence[Connection], watched: Connection) -> None:
    """One of the processes."""
    threading.Thread(target=_end_with, args=(watched,), name="ablate-lifeline", daemon=True).start()
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1)  # by which a supervisor asks where everybody is
    rank = int(os.environ["RANK"])
    caller = pipes[rank]
    try:
        ended = _trained(order, rank, caller)
    except Stopped as stop:
        ended = Ended(stopped=stop.epoch)
    except Diverged as finding:
        ended = Ended(diverged=(finding.epoch, finding.message))
    except BaseException as error:  # noqa: BLE001 - whatever it is, `sys.exit` too, the caller is told
        ended = Ended(error=error, details=traceback.format_exc())
    if ended.outcome is not None or ended.error is not None or rank == 0:
        _tell(caller, ended)
    if ended.outcome is None and (rank == 0 or ended.error is not None):
        raise SystemExit(1)  # the others wait for this one, and are ended


def _trained(order: Order, rank: int, caller: Connection) -> Ended:
    from ablate.training.loop import train_here  # which imports this module where a recipe asks for it

    device = torch.device(order.devices[rank])
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)

    def on_epoch(metrics: EpochMetrics, state: Callable[[], dict[str, Any]]) -> None:
        caller.send(Epoch(metrics=metrics))
        while (word := caller.recv()) != "go":
            if word == "state":
                caller.send_bytes(packed(state()))
            else:
                asked.append(word)

    asked: list[str] = []
    due = 0.0  # when the next sign of life is

    def should_stop() -> bool:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + ALIVE_SECONDS
            caller.send(Alive())
        return bool(asked) or (caller.poll() and caller.recv() == "stop")

    resume: Mapping[str, Any] | None = None
    if order.resume is not None:
        resume = torch.load(io.BytesIO(order.resume), weights_only=True)
    outcome = train_here(
        order.recipe,
        seed=order.seed,
        device=device,
        data_root=order.data_root,
        on_epoch=on_epoch if rank == 0 else None,
        should_stop=should_stop if rank == 0 else lambda: False,
        resume=resume,
        threads=order.threads,
        code_root=order.code_root,
        group=Ranks(device),
        keeping=order.keeping,
    )
    dist.barrier()  # the first one tests; nobody leaves before
    dist.destroy_process_group()
    return Ended(outcome=outcome)


def _tell(caller: Connection, ended: Ended) -> None:
    """Send the end; an error of a class that the caller may not know is sent as its text."""
    error = ended.error
    if error is not None and type(error).__module__.partition(".")[0] not in ("builtins", "torch", "ablate"):
        ended = replace(ended, error=RuntimeError(f"{type(error).__name__}: {error}"))
    with contextlib.suppress(OSError):  # nobody listens any more
        caller.send(ended)


def _end_with(watched: Connection) -> None:
    """End this process when the other end of a pipe closes."""
    with contextlib.suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)
