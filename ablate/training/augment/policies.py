"""torchvision's augmentation policies, drawn for each image by itself.

They draw from PyTorch's global generator, so that is forked and seeded anew for each image; they run on the CPU, where
that generator lives. torchvision is imported at the first use: it takes one to three seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ablate.recipe.augment import AugMix, AutoAugment, RandAugment
from ablate.training.streams import Words, uniform


def auto_augment(images: Tensor, draws: Words, policy: AutoAugment) -> Tensor:
    """AutoAugment with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    return _each(images, draws, policy.p, v2.AutoAugment(v2.AutoAugmentPolicy(policy.policy)))


def rand_augment(images: Tensor, draws: Words, policy: RandAugment) -> Tensor:
    """RandAugment with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    return _each(images, draws, policy.p, v2.RandAugment(policy.operations, policy.magnitude))


def augmix(images: Tensor, draws: Words, policy: AugMix) -> Tensor:
    """AugMix with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    return _each(images, draws, policy.p, v2.AugMix(policy.severity, policy.width))


def _each(images: Tensor, draws: Words, p: float, transform: Callable[[Tensor], Any]) -> Tensor:
    """`transform` on the images that the first word chooses, each under a generator seeded by the second."""
    result = images.cpu().clone()
    chosen = (uniform(draws[:, 0]) < p).nonzero()[0]
    with torch.random.fork_rng(devices=[]):
        for example in chosen:
            torch.default_generator.manual_seed(int(draws[example, 1] >> 1))
            result[example] = transform(result[example])
    return result.to(images.device)
