"""In which classes two variants differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ablate.statistics.examples import Correct
from ablate.statistics.interval import Difference, paired, welch


@dataclass(frozen=True, kw_only=True)
class ClassDifference:
    """One class: what share of its test images two variants get right."""

    #: Number of the class.
    number: int
    #: Its test images.
    examples: int
    #: Accuracy of the class, a minus b, over seeds.
    difference: Difference
    #: p of that difference, adjusted over all classes by Holm's method; None where there is no test.
    p_adjusted: float | None


def class_differences(
    a: Correct, b: Correct, labels: NDArray[np.integer], *, is_paired: bool = False
) -> tuple[ClassDifference, ...]:
    """Compare two variants class by class, with the test that the study uses, as one family.

    A class whose accuracy varies over no seed cannot be tested; it stays in the family with p = 1.

    Args:
        a: Whether each of N images was right for each seed, (S_a, N).
        b: The same of the reference, on the same images in the same order, (S_b, N).
        labels: True classes, (N,).
        is_paired: Rows at the same place are of equal seed, and the study's test is the paired one.

    Returns:
        The classes that have test images, by number.

    Raises:
        ValueError: The images differ in number, or the seeds do where they are paired.
    """
    from statsmodels.stats.multitest import multipletests

    if not a.shape[1] == b.shape[1] == labels.size:
        raise ValueError(f"{a.shape[1]:,} and {b.shape[1]:,} outcomes and {labels.size:,} true classes")
    present, examples = np.unique(labels, return_counts=True)
    test = paired if is_paired else welch
    left, right = (_shares(correct, labels)[:, present] for correct in (a, b))
    found = [test(left[:, place].tolist(), right[:, place].tolist()) for place in range(present.size)]
    raw = [1.0 if one.p is None else one.p for one in found]
    adjusted: Sequence[float] = multipletests(raw, method="holm")[1].tolist() if raw else []
    return tuple(
        ClassDifference(number=number, examples=count, difference=one, p_adjusted=None if one.p is None else p)
        for number, count, one, p in zip(present.tolist(), examples.tolist(), found, adjusted, strict=True)
    )


def _shares(correct: Correct, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Accuracy of each class for each seed, (S, K); NaN for a class without images."""
    images = np.bincount(labels)
    right = np.array([np.bincount(labels, weights=row, minlength=images.size) for row in correct])
    right = right.reshape(len(correct), images.size)  # without a seed too
    shares: NDArray[np.float64] = np.divide(right, images, out=np.full(right.shape, np.nan), where=images > 0)
    return shares
