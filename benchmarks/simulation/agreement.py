"""Whether the fast formulas are those of ablate: the same random studies through both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ablate.statistics import Arm, Comparison, choose_test, compare
from benchmarks.simulation.draws import Floats, world
from benchmarks.simulation.formulas import Tested, dunnett_limit, holm, judged, paired, pooled, welch, worth_pairing

#: Largest difference between two p-values that are the same.
CLOSE = 1e-9
#: Dunnett's p-values are integrated with random points: within this of alpha the verdict is left out.
BLUR = 2e-3


class DisagreementError(Exception):
    """The fast formulas and ablate's functions give different figures."""


def check(studies: int, seed: int) -> str:
    """Judge random studies twice.

    Args:
        studies: How many studies with the automatic test, half of them with a margin; a tenth as many with Dunnett's.
        seed: Of the random studies.

    Returns:
        What was compared, in a sentence.

    Raises:
        DisagreementError: A test, a p-value or a verdict is not the same.
    """
    rng = np.random.default_rng((seed, 0))
    chosen: list[str] = []
    for number in range(studies):
        k, n = int(rng.integers(1, 13)), int(rng.integers(2, 11))
        margin = float(rng.uniform(0.5, 3)) if number % 2 else None
        base, arms = _study(rng, k, n, rho=float(rng.choice([0, 0.25, 0.5, 0.8])))
        reference, others = _arms(base, arms)
        choice = choose_test(reference, others)
        pairs_well = bool(worth_pairing(base, arms)[0])
        if pairs_well != (choice.test == "paired"):
            raise DisagreementError(f"study {number}: ablate takes the {choice.test} test, the formulas do not")
        chosen.append(choice.test)
        found = compare(reference, others, direction="max", test=choice.test, margin=margin)
        _same(number, found, (paired if pairs_well else welch)(base, arms), margin)
    for number in range(studies // 10):
        k, n = int(rng.integers(1, 8)), int(rng.integers(3, 8))
        base, arms = _study(rng, k, n, rho=0.0)
        reference, others = _arms(base, arms)
        limit = dunnett_limit(k, n)
        for comparison, statistic in zip(
            compare(reference, others, direction="max", test="dunnett"), pooled(base, arms)[0], strict=True
        ):
            p = comparison.p_adjusted
            if p is None or (abs(p - 0.05) > BLUR and (p <= 0.05) != (abs(statistic) > limit)):
                raise DisagreementError(f"Dunnett's study {number}: p = {p}, but the limit says otherwise")
    counts = ", ".join(f"{chosen.count(test)} {test}" for test in sorted(set(chosen)))
    return (
        f"{studies} random studies ({counts}) and {studies // 10} with Dunnett's test have the same tests, p-values "
        "and verdicts by `ablate.statistics`"
    )


def _study(rng: np.random.Generator, k: int, n: int, rho: float) -> tuple[Floats, Floats]:
    shifts, sds = rng.choice([0, 0.5, 1, 2, -3], k), rng.choice([1 / 3, 1, 3], k)
    return world(k, shifts.tolist(), sds.tolist(), rho).draw(rng, 1, n, n)


def _arms(base: Floats, arms: Floats) -> tuple[Arm, list[Arm]]:
    return _arm("base", base[0]), [_arm(f"variant {place}", values) for place, values in enumerate(arms[0])]


def _arm(key: str, values: Floats) -> Arm:
    return Arm(key=key, values=dict(enumerate(values.tolist())), planned=len(values))


def _same(number: int, found: Sequence[Comparison], tested: Tested, margin: float | None) -> None:
    """Raise DisagreementError where ablate's comparisons and the formulas of one study differ."""
    k = len(found)
    p = tested.held(tested.p)
    adjusted = (holm(p) if margin is None else np.minimum(1, k * p))[0]
    differs, equivalent = judged(tested, margin=margin)
    for place, comparison in enumerate(found):
        ours = [adjusted[place]]
        theirs = [comparison.p_adjusted]
        if margin is not None:
            ours.append(min(1, k * tested.held(tested.p_equivalence(margin))[0, place]))
            theirs.append(comparison.p_equivalence)
        if any(there is None or abs(here - there) > CLOSE for here, there in zip(ours, theirs, strict=True)):
            raise DisagreementError(f"study {number}, {comparison.arm}: p-values {theirs} by ablate, {ours} here")
        claim = "better" if tested.delta[0, place] > 0 else "worse"
        verdict = "equivalent" if equivalent[0, place] else claim if differs[0, place] else "undecided"
        tiny = bool(equivalent[0, place] and differs[0, place])
        if (verdict, tiny) != (comparison.verdict, comparison.tiny_difference):
            raise DisagreementError(f"study {number}, {comparison.arm}: {comparison.verdict} by ablate, {verdict} here")
