"""What is measured about a run besides losses: work, memory, and fingerprints that expose levels without effect."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ablate.recipe import Recipe
from ablate.training.batches import Normalizer


def count_flops(model: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Multiply-adds times two of one image's forward pass; convolutions and matrix products, as PyTorch counts them.

    Args:
        model: A network on the CPU.
        image_shape: (C, H, W).
    """
    training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *image_shape))
    model.train(training)
    return int(counter.get_total_flops())


def count_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Numbers in all parameters, or in those that take a gradient."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def has_batch_norm(model: nn.Module) -> bool:
    """Whether training statistics over the batch are taken anywhere."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory in use so far: by PyTorch's allocator on a GPU, else by the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def fingerprints(
    recipe: Recipe, model: nn.Module, normalize: Normalizer, first_step_loss: float | None
) -> Mapping[str, str]:
    """What tells recipes apart that train the same thing, see `Outcome.fingerprints`.

    `optimizer_groups` covers all that moves the weights: optimizer, schedule, and number of epochs.
    """
    training = recipe.training
    parameters = [(name, list(p.shape), p.requires_grad) for name, p in model.named_parameters()]
    return {
        "module_tree": _hash([str(model), parameters]),
        "optimizer_groups": _hash([training.optimizer.canonical(), training.scheduler.canonical(), training.epochs]),
        "transforms": _hash(
            [[step.canonical() for step in recipe.data.augment], normalize.mean.tolist(), normalize.std.tolist()]
        ),
        "first_step_loss": repr(first_step_loss),
    }


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
