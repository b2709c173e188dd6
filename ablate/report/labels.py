"""`ablate export STUDY submission`: labels for images that nobody has labelled, as competitions want them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.recipe.signatures import did_you_mean
from ablate.store import Database
from ablate.store.records import RunRecord
from ablate.study.outline import OutlineVariant

#: Headings where none are asked for: path of the image below its folder, name of its class.
COLUMNS = ("file", "class")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A table of files and classes."""

    #: CSV with a header, in the order of the files.
    text: str
    #: Seed of the run whose network labelled them.
    seed: int
    #: Number of images.
    count: int


def submission(
    db: Database, study: str, variant: str, *, seed: int | None = None, columns: Sequence[str] = COLUMNS
) -> Labels:
    """The labels that one run of a variant gave.

    Args:
        db: The experiment database.
        study: Name of the study.
        variant: Name of the variant.
        seed: Which run; None means the lowest seed that succeeded.
        columns: Headings of the two columns.

    Raises:
        UsageError: There is no such study, variant or seed, the run has not succeeded, or it labelled nothing.
    """
    from ablate.store import reading

    if len(columns) != len(COLUMNS) or not all(columns):
        raise UsageError(
            f"--columns names two columns, not {','.join(columns)!r}.",
            cure="Write the heading of the files, then that of the classes: `--columns id,label`.",
        )
    chosen = _variant(study, variant, reading.outline(db, study).variants)
    run = _run(study, chosen, seed, [run for run in reading.runs(db, study) if run.variant_key == chosen.key])
    said = {(one.variant_key, one.seed): one.labelling for one in reading.labellings(db, study)}
    labelling = said.get((chosen.key, run.seed))
    if labelling is None:
        raise UsageError(
            f"{chosen.name!r} of {study} labelled no images with seed {run.seed}: its data have none without labels.",
            cure="Put them into the folder `test` of an `image_folder`, without folders of classes, "
            "before the study is run.",
        )
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")  # for a grader, who wants names as they are: nothing is guarded
    writer.writerow(columns)
    writer.writerows(zip(labelling.files, labelling.classes, strict=True))
    return Labels(text=stream.getvalue(), seed=run.seed, count=len(labelling.files))


def _variant(study: str, name: str, variants: Sequence[OutlineVariant]) -> OutlineVariant:
    """The variant of this name, or of a name under which the study lists the same recipe."""
    known = {other: one for one in variants for other in (one.name, *one.also)}
    if name not in known:
        raise UsageError(
            f"{study} has no variant {name!r}{did_you_mean(name, list(known))}",
            cure=f"`ablate status {study}` and the report list what it has.",
        )
    return known[name]


def _run(study: str, variant: OutlineVariant, seed: int | None, runs: Sequence[RunRecord]) -> RunRecord:
    """The run of a seed, or the first that succeeded."""
    succeeded = {run.seed: run for run in runs if run.state == JobState.SUCCEEDED}
    if not succeeded:
        states = ", ".join(dict.fromkeys(str(run.state) for run in runs)) or "not asked for"
        raise UsageError(
            f"no run of {variant.name!r} has succeeded yet ({states}).", cure=f"Train it first: `ablate run {study}`."
        )
    if seed is None:
        return succeeded[min(succeeded)]
    if seed in succeeded:
        return succeeded[seed]
    state = next((f"is {run.state}" for run in runs if run.seed == seed), "is no run of the study")
    raise UsageError(
        f"seed {seed} of {variant.name!r} {state}.",
        cure=f"Seeds that succeeded: {', '.join(str(each) for each in sorted(succeeded))}.",
    )
