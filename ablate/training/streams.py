"""Independent random streams whose every number is a pure function of (stream name, seed, epoch, index).

The numbers come from `words.py`; here stands what needs PyTorch. There is no generator state to save: a resumed run
draws what an undisturbed one would have drawn. Variants are never part of a key: equal seeds mean common random numbers
across the variants of a study.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch

from ablate.training.words import Words, WordStream, below, below_each, uniform

__all__ = ["Stream", "Words", "below", "below_each", "seed_global_generators", "uniform"]


@dataclass(frozen=True)
class Stream(WordStream):
    """A stream of words that can also seed a generator of PyTorch."""

    def generator(self, epoch: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
        """A generator of PyTorch that starts where this stream and epoch say."""
        return torch.Generator(device=device).manual_seed(self.integer(epoch))


def seed_global_generators(name: str, seed: int, epoch: int = 0) -> None:
    """Seed the global generators of Python, NumPy and PyTorch (all devices), for code that draws from nothing else."""
    value = Stream(name, seed).integer(epoch)
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002 - the legacy generator is the one that foreign code uses
    torch.manual_seed(value)
