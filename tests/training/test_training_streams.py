"""Streams of random numbers: pure functions of (name, seed, epoch, index)."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from ablate.training.streams import Stream, below, seed_global_generators, uniform

MASK = 2**64 - 1


def philox4x64(counter: int, key: tuple[int, int]) -> list[int]:
    """Philox4x64-10 as Salmon et al. 2011 print it."""
    words = [(counter >> (64 * place)) & MASK for place in range(4)]
    low, high = key
    for _ in range(10):
        first, second = words[0] * 0xD2E7470EE14C6C93, words[2] * 0xCA5A826395121157
        words = [(second >> 64) ^ words[1] ^ low, second & MASK, (first >> 64) ^ words[3] ^ high, first & MASK]
        low, high = (low + 0x9E3779B97F4A7C15) & MASK, (high + 0xBB67AE8584CAA73B) & MASK
    return words


def test_the_reference_knows_the_published_answer():
    """Random123's known-answer file, the line for all zeros."""
    assert philox4x64(0, (0, 0)) == [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]


@pytest.mark.parametrize(("name", "seed", "epoch"), [("order", 0, 1), ("augment/random_crop/0", 7, 300)])
def test_words_are_philox_keyed_by_sha256_with_the_epoch_in_the_counter(name: str, seed: int, epoch: int):
    digest = hashlib.sha256(f"{name}/{seed}".encode()).digest()
    key = (int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little"))
    counter = epoch << 128
    expected = [word for block in (1, 2, 3) for word in philox4x64(counter + block, key)]
    assert Stream(name, seed).raw(epoch, 10).tolist() == expected[:10]


def test_numbers_do_not_change_from_version_to_version():
    """Pinned: results that are stored depend on them."""
    assert Stream("order", 0).permutation(1, 8).tolist() == [0, 7, 1, 3, 6, 5, 4, 2]
    assert Stream("init/stage1.conv1.weight", 3).integer() == 7570358235050243291


def test_a_permutation_holds_everything_once_and_differs_by_seed_epoch_and_name():
    orders = [
        Stream("order", 0).permutation(1, 1000),
        Stream("order", 1).permutation(1, 1000),
        Stream("order", 0).permutation(2, 1000),
        Stream("split", 0).permutation(1, 1000),
    ]
    for order in orders:
        assert sorted(order.tolist()) == list(range(1000))
    assert len({order.tobytes() for order in orders}) == len(orders)
    assert np.array_equal(orders[0], Stream("order", 0).permutation(1, 1000))


def test_an_examples_draws_do_not_depend_on_how_many_examples_there_are():
    assert np.array_equal(Stream("a", 1).draws(5, 1000, 3)[:7], Stream("a", 1).draws(5, 7, 3))


def test_uniform_and_below_are_uniform():
    words = Stream("a", 0).raw(1, 60_000)
    assert stats.kstest(uniform(words), "uniform").pvalue > 0.001
    counts = np.bincount(below(words, 9), minlength=9)
    assert len(counts) == 9
    assert stats.chisquare(counts).pvalue > 0.001


def test_the_largest_word_stays_inside():
    largest = np.array([2**64 - 1], dtype=np.uint64)
    assert uniform(largest)[0] < 1
    assert below(largest, 7)[0] == 6


def test_global_generators_are_seeded_by_seed_and_epoch():
    import random

    import torch

    def numbers(seed: int, epoch: int) -> tuple[float, float, float]:
        seed_global_generators("global", seed, epoch)
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    first = numbers(0, 1)
    assert numbers(0, 1) == first
    assert all(a != b for a, b in zip(numbers(0, 2), first, strict=True))
    assert all(a != b for a, b in zip(numbers(1, 1), first, strict=True))
