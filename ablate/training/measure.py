"""What is measured about a run besides losses: parameters, work and memory."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_flops(model: nn.Module, example: Tensor) -> int:
    """Multiply-adds times two of one image's forward pass; convolutions and matrix products, as PyTorch counts them.

    Args:
        model: A network on the CPU.
        example: One example, (1, C, H, W).
    """
    training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(example)
    model.train(training)
    return int(counter.get_total_flops())


def count_parameters(model: nn.Module) -> int:
    """Numbers in all parameters, trained or not."""
    return sum(parameter.numel() for parameter in model.parameters())


def trainable_sizes(model: nn.Module) -> dict[str, int]:
    """Name and size of every parameter that takes a gradient."""
    return {name: parameter.numel() for name, parameter in model.named_parameters() if parameter.requires_grad}


def has_batch_norm(model: nn.Module) -> bool:
    """Whether training statistics over the batch are taken anywhere."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())


def peak_memory_bytes(device: torch.device | str) -> int:
    """Most memory in use so far: by PyTorch's allocator on a GPU, else by the whole process."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
