"""The verdicts of a study: its families of comparisons, judged once for tables, pictures, sentences and JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ablate.protocol import JobState
from ablate.statistics import (
    Arm,
    Choice,
    Comparison,
    Looks,
    MeanInterval,
    Stage,
    Test,
    choose_test,
    compare_in_looks,
    compare_pairs,
    mean_interval,
)
from ablate.study.outline import Outline, OutlineDesign, OutlinePlan, OutlineVariant
from ablate.told import told
from ablate.verdicts.chance import scored_as_chance
from ablate.verdicts.checkpoints import with_checkpoints
from ablate.verdicts.results import PENDING, Results

#: Family of variants that no design asks for.
UNDESIGNED = OutlineDesign(name="variants", kind="variants")
LADDER = "ladder"
#: Stands for a verdict where a variant has no result yet.
NOT_RUN = "not run"
#: A variant and what it is compared with.
Pair = tuple[OutlineVariant, OutlineVariant]


@dataclass(frozen=True, kw_only=True)
class Family:
    """The comparisons of one design; their error rate together is kept at alpha."""

    #: The design that asks for them.
    design: OutlineDesign
    #: Asked for after results were seen.
    exploratory: bool
    #: Judged once more, with seeds that were planned after results were seen; only what was left undecided.
    again: bool = False
    #: Each variant of the design against the baseline (retuned levels: against the equally retuned one); of a ladder,
    #: each step against the step before.
    comparisons: tuple[Comparison, ...]

    @property
    def name(self) -> str:
        """The design's name, marked where exploratory."""
        name = told(self.design.name)
        return told("{design} (exploratory)", design=name) if self.exploratory else name


