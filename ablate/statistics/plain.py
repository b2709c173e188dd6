"""Comparisons of plain numbers: for results that are at hand as lists, wherever they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ablate.errors import UsageError
from ablate.metrics import Direction
from ablate.recipe.signatures import did_you_mean
from ablate.statistics.comparison import Comparison, compare
from ablate.statistics.correlation import choose_test
from ablate.statistics.pair import Arm

#: A value for each seed: of seeds 0 to n - 1 in their order, or by seed.
Values = Sequence[float] | NDArray[np.floating] | Mapping[int, float]


def compare_values(
    values: Mapping[str, Values],
    *,
    reference: str,
    direction: Direction = "max",
    test: Literal["auto", "welch", "paired", "dunnett"] = "auto",
    alpha: float = 0.05,
    margin: float | None = None,
    chance: float | None = None,
) -> tuple[Comparison, ...]:
    """Judge every arm against one reference, as one family: what a report does, for numbers that stand in lists.

    A number that is not finite is a seed that diverged: its arm gets no verdict, or with `chance` counts it as a guess
    and can never be "better".

    Args:
        values: The metric over seeds of each arm by name, (n,): a sequence for seeds 0 to n - 1, or a mapping from
            seed to value. Arms may differ in their seeds; the paired test takes those that a pair has in common.
        reference: Name of the arm that all others are compared with.
        direction: Whether more of the metric is better, `max` or `min`.
        test: `welch`, `paired`, `dunnett` (assumes equal variances), or `auto`: paired where at least three comparisons
            show an intraclass correlation over common seeds above .25, else Welch's.
        alpha: Error rate that the family of comparisons keeps.
        margin: Differences smaller than this are as good as none, in the metric's unit; None: "equivalent" is never
            said.
        chance: Value of a guess, in the metric's unit.

    Returns:
        A comparison for each arm but the reference, in their order.

    Raises:
        UsageError: The reference is none of the arms, there is no other arm, or a setting is out of its range.
    """
    if reference not in values:
        raise UsageError(f"there are no values of the reference {reference!r}{did_you_mean(reference, list(values))}")
    if len(values) < 2:
        raise UsageError(f"there is nothing to compare {reference!r} with.", cure="Give the values of another arm too.")
    if direction not in ("max", "min"):
        raise UsageError(f'direction is "max" or "min", not {direction!r}')
    if test not in ("auto", "welch", "paired", "dunnett"):
        raise UsageError(f"there is no test {test!r}{did_you_mean(test, ['auto', 'welch', 'paired', 'dunnett'])}")
    if not 0 < alpha < 0.5:
        raise UsageError(f"alpha is an error rate between 0 and 0.5, not {alpha}")
    if margin is not None and not 0 < margin < math.inf:
        raise UsageError(f"margin is a difference above 0 in the metric's unit, not {margin}")
    arms = {name: _arm(name, given) for name, given in values.items()}
    others = [arm for name, arm in arms.items() if name != reference]
    chosen = choose_test(arms[reference], others, requested=test).test
    return compare(arms[reference], others, direction=direction, test=chosen, alpha=alpha, margin=margin, chance=chance)


def _arm(name: str, given: Values) -> Arm:
    by_seed = given if isinstance(given, Mapping) else dict(enumerate(given))
    finite = {int(seed): float(value) for seed, value in by_seed.items() if math.isfinite(value)}
    diverged = tuple(int(seed) for seed, value in by_seed.items() if not math.isfinite(value))
    return Arm(key=name, values=finite, planned=len(by_seed), diverged=diverged)
