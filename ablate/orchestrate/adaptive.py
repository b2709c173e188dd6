"""Which comparisons get more seeds in a round of looks, in which order, as far as the budget goes.

It loads the libraries of statistics: `rounds` calls it where a study has looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from ablate.orchestrate.rounds import Given, Round
from ablate.statistics import Comparison, Looks, Test, seeds_to_settle
from ablate.store import Database
from ablate.store.reading import durations
from ablate.store.spent import Spent, spent
from ablate.study import Outline, Study
from ablate.study.seeds import Budget
from ablate.verdicts.analysis import LADDER, Analysis, Pair, analyse, multiple_of, planned_pairs
from ablate.verdicts.results import PENDING, Results

#: Seconds of an hour.
HOUR = 3600.0


def seeds_in_looks(laid_out: Outline, given: Mapping[str, int]) -> Outline:
    """The outline of a study with looks, with the seeds of its first look and those given so far, see `with_seeds`."""
    looks = Looks(counts=laid_out.looks, strict=laid_out.strict)
    seeds = dict(given)
    for _, _, pairs in planned_pairs(laid_out):
        count = multiple_of(looks, pairs, _first_test(laid_out)) * looks.counts[0]
        for _, reference in pairs:
            seeds[reference.key] = max(count, seeds.get(reference.key, 0))
    variants = tuple(
        variant.model_copy(update={"seeds": seeds[variant.key]})
        if seeds.get(variant.key, 0) > looks.counts[0]
        else variant
        for variant in laid_out.variants
    )
    return laid_out.model_copy(update={"variants": variants})


def _first_test(laid_out: Outline) -> Test:
    """The test as far as it is known before the first look, which shows whether equal seeds are alike."""
    return "paired" if laid_out.statistics.test == "paired" else "welch"


def judged_round(db: Database, study: Study) -> Round:
    """What looks add to a study all of whose runs have ended, see `next_round`."""
    costs: dict[str, list[float]] = {}
    for key, seconds in durations(db, study.name):
        costs.setdefault(key, []).append(seconds)
    return round_of(
        analyse(Results.for_verdicts(db, study.name)),
        costs={key: median(each) for key, each in costs.items()},
        purse=Purse.of(study.seed_plan.budget, spent(db, study.name)),
    )


class Purse:
    """What is left of a budget.

    Args:
        left: In the budget's unit; infinite without one.
        by_seconds: What a second of a run takes of it; 0 where runs are counted.
        by_run: What a run takes of it, however long; 0 where time is counted.
    """

    def __init__(self, left: float, *, by_seconds: float, by_run: float) -> None:
        self.left, self._by_seconds, self._by_run = left, by_seconds, by_run

    @classmethod
    def of(cls, budget: Budget | None, so_far: Spent) -> Purse:
        """What is left of a budget after what was spent; a run is expected to take as long as its variant's others."""
        if budget is None:
            return cls(float("inf"), by_seconds=0.0, by_run=0.0)
        if budget.unit == "runs":
            return cls(budget.amount - so_far.runs, by_seconds=0.0, by_run=1.0)
        busy = (so_far.cpu_seconds + so_far.gpu_seconds) or 1.0  # nothing has run: nothing is known of costs
        used = {"gpu-hours": so_far.gpu_seconds, "cpu-hours": so_far.cpu_seconds, "hours": so_far.wall_seconds}
        # one second of a run takes of the unit what a second of those so far has taken
        return cls(budget.amount - used[budget.unit] / HOUR, by_seconds=used[budget.unit] / HOUR / busy, by_run=0.0)

    def pay(self, runs: int, seconds: float) -> bool:
        """Take what so many runs of so many seconds together will cost; False, and nothing taken, if there is less."""
        price = runs * self._by_run + seconds * self._by_seconds
        if price > self.left:
            return False
        self.left -= price
        return True


def round_of(analysis: Analysis, *, costs: Mapping[str, float], purse: Purse) -> Round:
    """What looks add to a judged study all of whose runs have ended.

    Cheap decisions come first: in the order of the seeds that a comparison is expected to need still, times what a run
    of its variant takes. The seeds of its reference are given before its own.

    Args:
        analysis: The study.
        costs: Median seconds of a run of each variant, by key.
        purse: What is left of the budget.
    """
    laid_out = analysis.results.outline
    looks = Looks(counts=laid_out.looks, strict=laid_out.strict)
    usual = median(costs.values()) if costs else 1.0
    seeds = {variant.key: len(laid_out.seeds_of(variant)) for variant in laid_out.variants}
    given: dict[str, Given] = {}
    withheld: dict[str, None] = {}

    def cost(key: str) -> float:
        return costs.get(key, usual)

    wanted = sorted(_open(analysis, looks), key=lambda one: one.needs * cost(one.comparison.arm))
    for one in wanted:
        target, comparison = one.target, one.comparison
        arm_more = max(0, target - seeds[comparison.arm])
        reference_more = max(0, one.multiple * target - seeds[comparison.reference])
        seconds = arm_more * cost(comparison.arm) + reference_more * cost(comparison.reference)
        if not purse.pay(arm_more + reference_more, seconds):
            withheld.setdefault(comparison.arm)
            continue
        for key, count, why in (
            (comparison.reference, one.multiple * target, "others are compared with it"),
            (comparison.arm, target, f"undecided at {comparison.look} seeds"),
        ):
            if count > seeds[key]:
                before = given[key].before if key in given else seeds[key]
                given[key] = Given(key=key, variant=analysis.names[key], before=before, after=count, why=why)
                seeds[key] = count
    left = tuple(analysis.names[key] for key in withheld if key not in given)
    return Round(given=tuple(given.values()), withheld=left)


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A comparison that more seeds may decide."""

    comparison: Comparison
    #: Seeds of its next look.
    target: int
    #: Seeds of its reference for each of its own.
    multiple: int
    #: Seeds that it is expected to need still.
    needs: int


def _open(analysis: Analysis, looks: Looks) -> list[_Open]:
    """The comparisons that are neither decided nor given up, each where it is shown."""
    results, alpha = analysis.results, analysis.results.outline.statistics.alpha
    found = []
    for family in analysis.families:
        pairs: list[Pair] = [
            (results.outline.variant(one.arm), results.outline.variant(one.reference)) for one in family.comparisons
        ]
        multiple = multiple_of(looks, pairs, analysis.choice.test)
        for one in family.comparisons:
            shown = family.design.kind == LADDER or analysis.home.get(one.arm) is family
            later = [count for count in looks.counts if count > (one.look or 0)]
            if not shown or one.verdict != "undecided" or one.futile or not later or one.look is None:
                continue
            if one.difference.delta is None:  # a run failed, which no further seed makes good
                continue
            if not (_all_in(results, one.arm, one.look) and _all_in(results, one.reference, multiple * one.look)):
                continue
            expected = seeds_to_settle(one, looks, multiple=multiple, alpha=alpha)
            needs = max(later[0], expected) - one.look
            found.append(_Open(comparison=one, target=later[0], multiple=multiple, needs=needs))
    return found


def _all_in(results: Results, key: str, count: int) -> bool:
    """Whether the first so many seeds of a variant have run; not where only a part of the study was asked for."""
    return sum(run.seed < count and run.state not in PENDING for run in results.runs_of(key)) == count
