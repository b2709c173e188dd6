"""Two databases become one: studies by name, variants by key, jobs by (study, variant key, seed); all or nothing.

A job comes whole from one of the two, never mixed. One with a result wins over one without; of two without, the one
that got further; of two with results, ours stays, and differing numbers are told. The other database is only read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.store.database import Database
from ablate.store.lookup import newest
from ablate.store.merge_files import FileCopies
from ablate.store.merge_history import merge_revisions
from ablate.store.merge_jobs import JobCopies, differs
from ablate.store.repeats import merge_repeats
from ablate.store.submission import relist
from ablate.store.tables import jobs, notes, studies, tunings, variants
from ablate.store.upkeep import refuse_running
from ablate.study.outline import Outline

_RESULT = (JobState.SUCCEEDED, JobState.DIVERGED)


@dataclass(kw_only=True)
class Merged:
    """What a merge brought."""

    #: Studies that were not there before.
    studies: list[str] = field(default_factory=list)
    #: Jobs that were not there before.
    added: int = 0
    #: Jobs whose result or progress came from the other database.
    replaced: int = 0
    #: Jobs of both that stayed as they were.
    kept: int = 0
    #: Jobs and choices with two differing results, of which ours stayed.
    conflicts: list[str] = field(default_factory=list)
    #: Checkpoints that the other database pointed at and that were gone or damaged.
    lost_files: int = 0

    def describe(self) -> str:
        """One line for people."""
        new = f"{len(self.studies)} new {'study' if len(self.studies) == 1 else 'studies'}"
        return f"{new}, {self.added} jobs added, {self.replaced} replaced, {self.kept} kept as they were"


def merge(db: Database, other: Database) -> Merged:
    """Take over what another database has and this one has not.

    Args:
        db: The experiment database that grows.
        other: The one that is read, with its artifacts.

    Raises:
        UsageError: They are the same, jobs run in one of them, or a study's results are not comparable.
        DatabaseError: One of them is at fault; nothing was changed.
    """
    if db.secret_url == other.secret_url or (db.path and other.path and db.path.samefile(other.path)):
        raise UsageError(f"{db.place} and {other.place} are the same database.", cure="Name another one.")
    refuse_running(db)
    refuse_running(other)
    merged = Merged()
    files = FileCopies(source=other.artifacts, target=db.artifacts)
    with other.read() as theirs:
        try:
            with db.write() as ours:
                for row in theirs.execute(select(studies).order_by(studies.c.id)).mappings().all():
                    _merge_study(ours, theirs, row, files, merged)
                merge_repeats(ours, theirs)
        except BaseException:
            files.undo()
            raise
    files.clean_up()
    merged.lost_files = files.lost
    return merged


def _merge_study(ours: Connection, theirs: Connection, row: RowMapping, files: FileCopies, merged: Merged) -> None:
    name = str(row["name"])
    study = ours.execute(select(studies.c.id).where(studies.c.name == name)).scalar()
    if study is None:
        created = insert(studies).values(name=name, created_at=row["created_at"]).returning(studies.c.id)
        study = ours.execute(created).scalar_one()
        merged.studies.append(name)
    elif (here := newest(ours, name).execution) != (there := newest(theirs, name).execution):
        raise UsageError(
            f"the results of {name} are not comparable: its settings are {here} here and {there} there.",
            cure="Merge into a new database, and compare the two by `ablate export`.",
        )
    merge_revisions(ours, theirs, study, row["id"])
    keys = _merge_variants(ours, theirs, study, row["id"])
    _merge_jobs(ours, theirs, (study, row["id"], name), keys, files, merged)
    _merge_tunings(ours, theirs, (study, row["id"], name), merged)
    relist(ours, study, Outline.model_validate(newest(ours, name).outline))


def _merge_variants(ours: Connection, theirs: Connection, study: int, their_study: int) -> Mapping[int, int]:
    """Write variants that are missing; our row of each of theirs."""
    known = dict(_pairs(ours, study))
    rows = theirs.execute(select(variants).where(variants.c.study == their_study)).mappings().all()
    fresh = [{**row, "study": study} for row in rows if row["key"] not in known]
    for values in fresh:
        del values["id"]
    if fresh:
        ours.execute(insert(variants), fresh)
        known = dict(_pairs(ours, study))
    return {row["id"]: known[row["key"]] for row in rows}


def _pairs(connection: Connection, study: int) -> list[tuple[str, int]]:
    question = select(variants.c.key, variants.c.id).where(variants.c.study == study)
    return [(row.key, row.id) for row in connection.execute(question)]


def _merge_jobs(
    ours: Connection,
    theirs: Connection,
    study: tuple[int, int, str],
    variant_of: Mapping[int, int],
    files: FileCopies,
    merged: Merged,
) -> None:
    number, their_number, name = study
    known = {
        (row["variant"], row["seed"]): row
        for row in ours.execute(select(jobs).where(jobs.c.study == number)).mappings()
    }
    copies = JobCopies(ours=ours, theirs=theirs, files=files)
    question = select(jobs, variants.c.name.label("variant_name")).join(variants, variants.c.id == jobs.c.variant)
    of_study = question.where(jobs.c.study == their_number).order_by(jobs.c.id)
    job_notes: dict[int, int] = {}
    for row in theirs.execute(of_study).mappings().all():
        mine = known.get((variant_of[row["variant"]], row["seed"]))
        if mine is None:
            job_notes[row["id"]] = copies.add(row, study=number, variant=variant_of[row["variant"]])
            merged.added += 1
        elif _wins(row, mine):
            job_notes[row["id"]] = copies.replace(row, mine)
            merged.replaced += 1
        else:
            job_notes[row["id"]] = mine["id"]
            merged.kept += 1
            if row["state"] in _RESULT and (what := differs(ours, theirs, mine, row)):
                merged.conflicts.append(f"{name}, {row['variant_name']}, seed {row['seed']}: {what}")
    copies.write()
    _merge_notes(ours, theirs, number, their_number, job_notes)


def _wins(row: RowMapping, mine: RowMapping) -> bool:
    """Whether their job takes the place of ours."""
    if mine["state"] in _RESULT or row["state"] in _RESULT:
        return mine["state"] not in _RESULT
    return bool(row["furthest_epoch"] > mine["furthest_epoch"])


def _merge_tunings(ours: Connection, theirs: Connection, study: tuple[int, int, str], merged: Merged) -> None:
    number, their_number, name = study
    known = {row.key: row for row in ours.execute(select(tunings).where(tunings.c.study == number))}
    for row in theirs.execute(select(tunings).where(tunings.c.study == their_number)).mappings().all():
        mine = known.get(row["key"])
        if mine is None:
            ours.execute(insert(tunings), [{**row, "study": number}])
        elif mine.chosen != row["chosen"]:
            merged.conflicts.append(f"{name}, {row['name']}: other values were chosen there")


def _merge_notes(
    ours: Connection, theirs: Connection, number: int, their_number: int, job_of: Mapping[int, int]
) -> None:
    said = {(row.text, row.created_at) for row in ours.execute(select(notes).where(notes.c.study == number))}
    fresh: list[dict[str, Any]] = [
        {"study": number, "job": job_of.get(row.job), "text": row.text, "created_at": row.created_at}
        for row in theirs.execute(select(notes).where(notes.c.study == their_number).order_by(notes.c.id))
        if (row.text, row.created_at) not in said
    ]
    if fresh:
        ours.execute(insert(notes), fresh)
