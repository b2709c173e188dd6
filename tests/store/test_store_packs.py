"""Jobs that are trained together: which are handed out as a pack, over both databases."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import select
from store_cases import (
    attempt_states,
    checkpoint,
    claim,
    claim_pack,
    expire,
    introduce,
    job_of,
    metrics,
    outcome,
    recipe,
    rows,
    submit_small,
)

from ablate.errors import DatabaseAwayError
from ablate.protocol import MAX_FRUITLESS_ATTEMPTS, Claim, Failure, FailureKind, Packing, ReplacedError, WorkerInfo
from ablate.recipe.packing import Pack
from ablate.store import Database, patience, reading, submission
from ablate.store.admin import cancel
from ablate.store.history import job
from ablate.store.merge import merge
from ablate.store.patience import Patience, PatientQueue
from ablate.store.queue import Queue, release_worker
from ablate.store.tables import attempts
from ablate.store.ways import Way

SMALL, LARGE = Pack(key="small", size=4), Pack(key="large", size=2)
#: What the rule says of a recipe, by its batch size.
RULE = {64: SMALL, 32: SMALL, 16: None, 8: LARGE}
PACKING = {"threads": 1, "packing": 1}


def packs_by(rule: dict[int, Pack | None]):
    """A rule as `packs_of` is one, for a few batch sizes."""

    def packs(recipes, runs):
        assert recipes.keys() <= runs.keys()
        return {key: pack for key, one in recipes.items() if (pack := rule.get(one.data.batch_size)) is not None}

    return packs


@pytest.fixture(autouse=True)
def _rule(monkeypatch):
    monkeypatch.setattr(submission, "packs_of", packs_by(RULE))


def submit_packed(db: Database, **changes: object) -> None:
    submit_small(db, **{"execution": PACKING, **changes})


def cells(claims: tuple[Claim, ...]) -> list[tuple[int, str]]:
    return [(each.seed, each.variant.removeprefix("batch ")) for each in claims]


def kill(queue: Queue, claims: tuple[Claim, ...]) -> None:
    for each in claims:
        queue.fail(each.ticket, Failure(kind=FailureKind.KILLED, message="killed"))


def test_jobs_of_a_pack_come_together_in_the_order_of_the_queue(db, queue):
    submit_packed(db, batch_sizes=(64, 16, 8, 32), seeds=(0, 1, 2))
    pack = claim_pack(queue)
    assert cells(pack) == [(0, "64"), (0, "32"), (1, "64"), (1, "32")]
    assert {each.pack for each in pack} == {SMALL}
    assert len({each.ticket.attempt for each in pack}) == 4
    assert [each.recipe for each in pack[:2]] == [recipe(64), recipe(32)]
    assert {(each.study, each.attempt_number, each.checkpoints) for each in pack} == {("small", 1, ())}
    assert cells(claim_pack(queue)) == [(0, "16")]
    assert cells(claim_pack(queue)) == [(0, "8"), (1, "8")]
    assert [each.pack for each in claim_pack(queue)] == [None]  # batch 16 again
    last = claim_pack(queue)
    assert (cells(last), last[0].pack) == ([(2, "64"), (2, "32")], SMALL)
    assert [(cells(one), one[0].pack) for one in (claim_pack(queue), claim_pack(queue))] == [
        ([(2, "16")], None),
        ([(2, "8")], LARGE),  # a pack with one member: what a job is trained in does not depend on what else waits
    ]
    assert claim_pack(queue) == ()
    assert rows(db, "SELECT count(*), count(DISTINCT id), count(DISTINCT job) FROM attempts") == [(12, 12, 12)]
    current = "FROM jobs j JOIN attempts a ON a.id = j.attempt AND a.job = j.id AND a.worker = j.worker"
    assert rows(db, f"SELECT count(*) {current} WHERE a.device = 'cpu' AND a.number = 1") == [(12,)]


def test_the_jobs_of_a_study_that_is_older_than_the_rule_stay_alone(db, queue):
    submit_small(db)
    submit_small(db, execution=PACKING, batch_sizes=(64, 32, 8))
    assert rows(db, "SELECT DISTINCT pack, pack_size FROM variants") == [(None, None)]
    assert [len(claim_pack(queue)) for _ in range(6)] == [1] * 6


def test_a_rule_of_another_version_packs_nothing(db):
    submit_packed(db)
    submit_packed(db, batch_sizes=(64, 32, 8), execution={"threads": 1, "packing": 2})
    assert rows(db, "SELECT name, pack FROM variants ORDER BY position") == [
        ("batch 64", "small"),
        ("batch 32", "small"),
        ("batch 8", None),
    ]


def test_the_pack_of_a_variant_is_decided_once(db, monkeypatch):
    submit_packed(db)
    monkeypatch.setattr(submission, "packs_of", packs_by({32: LARGE, 8: LARGE, 4: Pack(key="small", size=7)}))
    submit_packed(db, batch_sizes=(64, 32, 8, 4), prefix="size ")
    assert rows(db, "SELECT name, pack, pack_size FROM variants ORDER BY position") == [
        ("size 64", "small", 4),
        ("size 32", "small", 4),
        ("size 8", "large", 2),
        ("size 4", "small", 4),  # so that all that is compared is computed alike
    ]


def test_packs_keep_to_their_study(db, queue):
    submit_packed(db, name="one", batch_sizes=(64,), seeds=(0,))
    submit_packed(db, name="two", batch_sizes=(64,), seeds=(0, 1))
    assert [(each.study, each.seed) for each in claim_pack(queue, study="two")] == [("two", 0), ("two", 1)]
    assert [each.study for each in claim_pack(queue)] == ["one"]


def test_a_worker_takes_what_it_can_train_together(db, queue):
    submit_packed(db, batch_sizes=(64, 32, 8), seeds=(0, 1, 2))
    assert [each.pack for each in claim_pack(queue, packing=Packing.NEVER)] == [None]
    assert [each.pack for each in claim_pack(queue, packing=Packing.ASKED)] == [None]
    assert cells(claim_pack(queue, alone=["small"])) == [(0, "8"), (1, "8")]
    assert cells(claim_pack(queue, alone=["small"])) == [(1, "64")]
    assert claim(queue).pack is None
    assert len(claim_pack(queue)) == 2


def test_where_packs_are_taken_on_request_the_recipe_makes_it(db, queue, monkeypatch):
    plain = recipe(64)
    asking = plain.model_copy(update={"training": plain.training.model_copy(update={"tier": "fused"})})
    monkeypatch.setattr("store_cases.recipe", lambda size: asking if size == 64 else recipe(size))
    submit_packed(db, batch_sizes=(32, 64), seeds=(0, 1, 2))
    assert cells(claim_pack(queue, packing=Packing.ASKED)) == [(0, "32")]
    pack = claim_pack(queue, packing=Packing.ASKED)
    assert (cells(pack), {each.pack for each in pack}) == ([(0, "64"), (1, "64"), (2, "64")], {SMALL})
    assert queue.join("w1", SMALL, 1, study="small", packing=Packing.ASKED) == ()
    assert cells(queue.join("w1", SMALL, 1, study="small")) == [(1, "32")]


def test_the_jobs_of_a_pack_may_come_one_by_one(db, queue):
    submit_packed(db)
    first, second = claim_pack(queue, apart=["small"]), claim_pack(queue, apart=["small"])
    assert [(len(one), one[0].pack, one[0].company) for one in (first, second)] == [(1, SMALL, False)] * 2


def test_jobs_that_died_without_a_new_epoch_are_handed_out_in_their_pack_without_company(db, queue):
    submit_packed(db, seeds=(0, 1, 2))
    pack = claim_pack(queue)
    queue.record_epoch(pack[1].ticket, metrics(1))  # this one has got somewhere
    kill(queue, pack)
    alone = claim_pack(queue)
    assert (alone[0].ticket.job, len(alone), alone[0].pack) == (pack[0].ticket.job, 1, SMALL)
    assert not alone[0].company
    again = claim_pack(queue)  # and two that never ran
    assert again[0].ticket.job == pack[1].ticket.job
    assert (len(again), again[0].attempt_number, {each.pack for each in again}) == (3, 2, {SMALL})
    assert again[0].company
    kill(queue, alone)
    for _ in range(MAX_FRUITLESS_ATTEMPTS - 2):
        kill(queue, claim_pack(queue))
    assert job_of(db, alone[0].ticket.job)["state"] == "failed"
    assert job_of(db, pack[2].ticket.job)["state"] == "queued"


def test_the_pack_of_a_worker_that_vanished_is_tried_one_by_one(db, queue):
    submit_packed(db, seeds=(0, 1))
    pack = claim_pack(queue)
    release_worker(db, "w1")
    assert [len(claim_pack(queue, "w2")) for _ in pack] == [1] * 4


def test_what_was_given_back_comes_together_again_with_its_checkpoints(db, queue):
    submit_packed(db)
    pack = claim_pack(queue)
    told = [
        (each.ticket, metrics(epoch), checkpoint(each.ticket.attempt, epoch)) for each in pack[:2] for epoch in (1, 2)
    ]
    queue.record_epochs(told)
    for each in pack:
        queue.release(each.ticket)
    again = claim_pack(queue)
    assert [each.attempt_number for each in again] == [2] * 4
    assert [[one.epoch for one in each.checkpoints] for each in again] == [[2, 1], [2, 1], [], []]
    assert [each.checkpoints[0].name for each in again[:2]] == [f"{each.ticket.attempt}-2.pt" for each in pack[:2]]


def test_a_job_that_ran_out_of_memory_joins_nobody(db, queue):
    submit_packed(db, seeds=(0, 1))
    first, beside = claim(queue, "w1"), claim(queue, "w2")
    queue.record_epoch(first.ticket, metrics(1))  # so that its attempts are not fruitless
    queue.fail(first.ticket, Failure(kind=FailureKind.OUT_OF_MEMORY, message="too much"))
    assert len(claim_pack(queue, "w1")) == 2
    queue.finish(beside.ticket, outcome())
    queue.retire("w1")
    alone = claim_pack(queue, "w2")
    assert (alone[0].ticket.job, len(alone)) == (first.ticket.job, 1)
    introduce(queue, "w1")
    assert queue.join("w1", SMALL, 2, study="small") == ()  # nor does anybody join it on its device
    queue.introduce(WorkerInfo(id="w3", host="box", pid=2, device="cuda:1", device_name="A GPU", provenance={}))
    assert len(queue.join("w3", SMALL, 2, study="small")) == 2


def test_places_that_become_free_are_filled_from_the_queue(db, queue):
    submit_packed(db, batch_sizes=(64, 16, 32), seeds=(0, 1, 2))
    pack = claim_pack(queue)
    queue.finish(pack[0].ticket, outcome())
    joined = queue.join("w1", SMALL, 1, study="small", without=[pack[1].ticket.job])
    assert (cells(joined), joined[0].pack) == ([(2, "64")], SMALL)
    assert joined[0].ticket.attempt > max(each.ticket.attempt for each in pack)
    assert queue.join("w1", SMALL, 0, study="small") == ()
    assert queue.join("w1", LARGE, 2, study="small") == ()
    assert queue.join("w1", SMALL, 2, study="none") == ()
    assert cells(queue.join("w1", SMALL, 9, study="small")) == [(2, "32")]
    assert queue.join("w1", SMALL, 9, study="small") == ()
    cancel(db, "small", only=[pack[2].ticket.job])
    assert attempt_states(db, pack[2].ticket.job) == ["cancelled"]


def test_who_joins_is_rescued_first(db, queue):
    submit_packed(db, batch_sizes=(64,), seeds=(0, 1))
    lost = claim(queue, "w1")
    queue.record_epoch(lost.ticket, metrics(1))
    held = claim_pack(queue, "w2")
    expire(db, lost.ticket.job)
    [joined] = queue.join("w2", SMALL, 3, study="small")
    assert (joined.ticket.job, joined.attempt_number) == (lost.ticket.job, 2)
    assert len(held) == 1


def test_of_epochs_that_are_told_together_those_of_a_replaced_job_are_left_out(db, queue):
    submit_packed(db)
    pack = claim_pack(queue)
    queue.record_epochs([(each.ticket, metrics(1), checkpoint(each.ticket.attempt, 1)) for each in pack])
    cancel(db, "small", only=[pack[1].ticket.job])
    expire(db, pack[2].ticket.job)
    successor = claim(queue, "w2")
    assert successor.ticket.job == pack[2].ticket.job
    queue.record_epoch(successor.ticket, metrics(2, loss=0.5))
    told = [
        (each.ticket, metrics(epoch, loss=float(epoch), custom={"a": 1.0}), checkpoint(each.ticket.attempt, epoch))
        for each in pack
        for epoch in (2, 3)
    ]
    done = queue.record_epochs(told)
    assert done.replaced == {pack[1].ticket, pack[2].ticket}
    assert set(done.unneeded) == {f"{each.ticket.attempt}-1.pt" for each in (pack[0], pack[3])}
    measured = rows(db, "SELECT job, epoch, attempt, train_loss FROM epochs ORDER BY job, epoch")
    assert measured == sorted(
        [(each.ticket.job, 1, each.ticket.attempt, 1.0) for each in pack]
        + [(each.ticket.job, epoch, each.ticket.attempt, epoch) for each in (pack[0], pack[3]) for epoch in (2, 3)]
        + [(successor.ticket.job, 2, successor.ticket.attempt, 0.5)]
    )
    assert rows(db, "SELECT count(*) FROM custom_metrics") == [(4,)]
    assert job_of(db, pack[0].ticket.job)["furthest_epoch"] == 3
    again = queue.record_epochs(told)  # the answer was lost on the way
    assert (again.replaced, list(again.unneeded)) == (done.replaced, [])
    assert rows(db, "SELECT job, epoch, attempt, train_loss FROM epochs ORDER BY job, epoch") == measured
    assert queue.record_epochs([]).replaced == frozenset()


def test_one_beat_renews_all_leases_that_are_still_held(db, queue):
    submit_packed(db)
    pack = claim_pack(queue)
    for each in pack[:3]:
        expire(db, each.ticket.job)
    before = dict(rows(db, "SELECT id, lease_expires_at FROM jobs"))
    with db.write() as connection:  # as a rescue does it
        connection.exec_driver_sql(f"UPDATE jobs SET attempt = 99 WHERE id = {pack[0].ticket.job}")
    assert queue.beat_all([each.ticket for each in pack]) == {pack[0].ticket}
    after = dict(rows(db, "SELECT id, lease_expires_at FROM jobs"))
    assert {job for job in before if after[job] > before[job]} >= {pack[1].ticket.job, pack[2].ticket.job}
    assert after[pack[0].ticket.job] == before[pack[0].ticket.job]


def test_members_end_one_by_one(db, queue):
    submit_packed(db)
    pack = claim_pack(queue)
    how = {"tier": "fused", "k": 4}
    queue.finish(pack[0].ticket, outcome(execution=how))
    queue.diverge(pack[1].ticket, "NaN", seconds=1.0, execution=how)
    queue.release(pack[2].ticket)
    with pytest.raises(ReplacedError):
        queue.finish(pack[0].ticket, outcome())
    queue.finish(pack[3].ticket, outcome())
    states = dict(rows(db, "SELECT id, state FROM jobs"))
    assert [states[each.ticket.job] for each in pack] == ["succeeded", "diverged", "queued", "succeeded"]
    with db.read() as connection:
        told = connection.execute(select(attempts.c.execution).order_by(attempts.c.id)).scalars().all()
    assert told == [how, how, None, None]


def test_how_and_when_jobs_ended_is_told_the_last_first(db, queue):
    submit_packed(db)
    assert reading.packs(db, "small") == {recipe(64).key: SMALL, recipe(32).key: SMALL}
    assert reading.execution(db, "small") == PACKING
    pack = claim_pack(queue)
    how = {"tier": "fused", "k": 4, "threads": 1, "memory_format": "contiguous", "precision": "float32"}
    queue.finish(pack[0].ticket, outcome(execution={**how, "peak_flops": 1e11}))
    queue.diverge(pack[1].ticket, "NaN", seconds=1.0)
    assert len(reading.ended_last(db, "small", 1)) == 1
    last, first = reading.ended_last(db, "small", 8)
    assert (first.way, last.way) == (Way(**how), None)
    assert first.started_at <= first.ended_at <= last.ended_at
    (run,) = [run for run in reading.runs(db, "small") if run.job == pack[0].ticket.job]
    assert (run.worker, run.execution["peak_flops"]) == ("w1", 1e11)
    assert job(db, run.job).attempts[0].execution == run.execution


def test_a_worker_with_many_jobs_is_one_worker(db, queue):
    submit_packed(db)
    pack = claim_pack(queue)
    queue.record_epochs([(pack[0].ticket, metrics(2), None), (pack[1].ticket, metrics(3), None)])
    assert [worker.id for worker in reading.workers(db)] == ["w1"]
    assert [job.epoch for job in reading.running(db)] == [2, 3, 0, 0]


def test_workers_that_claim_at_once_share_the_jobs(db):
    submit_packed(db, batch_sizes=(64, 16, 32, 8), seeds=range(10))
    taken: dict[str, list[Claim]] = {"w1": [], "w2": []}
    start = Barrier(2)

    def work(worker: str) -> None:
        queue = Queue(db)
        introduce(queue, worker)
        for _ in range(8):
            start.wait()
            claims = queue.claim_pack(worker)
            if claims and claims[0].pack is not None:
                claims += queue.join(worker, claims[0].pack, 2, study="small")
            taken[worker] += claims
        while claims := queue.claim_pack(worker):
            taken[worker] += claims

    threads = [Thread(target=work, args=(worker,)) for worker in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(taken.values())
    jobs = [each.ticket.job for claims in taken.values() for each in claims]
    assert sorted(jobs) == [job for (job,) in rows(db, "SELECT id FROM jobs ORDER BY id")]
    held = {(each.ticket.job, each.ticket.attempt, worker) for worker, claims in taken.items() for each in claims}
    assert set(rows(db, "SELECT id, attempt, worker FROM jobs")) == held
    assert set(rows(db, "SELECT job, id, worker FROM attempts")) == held


class LostAnswer(Queue):
    """A queue whose server is gone right after jobs have joined, once."""

    lost = False

    def join(self, *words, **more):
        found = super().join(*words, **more)
        if not self.lost:
            self.lost = True
            raise DatabaseAwayError("the server is gone")
        return found


def test_jobs_that_joined_without_our_hearing_of_it_are_given_back(db, monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", (0.0, 0.0))
    submit_packed(db, seeds=(0, 1, 2))
    queue = PatientQueue(LostAnswer(db), Patience(seconds=60))
    pack = claim_pack(queue)
    joined = queue.join("w1", SMALL, 1, study="small", held=[each.ticket for each in pack])
    assert attempt_states(db, joined[0].ticket.job) == ["released", "running"]
    assert [attempt_states(db, each.ticket.job) for each in pack] == [["running"]] * 4


def test_packs_come_over_with_their_study(db, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with Database.open(tmp_path / "elsewhere" / "results.db", create=True) as other:
        submit_packed(other, batch_sizes=(64, 16), seeds=(0, 1, 2))
        there = Queue(other)
        pack = claim_pack(there)
        there.finish(pack[0].ticket, outcome(execution={"tier": "fused", "k": 4}))
        there.retire("w1")
        merge(db, other)
    with db.read() as connection:
        assert connection.execute(
            select(attempts.c.execution).where(attempts.c.execution.is_not(None))
        ).scalars().all() == [{"tier": "fused", "k": 4}]
    assert cells(claim_pack(Queue(db), "w2")) == [(0, "16")]
    assert cells(claim_pack(Queue(db), "w2")) == [(1, "64"), (2, "64")]
