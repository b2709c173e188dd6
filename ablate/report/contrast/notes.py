"""On what the verdicts of picked variants rest, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.contrast.judge import Contrast, compared_the_other_way
from ablate.report.language import capital, say, say_number
from ablate.report.reading import TESTS
from ablate.report.table import listed, quoted
from ablate.report.words import word


def notes(found: Contrast) -> Iterator[str]:
    """Which verdicts were declared beforehand, by which test they were reached, and why some are missing."""
    yield from _basis(found)
    if found.changed:
        yield say_number(
            len(found.changed),
            "Not the study's verdicts, for {settings} was given otherwise than in the study.",
            "Not the study's verdicts, for {settings} were given otherwise than in the study.",
            settings=listed(found.changed),
        )
    for one in found.judged:
        if one.comparison.why and one.member.analysis.results.is_run(one.member.variant.key):
            yield say(
                "{name}: {verdict}, for {why}.",
                name=one.member.label,
                verdict=word(one.comparison.verdict),
                why=one.comparison.why,
            )
    tests = {one.comparison.test for one in found.judged} - {"none"}
    if tests:
        named = capital(listed([say(TESTS[test]) for test in sorted(tests)]))
        if tests == {found.choice.test}:
            yield say("{test}, because {why}.", test=named, why=found.choice.why)
        else:
            yield say("{text}.", text=named)
        yield say(
            "Intervals are not adjusted; verdicts are, with an error rate of {alpha} for each family.",
            alpha=f"{found.alpha:g}",
        )
    if any(one.comparison.mde is not None for one in found.judged):
        yield say("Finds from: the smallest true difference that so many seeds find with power 80 %.")


def _basis(found: Contrast) -> Iterator[str]:
    families = {one.family.name: one.family for one in found.judged if not one.chosen}
    for name, family in families.items():
        kind = say("confirmatory")
        if family.exploratory:
            kind = say("exploratory, for it came after results were seen")
        yield say_number(
            len(family.comparisons),
            "{name}: {kind}; the study's own verdict, adjusted over the one comparison of this family.",
            "{name}: {kind}; the study's own verdict, adjusted over all {n} comparisons of this family.",
            name=name,
            kind=kind,
        )
    chosen = [one for one in found.judged if one.chosen]
    if chosen:
        yield say_number(
            len(chosen),
            "{which}: chosen after results were seen, adjusted over this one comparison only.",
            "{which}: chosen after results were seen, adjusted over these {n} comparisons only.",
            which=say("The others are exploratory") if families else say("Exploratory"),
        )
    for one in chosen:
        if compared_the_other_way(one, found.reference):
            call = f"ablate compare '{one.member.label}' '{found.reference.label}'"
            yield say(
                "The study compares {name} with the reference the other way round: `{call}`.",
                name=quoted(one.member.label),
                call=call,
            )
