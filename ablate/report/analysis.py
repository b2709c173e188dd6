"""The verdicts of a study: its families of comparisons, judged once for tables, pictures, sentences and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ablate.protocol import FailureKind, JobState
from ablate.report.results import PENDING, Results
from ablate.statistics import Arm, Choice, Comparison, MeanInterval, choose_test, compare_pairs, mean_interval
from ablate.study.outline import OutlineDesign, OutlineVariant

if TYPE_CHECKING:
    from ablate.report.factorial import Crossed

#: Family of variants that no design asks for.
UNDESIGNED = OutlineDesign(name="variants", kind="variants")
LADDER = "ladder"
#: Stands for a verdict where a variant has no result yet.
NOT_RUN = "not run"
#: The machine's fault, as is a lost worker (no kind): such a run may be left out, for it says nothing of its variant.
MACHINE = (FailureKind.KILLED, FailureKind.CUDA_FAULT, FailureKind.DATA_MISSING)


@dataclass(frozen=True, kw_only=True)
class Family:
    """The comparisons of one design; their error rate together is kept at alpha."""

    #: The design that asks for them.
    design: OutlineDesign
    #: Asked for after results were seen.
    exploratory: bool
    #: Each variant of the design against the baseline (retuned levels: against the equally retuned one); of a ladder,
    #: each step against the step before.
    comparisons: tuple[Comparison, ...]

    @property
    def name(self) -> str:
        """The design's name, marked where exploratory."""
        return f"{self.design.name} (exploratory)" if self.exploratory else self.design.name


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A study with its verdicts."""

    results: Results
    #: Values and failures of each variant, by key.
    arms: Mapping[str, Arm]
    #: Which test judges the study, and why.
    choice: Choice
    families: tuple[Family, ...]

    @cached_property
    def home(self) -> Mapping[str, Family]:
        """The family in which each variant is judged: the smallest confirmatory one, the first of equals.

        The rule looks at no result, so each family's error rate stays what it is; and a variant that a big grid
        shares with a one-at-a-time table has one verdict, which the grid does not drown.
        """
        chosen: dict[str, Family] = {}
        for family in sorted(self.families, key=lambda family: (family.exploratory, len(family.comparisons))):
            for comparison in () if family.design.kind == LADDER else family.comparisons:
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
    def ladders(self) -> tuple[Family, ...]:
        """The families whose steps are each compared with the step before."""
        return tuple(family for family in self.families if family.design.kind == LADDER)

    @property
    def baseline(self) -> Arm:
        """The arm that all others are compared with."""
        return self.arms[self.results.outline.baseline]

    @cached_property
    def crossed(self) -> tuple[Crossed, ...]:
        """The grids and fractions of the study, each analysed as a whole."""
        from ablate.report.factorial import crossed

        return crossed(self)

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
    """Judge a study: one family for each design (and one for what it got after results were seen), one test for all."""
    outline, settings = results.outline, results.outline.statistics
    arms = {variant.key: _arm(results, variant.key) for variant in outline.variants}
    others = [arms[variant.key] for variant in outline.variants if variant.key != outline.baseline]
    choice = choose_test(arms[outline.baseline], others, requested=settings.test)
    families = []
    for design in (*outline.designs, UNDESIGNED):
        is_ladder = design.kind == LADDER
        pairs = [(one, arms[one.key], arms[before.key]) for one, before in _pairs(results, design)]
        for exploratory in (False, True):
            chosen = [
                (arm, reference)
                for one, arm, reference in pairs
                if (design.exploratory or one.exploratory) == exploratory
            ]
            several = is_ladder or len({reference.key for _, reference in chosen}) > 1
            comparisons = compare_pairs(
                chosen,
                direction=outline.direction,
                test="welch" if several and choice.test == "dunnett" else choice.test,
                alpha=settings.alpha,
                margin=settings.margin,
            )
            if comparisons:
                families.append(Family(design=design, exploratory=exploratory, comparisons=comparisons))
    return Analysis(results=results, arms=arms, choice=choice, families=tuple(families))


def _pairs(results: Results, design: OutlineDesign) -> list[tuple[OutlineVariant, OutlineVariant]]:
    """What a design compares with what: the baseline, retuned where the variant is, or of a ladder the step before."""
    outline = results.outline
    known = {one.name for one in outline.designs}
    if design is UNDESIGNED:
        members = [variant for variant in outline.variants if not known & set(variant.designs)]
    else:
        members = [variant for variant in outline.variants if design.name in variant.designs]
    members = [variant for variant in members if variant.key != outline.baseline and not variant.is_reference]
    if design.kind != LADDER:
        return [(variant, results.reference(variant, design.name)) for variant in members]
    steps = [results.baseline, *sorted(members, key=lambda variant: len(results.changed(variant)))]
    return list(zip(steps[1:], steps, strict=False))


def _arm(results: Results, key: str) -> Arm:
    runs = results.runs_of(key)
    values = {run.seed: value for run in runs if (value := results.value(run)) is not None}
    failed = [run for run in runs if run.state == JobState.FAILED]
    unmeasured = [run for run in runs if run.state == JobState.SUCCEEDED and run.seed not in values]
    excused = {failure.job for failure in results.failures if failure.kind is None or failure.kind in MACHINE}
    return Arm(
        key=key,
        values=values,
        planned=len(runs),
        diverged=tuple(run.seed for run in runs if run.state == JobState.DIVERGED),
        failed=sum(run.job not in excused for run in failed) + len(unmeasured),
        pending=sum(run.state in PENDING for run in runs),
    )
