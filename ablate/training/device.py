"""Settings of the process and the device that speed or bits depend on."""

from __future__ import annotations

import torch

from ablate.recipe import AlexNet, ConvNet, Recipe, ResNet


def prepare_process(device: torch.device, threads: int) -> None:
    """Set PyTorch up for a run, for the whole process.

    Args:
        device: Where the run will be.
        threads: Threads on the CPU; one or two give different bits.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # numbers that fade out cost up to a hundred times an ordinary one
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.cuda.reset_peak_memory_stats(device)
        torch.backends.cudnn.benchmark = False  # it would choose kernels by timing
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False


def choose_memory_format(recipe: Recipe, device: torch.device) -> torch.memory_format:
    """A fixed rule, because the format changes the last bits of the results.

    Channels last made the ConvNets on a CPU 1.0-1.7 times faster (8x8, 28x28 and 32x32 images, 6-64 channels, one
    thread of an x86-64 server, PyTorch 2.15), ResNet-20 and AlexNet 1.1-1.2 times, and torchvision's ResNet-18 0.9
    times.
    """
    if device.type == "cpu" and isinstance(recipe.model, ConvNet | ResNet | AlexNet):
        return torch.channels_last
    return torch.contiguous_format
