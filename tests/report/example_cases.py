"""Studies whose accuracies are the shares of single test images that were right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablate.protocol import JobState
from ablate.report.comparisons import comparisons_json
from ablate.store.records import CorrectRecord, RunRecord, TruthRecord
from ablate.verdicts.outcomes import marked
from ablate.verdicts.results import Results

CLASSES = ("cat", "dog|wolf", "cow")
LABELS = (np.arange(300) % 3).astype("<u2")
#: Share of each class that is right, by the name of the variant; the others are as the baseline.
SHARES = {"optimizer=Adam": (0.95, 0.95, 0.6), "dropout=0.6": (0.3, 0.7, 0.6)}
BASE = (0.7, 0.7, 0.6)


def right(name: str, seed: int, shares: Mapping[str, tuple[float, ...]] = SHARES) -> NDArray[np.bool_]:
    """What a run gets right: each image has its own difficulty, which seeds blur."""
    of_image = np.random.default_rng(1).random(LABELS.size)
    noise = np.random.default_rng([seed, *name.encode()]).normal(0, 0.05, LABELS.size)
    return of_image + noise < np.array(shares.get(name, BASE))[LABELS]


def stored(
    one: RunRecord, bits: NDArray[np.bool_], digest: str = "d", labels: bytes = LABELS.tobytes()
) -> CorrectRecord:
    truth = TruthRecord(digest=digest, count=bits.size, labels=labels, classes=CLASSES)
    return CorrectRecord(variant_key=one.variant_key, seed=one.seed, truth=truth, correct=np.packbits(bits).tobytes())


def with_outcomes(given: Results, tables: Mapping[str, Mapping[str, Any]] | None = None) -> Results:
    """The same study, its test accuracies being the shares of single images that were right."""
    bits = {(one.variant_key, one.seed): right(one.variant, one.seed) for one in given.runs}
    runs = tuple(
        replace(one, test_accuracy=int(bits[one.variant_key, one.seed].sum()) / LABELS.size)
        if one.test_accuracy is not None
        else one
        for one in given.runs
    )
    records = [stored(one, bits[one.variant_key, one.seed]) for one in runs if one.state == JobState.SUCCEEDED]
    return replace(given, runs=runs, outcomes=marked(records, tables or {}, runs))


def by_name(given: Results) -> dict[str, dict[str, Any]]:
    return {one["variant"]: one for one in comparisons_json(given)["comparisons"]}


def matrix(name: str, seeds: int = 5) -> NDArray[np.bool_]:
    return np.array([right(name, seed) for seed in range(seeds)])
