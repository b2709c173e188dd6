"""Bring the database up to a study: a revision if something changed, its variants, and the jobs that are missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy import text as sql

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.recipe import AnyRecipe
from ablate.recipe.packing import Pack, packs_of
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.lookup import newest, refuse_imported
from ablate.store.tables import calls, jobs, revisions, sources, studies, variants
from ablate.study.outline import Outline

#: Room for the variants of one seed in the order of claims.
_SEED_STRIDE = 1 << 32


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What one submission changed."""

    #: Name of the study.
    study: str
    #: Number of the study's newest revision.
    revision: int
    #: Whether this submission made that revision.
    new_revision: bool
    #: Jobs that were queued now.
    added: int
    #: Jobs of this revision that the database already had, in whatever state.
    existing: int
    #: Jobs among `existing` that wait again after an earlier revision had left them out.
    requeued: int
    #: Jobs that this submission does not ask for; kept, but neither claimed nor reported.
    left_out: int
    #: Settings that change bits, as the study's first revision fixed them.
    execution: Mapping[str, Any]
    #: Jobs among `existing` that had a result and were queued again.
    rerun: int = 0

    def describe(self) -> str:
        """One line for people."""
        parts = [f"{self.added} jobs queued" if self.added else "nothing new to run"]
        if self.existing:
            parts.append(f"{self.existing} already known")
        if self.requeued:
            parts.append(f"{self.requeued} of them waiting again")
        if self.rerun:
            parts.append(f"{self.rerun} of them run again")
        if self.left_out:
            parts.append(f"{self.left_out} not asked for now")
        return f"{self.study}, revision {self.revision}: {', '.join(parts)}"


def submit(
    db: Database,
    *,
    outline: Outline,
    recipes: Mapping[str, AnyRecipe],
    text: str,
    settings: Sequence[str],
    sources: Mapping[str, str],
    execution: Mapping[str, Any],
    only: Collection[tuple[str, int]] | None = None,
    call: Sequence[str] = (),
) -> Submission:
    """Store a study and queue the jobs that are missing, all or nothing.

    Variants are known by their keys: a new name or label reruns nothing. Jobs that the outline no longer asks for stay
    with their results; those that wait are passed over until a revision asks for them again.

    Args:
        db: The experiment database.
        outline: The study as its file lays it out.
        recipes: Recipe of each variant by key.
        text: The study file, word for word.
        settings: The `--set` options given beside the file.
        sources: Text of the user's own files by path relative to the study file.
        execution: Settings that change bits; the first revision's are kept. New variants get packs where these have
            the same rule for that (`packing`) as are given here.
        only: Cells (variant key, seed; tuning runs too) to run now; None means all. Others that wait are passed over
            until a later submission asks for them; others that have ended stay in the report.
        call: What was typed after `ablate run` to ask for it, for "how to reproduce"; nothing where nobody typed.

    Raises:
        UsageError: A variant has no recipe, or results from elsewhere were imported under the study's name.
        DatabaseError: The database cannot be written.
    """
    rows = _cells(outline)
    for key, (name, _) in rows.items():
        if key not in recipes:
            raise UsageError(
                f"{name!r} of {outline.name} has no recipe: results from elsewhere cannot be run.",
                cure=f"Show them with `ablate report {outline.name}`.",
            )
    with db.write() as connection:
        refuse_imported(connection, outline.name)
        study = _study(connection, outline.name)
        number, new, settled = _revision(connection, study, outline, text, list(settings), sources, execution)
        if call:
            _keep_call(connection, newest(connection, outline.name).id, list(call))
        packing = "packing" in settled and settled["packing"] == execution.get("packing")
        ids = _variants(connection, study, rows, recipes, packs_of(recipes, runs_asked_for(outline)) if packing else {})
        added, existing, requeued, left_out = _jobs(connection, study, outline, ids, only)
    return Submission(
        study=outline.name,
        revision=number,
        new_revision=new,
        added=added,
        existing=existing,
        requeued=requeued,
        left_out=left_out,
        execution=settled,
    )


