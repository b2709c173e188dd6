"""The adaptive procedure of `ablate.statistics` over arrays of studies.

Looks with weights, Holm over all k, decisions for good, futility.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from benchmarks.simulation.draws import Bools, Floats
from benchmarks.simulation.formulas import Tested, holm, paired, welch, worth_pairing

#: Chance of still being found below which a comparison gets no more seeds.
FUTILE = 0.05
#: What is left of alpha where the baseline has more seeds than the variants.
CALIBRATED = 0.85


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is frozen before the first result."""

    looks: tuple[int, ...] = (5, 8, 12, 20)
    #: The baseline gets as many seeds as a variant: less power, and no need of a smaller alpha.
    strict: bool = False
    alpha: float = 0.05
    #: What alpha is multiplied with where the baseline has more seeds.
    calibration: float = CALIBRATED
    #: Differences smaller than this are as good as none; None: "equivalent" is never said.
    margin: float | None = None
    #: Whether hopeless comparisons are stopped.
    futility: bool = True

    @property
    def weights(self) -> Floats:
        """Share of alpha that each look gets, (J,)."""
        squares = np.square(np.asarray(self.looks, dtype=float))
        return squares / squares.sum()

    def baseline_seeds(self, n: int, k: int, *, is_paired: bool) -> int:
        """Seeds of the baseline at a look at n seeds of the variants."""
        return math.ceil(self.multiple(k, is_paired=is_paired) * n)

    def multiple(self, k: int, *, is_paired: bool) -> int:
        """Seeds of the baseline for each seed of a variant."""
        return 1 if is_paired or self.strict or k < 3 else 2

    def level(self, k: int, *, is_paired: bool) -> float:
        """The alpha by which families are judged."""
        return self.alpha * (self.calibration if self.multiple(k, is_paired=is_paired) > 1 else 1.0)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How studies ended."""

    #: Claimed to differ, claimed to be equivalent, stopped early without a verdict; (S, k) each.
    differs: Bools
    equivalent: Bools
    stopped: Bools
    #: Differences at the look that settled each comparison, (S, k).
    delta: Floats
    #: Seeds of each variant, (S, k).
    seeds: Floats
    #: Seeds of the baseline, (S,).
    base_seeds: Floats
    #: p-values of the differences after all looks, adjusted over looks and family, and calibrated, (S, k).
    p: Floats
    #: Studies with the paired test, (S,).
    is_paired: Bools

    @property
    def runs(self) -> Floats:
        """Jobs of each study, the baseline's among them, (S,)."""
        return self.seeds.sum(axis=1) + self.base_seeds


def most_baseline_seeds(plan: Plan, k: int) -> int:
    """Seeds of the baseline that `adaptive` may ask for."""
    return plan.baseline_seeds(plan.looks[-1], k, is_paired=False)


def adaptive(base: Floats, arms: Floats, plan: Plan, *, test: str = "auto") -> Outcome:
    """Follow the plan through studies whose seeds are all drawn already.

    Args:
        base: The baseline's values, (S, m): `most_baseline_seeds` of them.
        arms: The variants' values, (S, k, n), n of the last look.
        plan: Looks and strictness.
        test: `auto` decides between `welch` and `paired` after the first look, once for each study.
    """
    first = plan.looks[0]
    chosen = worth_pairing(base, arms[:, :, :first]) if test == "auto" else np.full(len(base), test == "paired")
    parts = [
        (np.flatnonzero(chosen == pairing), _follow(base[chosen == pairing], arms[chosen == pairing], plan, pairing))
        for pairing in (False, True)
    ]
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    joined = {
        name: np.concatenate([getattr(outcome, name) for _, outcome in parts])[order]
        for name in ("differs", "equivalent", "stopped", "delta", "seeds", "base_seeds", "p", "is_paired")
    }
    return Outcome(**joined)


def _follow(base: Floats, arms: Floats, plan: Plan, is_paired: bool) -> Outcome:
    shape, k = arms.shape[:2], arms.shape[1]
    alpha = plan.level(k, is_paired=is_paired)
    differs, equivalent, stopped = (np.zeros(shape, dtype=bool) for _ in range(3))
    p_differs, p_equivalent = np.ones(shape), np.ones(shape)
    sign, delta, seeds, base_seeds = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[0])
    for number, (n, weight) in enumerate(zip(plan.looks, plan.weights, strict=True)):
        is_open = ~(differs | equivalent)
        going = is_open & ~stopped
        n_base = plan.baseline_seeds(n, k, is_paired=is_paired)
        tested = (paired if is_paired else welch)(base[:, :n_base], arms[:, :, :n])
        seeds, delta = np.where(going, n, seeds), np.where(going, tested.delta, delta)
        base_seeds = np.where(going.any(axis=1), n_base, base_seeds)
        smaller = going & (tested.p / weight < p_differs)
        p_differs, sign = np.where(smaller, tested.p / weight, p_differs), np.where(smaller, np.sign(delta), sign)
        if plan.margin is None:
            real, same = holm(p_differs) <= alpha, np.zeros(shape, dtype=bool)
        else:
            p_equivalent = np.where(
                going, np.minimum(p_equivalent, tested.p_equivalence(plan.margin) / weight), p_equivalent
            )
            real, same = k * p_differs <= alpha, is_open & (k * p_equivalent <= alpha)
        # a difference that has turned since the look that speaks for it is no verdict
        differs |= is_open & real & (same | (sign * delta >= 0))
        equivalent |= same
        if plan.futility and 1 <= number < len(plan.looks) - 1:
            going &= ~(differs | equivalent)
            chance = _chance(base[:, :n_base], arms[:, :, :n], tested, plan, is_paired=is_paired)
            stopped |= going & (chance < FUTILE)
    return Outcome(
        differs=differs,
        equivalent=equivalent,
        stopped=stopped & ~(differs | equivalent),
        delta=delta,
        seeds=seeds,
        base_seeds=base_seeds,
        p=np.minimum(1, (holm(p_differs) if plan.margin is None else k * p_differs) * plan.alpha / alpha),
        is_paired=np.full(shape[0], is_paired),
    )


def _chance(base: Floats, arms: Floats, tested: Tested, plan: Plan, *, is_paired: bool) -> Floats:
    """About the chance of a verdict at the last look, if the difference is the one that is seen now, (S, k)."""
    k, last = arms.shape[1], plan.looks[-1]
    if is_paired:
        se = tested.se * (arms.shape[2] / last) ** 0.5
    else:
        n_base = plan.baseline_seeds(last, k, is_paired=False)
        se = np.sqrt(arms.var(axis=2, ddof=1) / last + base.var(axis=1, ddof=1, keepdims=True) / n_base)
    share = plan.level(k, is_paired=is_paired) * plan.weights[-1] / k
    chance = special.ndtr(np.abs(tested.delta) / se - stats.norm.isf(share / 2))
    if plan.margin is None:
        return chance
    return np.maximum(chance, special.ndtr((plan.margin - np.abs(tested.delta)) / se - stats.norm.isf(share)))


def uncalibrated(plan: Plan) -> Plan:
    """The same plan at the whole alpha."""
    return replace(plan, calibration=1.0)
