"""What a variant costs: one number a variant for each kind of cost, and whether two may be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from ablate.protocol import JobState
from ablate.report import numbers
from ablate.store.records import RunRecord
from ablate.told import told
from ablate.verdicts.results import Results, finite, mean_of


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One kind of cost."""

    #: Name in JSON and in names of pictures.
    name: str
    #: Heading in tables and under axes.
    heading: str
    #: What one run cost, in the heading's unit.
    read: Callable[[RunRecord], float | None]
    #: The number as text.
    text: Callable[[float | None], str]
    #: Wall time: it belongs to a device model, is told by the median over seeds, and only of runs that were trained by
    #: themselves.
    timed: bool = False

    def of(self, runs: Sequence[RunRecord]) -> float | None:
        """The cost of a variant, from its runs: the mean, of wall times the median; None where it is not known."""
        counted = [run for run in runs if run.alone] if self.timed else runs
        known = [value for run in counted if (value := finite(self.read(run))) is not None]
        if self.timed:
            return median(known) if known else None
        return mean_of(known)


PARAMETERS = Cost(name="parameters", heading=told("parameters"), read=lambda run: run.parameters, text=numbers.count)
FLOPS = Cost(name="flops", heading=told("FLOPs / image"), read=lambda run: run.flops, text=numbers.count)
SECONDS = Cost(
    name="seconds", heading=told("s / run"), read=lambda run: run.seconds, text=numbers.significant, timed=True
)
SECONDS_PER_EPOCH = Cost(
    name="seconds_per_epoch",
    heading=told("s / epoch"),
    read=lambda run: run.seconds_per_epoch,
    text=numbers.significant,
    timed=True,
)


def successful(results: Results, key: str) -> list[RunRecord]:
    """A variant's runs that succeeded, by seed."""
    return [run for run in results.runs_of(key) if run.state == JobState.SUCCEEDED]


def device_models(runs: Sequence[RunRecord]) -> set[str]:
    """The models of processors or GPUs that runs were on, as far as known."""
    return {run.device_name for run in runs if run.device_name}