def lock_studies(connection: Connection) -> None:
    """Let two submissions take turns; SQLite has a single writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql("LOCK TABLE studies IN SHARE ROW EXCLUSIVE MODE"))


def _study(connection: Connection, name: str) -> int:
    lock_studies(connection)
    found = connection.execute(select(studies.c.id).where(studies.c.name == name)).scalar()
    if found is not None:
        return int(found)
    created = insert(studies).values(name=name, created_at=Now()).returning(studies.c.id)
    return int(connection.execute(created).scalar_one())


def _revision(
    connection: Connection,
    study: int,
    outline: Outline,
    text: str,
    settings: list[str],
    texts: Mapping[str, str],
    execution: Mapping[str, Any],
) -> tuple[int, bool, Mapping[str, Any]]:
    """Number of the newest revision, whether it is new, and the study's execution settings."""
    hashes = {path: _sha256(content) for path, content in texts.items()}
    last = connection.execute(
        select(revisions).where(revisions.c.study == study).order_by(revisions.c.number.desc()).limit(1)
    ).one_or_none()
    number = 1
    if last is not None:
        before = select(sources.c.path, sources.c.sha256).where(sources.c.revision == last.id)
        known = {row.path: row.sha256 for row in connection.execute(before)}
        laid_out = Outline.model_validate(last.outline)  # an older ablate may have known fewer keys
        if (last.text, last.settings, laid_out, known) == (text, settings, outline, hashes):
            return last.number, False, last.execution
        number, execution = last.number + 1, last.execution
    revision = write_revision(
        connection, study, outline, number=number, execution=execution, text=text, settings=settings
    )
    if texts:
        connection.execute(
            insert(sources),
            [
                {"revision": revision, "path": path, "sha256": hashes[path], "text": content}
                for path, content in texts.items()
            ],
        )
    return number, True, execution


def write_revision(
    connection: Connection,
    study: int,
    outline: Outline,
    *,
    number: int,
    execution: Mapping[str, Any],
    text: str = "",
    settings: Sequence[str] = (),
) -> int:
    """Write a revision of a study, which has no text where its results were imported; the row's id."""
    row = {
        "study": study,
        "number": number,
        "text": text,
        "sha256": _sha256(text),
        "settings": list(settings),
        "outline": outline.model_dump(mode="json"),
        "execution": dict(execution),
        "ablate_version": _own_version(),
        "created_at": Now(),
    }
    return int(connection.execute(insert(revisions).values(row).returning(revisions.c.id)).scalar_one())


def _keep_call(connection: Connection, revision: int, call: list[str]) -> None:
    """Note a command, unless the revision was submitted by the same one before."""
    of_revision = select(calls.c.arguments).where(calls.c.revision == revision)
    known = list(connection.execute(of_revision).scalars())
    if call not in known:
        row = {"revision": revision, "number": len(known) + 1, "arguments": call, "created_at": Now()}
        connection.execute(insert(calls).values(row))


