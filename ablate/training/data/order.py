"""A random order in which every stretch holds the classes in their proportions. Imports no PyTorch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ablate.training.words import WordStream


def stratified_order(labels: npt.NDArray[np.int64], stream: WordStream) -> npt.NDArray[np.int64]:
    """A random order of all examples in which every consecutive part holds the classes in their proportions.

    The r-th example (in random order) of a class with m examples is placed at (r + 1/2) / m; equal places are
    ordered at random. So the number of a class in any beginning is within about one of its share.

    Args:
        labels: Class of each example, (N,).
        stream: Where the randomness comes from.

    Returns:
        Indices of the examples, (N,).
    """
    random = stream.raw(0, len(labels))
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shuffled = members[np.argsort(random[members], kind="stable")]
        places[shuffled] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((random, places)).astype(np.int64)
