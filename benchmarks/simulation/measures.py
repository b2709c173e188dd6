"""Shares of wrong verdicts, power and cost, counted over many studies of one world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.draws import Bools, Floats, World, batches
from benchmarks.simulation.formulas import Tested, auto, judged, wrong
from benchmarks.simulation.looks import Plan, adaptive, most_baseline_seeds

#: Verdicts of some studies from their tests: what differs, what is equivalent.
Judge = Callable[[Tested], tuple[Bools, Bools]]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a procedure did in one world."""

    #: Share of studies with any wrong verdict.
    wrong: float
    #: Share of studies in which each variant was claimed to differ with the right sign, (k,).
    power: Floats
    #: Mean runs of a study, the baseline's among them.
    runs: float
    #: Mean seeds of a variant.
    seeds: float


def fixed(
    truth: World,
    n: int,
    studies: int,
    rng: np.random.Generator,
    *,
    margin: float | None = None,
    judge: Judge | None = None,
) -> Measured:
    """Every arm with n seeds, judged by the default; `judge` takes its place where another rule is asked for."""
    mistakes, found = 0, np.zeros(truth.k)
    for batch in batches(studies):
        tested = auto(*truth.draw(rng, batch, n, n))
        differs, equivalent = judged(tested, margin=margin) if judge is None else judge(tested)
        mistakes += int(wrong(truth.shifts, differs, equivalent, tested.delta, margin).sum())
        found += (differs & (np.sign(tested.delta) == np.sign(truth.shifts))).sum(axis=0)
    return Measured(wrong=mistakes / studies, power=found / studies, runs=n * (truth.k + 1), seeds=n)


def by_looks(truth: World, plan: Plan, studies: int, rng: np.random.Generator, *, test: str = "auto") -> Measured:
    """Seeds as the adaptive plan asks for them."""
    mistakes, found, runs, seeds = 0, np.zeros(truth.k), 0.0, 0.0
    for batch in batches(studies):
        base, arms = truth.draw(rng, batch, plan.looks[-1], most_baseline_seeds(plan, truth.k))
        outcome = adaptive(base, arms, plan, test=test)
        mistakes += int(wrong(truth.shifts, outcome.differs, outcome.equivalent, outcome.delta, plan.margin).sum())
        found += (outcome.differs & (np.sign(outcome.delta) == np.sign(truth.shifts))).sum(axis=0)
        runs, seeds = runs + float(outcome.runs.sum()), seeds + float(outcome.seeds.mean(axis=1).sum())
    return Measured(wrong=mistakes / studies, power=found / studies, runs=runs / studies, seeds=seeds / studies)
