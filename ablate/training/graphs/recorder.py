"""What records a step: a CUDA graph, or on a processor, for tests, nothing at all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

#: One capture at a time in a process: PyTorch allows no more.
_one_at_a_time = threading.Lock()


class NotRecorded(Exception):  # noqa: N818 - an answer, not a mistake of anybody's
    """A step cannot be recorded; nothing that it works on has changed.

    What was recorded before with the same generators must not be replayed again: they may have got a new state.
    """


class Recorder(Protocol):
    """Records functions that work on tensors which stay where they are."""

    def record(self, step: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Note what a function does to its tensors, without doing it.

        Args:
            step: The function; it has been called before, so that all that is made at a first call is there.
            generators: What it draws from, beside the device's own generator.

        Returns:
            A function that does it, on the stream that is current then.

        Raises:
            NotRecorded: It does something that cannot be recorded.
        """
        ...


class Called:
    """Records nothing: the function itself is what is called again."""

    def record(self, step: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """The function."""
        return step


class CudaGraphs:
    """Records CUDA graphs of one job, in memory of their own.

    All graphs of a job share this memory: they are replayed one after the other, and each leaves what outlives it in
    tensors that were there before.

    Args:
        stream: Of the job; what is recorded there has run there.
    """

    def __init__(self, stream: torch.cuda.Stream) -> None:
        self._stream = stream
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, step: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """A graph's replay; see `Recorder`."""
        drawn_from = [*generators, torch.cuda.default_generators[self._stream.device_index]]
        states = [generator.get_state() for generator in drawn_from]
        with _one_at_a_time:
            graph = torch.cuda.CUDAGraph()
            try:
                for generator in generators:
                    graph.register_generator_state(generator)
                # other threads may go on with jobs of theirs
                with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
                    step()
            except Exception as error:
                self._clear(graph, drawn_from, states)
                raise NotRecorded(_first_cause(error)) from error
        return graph.replay

    def _clear(
        self, graph: torch.cuda.CUDAGraph, generators: Sequence[torch.Generator], states: Sequence[Tensor]
    ) -> None:
        """Bring allocator and generators back to where eager steps find them, after a capture that broke off.

        A capture that CUDA refuses to end leaves both in the middle of it. Each of these calls fails where there is
        nothing to clear.
        """
        device = self._stream.device_index
        with contextlib.suppress(Exception):
            torch._C._cuda_endAllocateToPool(device, self._pool)
            torch._C._cuda_releasePool(device, self._pool)
        with contextlib.suppress(Exception):
            graph.reset()
        for generator, state in zip(generators, states, strict=True):
            fresh = torch.Generator(generator.device)
            fresh.set_state(state)
            generator.graphsafe_set_state(fresh)


def _first_cause(error: BaseException) -> str:
    """What went wrong first; that the capture then could not be ended says little."""
    while error.__context__ is not None:
        error = error.__context__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def recorder_for(device: torch.device) -> Recorder | None:
    """What records steps on a device, on the stream that is current there; None on a processor."""
    return CudaGraphs(torch.cuda.current_stream(device)) if device.type == "cuda" else None