@dataclass(frozen=True, kw_only=True, eq=False)
class Analysis:
    """A study with its verdicts. Each is equal to itself alone, so that what is computed from one can be kept."""

    results: Results
    #: Values and failures of each variant, by key.
    arms: Mapping[str, Arm]
    #: Which test judges the study, and why.
    choice: Choice
    families: tuple[Family, ...]
    #: What diverged runs score in `arms`, in the metric's unit; None: they have no value and bar a verdict.
    chance: float | None = None

    @cached_property
    def home(self) -> Mapping[str, Family]:
        """The family in which each variant is judged: the smallest confirmatory one, the first of equals.

        The rule looks at no result, so each family's error rate stays what it is; and a variant that a big grid
        shares with a one-at-a-time table has one verdict, which the grid does not drown.
        """
        chosen: dict[str, Family] = {}
        for family in sorted(self.families, key=lambda family: (family.exploratory, len(family.comparisons))):
            for comparison in () if family.design.kind == LADDER else family.comparisons:
                if family.again and chosen[comparison.arm].design == family.design:
                    chosen[comparison.arm] = family
                chosen.setdefault(comparison.arm, family)
        return chosen

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """The one comparison with the baseline that is shown for each variant, by key, in the order of the study.

        Variants that only a ladder asks for have none.
        """
        found = {
            comparison.arm: comparison
            for family in self.families
            for comparison in family.comparisons
            if self.home.get(comparison.arm) is family
        }
        return {variant.key: found[variant.key] for variant in self.results.outline.variants if variant.key in found}

    @property
    def best(self) -> Comparison | None:
        """Of those that are better, else of all, the one with the largest gain; means of survivors do not count."""
        sign = 1.0 if self.results.outline.direction == "max" else -1.0
        known = [one for one in self.comparisons.values() if one.difference.delta is not None]
        return max(known, key=lambda one: (one.verdict == "better", sign * (one.difference.delta or 0.0)), default=None)

    def counted(self, arm: str, reference: str) -> tuple[int | None, int | None]:
        """Seeds of each side that the comparison of two variants counts, their first ones; None where it counts all.

        What was decided at an early look counts no later seeds.
        """
        for one in (*self.comparisons.values(), *(step for family in self.ladders for step in family.comparisons)):
            if (one.arm, one.reference) == (arm, reference):
                return one.difference.n_a, one.difference.n_b
        return None, None

    @property
    def ladders(self) -> tuple[Family, ...]:
        """The families whose steps are each compared with the step before."""
        return tuple(family for family in self.families if family.design.kind == LADDER)

    @property
    def baseline(self) -> Arm:
        """The arm that all others are compared with."""
        return self.arms[self.results.outline.baseline]

    def verdict(self, comparison: Comparison) -> str:
        """The verdict of a comparison; `not run` where its variant has no result yet."""
        return comparison.verdict if self.results.is_run(comparison.arm) else NOT_RUN

    def interval(self, key: str) -> MeanInterval:
        """Mean, standard deviation and t-interval of a variant's values."""
        arm = self.arms[key]
        return mean_interval([arm.values[seed] for seed in sorted(arm.values)])

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Name of each variant by key."""
        return {variant.key: variant.name for variant in self.results.outline.variants}


def analyse(results: Results) -> Analysis:
    """Judge a study: one family for each design (and one for what it got after results were seen), one test for all.

    Where more seeds were planned after results were seen, what was confirmatory is judged as it was planned before,
    and what that leaves undecided once more with all seeds, as exploratory families.
    """
    outline = results.outline
    planned = outline.confirmed or outline.plan
    choice, chance = _choice(results, planned), scored_as_chance(results)
    families = []
    for design, exploratory, pairs in planned_pairs(outline):
        plan = outline.plan if exploratory else planned
        comparisons = _judge(results, pairs, plan, choice.test, chance)
        families.append(Family(design=design, exploratory=exploratory, comparisons=comparisons))
        left = [pair for pair, one in zip(pairs, comparisons, strict=True) if one.verdict == "undecided"]
        if plan != outline.plan and left:
            again = _judge(results, left, outline.plan, choice.test, chance)
            families.append(Family(design=design, exploratory=True, again=True, comparisons=again))
    arms = {variant.key: _arm(results, variant.key) for variant in outline.variants}
    if chance is not None:
        arms = {key: arm.scored(chance) for key, arm in arms.items()}
    return Analysis(results=results, arms=arms, choice=choice, families=tuple(families), chance=chance)


def planned_pairs(outline: Outline) -> Iterator[tuple[OutlineDesign, bool, list[Pair]]]:
    """The families of a study: its design, whether it is exploratory, and what it compares with what."""
    for design in (*outline.designs, UNDESIGNED):
        pairs = _pairs(outline, design)
        for exploratory in (False, True):
            chosen = [pair for pair in pairs if (design.exploratory or pair[0].exploratory) == exploratory]
            if chosen:
                yield design, exploratory, chosen


def _pairs(outline: Outline, design: OutlineDesign) -> list[Pair]:
    """What a design compares with what: the baseline, retuned where the variant is, or of a ladder the step before."""
    known = {one.name for one in outline.designs}
    if design is UNDESIGNED:
        members = [variant for variant in outline.variants if not known & set(variant.designs)]
    else:
        members = [variant for variant in outline.variants if design.name in variant.designs]
    members = [variant for variant in members if variant.key != outline.baseline and not variant.is_reference]
    if design.kind != LADDER:
        return [(variant, outline.reference(variant, design.name)) for variant in members]
    steps = [outline.variant(outline.baseline), *sorted(members, key=lambda variant: len(outline.changed(variant)))]
    return list(zip(steps[1:], steps, strict=False))


def _choice(results: Results, plan: OutlinePlan) -> Choice:
    """The test of the study, chosen from what is confirmatory at its first look."""
    outline = results.outline
    first = frozenset(plan.seeds) if plan.looks or plan != outline.plan else None
    planned = [variant for variant in outline.variants if variant.key != outline.baseline and not variant.exploratory]
    others = [_arm(results, variant.key, first) for variant in planned]
    return choose_test(_arm(results, outline.baseline, first), others, requested=outline.statistics.test)


def _judge(
    results: Results, pairs: Sequence[Pair], plan: OutlinePlan, test: Test, chance: float | None
) -> tuple[Comparison, ...]:
    """The comparisons of one family: at once, or at the looks that were planned."""
    outline, settings = results.outline, results.outline.statistics
    several = len({reference.key for _, reference in pairs}) > 1
    if test == "dunnett" and several:
        test = "welch"
    if plan.looks:
        looks = Looks(counts=plan.looks, strict=plan.strict)
        multiple = multiple_of(looks, pairs, test)
        return compare_in_looks(
            [_stages(results, pair, looks, multiple) for pair in pairs],
            looks,
            multiple=multiple,
            direction=outline.direction,
            test=test,
            alpha=settings.alpha,
            margin=settings.margin,
            chance=chance,
        )
    seeds = None if plan == outline.plan else frozenset(plan.seeds)
    arms = {one.key: _arm(results, one.key, seeds) for pair in pairs for one in pair}
    comparisons = compare_pairs(
        [(arms[one.key], arms[other.key]) for one, other in pairs],
        direction=outline.direction,
        test=test,
        alpha=settings.alpha,
        margin=settings.margin,
        chance=chance,
    )
    return with_checkpoints(results, arms, comparisons)


def multiple_of(looks: Looks, pairs: Sequence[Pair], test: Test) -> int:
    """Seeds of the reference of a family for each seed of a variant: more than one only where all share it."""
    shared = len({reference.key for _, reference in pairs}) == 1
    return looks.multiple(len(pairs), test) if shared else 1


def _stages(results: Results, pair: Pair, looks: Looks, multiple: int) -> list[Stage]:
    """The arms of a comparison at each look that both have got seeds for; the first look in any case."""
    arm, reference = pair
    stages: list[Stage] = []
    for number, count in enumerate(looks.counts):
        enough = len(results.outline.seeds_of(arm)) >= count
        enough &= len(results.outline.seeds_of(reference)) >= multiple * count
        if number and not enough:
            stages.append(None)
        else:
            first, others = frozenset(range(count)), frozenset(range(multiple * count))
            stages.append((_arm(results, arm.key, first), _arm(results, reference.key, others)))
    return stages


def _arm(results: Results, key: str, seeds: Collection[int] | None = None) -> Arm:
    """A variant's results: of all its jobs, or of some seeds, of which those without a job are yet to come."""
    runs = [run for run in results.runs_of(key) if seeds is None or run.seed in seeds]
    missing = 0 if seeds is None else len(seeds) - len(runs)
    values = {run.seed: value for run in runs if (value := results.value(run)) is not None}
    failed = [run for run in runs if run.state == JobState.FAILED]
    unmeasured = [run for run in runs if run.state == JobState.SUCCEEDED and run.seed not in values]
    return Arm(
        key=key,
        values=values,
        planned=len(runs) + missing,
        diverged=tuple(run.seed for run in runs if run.state == JobState.DIVERGED),
        failed=sum(run.job not in results.excused for run in failed) + len(unmeasured),
        pending=sum(run.state in PENDING for run in runs) + missing,
    )
