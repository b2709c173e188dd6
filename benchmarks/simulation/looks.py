"""The adaptive procedure over many studies: looks, weights, Holm over all k, decisions for good, futility."""

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
        for name in ("differs", "equivalent", "stopped", "delta", "seeds", "base_seeds", "is_paired")
    }
    return Outcome(**joined)


def _follow(base: Floats, arms: Floats, plan: Plan, is_paired: bool) -> Outcome:
    shape, k = arms.shape[:2], arms.shape[1]
    alpha = plan.alpha * (plan.calibration if plan.multiple(k, is_paired=is_paired) > 1 else 1.0)
    differs, equivalent, stopped = (np.zeros(shape, dtype=bool) for _ in range(3))
    p_differs, p_equivalent = np.ones(shape), np.ones(shape)
    delta, seeds, base_seeds = np.zeros(shape), np.zeros(shape), np.zeros(shape[0])
    going = np.ones(shape, dtype=bool)
    for number, (n, weight) in enumerate(zip(plan.looks, plan.weights, strict=True)):
        n_base = plan.baseline_seeds(n, k, is_paired=is_paired)
        tested = (paired if is_paired else welch)(base[:, :n_base], arms[:, :, :n])
        seeds, delta = np.where(going, n, seeds), np.where(going, tested.delta, delta)
        base_seeds = np.where(going.any(axis=1), n_base, base_seeds)
        p_differs = np.where(going, np.minimum(p_differs, tested.p / weight), p_differs)
        if plan.margin is None:
            found, same = going & (holm(p_differs) <= alpha), np.zeros(shape, dtype=bool)
        else:
            both = tested.p_equivalence(plan.margin) / weight
            p_equivalent = np.where(going, np.minimum(p_equivalent, both), p_equivalent)
            found, same = going & (k * p_differs <= alpha), going & (k * p_equivalent <= alpha)
        differs, equivalent = differs | found, equivalent | same
        going &= ~(found | same)
        if plan.futility and plan.margin is None and 1 <= number < len(plan.looks) - 1:
            hopeless = going & (_chance(base[:, :n_base], arms[:, :, :n], tested, plan, alpha, is_paired) < FUTILE)
            stopped |= hopeless
            going &= ~hopeless
    return Outcome(
        differs=differs,
        equivalent=equivalent,
        stopped=stopped,
        delta=delta,
        seeds=seeds,
        base_seeds=base_seeds,
        is_paired=np.full(shape[0], is_paired),
    )


def _chance(base: Floats, arms: Floats, tested: Tested, plan: Plan, alpha: float, is_paired: bool) -> Floats:
    """Power at the last look if the difference is the one that is seen now: Phi(|d| / sqrt(V) - z), (S, k)."""
    k, last = arms.shape[1], plan.looks[-1]
    if is_paired:
        variance = np.square(tested.se) * arms.shape[2] / last
    else:
        n_base = plan.baseline_seeds(last, k, is_paired=False)
        variance = arms.var(axis=2, ddof=1) / last + base.var(axis=1, ddof=1, keepdims=True) / n_base
    limit = stats.norm.ppf(1 - alpha * plan.weights[-1] / (2 * k))
    return special.ndtr(np.abs(tested.delta) / np.sqrt(variance) - limit)


def uncalibrated(plan: Plan) -> Plan:
    """The same plan at the whole alpha."""
    return replace(plan, calibration=1.0)
