"""Independent random streams whose every number is a pure function of (stream name, seed, epoch, index).

A stream's key is SHA-256 of its name and the seed index; the bit generator is NumPy's Philox4x64-10 (Salmon et al.
2011), whose counter carries the epoch. So there is no generator state to save: a resumed run draws what an undisturbed
one would have drawn. Only `random_raw` is used, which NumPy keeps stable from version to version. Variants are never
part of a key: equal seeds mean common random numbers across the variants of a study.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Stream:
    """One stream of random 64-bit words for each epoch."""

    #: What the numbers are for, as `order` or `augment/random_crop`.
    name: str
    #: Seed index.
    seed: int

    def raw(self, epoch: int, count: int) -> Words:
        """The first `count` words of an epoch, shape (count,)."""
        key = np.frombuffer(_digest(self.name, self.seed), dtype="<u8", count=2)
        counter = np.array([0, 0, epoch, 0], dtype=np.uint64)
        words: Words = np.random.Philox(key=key, counter=counter).random_raw(count)
        return words

    def permutation(self, epoch: int, n: int) -> npt.NDArray[np.int64]:
        """A random order of 0..n-1, shape (n,)."""
        return np.argsort(self.raw(epoch, n), kind="stable").astype(np.int64)

    def draws(self, epoch: int, n: int, words: int) -> Words:
        """`words` random words for each of n examples, shape (n, words); row i depends on (seed, epoch, i) only."""
        return self.raw(epoch, n * words).reshape(n, words)

    def integer(self, epoch: int = 0) -> int:
        """One number in [0, 2^63), to seed a generator with."""
        return int(self.raw(epoch, 1)[0] >> np.uint64(1))

    def generator(self, epoch: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
        """A generator of PyTorch that starts where this stream and epoch say."""
        return torch.Generator(device=device).manual_seed(self.integer(epoch))


def uniform(words: Words) -> npt.NDArray[np.float64]:
    """Words as uniform numbers in [0, 1), 53 bits each."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(words: Words, bound: int) -> npt.NDArray[np.int64]:
    """Words as uniform integers in [0, bound) for bound <= 2^32; the bias is at most bound / 2^32."""
    return (((words >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)


def seed_global_generators(name: str, seed: int, epoch: int = 0) -> None:
    """Seed the global generators of Python, NumPy and PyTorch (all devices), for code that draws from nothing else."""
    value = Stream(name, seed).integer(epoch)
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002 - the legacy generator is the one that foreign code uses
    torch.manual_seed(value)


def _digest(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{name}/{seed}".encode()).digest()
