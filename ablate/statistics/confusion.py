"""Which classes are taken for which: counts of single runs, of runs together, and what share of each class is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def confusion_matrix(truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> Counts:
    """How often each true class was given each prediction: (K, K), rows true classes, columns predicted ones.

    Args:
        truth: True classes, (N,).
        predicted: Predicted classes, (N,).
        classes: Number of classes K.

    Raises:
        ValueError: The two differ in length, or name a class that is none.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"{truth.size} true classes and {predicted.size} predictions")
    largest = max(truth.max(initial=0), predicted.max(initial=0))
    if truth.size and largest >= classes:
        raise ValueError(f"class {largest} is none of {classes}")
    cells = truth.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).astype(np.int64).reshape(classes, classes)


def pooled(matrices: Sequence[Counts]) -> Counts:
    """The counts of several runs together: the sum of their matrices, (K, K).

    Raises:
        ValueError: There is none, or they differ in size.
    """
    counts: Counts = np.stack(matrices).sum(axis=0)
    return counts


def class_accuracies(counts: Counts) -> NDArray[np.float64]:
    """Share of each true class that was predicted right; NaN for a class without examples.

    Args:
        counts: One matrix, (K, K), or those of several seeds, (S, K, K).

    Returns:
        (K,), or for several seeds (S, K).
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    examples = counts.sum(axis=-1)
    shares: NDArray[np.float64] = np.divide(right, examples, out=np.full(right.shape, np.nan), where=examples > 0)
    return shares
