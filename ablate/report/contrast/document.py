"""`ablate compare --json`."""

from __future__ import annotations

from typing import Any

from ablate.recipe.compare import differences
from ablate.report.comparisons import comparison_entry
from ablate.report.contrast.judge import Contrast, Judged
from ablate.report.contrast.members import Member
from ablate.report.contrast.warnings import warnings
from ablate.report.costs import FLOPS, PARAMETERS, SECONDS, SECONDS_PER_EPOCH, device_models, successful
from ablate.statistics import mean_interval


def document(found: Contrast) -> dict[str, Any]:
    """The comparisons with the keys of `ablate report --json`, and beside them what they rest on and differ in."""
    results = found.reference.analysis.results
    tests = {one.comparison.test for one in found.judged} - {"none"}
    return {
        "study": results.outline.name,
        "metric": results.outline.metric,
        "test": tests.pop() if len(tests) == 1 else found.choice.test if tests else "none",
        "icc": found.choice.icc,
        "alpha": found.alpha,
        "margin": found.margin,
        "reference": _member(found.reference),
        "comparisons": [_judged(one, found.reference) for one in found.judged],
        "warnings": list(warnings(found)),
    }


def _member(member: Member) -> dict[str, Any]:
    arm = member.analysis.arms[member.variant.key]
    interval = mean_interval([arm.values[seed] for seed in sorted(arm.values)])
    figures = {"n": interval.n, "mean": interval.mean, "sd": interval.sd, "cost": _cost(member)}
    return {"study": member.study, "variant": member.variant.name, **figures}


def _judged(one: Judged, reference: Member) -> dict[str, Any]:
    names = {member.label: member.variant.name for member in (one.member, reference)}
    return {
        **comparison_entry(one.comparison, names, one.family),
        "study": one.member.study,
        "family_size": one.comparison.family_size,
        "basis": one.basis,
        "differences": [
            {"path": path, "reference": was, "value": now}
            for path, was, now in differences(reference.recipe, one.member.recipe)
        ]
        if reference.recipe and one.member.recipe
        else None,
        "cost": _cost(one.member),
    }


def _cost(member: Member) -> dict[str, Any]:
    """Figures of one variant; seconds belong to the device models that are named."""
    runs = successful(member.analysis.results, member.variant.key)
    costs = {cost.name: cost.of(runs) for cost in (PARAMETERS, FLOPS, SECONDS_PER_EPOCH, SECONDS)}
    return {**costs, "device": sorted(device_models(runs))}
