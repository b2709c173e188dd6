"""interim"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn


def freeze(model: nn.Module, patterns: Sequence[str], but: Sequence[str] = ()) -> None:
    """X"""
    for name, parameter in model.named_parameters():
        off = any(fnmatchcase(name, p) for p in patterns) and not any(fnmatchcase(name, p) for p in but)
        parameter.requires_grad_(not off)


def training_mode(model: nn.Module) -> None:
    """X"""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not any(
            p.requires_grad for p in module.parameters()
        ):
            module.eval()
