"""Whether the fast looks are those of `ablate.statistics.sequential`: the same random studies through both."""

from __future__ import annotations

import numpy as np

from ablate.statistics import Arm, Comparison
from ablate.statistics.sequential import Looks, Stage, compare_in_looks
from benchmarks.simulation.agreement import CLOSE, DisagreementError
from benchmarks.simulation.draws import Floats, world
from benchmarks.simulation.looks import Outcome, Plan, adaptive, most_baseline_seeds

LOOKS = ((5, 8, 12, 20), (3, 6), (2, 3, 4, 8), (4,))


def check(studies: int, seed: int) -> str:
    """Follow random studies twice: their seeds as the fast procedure hands them out, the verdicts by both.

    Args:
        studies: How many, half of them with a margin.
        seed: Of the random studies.

    Returns:
        What was compared, in a sentence.

    Raises:
        DisagreementError: A verdict, a p-value, or whether a comparison is given up, is not the same.
    """
    rng = np.random.default_rng((seed, 0, 1))
    settled = stopped = 0
    for number in range(studies):
        k = int(rng.integers(1, 11))
        shifts, sds = rng.choice([0, 0.5, 1, 2, -3], k), rng.choice([1 / 3, 1, 3], k)
        truth = world(k, shifts.tolist(), sds.tolist(), float(rng.choice([0, 0.5])))
        margin = float(rng.uniform(0.5, 4)) if number % 2 else None
        plan = Plan(looks=LOOKS[int(rng.integers(len(LOOKS)))], strict=bool(rng.integers(2)), margin=margin)
        base, arms = truth.draw(rng, 1, plan.looks[-1], most_baseline_seeds(plan, k))
        outcome = adaptive(base, arms, plan)
        is_paired = bool(outcome.is_paired[0])
        looks, test = Looks(counts=plan.looks, strict=plan.strict), "paired" if is_paired else "welch"
        multiple = looks.multiple(k, test)
        if multiple != plan.multiple(k, is_paired=is_paired):
            raise DisagreementError(f"study {number}: the baseline has {multiple} times the seeds by ablate")
        found = compare_in_looks(
            [
                _stages(base[0], values, plan, int(n), multiple)
                for values, n in zip(arms[0], outcome.seeds[0], strict=True)
            ],
            looks,
            multiple=multiple,
            direction="max",
            test=test,
            margin=margin,
        )
        for place, comparison in enumerate(found):
            _same(f"study {number}, variant {place}", comparison, outcome, place)
        settled += sum(one.verdict != "undecided" for one in found)
        stopped += sum(one.futile for one in found)
    return (
        f"{studies} random studies with looks ({settled} comparisons decided, {stopped} given up) have the same "
        "verdicts and p-values by `ablate.statistics.sequential`"
    )


def _stages(base: Floats, values: Floats, plan: Plan, reached: int, multiple: int) -> list[Stage]:
    """The arms of a comparison at each look; None after the last one that it came to."""
    return [
        (_first(f"variant {values[0]}", values, n), _first("base", base, multiple * n)) if n <= reached else None
        for n in plan.looks
    ]


def _first(key: str, values: Floats, n: int) -> Arm:
    return Arm(key=key, values=dict(enumerate(values[:n].tolist())), planned=n)


def _same(name: str, comparison: Comparison, outcome: Outcome, place: int) -> None:
    """Raise DisagreementError where ablate's comparison and the fast one end differently."""
    differs, equivalent = bool(outcome.differs[0, place]), bool(outcome.equivalent[0, place])
    claim = "better" if outcome.delta[0, place] > 0 else "worse"
    ours = {
        "verdict": "equivalent" if equivalent else claim if differs else "undecided",
        "tiny": differs and equivalent,
        "given up": bool(outcome.stopped[0, place]),
        "seeds": int(outcome.seeds[0, place]),
    }
    theirs = {
        "verdict": comparison.verdict,
        "tiny": comparison.tiny_difference,
        "given up": comparison.futile,
        "seeds": comparison.look,
    }
    if ours != theirs:
        raise DisagreementError(f"{name}: {theirs} by ablate, {ours} here")
    p = outcome.p[0, place]
    if ours["verdict"] == "undecided" and (comparison.p_adjusted is None or abs(p - comparison.p_adjusted) > CLOSE):
        raise DisagreementError(f"{name}: p = {comparison.p_adjusted} by ablate, {p} here")
