"""Which test images each run got right, and which runs met the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablate.statistics import Correct
from ablate.store import Database
from ablate.store.records import CorrectRecord, RunRecord
from ablate.told import told

#: Keys of a recipe's `data` table that change how images look or what is trained on, never which ones are tested on.
NOT_WHICH = frozenset(
    {"batch_size", "validation", "train_images", "resize", "channels", "crop", "augment", "normalize"}
)

#: The metric that is the share of right images; of others single images say nothing.
JUDGED_BY = "test_accuracy"
#: Why two variants cannot be compared image by image.
NOT_KEPT = told("what each image was taken for was not kept for every run")
OTHER_IMAGES = told("their test images are, or may be, others")


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The test images of some runs, N of them."""

    #: Equal for runs that met the same images in the same order, hexadecimal.
    mark: str
    #: True class of each, (N,).
    labels: NDArray[np.uint16]
    #: Names of the classes, in the order of their numbers.
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """Which of its test images one run got right."""

    images: Images
    #: Packed 8 to a byte, most significant bit first: a thousand runs on 10,000 images take 1.25 MB.
    bits: bytes

    def unpacked(self) -> Correct:
        """Whether each image was right, (N,)."""
        packed = np.frombuffer(self.bits, dtype=np.uint8)
        return np.unpackbits(packed, count=self.images.labels.size).astype(np.bool_)


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrices:
    """What two variants got right of the same test images."""

    images: Images
    #: Whether each image was right for each seed, (S, N), of each of the two.
    correct: tuple[Correct, Correct]


def outcomes(db: Database, study: str, runs: Sequence[RunRecord]) -> Mapping[tuple[str, int], Outcomes]:
    """The outcomes of each run by variant key and seed; only of runs that kept their true classes.

    Args:
        db: The experiment database.
        study: Name of the study.
        runs: Its runs.

    Raises:
        UsageError: The database has no such study.
    """
    from ablate.store import reading

    return marked(reading.correct(db, study), reading.data_tables(db, study), runs)


def marked(
    records: Sequence[CorrectRecord], tables: Mapping[str, Mapping[str, Any]], runs: Sequence[RunRecord]
) -> dict[tuple[str, int], Outcomes]:
    """Outcomes with marks that tell test images apart.

    Equal true classes in equal order do not show that images are the same: other photographs, sorted by class, have
    the same ones. So what the recipe says of which images are meant counts too, and where the files of a data set were
    changed between runs, what they were. Knobs of a data set that ablate knows nothing of are taken to change images.

    Args:
        records: What was stored of each run.
        tables: The `data` table of each variant's recipe, by key.
        runs: The runs, with their fingerprints.
    """
    content = _changed_content(runs)
    made: dict[str, Images] = {}
    found = {}
    for record in records:
        place = record.variant_key, record.seed
        asked = {key: value for key, value in tables.get(record.variant_key, {}).items() if key not in NOT_WHICH}
        facts = [record.truth.digest, asked, content.get(place, "")]
        mark = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        if mark not in made:
            labels = np.frombuffer(record.truth.labels, dtype="<u2")
            made[mark] = Images(mark=mark, labels=labels, classes=record.truth.classes)
        found[place] = Outcomes(images=made[mark], bits=record.correct)
    return found


def _changed_content(runs: Sequence[RunRecord]) -> dict[tuple[str, int], str]:
    """What the files of each run's data set were, where runs that meant the same images met others."""
    told = {}
    versions: dict[str, set[str]] = {}
    for run in runs:
        meant, colon, were = run.fingerprints.get("data", "").partition(":")
        if colon:
            told[run.variant_key, run.seed] = meant, were
            versions.setdefault(meant, set()).add(were)
    return {place: were for place, (meant, were) in told.items() if len(versions[meant]) > 1}


def side_by_side(
    found: Mapping[tuple[str, int], Outcomes], a: Sequence[tuple[str, int]], b: Sequence[tuple[str, int]]
) -> Matrices | str:
    """The outcomes of two variants as matrices, or why they cannot be compared image by image.

    Args:
        found: Outcomes by variant key and seed.
        a: The runs of one variant, at least one.
        b: Those of the other.
    """
    if any(place not in found for place in (*a, *b)):
        return NOT_KEPT
    if len({found[place].images.mark for place in (*a, *b)}) > 1:
        return OTHER_IMAGES
    left, right = (np.array([found[place].unpacked() for place in side]) for side in (a, b))
    return Matrices(images=found[a[0]].images, correct=(left, right))
