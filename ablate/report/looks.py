"""What reports say of looks: how seeds were added, and what more seeds than planned mean for verdicts."""

from __future__ import annotations

from ablate.report.language import say
from ablate.report.table import listed
from ablate.statistics import Comparison, Looks
from ablate.study.outline import Outline, OutlinePlan


def looks_told(outline: Outline) -> list[str]:
    """How looks keep the error rate; nothing for a fixed number of seeds."""
    if not outline.looks:
        return []
    weights = Looks(counts=outline.looks, strict=outline.strict).weights
    shares = listed([f"{weight:.0%}" for weight in weights])
    return [
        say(
            "Results were looked at after {plan}, as was planned beforehand; what a look leaves undecided gets more "
            "seeds. The looks share the error rate ({shares}), so that looking costs none; p-values count all looks so "
            "far. What was decided stays as it was when it was decided. A comparison is stopped where further seeds "
            "would hardly decide it.",
            plan=_plan_told(outline.plan),
            shares=shares,
        )
    ]


def standing(outline: Outline, comparison: Comparison) -> str:
    """How far an undecided comparison has come, as a clause; empty for a fixed number of seeds, or at the last look."""
    if comparison.look is None or comparison.verdict != "undecided" or comparison.look >= outline.looks[-1]:
        return ""
    if comparison.futile:
        return say("stopped at {n} seeds", n=comparison.look)
    return say("at {n} of at most {most} seeds", n=comparison.look, most=outline.looks[-1])


def replanned(outline: Outline) -> str:
    """What it means that seeds were planned anew after results were seen; empty where they were not."""
    if outline.confirmed is None:
        return ""
    return say(
        "{before} were planned when the first results were seen, now {now}. Verdicts are those of the first plan; what "
        "it left undecided is judged again with all seeds, as exploratory: such verdicts do not count the first look. "
        "To add seeds without that, plan them beforehand as `[seeds] looks`.",
        before=_plan_told(outline.confirmed).capitalize(),
        now=_plan_told(outline.plan),
    )


def _plan_told(plan: OutlinePlan) -> str:
    counts = plan.looks or (len(plan.seeds),)
    return say("{counts} seeds", counts=listed([str(count) for count in counts]))
