"""Jobs handed out to workers: the next one, and those that are trained with it as one stacked network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from ablate.errors import DatabaseError
from ablate.protocol import Checkpoint, Claim, Packing, Ticket
from ablate.recipe import AnyRecipe, Recipe, read_recipe
from ablate.recipe.packing import Pack
from ablate.store import schema
from ablate.store.code import code_of, made_with, sign
from ablate.store.company import WANTS_ALONE
from ablate.store.leases import rescue_expired
from ablate.store.statements import (
    CHECKPOINTS,
    CHECKPOINTS_OF_SEVERAL,
    CLAIM_ANY,
    CLAIM_MATES,
    CLAIM_OF_STUDY,
    CLAIMED,
    CLAIMED_MATES,
    GLANCE,
    OPEN_ATTEMPT,
    OPEN_ATTEMPTS,
    SEEN,
    claim_statement,
    mates_statement,
)

if TYPE_CHECKING:
    _Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who asks for jobs, and for which."""

    #: Id of the worker.
    worker: str
    #: Time without a beat after which it counts as lost, seconds.
    lease: float
    #: Only jobs of this study; None for all.
    study: str | None
    #: Jobs whose variants are left to other workers.
    without: Collection[int]
    #: Which jobs are handed out together.
    packing: Packing
    #: Keys of packs whose jobs are handed out without them, and of those whose jobs come one by one, each in its pack.
    alone: Collection[str] = ()
    apart: Collection[str] = ()

    @property
    def binds(self) -> dict[str, Any]:
        """What statements need to know."""
        known: dict[str, Any] = {"worker_id": self.worker, "lease": self.lease}
        return known if self.study is None else {**known, "study_name": self.study}


def look_around(connection: Connection, place: str) -> None:
    """Refuse a schema that is not ours, and rescue what was lost, before any job is handed out.

    Raises:
        DatabaseError: A newer ablate has migrated the database.
    """
    glance = connection.execute(GLANCE).one()
    schema.check(glance.revision, place)
    if glance.expired:
        rescue_expired(connection)


def next_job(connection: Connection, asking: Asking) -> tuple[Claim, Pack | None] | None:
    """Open an attempt on the next job; with it the pack that it may be trained in. None where no job waits."""
    statement = CLAIM_ANY if asking.study is None else CLAIM_OF_STUDY
    if asking.without:
        statement = claim_statement(one_study=asking.study is not None, without=asking.without)
    job = connection.execute(statement, asking.binds).one_or_none()
    if job is None:
        connection.execute(SEEN, {"worker_id": asking.worker})
        return None
    opened = {
        "attempt_id": job.attempt,
        "job_id": job.id,
        "attempt_number": job.attempt_count,
        "worker_id": asking.worker,
    }
    connection.execute(OPEN_ATTEMPT, opened)
    about = connection.execute(CLAIMED, {"variant_id": job.variant}).one()
    again = job.attempt_count > 1
    checkpoints = connection.execute(CHECKPOINTS, {"job_id": job.id}).all() if again else []
    claim = _claim(connection, asking.worker, job, about, checkpoints)
    if about.pack is None or (again and _wants_alone(connection, job.id)):
        return claim, None
    company = job.fruitless_attempts <= 1 and about.pack not in asking.apart
    return replace(claim, company=company), Pack(key=about.pack, size=about.pack_size)


def may_be_packed(asking: Asking, claim: Claim, pack: Pack) -> bool:
    """Whether who asks trains a job in the pack that it belongs to."""
    if asking.packing is Packing.NEVER or pack.key in asking.alone:
        return False
    asked = isinstance(claim.recipe, Recipe) and claim.recipe.training.tier == "fused"
    return asking.packing is Packing.ALWAYS or asked


def with_mates(connection: Connection, asking: Asking, claim: Claim, pack: Pack) -> tuple[Claim, ...]:
    """A job that was handed out, and as many waiting ones as fit beside it, in the queue's order."""
    beside, room = replace(asking, study=claim.study), pack.size - 1 if claim.company else 0
    return (replace(claim, pack=pack), *mates(connection, beside, pack, room))


def mates(connection: Connection, asking: Asking, pack: Pack, room: int) -> tuple[Claim, ...]:
    """Open attempts on the next jobs of a pack of one study, at most `room`."""
    asked, statement = asking.packing is Packing.ASKED, CLAIM_MATES
    if asked or asking.without:
        statement = mates_statement(asked=asked, without=asking.without)
    binds = {**asking.binds, "pack_key": pack.key, "pack_size": pack.size, "places": room}
    found = connection.execute(statement, binds).all() if room else []
    if not found:
        return ()
    jobs = sorted(found, key=lambda job: job.position)
    connection.execute(OPEN_ATTEMPTS, {"job_ids": [job.id for job in jobs]})
    variants = {job.variant for job in jobs}
    about = {row.id: row for row in connection.execute(CLAIMED_MATES, {"variant_ids": sorted(variants)})}
    checkpoints: dict[int, list[_Row]] = {job.id: [] for job in jobs}
    if again := [job.id for job in jobs if job.attempt_count > 1]:
        for row in connection.execute(CHECKPOINTS_OF_SEVERAL, {"job_ids": again}):
            checkpoints[row.job].append(row)
    claims = (_claim(connection, asking.worker, job, about[job.variant], checkpoints[job.id]) for job in jobs)
    return tuple(replace(claim, pack=pack) for claim in claims)


def _wants_alone(connection: Connection, job: int) -> bool:
    return bool(connection.execute(WANTS_ALONE, {"job_id": job}).scalar_one())


def _claim(connection: Connection, worker: str, job: _Row, about: _Row, checkpoints: Sequence[_Row]) -> Claim:
    """All that a worker needs to train a job that was just handed out, alone."""
    recipe = _recipe(about.recipe, about.variant)
    code = code_of(connection, about.revision, recipe)
    if code:
        ran = sign(connection, job.attempt, code)
        checkpoints = [row for row in checkpoints if made_with(connection, row.attempt) == ran]
    return Claim(
        ticket=Ticket(job=job.id, attempt=job.attempt, worker=worker),
        study=about.name,
        variant=about.variant,
        seed=job.seed,
        recipe=recipe,
        execution=about.execution,
        checkpoints=tuple(
            Checkpoint(epoch=row.epoch, name=row.name, size=row.size, sha256=row.sha256) for row in checkpoints
        ),
        attempt_number=job.attempt_count,
        sources=code,
        keep=about.keep or "none",
    )


def _recipe(stored: object, variant: str) -> AnyRecipe:
    try:
        return read_recipe(stored)
    except ValueError as error:
        raise DatabaseError(
            f"the recipe of {variant!r} cannot be read by this ablate: {error}",
            cure="Train it with the ablate that submitted it, or upgrade: `pip install -U ablate-lab`.",
        ) from error
