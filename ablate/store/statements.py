"""The statements of a claim and of an epoch, built once: building one takes longer than running it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, Update, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from ablate.protocol import AttemptState, JobState
from ablate.store.company import room, welcome
from ablate.store.expressions import NextAttempt, Now
from ablate.store.leases import EXPIRED
from ablate.store.schema import VERSION
from ablate.store.tables import CHECKPOINT, artifacts, attempts, epochs, jobs, revisions, studies, variants, workers

_WAITING = and_(jobs.c.state == JobState.QUEUED.value, jobs.c.listed)


def claim_statement(
    *, one_study: bool, without: Collection[int] = ()
) -> ReturningUpdate[int, int, int, int, int, int, int]:
    """Hand the next waiting job to a worker; on PostgreSQL jobs that others are just claiming are passed over.

    One that ran out of memory waits for a device that nobody else uses, and nobody joins it there.

    Args:
        one_study: Only jobs of the study that the statement is given.
        without: Jobs whose variants are left to other workers.
    """
    next_job = select(jobs.c.id).where(_WAITING, room()).order_by(jobs.c.study, jobs.c.position).limit(1)
    if without:
        next_job = next_job.where(jobs.c.variant.not_in(_variants_of(without)))
    if one_study:
        chosen = select(studies.c.id).where(studies.c.name == bindparam("study_name")).scalar_subquery()
        next_job = next_job.where(jobs.c.study == chosen)
    waiting = next_job.with_for_update(skip_locked=True).cte("next_job")
    return _handed_out(update(jobs).where(jobs.c.id == select(waiting.c.id).scalar_subquery()), NextAttempt())


def mates_statement(
    *, asked: bool, without: Collection[int] = ()
) -> ReturningUpdate[int, int, int, int, int, int, int]:
    """Hand the next waiting jobs of one pack to a worker, at most as many as there are places.

    Not those whose last attempt died without a new epoch, nor those that ran out of memory: they are trained alone.

    Args:
        asked: Only jobs whose recipe asks for the fused tier.
        without: Jobs whose variants are left to other workers.
    """
    study = select(studies.c.id).where(studies.c.name == bindparam("study_name")).scalar_subquery()
    fits = (variants.c.pack == bindparam("pack_key"), variants.c.pack_size == bindparam("pack_size"))
    of_pack = select(variants.c.id).where(variants.c.study == study, *fits)
    if asked:
        of_pack = of_pack.where(variants.c.recipe["training"]["tier"].as_string() == "fused")
    fitting = (
        select(jobs.c.id, jobs.c.position)
        .where(_WAITING, jobs.c.study == study, jobs.c.variant.in_(of_pack), jobs.c.fruitless_attempts == 0, welcome())
        .order_by(jobs.c.position)
        .limit(bindparam("places"))
    )
    if without:
        fitting = fitting.where(jobs.c.variant.not_in(_variants_of(without)))
    mates = fitting.with_for_update(skip_locked=True, of=jobs).cte("mates")
    place = func.row_number().over(order_by=mates.c.position).label("place")
    placed = select(mates.c.id, place).subquery("placed")
    return _handed_out(update(jobs).where(jobs.c.id == placed.c.id), NextAttempt(placed.c.place))


def _handed_out(chosen: Update, attempt: NextAttempt) -> ReturningUpdate[int, int, int, int, int, int, int]:
    """Let jobs run under new attempts of the worker."""
    return (
        chosen.where(jobs.c.state == JobState.QUEUED.value)
        .values(
            state=JobState.RUNNING.value,
            worker=bindparam("worker_id"),
            lease_expires_at=Now() + bindparam("lease"),
            attempt=attempt,
            attempt_count=jobs.c.attempt_count + 1,
            fruitless_attempts=jobs.c.fruitless_attempts + 1,  # until it brings a new epoch
            started_at=Now(),
        )
        .returning(
            jobs.c.id,
            jobs.c.attempt,
            jobs.c.attempt_count,
            jobs.c.fruitless_attempts,
            jobs.c.variant,
            jobs.c.seed,
            jobs.c.position,
        )
    )


def _variants_of(some: Collection[int]) -> Select[int]:
    others = jobs.alias()
    return select(others.c.variant).where(others.c.id.in_(sorted(some)))


#: What a claim asks first, in one statement: the schema's revision, and whether there is anything to rescue.
GLANCE = select(
    VERSION.scalar_subquery().label("revision"),
    exists().where(jobs.c.state == JobState.RUNNING.value, EXPIRED).label("expired"),
)
CLAIM_ANY = claim_statement(one_study=False)
CLAIM_OF_STUDY = claim_statement(one_study=True)
CLAIM_MATES = mates_statement(asked=False)
_OPENED = ["id", "job", "number", "worker", "state", "started_at", "device", "device_name", "provenance"]
OPEN_ATTEMPT = insert(attempts).from_select(
    _OPENED,
    select(
        bindparam("attempt_id", type_=attempts.c.id.type),
        bindparam("job_id", type_=attempts.c.job.type),
        bindparam("attempt_number", type_=attempts.c.number.type),
        workers.c.id,
        bindparam("running", AttemptState.RUNNING.value, type_=attempts.c.state.type),
        Now(),
        workers.c.device,
        workers.c.device_name,
        workers.c.provenance,
    ).where(workers.c.id == bindparam("worker_id")),
    include_defaults=False,
)
#: The same for several jobs that were just handed out.
OPEN_ATTEMPTS = insert(attempts).from_select(
    _OPENED,
    select(
        jobs.c.attempt,
        jobs.c.id,
        jobs.c.attempt_count,
        workers.c.id,
        bindparam("running", AttemptState.RUNNING.value, type_=attempts.c.state.type),
        jobs.c.started_at,
        workers.c.device,
        workers.c.device_name,
        workers.c.provenance,
    )
    .join_from(jobs, workers, workers.c.id == jobs.c.worker)
    .where(jobs.c.id.in_(bindparam("job_ids", expanding=True))),
    include_defaults=False,
)
SEEN = update(workers).where(workers.c.id == bindparam("worker_id")).values(seen_at=Now())
_ABOUT = (
    select(
        variants.c.id,
        studies.c.name,
        variants.c.name.label("variant"),
        variants.c.recipe,
        variants.c.pack,
        variants.c.pack_size,
        revisions.c.execution,
        revisions.c.id.label("revision"),
        revisions.c.outline["keep"].as_string().label("keep"),
    )
    .join_from(variants, studies, studies.c.id == variants.c.study)
    .join(revisions, revisions.c.study == studies.c.id)
)
CLAIMED = _ABOUT.where(variants.c.id == bindparam("variant_id")).order_by(revisions.c.number.desc()).limit(1)
_newer = revisions.alias("newer")
CLAIMED_MATES = _ABOUT.where(
    variants.c.id.in_(bindparam("variant_ids", expanding=True)),
    revisions.c.number == select(func.max(_newer.c.number)).where(_newer.c.study == studies.c.id).scalar_subquery(),
)
_CHECKPOINTS = (
    select(
        artifacts.c.id,
        artifacts.c.job,
        artifacts.c.attempt,
        artifacts.c.epoch,
        artifacts.c.name,
        artifacts.c.size,
        artifacts.c.sha256,
    )
    .where(artifacts.c.kind == CHECKPOINT)
    .order_by(artifacts.c.epoch.desc(), artifacts.c.id.desc())
)
CHECKPOINTS = _CHECKPOINTS.where(artifacts.c.job == bindparam("job_id"))
CHECKPOINTS_OF_SEVERAL = _CHECKPOINTS.where(artifacts.c.job.in_(bindparam("job_ids", expanding=True)))
ADVANCE = (
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"), jobs.c.furthest_epoch < bindparam("new_epoch"))
    .values(furthest_epoch=bindparam("new_epoch"), fruitless_attempts=0)
)
FIRST_EPOCH = (
    update(attempts)
    .where(attempts.c.id == bindparam("attempt_id"), attempts.c.resumed_from.is_(None))
    .values(resumed_from=bindparam("epoch_before"))
)
OVERTAKEN = delete(epochs).where(
    epochs.c.job == bindparam("job_id"),
    epochs.c.epoch >= bindparam("new_epoch"),
    or_(epochs.c.attempt != bindparam("attempt_id"), epochs.c.epoch == bindparam("new_epoch")),
)
