"""Results from elsewhere: read as they are stored, and written in one transaction.

They are jobs like any other, of variants without a recipe, with attempts that no worker made. A run that is imported
anew gets a new attempt, which takes the place of the one before; that one stays in the job's history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ablate.errors import UsageError
from ablate.metrics import OF_EPOCHS
from ablate.protocol import FailureKind, JobState
from ablate.recipe.key import KEY_LENGTH
from ablate.store.database import Database
from ablate.store.expressions import Now
from ablate.store.lookup import has_recipes, newest
from ablate.store.submission import lock_studies, relist, write_revision
from ablate.store.tables import attempts, custom_metrics, epochs, jobs, run_metrics, studies, variants
from ablate.study.outline import Outline

#: What an attempt has columns for; other values of a run are rows of `run_metrics`.
OF_ATTEMPTS = ("selected_epoch", "test_loss", "test_accuracy", "parameters", "trainable_parameters", "flops", "seconds")
#: Settings of a study that ablate did not run, where others have those that change bits.
EXECUTION: Mapping[str, Any] = MappingProxyType({"imported": True})
#: Rows that are handed to the database together.
_CHUNK = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedRun:
    """One run that somebody else's tool made. Losses are in nats, accuracies fractions, times in seconds."""

    #: Name of the variant.
    variant: str
    #: Seed index.
    seed: int
    #: Succeeded, diverged, failed or cancelled.
    state: JobState
    #: What was measured of the whole run, by name; what is no number is left out.
    values: Mapping[str, float]
    #: What was measured after each epoch, by its number (from 1) and by name.
    epochs: Mapping[int, Mapping[str, float]]
    #: `cpu`, `cuda:0` or the like.
    device: str | None = None
    #: Model of the processor or GPU.
    device_name: str | None = None
    #: One line on why it failed or diverged.
    error: str | None = None
    #: Where it comes from: names of files and their SHA-256.
    provenance: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What the database has of a study that was imported before."""

    #: Number of the newest revision, counted from 1.
    revision: int
    outline: Outline
    #: Runs by variant and seed.
    runs: Mapping[tuple[str, int], ImportedRun]


def imported_key(study: str, variant: str) -> str:
    """Key of a variant without a recipe: a hash of (study, name)."""
    text = json.dumps([study, variant], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def stored(db: Database, study: str) -> Stored | None:
    """What was imported into a study; None where the database does not know it.

    Raises:
        UsageError: ablate itself runs this study.
        DatabaseError: The database cannot be read.
    """
    with db.read() as connection:
        number = connection.execute(select(studies.c.id).where(studies.c.name == study)).scalar()
        if number is None:
            return None
        _refuse_own(connection, study)
        last = newest(connection, study)
        return Stored(
            revision=last.number,
            outline=Outline.model_validate(last.outline),
            runs={(run.variant, run.seed): run for run in _runs(connection, number)},
        )


def bring_in(db: Database, outline: Outline, runs: Sequence[ImportedRun], *, after: int | None) -> int:
    """Write new and changed runs as a new revision of their study, all or nothing; the revision's number.

    Args:
        db: The experiment database.
        outline: The whole study, what is stored already and what comes now.
        runs: What is new or has changed.
        after: Number of the revision that `runs` was compared with; None where there was no such study.

    Raises:
        UsageError: ablate itself runs this study, or somebody else imported into it meanwhile.
        DatabaseError: The database cannot be written; nothing was changed.
    """
    with db.write() as connection:
        lock_studies(connection)
        study = connection.execute(select(studies.c.id).where(studies.c.name == outline.name)).scalar()
        if study is not None:
            _refuse_own(connection, outline.name)
        now = None if study is None else newest(connection, outline.name).number
        if now != after:
            raise UsageError(f"{outline.name} was changed meanwhile by another import.", cure="Type the command again.")
        if study is None:
            created = insert(studies).values(name=outline.name, created_at=Now()).returning(studies.c.id)
            study = int(connection.execute(created).scalar_one())
        number = (after or 0) + 1
        write_revision(connection, study, outline, number=number, execution=EXECUTION)
        _write(connection, study, outline, runs)
        relist(connection, study, outline)
    return number


def _refuse_own(connection: Connection, study: str) -> None:
    if has_recipes(connection, study):
        raise UsageError(
            f"{study} is a study that ablate runs itself: results from elsewhere would mix with its own.",
            cure="Import them under another name: `--study NAME`.",
        )


def _write(connection: Connection, study: int, outline: Outline, runs: Sequence[ImportedRun]) -> None:
    variant_of = _variants(connection, study, outline)
    question = select(jobs.c.variant, jobs.c.seed, jobs.c.id, jobs.c.attempt_count).where(jobs.c.study == study)
    known = {(row.variant, row.seed): row for row in connection.execute(question)}
    cells = [(variant_of[run.variant], run.seed) for run in runs]
    now = connection.execute(select(Now())).scalar_one()
    fresh = [
        {
            "study": study,
            "variant": cell[0],
            "seed": cell[1],
            "position": 0,  # `relist` knows it
            "state": run.state.value,
            "listed": True,
            "attempt_count": 0,
            "fruitless_attempts": 0,
            "furthest_epoch": 0,
            "retried_after": 0,
            "created_at": now,
            "ended_at": now,
        }
        for run, cell in zip(runs, cells, strict=True)
        if cell not in known
    ]
    if fresh:
        connection.execute(insert(jobs), fresh)
        known = {(row.variant, row.seed): row for row in connection.execute(question)}
    rows = [known[cell] for cell in cells]
    _clear(connection, [row.id for row in rows if row.attempt_count])
    tried = [
        {**_attempt(run, now), "job": row.id, "number": row.attempt_count + 1}
        for run, row in zip(runs, rows, strict=True)
    ]
    made = insert(attempts).returning(attempts.c.id, sort_by_parameter_order=True)
    attempt_of = list(connection.execute(made, tried).scalars()) if tried else []
    if tried:
        changed = [
            {
                "row": row.id,
                "attempt": attempt,
                "attempt_count": row.attempt_count + 1,
                "state": run.state.value,
                "furthest_epoch": max(run.epochs, default=0),
                "error": run.error,
                "started_at": now,
                "ended_at": now,
            }
            for run, row, attempt in zip(runs, rows, attempt_of, strict=True)
        ]
        names = [name for name in changed[0] if name != "row"]
        set_anew = update(jobs).where(jobs.c.id == bindparam("row")).values({name: bindparam(name) for name in names})
        connection.execute(set_anew, changed)
    _measured(connection, [(run, row.id, attempt) for run, row, attempt in zip(runs, rows, attempt_of, strict=True)])


def _variants(connection: Connection, study: int, outline: Outline) -> dict[str, int]:
    """Write new variants; the row of each by name."""
    known = set(connection.execute(select(variants.c.key).where(variants.c.study == study)).scalars())
    new = [
        {
            "study": study,
            "key": one.key,
            "name": one.name,
            "recipe": None,
            "levels": one.levels,
            "position": position,
        }
        for position, one in enumerate(outline.variants)
        if one.key not in known
    ]
    if new:
        connection.execute(insert(variants), new)
    ids = connection.execute(select(variants.c.key, variants.c.id).where(variants.c.study == study))
    row_of = {row.key: row.id for row in ids}
    return {one.name: row_of[one.key] for one in outline.variants}


def _clear(connection: Connection, jobs_again: Sequence[int]) -> None:
    """Delete the epochs of runs that come anew; their custom metrics go with them."""
    for start in range(0, len(jobs_again), _CHUNK):
        connection.execute(delete(epochs).where(epochs.c.job.in_(jobs_again[start : start + _CHUNK])))


def _attempt(run: ImportedRun, now: float) -> dict[str, Any]:
    failed = run.state is JobState.FAILED
    return {
        "state": run.state.value,
        "started_at": now,
        "ended_at": now,
        "device": run.device,
        "device_name": run.device_name,
        "provenance": dict(run.provenance),
        # Whether a machine was at fault is not known, and only its failures may be left out of a comparison.
        "failure_kind": FailureKind.USER_ERROR.value if failed else None,
        "failure_message": run.error if run.state in (JobState.FAILED, JobState.DIVERGED) else None,
        **{name: run.values.get(name) for name in OF_ATTEMPTS},
    }


def _measured(connection: Connection, made: Sequence[tuple[ImportedRun, int, int]]) -> None:
    """Write what the runs and their epochs measured."""
    of_runs = [
        {"attempt": attempt, "name": name, "value": value}
        for run, _, attempt in made
        for name, value in run.values.items()
        if name not in OF_ATTEMPTS
    ]
    rows: list[dict[str, Any]] = []
    custom: list[dict[str, Any]] = []
    for run, job, attempt in made:
        for epoch, values in run.epochs.items():
            rows.append(
                {"job": job, "epoch": epoch, "attempt": attempt, **{name: values.get(name) for name in OF_EPOCHS}}
            )
            if len(values) > sum(name in values for name in OF_EPOCHS):
                custom += [
                    {"job": job, "epoch": epoch, "name": name, "value": value}
                    for name, value in values.items()
                    if name not in OF_EPOCHS
                ]
    for table, content in ((run_metrics, of_runs), (epochs, rows), (custom_metrics, custom)):
        for start in range(0, len(content), _CHUNK):
            connection.execute(insert(table), content[start : start + _CHUNK])


def _runs(connection: Connection, study: int) -> list[ImportedRun]:
    """The runs of a study as they are stored."""
    measured: dict[int, dict[int, dict[str, float]]] = {}
    columns = [epochs.c[name] for name in OF_EPOCHS]
    question = select(epochs.c.job, epochs.c.epoch, *columns).join(jobs, jobs.c.id == epochs.c.job)
    for job, epoch, *values in connection.execute(question.where(jobs.c.study == study)):
        pairs = zip(OF_EPOCHS, values, strict=True)
        measured.setdefault(job, {})[epoch] = {name: value for name, value in pairs if value is not None}
    further = select(custom_metrics).join(jobs, jobs.c.id == custom_metrics.c.job).where(jobs.c.study == study)
    for row in connection.execute(further.where(custom_metrics.c.value.is_not(None))):
        measured[row.job][row.epoch][row.name] = row.value
    of_run: dict[int, dict[str, float]] = {}
    whole = select(jobs.c.id, run_metrics.c.name, run_metrics.c.value)
    whole = whole.join(run_metrics, run_metrics.c.attempt == jobs.c.attempt).where(jobs.c.study == study)
    for job, name, value in connection.execute(whole.where(run_metrics.c.value.is_not(None))):
        of_run.setdefault(job, {})[name] = value
    rows = (
        select(attempts, jobs.c.id.label("job_id"), jobs.c.seed, jobs.c.state.label("job_state"), jobs.c.error)
        .add_columns(variants.c.name.label("variant"))
        .join_from(jobs, variants, variants.c.id == jobs.c.variant)
        .join(attempts, attempts.c.id == jobs.c.attempt)
        .where(jobs.c.study == study)
    )
    return [
        ImportedRun(
            variant=row["variant"],
            seed=row["seed"],
            state=JobState(row["job_state"]),
            values={
                **{name: row[name] for name in OF_ATTEMPTS if row[name] is not None},
                **of_run.get(row["job_id"], {}),
            },
            epochs=measured.get(row["job_id"], {}),
            device=row["device"],
            device_name=row["device_name"],
            error=row["error"],
            provenance=row["provenance"] or {},
        )
        for row in connection.execute(rows).mappings()
    ]
