"""The ranked metric against each kind of cost: which variants something cheaper beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ablate.report.costs import FLOPS, PARAMETERS, SECONDS, Cost, successful
from ablate.report.equal import common_device, on_device
from ablate.statistics import Standing, standings
from ablate.verdicts.analysis import Analysis

#: Costs whose largest is not more than so many times the smallest are told as equal: of wall times a tenth is noise.
SAME_TIME = 1.1


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A variant with its cost."""

    #: Key of the variant.
    key: str
    #: In the unit of the cost's heading.
    cost: float
    standing: Standing
    #: Key of the variant that the standing is against; empty where there is none.
    neighbour: str

    @property
    def verdict(self) -> str:
        """`front`, `dominated`, or `not separable`: of the neighbour, which costs no more."""
        if self.standing.on_front and (self.standing.separable or not self.neighbour):
            return "front"
        return "dominated" if self.standing.separable else "not separable"


@dataclass(frozen=True, kw_only=True)
class Pareto:
    """All variants against one kind of cost."""

    cost: Cost
    #: In the order of the study.
    candidates: tuple[Candidate, ...]
    #: The device model of times; empty for other costs.
    device: str
    #: Keys of variants without a place: seeds that diverged or failed, no value, or times on another device model.
    left_out: tuple[str, ...]

    @property
    def by_key(self) -> Mapping[str, Candidate]:
        """The candidates by their variant's key."""
        return {one.key: one for one in self.candidates}


def paretos(analysis: Analysis) -> tuple[Pareto, ...]:
    """One for each kind of cost in which variants differ: parameters, FLOPs, seconds a run."""
    found = [_pareto(analysis, cost) for cost in (PARAMETERS, FLOPS, SECONDS)]
    return tuple(one for one in found if one is not None)


def _pareto(analysis: Analysis, cost: Cost) -> Pareto | None:
    results = analysis.results
    run = [variant.key for variant in results.outline.variants if results.is_run(variant.key)]
    device = common_device(results, run) if cost.timed else ""
    known: dict[str, float] = {}
    for key in run:
        value = cost.of(successful(results, key))
        arm = analysis.arms[key]
        sound = bool(arm.values) and not arm.spoiled and (not cost.timed or on_device(results, key, device))
        if sound and value is not None:
            known[key] = value
    if len(known) < 2 or not _differ(list(known.values()), cost):
        return None
    keys = list(known)
    values = [[analysis.arms[key].values[seed] for seed in sorted(analysis.arms[key].values)] for key in keys]
    found = standings(list(known.values()), values, direction=results.outline.direction)
    return Pareto(
        cost=cost,
        candidates=tuple(
            Candidate(
                key=key,
                cost=known[key],
                standing=one,
                neighbour="" if one.neighbour is None else keys[one.neighbour],
            )
            for key, one in zip(keys, found, strict=True)
        ),
        device=device,
        left_out=tuple(key for key in run if key not in known),
    )


def _differ(costs: Sequence[float], cost: Cost) -> bool:
    return max(costs) > min(costs) * (SAME_TIME if cost.timed else 1)
