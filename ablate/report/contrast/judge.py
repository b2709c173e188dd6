"""The verdicts of picked variants: the study's own where it has one, else exploratory ones, and said to be so.

Whoever picks a pair after the results are in has looked at them: a test of that pair alone would claim more than it
may. A pair that the study compares by itself keeps the study's verdict, adjusted over its whole family, so that it has
one verdict wherever it is shown; all other pairs of a call are a family of their own, which is exploratory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ablate.errors import UsageError
from ablate.report.contrast.members import Member
from ablate.statistics import Arm, Choice, Comparison, choose_test, compare
from ablate.study.outline import OutlineDesign
from ablate.told import told
from ablate.verdicts.analysis import Family

Test = Literal["auto", "welch", "paired", "dunnett"]
#: The family of comparisons that nobody asked for before results were seen.
CHOSEN = OutlineDesign(name="chosen", kind="chosen", exploratory=True)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One picked variant against the reference."""

    member: Member
    #: `arm` and `reference` are labels of members.
    comparison: Comparison
    #: The family of the study that has this comparison, or the picked ones together.
    family: Family

    @property
    def chosen(self) -> bool:
        """Whether no family of the study compares the two."""
        return self.family.design is CHOSEN

    @property
    def basis(self) -> Literal["confirmatory", "exploratory"]:
        """Whether the comparison was declared before results were seen."""
        return "exploratory" if self.family.exploratory else "confirmatory"


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Picked variants, judged."""

    #: What all others are compared with.
    reference: Member
    judged: tuple[Judged, ...]
    #: Which test judges what the study itself does not, and why.
    choice: Choice
    alpha: float
    #: In the metric's unit; None: "equivalent" is never said.
    margin: float | None
    #: Settings that differ from the study's, by name.
    changed: tuple[str, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """All variants, the reference first."""
        return (self.reference, *(one.member for one in self.judged))

    @property
    def several_studies(self) -> bool:
        """Whether the variants belong to more than one study."""
        return len({member.study for member in self.members}) > 1


def contrast(
    members: Sequence[Member], *, test: Test | None = None, alpha: float | None = None, margin: float | None = None
) -> Contrast:
    """Judge each variant against the first.

    Args:
        members: The variants, as `find_members` answers; the first is the reference.
        test: Another test than the study's.
        alpha: Another error rate than the study's.
        margin: Another margin than the study's, in the metric's unit.

    Raises:
        UsageError: A setting is out of its range.
    """
    reference, others = members[0], members[1:]
    settings = reference.analysis.results.outline.statistics
    if alpha is not None and not 0 < alpha < 0.5:
        raise UsageError(f"--alpha {alpha:g} is no error rate.", cure="Write a share between 0 and 0.5, as `0.05`.")
    if margin is not None and not margin > 0:
        raise UsageError(
            f"--margin {margin:g} is no margin.", cure="Write a difference above 0 in the metric's unit, as `0.005`."
        )
    alpha = settings.alpha if alpha is None else alpha
    margin = settings.margin if margin is None else margin
    choice = _choice(members, test)
    changed = _changed(reference, choice, test, alpha, margin)
    found = {} if changed else {other.label: one for other in others if (one := _of_study(other, reference))}
    chosen = [other for other in others if other.label not in found]
    chances = [member.analysis.chance for member in members]
    comparisons = compare(
        _arm(reference),
        [_arm(other) for other in chosen],
        direction=reference.analysis.results.outline.direction,
        test=choice.test,
        alpha=alpha,
        margin=margin,
        chance=None if None in chances else chances[0],
    )
    family = Family(design=CHOSEN, exploratory=True, comparisons=comparisons)
    fresh = {one.arm: Judged(member=other, comparison=one, family=family)
             for other, one in zip(chosen, comparisons, strict=True)}  # fmt: skip
    return Contrast(
        reference=reference,
        judged=tuple(found.get(other.label) or fresh[other.label] for other in others),
        choice=choice,
        alpha=alpha,
        margin=margin,
        changed=changed,
    )


def compared_the_other_way(one: Judged, reference: Member) -> bool:
    """Whether the study has this comparison with its two sides exchanged."""
    return one.chosen and _of_study(reference, one.member) is not None


def _choice(members: Sequence[Member], test: Test | None) -> Choice:
    """The study's own choice; anew where the words ask for another test, or several studies have made several."""
    study = members[0].analysis
    if len({member.study for member in members}) == 1 and test in (None, study.results.outline.statistics.test):
        return study.choice
    arms = [_arm(member) for member in members]
    choice = choose_test(arms[0], arms[1:], requested=test or "auto")
    return replace(choice, why=told("the call asks for it")) if test not in (None, "auto") else choice


def _changed(
    reference: Member, choice: Choice, test: Test | None, alpha: float, margin: float | None
) -> tuple[str, ...]:
    """Settings with which the study's verdicts would be others."""
    settings = reference.analysis.results.outline.statistics
    pairs = (
        ("test", test is not None and choice.test != reference.analysis.choice.test),
        ("alpha", alpha != settings.alpha),
        ("margin", margin != settings.margin),
    )
    return tuple(name for name, differs in pairs if differs)


def _of_study(member: Member, reference: Member) -> Judged | None:
    """The study's own comparison of the two: the one that its tables show, else the step of a ladder."""
    analysis = member.analysis
    if member.study != reference.study:
        return None
    shown = [
        (analysis.comparisons[key], analysis.home[key]) for key in [member.variant.key] if key in analysis.comparisons
    ]
    shown += [(one, family) for family in analysis.ladders for one in family.comparisons]
    for one, family in shown:
        if (one.arm, one.reference) == (member.variant.key, reference.variant.key):
            named = replace(one, arm=member.label, reference=reference.label)
            return Judged(member=member, comparison=named, family=family)
    return None


def _arm(member: Member) -> Arm:
    return replace(member.analysis.arms[member.variant.key], key=member.label)
