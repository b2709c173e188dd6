"""torchvision's augmentations of colours and its policies, drawn for each image by itself.

They draw from PyTorch's global generator of the CPU, wherever the images are, so that is forked and seeded anew for
each image. torchvision is imported at the first use: it takes one to three seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ablate.recipe.augment import AugMix, AutoAugment, ColorJitter, RandAugment, TrivialAugment
from ablate.training.streams import Words, uniform


def color_jitter(images: Tensor, draws: Words, jitter: ColorJitter) -> Tensor:
    """Brightness, contrast, saturation and hue in a random order; 1 word. Grey images have no saturation and no hue."""
    from torchvision.transforms import v2

    transform = v2.ColorJitter(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    return _each(images, draws, transform)


def auto_augment(images: Tensor, draws: Words, policy: AutoAugment) -> Tensor:
    """AutoAugment with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    return _some(images, draws, policy.p, v2.AutoAugment(v2.AutoAugmentPolicy(policy.policy)))


def rand_augment(images: Tensor, draws: Words, policy: RandAugment) -> Tensor:
    """RandAugment with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    return _some(images, draws, policy.p, v2.RandAugment(policy.operations, policy.magnitude))


def trivial_augment(images: Tensor, draws: Words, policy: TrivialAugment) -> Tensor:
    """TrivialAugment with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    return _some(images, draws, policy.p, v2.TrivialAugmentWide())


def augmix(images: Tensor, draws: Words, policy: AugMix) -> Tensor:
    """AugMix with probability `policy.p`; 2 words."""
    from torchvision.transforms import v2

    class OnAnyDevice(v2.AugMix):  # type: ignore[misc]
        """Draws its mixing weights on the CPU, as all the others do, so that they are seeded."""

        def _sample_dirichlet(self, params: Tensor) -> Tensor:
            weights: Tensor = super()._sample_dirichlet(params.cpu())
            return weights.to(params.device)

    return _some(images, draws, policy.p, OnAnyDevice(policy.severity, policy.width))


def _some(images: Tensor, draws: Words, p: float, transform: Callable[[Tensor], Any]) -> Tensor:
    """`transform` on the images that the first word chooses, under generators seeded by the second."""
    chosen = (uniform(draws[:, 0]) < p).nonzero()[0]
    places = torch.from_numpy(chosen).to(images.device)
    return images.index_copy(0, places, _each(images[places], draws[chosen, 1:], transform))


def _each(images: Tensor, draws: Words, transform: Callable[[Tensor], Any]) -> Tensor:
    """`transform` on each image, under a generator seeded by its word."""
    result = torch.empty_like(images, memory_format=torch.contiguous_format)
    with torch.random.fork_rng(devices=[]):
        for place, word in enumerate(draws[:, 0] >> 1):
            torch.default_generator.manual_seed(int(word))
            result[place] = transform(images[place])
    return result
