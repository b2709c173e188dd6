"""Random 64-bit words that are a pure function of (stream name, seed, epoch, index). Imports no PyTorch.

A stream's key is SHA-256 of its name and the seed index; the bit generator is NumPy's Philox4x64-10 (Salmon et al.
2011), whose counter carries the epoch. Only `random_raw` is used, which NumPy keeps stable from version to version.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class WordStream:
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


def uniform(words: Words) -> npt.NDArray[np.float64]:
    """Words as uniform numbers in [0, 1), 53 bits each."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(words: Words, bound: int) -> npt.NDArray[np.int64]:
    """Words as uniform integers in [0, bound) for bound <= 2^32; the bias is at most bound / 2^32."""
    return (((words >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)


def below_each(words: Words, bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Words as uniform integers, each in [0, bound) of its own bound."""
    return (((words >> np.uint64(32)) * bounds.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)


def _digest(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{name}/{seed}".encode()).digest()
