"""What each run took the classes of the test images for: matrices made of stored predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ablate.statistics import confusion_matrix
from ablate.statistics.confusion import Counts
from ablate.store import Database
from ablate.store.records import PredictionRecord

#: Variants whose predictions are read together.
VARIANTS_AT_A_TIME = 8


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """How often one run gave each prediction to each true class."""

    #: Names of the K classes.
    classes: tuple[str, ...]
    #: Test images, (K, K): rows true classes, columns predicted ones.
    counts: Counts


def counted(record: PredictionRecord) -> ClassCounts | None:
    """The counts of one run; None where its true classes were not kept."""
    said = record.predictions
    if said.labels is None or not said.classes:
        return None
    truth, predicted = np.frombuffer(said.labels, dtype="<u2"), np.frombuffer(said.predicted, dtype="<u2")
    return ClassCounts(classes=said.classes, counts=confusion_matrix(truth, predicted, len(said.classes)))


def class_counts(db: Database, study: str, keys: Sequence[str], *, most: int) -> Mapping[tuple[str, int], ClassCounts]:
    """The counts of each run by variant key and seed, a few variants at a time: predictions take far more room.

    Args:
        db: The experiment database.
        study: Name of the study.
        keys: Keys of the variants.
        most: Runs with more classes are left out.

    Raises:
        UsageError: The database has no such study.
    """
    from ablate.store import reading

    found: dict[tuple[str, int], ClassCounts] = {}
    for first in range(0, len(keys), VARIANTS_AT_A_TIME):
        for record in reading.predictions(db, study, keys[first : first + VARIANTS_AT_A_TIME]):
            if len(record.predictions.classes) <= most and (made := counted(record)) is not None:
                found[record.variant_key, record.seed] = made
    return found
