"""Seeds that looks add, in rounds.

When all runs that were asked for have ended, every comparison that is neither decided nor given up gets the seeds of
its next look, and its reference those that go with them. So the decisions depend on results alone, not on the order in
which runs end; and a study may be stopped and gone on with at any point, since what was given stands in the revision
and everything else is computed anew from the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ablate.orchestrate.lines import some
from ablate.protocol import JobState
from ablate.store import Database
from ablate.store.reading import counts, outline, states
from ablate.study import Outline, Study

#: Variants that a line names.
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Given:
    """More seeds for one variant."""

    key: str
    #: Name of the variant.
    variant: str
    #: Its seeds before and after.
    before: int
    after: int
    #: Why, as a clause.
    why: str


@dataclass(frozen=True, kw_only=True)
class Round:
    """What looks add now."""

    given: tuple[Given, ...] = ()
    #: Undecided variants that the budget has no seeds for.
    withheld: tuple[str, ...] = ()
    #: Runs that must end before anything can be given.
    waiting: int = 0

    @property
    def seeds(self) -> dict[str, int]:
        """The seeds of each variant that gets more, by key."""
        return {one.key: one.after for one in self.given}

    def lines(self) -> list[str]:
        """What there is to say of it."""
        told = []
        if self.given:
            more = [f"{one.variant} ({one.before} -> {one.after})" for one in self.given]
            told.append(f"not decided yet, so there are more seeds for {some(more, SHOWN)}")
        if self.withheld:
            told.append(f"undecided, and the budget has no seeds for {some(self.withheld, SHOWN)}")
        return told


def given_so_far(db: Database | None, study: Study) -> dict[str, int]:
    """Seeds that looks have given each variant until now, by key; nothing without looks."""
    if db is None or not study.seed_plan.looks or states(db, study.name)[0] is None:
        return {}
    return {variant.key: variant.seeds for variant in outline(db, study.name).variants if variant.seeds}


def with_seeds(laid_out: Outline, given: Mapping[str, int]) -> Outline:
    """The outline with the seeds that looks give: those of the first look, and those given so far.

    A common reference of several comparisons begins with more than the others.
    """
    if not laid_out.looks:
        return laid_out
    from ablate.orchestrate.adaptive import seeds_in_looks  # half a second of statistics

    return seeds_in_looks(laid_out, given)


def next_round(db: Database, study: Study) -> Round:
    """What looks add to a study now; nothing where it has none, or was never submitted."""
    if not study.seed_plan.looks or states(db, study.name)[0] is None:
        return Round()
    by_state = counts(db, study.name)[study.name]
    if waiting := by_state.get(JobState.QUEUED, 0) + by_state.get(JobState.RUNNING, 0):
        return Round(waiting=waiting)
    from ablate.orchestrate.adaptive import judged_round

    return judged_round(db, study)
