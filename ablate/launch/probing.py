"""How many workers run side by side on a GPU: doubled as long as they get more done together.

Rates decide how many run, never what they compute. Not yet measured on a GPU.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean

#: Least ratio of the rates of twice as many jobs to that of the jobs before, for the doubling to stay.
RISE = 1.05
#: Share of a GPU's memory that jobs may be expected to take.
MEMORY_SHARE = 0.9
#: What a process takes of a GPU beside what PyTorch's allocator counts, bytes: the CUDA context, and what is cached.
PROCESS_BYTES = 700 * 2**20
#: How many share a GPU where jobs are over before they can be measured; small networks leave most of a GPU idle.
UNMEASURED = 3


@dataclass(frozen=True, kw_only=True)
class Load:
    """Jobs that run side by side, each measured while all of them ran."""

    #: Training images a second of each, by the job's number.
    rates: Mapping[int, float]
    #: Most memory that each process has had from PyTorch's allocator, by the worker, bytes.
    memory: Mapping[str, int]
    #: Variants that they are of.
    variants: frozenset[str]


def gain(before: Load, after: Load) -> float:
    """Total rate of one load over that of another.

    Jobs of different variants have different rates, so those that are in both are compared with themselves: they stand
    for all. Where there are none the plain sums must do.
    """
    both = before.rates.keys() & after.rates.keys()
    if not both:
        return sum(after.rates.values()) / sum(before.rates.values())
    kept = fmean(after.rates[job] / before.rates[job] for job in both)
    return kept * len(after.rates) / len(before.rates)


@dataclass(kw_only=True)
class Probe:
    """Looks for the number of jobs on each device.

    It begins with one, doubles as long as the total rate rises by `RISE`, and takes the last step back. When nothing
    runs any more of what was measured, it goes on from there with what runs then.

    Args:
        most: Largest number on each device.
        memory: Of the smallest of the devices, bytes; None where it is not known.
    """

    most: int
    memory: int | None
    #: Jobs on each device that should run now.
    width: int = 1
    #: Whether the number was found for what runs now.
    settled: bool = False
    #: The widest load so far whose jobs paid, and its width.
    _best: Load | None = None
    _best_width: int = 0
    #: No more than this fit into memory, for what runs now.
    _ceiling: int | None = None
    #: Variants that were measured.
    _known: set[str] = field(default_factory=set)

    def measured(self, load: Load) -> int:
        """Take note of what runs at the present width; how many should run on each device from now on."""
        if self.settled and not self._known.isdisjoint(load.variants):
            return self.width
        if self.settled:  # a new mix
            self.settled, self._best, self._ceiling = False, None, None
        self._known |= load.variants
        if self._best is not None and gain(self._best, load) < RISE:
            self.width, self.settled = self._best_width, True
            return self.width
        self._best, self._best_width = load, self.width
        wider = min(2 * self.width, self.most if self._ceiling is None else self._ceiling)
        if wider > self.width and self._fits(load, wider):
            self.width = wider
        else:
            self.settled = True
        return self.width

    def out_of_memory(self, variants: Collection[str]) -> int:
        """A job found no memory: half as many, and not more again until others run than these variants."""
        self._known |= set(variants)
        self.width = self._ceiling = max(1, self.width // 2)
        self.settled = True
        return self.width

    def unmeasurable(self) -> int:
        """Jobs are over before they can be measured: the last number that paid, or one that suits small networks."""
        self.width = self._best_width or max(1, min(UNMEASURED, self.most, self._ceiling or self.most))
        self.settled = True
        return self.width

    def _fits(self, load: Load, width: int) -> bool:
        """Whether a device is expected to hold so many jobs, if the others are as large as those that run."""
        if self.memory is None or not load.memory:
            return True
        return width * (fmean(load.memory.values()) + PROCESS_BYTES) <= MEMORY_SHARE * self.memory
