"""Two variants of a study, image by image: noise of seeds and of test images, and single classes.

Nothing is compared so unless both met the same test images, all runs that bring a value kept their outcomes, and
variants are ranked by test accuracy; `obstacle` says what stands in the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from ablate import statistics
from ablate.report.language import say
from ablate.report.table import listed, quoted
from ablate.statistics import ClassDifference, Comparison, DistributionWise, TwoSources
from ablate.told import told
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.outcomes import JUDGED_BY, OTHER_IMAGES, Matrices, side_by_side


@dataclass(frozen=True, kw_only=True)
class ClassComparison:
    """Two variants class by class, tested as one family."""

    #: Keys of the two variants.
    arm: str
    reference: str
    #: Whether seeds are paired, as for the study's verdicts.
    is_paired: bool
    #: Names of all classes, in the order of their numbers.
    names: tuple[str, ...]
    #: The classes that have test images.
    classes: tuple[ClassDifference, ...]


def two_sources(analysis: Analysis, arm: str, reference: str) -> TwoSources | None:
    """The difference of two variants with the noise of seeds and of test images; None where `obstacle` says why.

    Args:
        analysis: The study with its verdicts.
        arm: Key of one variant.
        reference: Key of the other, which is subtracted.
    """
    found = _matrices(analysis, arm, reference)
    return None if isinstance(found, str) else statistics.two_sources(*found.correct, is_paired=_is_paired(analysis))


def per_class(analysis: Analysis, arm: str, reference: str) -> ClassComparison | None:
    """Two variants class by class, by the test of the study; None where `obstacle` says why.

    Arguments as of `two_sources`.
    """
    found = _matrices(analysis, arm, reference)
    if isinstance(found, str):
        return None
    is_paired = _is_paired(analysis)
    return ClassComparison(
        arm=arm,
        reference=reference,
        is_paired=is_paired,
        names=found.images.classes,
        classes=statistics.class_differences(*found.correct, found.images.labels, is_paired=is_paired),
    )


def distribution_wise(analysis: Analysis, key: str) -> DistributionWise | None:
    """How much a variant varies over seeds on images without number; None where `obstacle` of it with itself says why.

    Below two seeds there is none either.
    """
    found = _matrices(analysis, key, key)
    return None if isinstance(found, str) else statistics.distribution_wise(found.correct[0])


def obstacle(analysis: Analysis, arm: str, reference: str) -> str:
    """Why two variants are not compared image by image, as a clause; empty where they are."""
    found = _matrices(analysis, arm, reference)
    return found if isinstance(found, str) else ""


def beyond_test_set(comparison: Comparison, found: TwoSources | None) -> bool | None:
    """Whether a verdict is likely to hold on other test images of the same kind.

    Only what is better or worse on this test set is asked: of anything else no difference was shown to begin with, and
    an interval that is adjusted for nothing must not show one by the back door.
    """
    return found.beyond_test_set if found is not None and comparison.verdict in ("better", "worse") else None


def other_images(analysis: Analysis) -> list[str]:
    """What is to be told of comparisons whose two sides met different test images: nothing where all met the same."""
    every = (one for family in analysis.families for one in family.comparisons)
    found = dict.fromkeys(
        quoted(analysis.names[one.arm]) for one in every if obstacle(analysis, one.arm, one.reference) == OTHER_IMAGES
    )
    if not found:
        return []
    return [
        say(
            "{names}: the test images are, or may be, others than those of what it is compared with. Nothing is "
            "compared image by image, and the difference may be that of the images.",
            names=listed(list(found)),
        )
    ]


def _matrices(analysis: Analysis, arm: str, reference: str) -> Matrices | str:
    """Outcomes of the runs behind two means, or why there are none to compare."""
    results, sides = analysis.results, (analysis.arms[arm], analysis.arms[reference])
    if results.outline.metric != JUDGED_BY:
        return told("variants are ranked by {metric}", metric=results.metric.label)
    if any(side.spoiled for side in sides):
        return told("a run diverged or failed")
    seeds = [set(side.values) for side in sides]
    if _is_paired(analysis):
        seeds = [seeds[0] & seeds[1]] * 2
    if not all(seeds):
        return told("a side has no run yet")
    counts = analysis.counted(arm, reference)
    places = [
        [(side.key, seed) for seed in sorted(which)[:count]]
        for side, which, count in zip(sides, seeds, counts, strict=True)
    ]
    return side_by_side(results.outcomes, *places)


def _is_paired(analysis: Analysis) -> bool:
    return analysis.choice.test == "paired"
