"""What may stand behind a difference of picked variants beside what their recipes say."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.confounding import device_apart, versions_apart
from ablate.report.contrast.judge import Contrast
from ablate.report.contrast.members import Member
from ablate.report.costs import successful
from ablate.report.language import say
from ablate.report.table import listed, quoted


def warnings(found: Contrast) -> tuple[str, ...]:
    """Sentences, the gravest first."""
    return tuple(text for other in found.members[1:] for text in _of_pair(other, found.reference))


def _of_pair(other: Member, reference: Member) -> Iterator[str]:
    names = listed((quoted(other.label), quoted(reference.label)))
    data, base = (member.recipe.get("data", {}).get("name") for member in (other, reference))
    if data != base and data is not None and base is not None:
        yield say(
            "{names} are of different data ({data}): their difference says nothing of the recipes.",
            names=names,
            data=listed((data, base)),
        )
    elif (here := _images(other)) and (there := _images(reference)) and not here & there:
        yield say("{names} met different test images: their difference may be that of the images.", names=names)
    elif other.study != reference.study and not (_images(other) and _images(reference)):
        yield say("whether {names} met the same test images is not stored.", names=names)
    elif other.study != reference.study and (seen := _seen(other)) and not seen & _seen(reference):
        yield say("{names} did not see the same images: other files, another split or another scaling.", names=names)
    runs, others = (successful(member.analysis.results, member.variant.key) for member in (other, reference))
    if device_apart(runs, others):
        yield say(
            "no run of {name} was on a device model of {reference}: a difference may be the machine's.",
            name=quoted(other.label),
            reference=quoted(reference.label),
        )
    if apart := versions_apart(runs, others):
        yield say(
            "no run of {name} was made under a version of {libraries} that {reference} had: a difference may be the "
            "library's.",
            name=quoted(other.label),
            libraries=listed(apart),
            reference=quoted(reference.label),
        )


def _seen(member: Member) -> set[str]:
    """Hashes of the images that a variant's runs were to see and saw."""
    runs = successful(member.analysis.results, member.variant.key)
    return {run.fingerprints["data"] for run in runs if "data" in run.fingerprints}


def _images(member: Member) -> set[str]:
    """Digests of the test images that a variant's runs met, as far as they were kept."""
    sets = member.analysis.results.test_sets
    return {one.digest for one in sets if one.variant_key == member.variant.key and one.digest is not None}
