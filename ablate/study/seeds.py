"""How many times a study trains each variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ablate.study.file import BudgetUnit


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Compute after which no more seeds are added."""

    amount: float
    #: Unit of the amount.
    unit: BudgetUnit


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """How many times each variant is trained."""

    #: Seeds that are run at first: the fixed number, or the first look.
    count: int
    #: Numbers of seeds after which undecided comparisons get more; empty for a fixed number.
    looks: tuple[int, ...] = ()
    #: The baseline gets no more seeds than a variant at each look.
    strict: bool = False
    budget: Budget | None = None
    #: The budget as the file has it.
    budget_text: str = ""
    #: Seeds on which the values of retuned levels are tried.
    retune_seeds: int = 2


def seed_ranges(seeds: Sequence[int]) -> str:
    """Seeds as options take them: `0-2,5`."""
    runs: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
