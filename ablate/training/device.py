"""Settings of the process and the device that speed or bits depend on."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ablate.recipe import AlexNet, ConvNet, Recipe, ResNet

#: What `training.memory_format` means.
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
#: Has a GPU's matrix library take a workspace with which its sums are the same twice.
WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
#: glibc's parameters of `mallopt` and their values here: how much memory at the end of the heap is free before it goes
#: back to the system, and from which size on memory is had from the system by itself; bytes.
MALLOC = {-1: 256 * 2**20, -3: 32 * 2**20}


def prepare_process(device: torch.device, threads: int, *, tf32: bool = False) -> None:
    """Set PyTorch up for a run, for the whole process.

    Args:
        device: Where the run will be.
        threads: Threads on the CPU; one or two give different bits.
        tf32: Whether a GPU may round the factors of products.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # numbers that fade out cost up to a hundred times an ordinary one
    _keep_freed_memory()
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.cuda.reset_peak_memory_stats(device)
        torch.backends.cudnn.benchmark = False  # it would choose kernels by timing
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32


def _keep_freed_memory() -> None:
    """Have glibc keep what a step frees for the next one, which else gets it page by page; others' C libraries do."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for parameter, value in MALLOC.items():
            mallopt(parameter, value)


@contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Refuse operations that are not the same twice while this lasts, where that is wanted; then all is as it was."""
    name, value = WORKSPACE
    before = os.environ.get(name)
    enabled, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if wanted:
        os.environ.setdefault(name, value)
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        if wanted:
            torch.use_deterministic_algorithms(enabled, warn_only=warns)
            if before is None:
                os.environ.pop(name, None)


def choose_memory_format(recipe: Recipe, device: torch.device) -> torch.memory_format:
    """A fixed rule, because the format changes the last bits of the results.

    Channels last made the ConvNets on a CPU 1.0-1.7 times faster (8x8, 28x28 and 32x32 images, 6-64 channels, one
    thread of an x86-64 server, PyTorch 2.15), ResNet-20 and AlexNet 1.1-1.2 times, and torchvision's ResNet-18 0.9
    times.
    """
    if recipe.training.memory_format is not None:
        return FORMATS[recipe.training.memory_format]
    if device.type == "cpu" and isinstance(recipe.model, ConvNet | ResNet | AlexNet):
        return torch.channels_last
    return torch.contiguous_format