def _cells(outline: Outline) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Name and levels of everything that is trained, by key: the variants, then what is only tried in a tuning."""
    rows: dict[str, tuple[str, Mapping[str, str]]] = {
        variant.key: (variant.name, variant.levels) for variant in outline.variants
    }
    for tuning in outline.tunings:
        for candidate in tuning.candidates:
            rows.setdefault(candidate.key, (f"{tuning.name}, {candidate.label}", {}))
    return rows


def runs_asked_for(outline: Outline) -> Counter[str]:
    """How many runs of each recipe are asked for, by key."""
    runs = Counter({variant.key: len(outline.seeds_of(variant)) for variant in outline.variants})
    for tuning in outline.tunings:
        runs.update({candidate.key: len(tuning.seeds) for candidate in tuning.candidates})
    return runs


def _variants(
    connection: Connection,
    study: int,
    cells: Mapping[str, tuple[str, Mapping[str, str]]],
    recipes: Mapping[str, AnyRecipe],
    packs: Mapping[str, Pack],
) -> dict[str, int]:
    """Write new variants and new names; the row of each key.

    Args:
        connection: Of the transaction.
        study: The study's row.
        cells: Name and levels by key.
        recipes: Recipe of each new variant by key.
        packs: Packs of new variants by key. Those of the rows that are there stay as they are, and so does the size
            of a pack that any of them has: both are a part of what the bits of their jobs depend on.
    """
    columns = (variants.c.key, variants.c.id, variants.c.name, variants.c.levels, variants.c.position)
    rows = connection.execute(select(*columns, variants.c.pack, variants.c.pack_size).where(variants.c.study == study))
    known = {row.key: row for row in rows}
    sizes = {row.pack: row.pack_size for row in known.values()}
    new, changed = [], []
    for position, (key, (name, levels)) in enumerate(cells.items()):
        row = known.get(key)
        values = {"name": name, "levels": levels, "position": position}
        if row is None:
            pack = packs.get(key)
            fits = {"pack": pack and pack.key, "pack_size": pack and sizes.get(pack.key, pack.size)}
            new.append({"study": study, "key": key, "recipe": recipes[key].canonical(), **values, **fits})
        elif (row.name, row.levels, row.position) != (name, levels, position):
            changed.append({"row": row.id, **values})
    if new:
        connection.execute(insert(variants), new)
    if changed:
        connection.execute(update(variants).where(variants.c.id == bindparam("row")), changed)
    ids = connection.execute(select(variants.c.key, variants.c.id).where(variants.c.study == study))
    return {row.key: row.id for row in ids}


def _jobs(
    connection: Connection,
    study: int,
    outline: Outline,
    ids: Mapping[str, int],
    only: Collection[tuple[str, int]] | None,
) -> tuple[int, int, int, int]:
    """Write missing jobs and the order of all; how many were added, existed, came back, are left out."""
    wanted = _places(outline, ids)
    now = set(wanted) if only is None else {(ids[key], seed) for key, seed in only}
    columns = (jobs.c.id, jobs.c.variant, jobs.c.seed, jobs.c.position, jobs.c.listed, jobs.c.state)
    rows = connection.execute(select(*columns).where(jobs.c.study == study)).all()
    changed, existing, requeued, left_out = [], 0, 0, 0
    for job, variant, seed, position, listed, state in rows:
        place = wanted.pop((variant, seed), None)
        if place is None or (state == JobState.QUEUED and (variant, seed) not in now):
            left_out += 1
            if listed:
                changed.append({"row": job, "position": position, "listed": False})
            continue
        existing += 1
        requeued += not listed and state == JobState.QUEUED
        if not listed or position != place:
            changed.append({"row": job, "position": place, "listed": True})
    if changed:
        connection.execute(update(jobs).where(jobs.c.id == bindparam("row")), changed)
    fresh = {cell: place for cell, place in wanted.items() if cell in now}
    _queue(connection, study, fresh)
    return len(fresh), existing, requeued, left_out


def relist(connection: Connection, study: int, outline: Outline) -> None:
    """Name, place and list the variants and jobs of a study as one of its revisions has them; nothing is added.

    Waiting jobs that were passed over stay so.
    """
    places = _places(outline, _variants(connection, study, _cells(outline), {}, {}))
    columns = (jobs.c.id, jobs.c.variant, jobs.c.seed, jobs.c.position, jobs.c.listed, jobs.c.state)
    changed = []
    for job, variant, seed, position, listed, state in connection.execute(
        select(*columns).where(jobs.c.study == study)
    ):
        place = places.get((variant, seed), position)
        now = (variant, seed) in places and (listed or state != JobState.QUEUED)
        if (place, now) != (position, listed):
            changed.append({"row": job, "position": place, "listed": now})
    if changed:
        connection.execute(update(jobs).where(jobs.c.id == bindparam("row")), changed)


def _places(outline: Outline, ids: Mapping[str, int]) -> dict[tuple[int, int], int]:
    """Place of each cell (variant's row, seed) in the order of claims."""
    blocks = _tuning_blocks(outline)  # first, since comparisons wait for them
    blocks += _seed_blocks(outline)
    return {
        (ids[key], seed): rank * _SEED_STRIDE + position
        for rank, (seed, keys) in enumerate(blocks)
        for position, key in enumerate(keys)
    }


def _seed_blocks(outline: Outline) -> list[tuple[int, list[str]]]:
    """Each seed with the keys of the variants that are run with it."""
    blocks: dict[int, list[str]] = {seed: [] for seed in outline.seeds}
    for variant in outline.variants:
        for seed in outline.seeds_of(variant):
            blocks.setdefault(seed, []).append(variant.key)
    later = sorted(blocks.keys() - set(outline.seeds))
    return [(seed, blocks[seed]) for seed in (*outline.seeds, *later)]


def _tuning_blocks(outline: Outline) -> list[tuple[int, list[str]]]:
    """Each tuning seed with the keys that are tried on it, those once that several tunings try."""
    blocks: dict[int, dict[str, None]] = {}
    for tuning in outline.tunings:
        for seed in tuning.seeds:
            blocks.setdefault(seed, {}).update(dict.fromkeys(candidate.key for candidate in tuning.candidates))
    return [(seed, list(keys)) for seed, keys in blocks.items()]


def _queue(connection: Connection, study: int, places: Mapping[tuple[int, int], int]) -> None:
    if not places:
        return
    fresh = {
        "study": study,
        "state": JobState.QUEUED.value,
        "listed": True,
        "attempt_count": 0,
        "fruitless_attempts": 0,
        "furthest_epoch": 0,
        "retried_after": 0,
        "created_at": connection.execute(select(Now())).scalar_one(),
    }
    connection.execute(
        insert(jobs),
        [{**fresh, "variant": variant, "seed": seed, "position": place} for (variant, seed), place in places.items()],
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _own_version() -> str:
    try:
        return version("ablate-lab")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
