"""What may stand behind a difference of picked variants beside what their recipes say."""

from __future__ import annotations

from collections.abc import Iterator

from ablate.report.confounding import device_apart, versions_apart
from ablate.report.contrast.judge import Contrast
from ablate.report.contrast.members import Member
from ablate.report.costs import successful
from ablate.report.table import listed, quoted


def warnings(found: Contrast) -> tuple[str, ...]:
    """Sentences, the gravest first."""
    return tuple(text for other in found.members[1:] for text in _of_pair(other, found.reference))


def _of_pair(other: Member, reference: Member) -> Iterator[str]:
    names = f"{quoted(other.label)} and {quoted(reference.label)}"
    data, base = (member.recipe.get("data", {}).get("name") for member in (other, reference))
    if data != base and data is not None and base is not None:
        yield f"{names} are of different data ({data} and {base}): their difference says nothing of the recipes."
    elif (here := _images(other)) and (there := _images(reference)) and not here & there:
        yield f"{names} met different test images: their difference may be that of the images."
    elif other.study != reference.study and not (_images(other) and _images(reference)):
        yield f"whether {names} met the same test images is not stored."
    elif other.study != reference.study and (seen := _seen(other)) and not seen & _seen(reference):
        yield f"{names} did not see the same images: other files, another split or another scaling."
    runs, others = (successful(member.analysis.results, member.variant.key) for member in (other, reference))
    if device_apart(runs, others):
        yield (
            f"no run of {quoted(other.label)} was on a device model of {quoted(reference.label)}: a difference may be "
            "the machine's."
        )
    if apart := versions_apart(runs, others):
        yield (
            f"no run of {quoted(other.label)} was made under a version of {listed(apart)} that "
            f"{quoted(reference.label)} had: a difference may be the library's."
        )


def _seen(member: Member) -> set[str]:
    """Hashes of the images that a variant's runs were to see and saw."""
    runs = successful(member.analysis.results, member.variant.key)
    return {run.fingerprints["data"] for run in runs if "data" in run.fingerprints}


def _images(member: Member) -> set[str]:
    """Digests of the test images that a variant's runs met, as far as they were kept."""
    sets = member.analysis.results.test_sets
    return {one.digest for one in sets if one.variant_key == member.variant.key and one.digest is not None}
