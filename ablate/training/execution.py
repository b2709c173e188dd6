"""How a run is computed, for its provenance: what bits depend on, and what the machine could do at best."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from ablate.training.device import choose_memory_format
from ablate.training.setup import Setup

#: Side of the matrices whose product is timed, and products: a hundredth of a second of one core, less of a GPU.
SIDE = {"cpu": 384, "cuda": 4096}
PRODUCTS = 5


def execution(run: Setup, *, tier: str = "exact", k: int = 1) -> Mapping[str, Any]:
    """Plain values by name, see `Outcome.execution`.

    Args:
        run: A run that is set up.
        tier: `exact` or `fused`.
        k: Networks that are computed as one.
    """
    training = run.recipe.training
    last = choose_memory_format(run.recipe, run.device) is torch.channels_last
    return {
        "tier": tier,
        "k": k,
        "threads": torch.get_num_threads(),
        "memory_format": "channels_last" if last else "contiguous",
        "precision": training.precision,
        "peak_flops": peak_flops(run.device, torch.get_num_threads()),
    }


@cache
def peak_flops(device: torch.device, threads: int) -> float:
    """Multiply-adds times two a second of a large product of matrices in single precision; the best of a few.

    Args:
        device: Where it is measured.
        threads: PyTorch's, which are set already; a process measures once for each number.
    """
    side = SIDE[device.type]
    factor = torch.ones(side, side, device=device)
    best = float("inf")
    for _ in range(PRODUCTS + 1):  # the first one warms up
        started = time.perf_counter()
        torch.mm(factor, factor)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2.0 * side**3 / best
