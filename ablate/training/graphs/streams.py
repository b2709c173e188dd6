"""A CUDA stream for each job: what is recorded on one stream shares the workspace of its matrix library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: Streams of jobs that are over, by device: memory that PyTorch keeps for a stream is of use to the next job on it.
_idle: defaultdict[torch.device, list[torch.cuda.Stream]] = defaultdict(list)


@contextmanager
def own_stream(device: torch.device, wanted: bool) -> Iterator[None]:
    """Let everything within run on a stream that no other job of this process has, where that is wanted of a GPU."""
    if not wanted or device.type != "cuda":
        yield
        return
    idle = _idle[device]
    stream = idle.pop() if idle else torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    around = torch.cuda.current_stream(device)
    stream.wait_stream(around)
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        around.wait_stream(stream)
        idle.append(stream)
