"""On what the verdicts of picked variants rest, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.contrast.judge import Contrast, compared_the_other_way
from ablate.report.prose import TESTS
from ablate.report.table import listed, quoted


def notes(found: Contrast) -> Iterator[str]:
    """Which verdicts were declared beforehand, by which test they were reached, and why some are missing."""
    yield from _basis(found)
    if found.changed:
        were = "was" if len(found.changed) == 1 else "were"
        yield f"Not the study's verdicts, for {listed(found.changed)} {were} given otherwise than in the study."
    for one in found.judged:
        if one.comparison.why and one.member.analysis.results.is_run(one.member.variant.key):
            yield f"{one.member.label}: {one.comparison.verdict}, for {one.comparison.why}."
    tests = {one.comparison.test for one in found.judged} - {"none"}
    if tests:
        why = f", because {found.choice.why}" if tests == {found.choice.test} else ""
        named = listed([TESTS[test] for test in sorted(tests)])
        yield f"{named[:1].upper()}{named[1:]}{why}."
        yield f"Intervals are not adjusted; verdicts are, with an error rate of {found.alpha:g} for each family."
    if any(one.comparison.mde is not None for one in found.judged):
        yield "Finds from: the smallest true difference that so many seeds find with power 80 %."


def _basis(found: Contrast) -> Iterator[str]:
    families = {one.family.name: one.family for one in found.judged if not one.chosen}
    for name, family in families.items():
        kind = "exploratory, for it came after results were seen" if family.exploratory else "confirmatory"
        size = len(family.comparisons)
        all_of_it = "the one comparison" if size == 1 else f"all {size} comparisons"
        yield f"{name}: {kind}; the study's own verdict, adjusted over {all_of_it} of this family."
    chosen = [one for one in found.judged if one.chosen]
    if chosen:
        which = "The others are exploratory" if families else "Exploratory"
        count = f"these {len(chosen)} comparisons" if len(chosen) > 1 else "this one comparison"
        yield f"{which}: chosen after results were seen, adjusted over {count} only."
    for one in chosen:
        if compared_the_other_way(one, found.reference):
            call = f"ablate compare '{one.member.label}' '{found.reference.label}'"
            yield f"The study compares {quoted(one.member.label)} with the reference the other way round: `{call}`."
