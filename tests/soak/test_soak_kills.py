"""Workers that are killed, stopped, or have a wrong clock: every job once, no epoch lost or doubled."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from ablate.protocol import JobState
from ablate.store import Database, connections, leases
from ablate.store.admin import retry
from ablate.store.reading import counts
from tests.soak.fleet import Fleet, Stub, expected_losses
from tests.store.store_cases import submit_small
from tests.witness import damage, read_told

EPOCHS = 5


def _submitted(tmp_path: Path, *, variants: int, seeds: int) -> Database:
    db = Database.open(tmp_path / "results.db", create=True, artifacts=tmp_path / "artifacts")
    submit_small(db, batch_sizes=range(1, variants + 1), seeds=range(seeds))
    return db


def _stub(tmp_path: Path, **how: object) -> Stub:
    values = {"url": str(tmp_path / "results.db"), "artifacts": tmp_path / "artifacts", "told": tmp_path / "told"}
    return Stub(**values, epochs=EPOCHS, **how)


def _wrong_numbers(db: Database) -> list[tuple[int, int]]:
    """Jobs whose epochs are not those of an undisturbed run, with their seeds."""
    with db.read() as connection:
        rows = connection.execute(
            text("SELECT j.id, j.seed, e.train_loss FROM jobs j JOIN epochs e ON e.job = j.id ORDER BY j.id, e.epoch")
        ).all()
    losses: dict[tuple[int, int], list[float]] = {}
    for job, seed, loss in rows:
        losses.setdefault((job, seed), []).append(loss)
    return [job for job, found in losses.items() if found != expected_losses(job[1], EPOCHS)]


def _kill_until_done(
    tmp_path: Path, *, jobs: int, workers: int, every: float, epoch_seconds: float
) -> tuple[int, float]:
    """How many workers were killed, and how long it took."""
    chance = random.Random(7)
    with _submitted(tmp_path, variants=10, seeds=jobs // 10) as db:
        fleet = Fleet(_stub(tmp_path, epoch_seconds=epoch_seconds))
        started, killed = time.monotonic(), 0
        try:
            fleet.start(workers)
            due = started + every
            while not fleet.ended() or retry(db, "small"):  # a job that was killed three times at once has failed
                if not fleet.alive:
                    fleet.start(workers)
                time.sleep(0.01)
                if time.monotonic() >= due and len(fleet.alive) == workers:
                    fleet.kill_one(db, chance)
                    killed, due = killed + 1, due + every
        finally:
            fleet.end()
        took = time.monotonic() - started
        told = read_told(tmp_path / "told")
        assert damage(told, db) == []
        assert counts(db)["small"][JobState.SUCCEEDED] == jobs
        assert _wrong_numbers(db) == []
        epochs = [(one.job, one.epoch) for one in told]
        assert len(epochs) == len(set(epochs)), "an epoch was recorded twice: a job was started anew"
        with db.read() as connection:
            again = connection.execute(
                text(
                    "SELECT count(*) FROM attempts a WHERE a.resumed_from IS NOT NULL AND a.resumed_from <> "
                    "(SELECT coalesce(max(e.epoch), 0) FROM epochs e WHERE e.job = a.job AND e.attempt < a.id)"
                )
            ).scalar_one()
        assert again == 0, "jobs went on from elsewhere than from their last epoch"
    return killed, took


def test_a_few_jobs_survive_kills(tmp_path):
    killed, _ = _kill_until_done(tmp_path, jobs=10, workers=2, every=0.3, epoch_seconds=0.01)
    assert killed


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_thousand_jobs_under_kills_every_half_second(tmp_path):
    times = {}
    for name, jobs, every in (
        ("undisturbed", 250, float("inf")),
        ("killed", 1000, 0.5),
        ("undisturbed again", 250, float("inf")),
    ):
        folder = tmp_path / name
        folder.mkdir()
        killed, took = _kill_until_done(folder, jobs=jobs, workers=8, every=every, epoch_seconds=0.1)
        times[name] = took / jobs
        print(f"\n{name}: {jobs} jobs x {EPOCHS} epochs, 8 workers, {killed} kills: {took:.0f} s")
    ideal = (times["undisturbed"] + times["undisturbed again"]) / 2
    print(f"{times['killed'] / ideal:.2f} x the time of an undisturbed run")
    assert times["killed"] <= 2 * ideal


def _stall(tmp_path: Path, *, jobs: int, lease: float, rounds: int, prepare=lambda: None) -> list[str]:
    """Stop some workers for twice the lease, again and again; what the checker finds then."""
    chance = random.Random(3)
    with _submitted(tmp_path, variants=jobs, seeds=1) as db:
        fleet = Fleet(_stub(tmp_path, epoch_seconds=lease / 10, lease_seconds=lease, prepare=prepare))
        try:
            fleet.start(4)
            for _ in range(rounds):
                time.sleep(lease / 5)
                asleep = chance.sample(sorted(fleet.alive), 2)
                for process in asleep:
                    os.kill(process, signal.SIGSTOP)
                time.sleep(2 * lease)
                for process in asleep:
                    os.kill(process, signal.SIGCONT)
            time.sleep(lease / 2)  # what was stopped in the middle of something ends it
        finally:
            fleet.end()
        return damage(read_told(tmp_path / "told"), db)


def _without_fence() -> None:
    """Let every worker write whatever it likes."""
    from ablate.store import queue

    for room in (leases, queue):
        room.pass_fence = lambda *_: None
        room.pass_fences = lambda _connection, tickets, _lease: frozenset(tickets)


def test_stalled_workers_write_nothing_after_they_were_replaced(tmp_path):
    assert _stall(tmp_path, jobs=20, lease=0.3, rounds=2) == []


def test_the_same_test_fails_without_the_fence(tmp_path):
    assert _stall(tmp_path, jobs=4, lease=0.3, rounds=3, prepare=_without_fence)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_stalled_workers_for_a_minute(tmp_path):
    assert _stall(tmp_path, jobs=200, lease=1.0, rounds=25) == []


def _clock_an_hour_ahead() -> None:
    """Let SQLite in this process believe that it is an hour later, as on a machine with a wrong clock."""
    plain = connections._connect

    def ahead(*words):
        made = plain(*words)
        made.create_function("julianday", 1, lambda _: 2440587.5 + (time.time() + 3600) / 86400)
        return made

    connections._connect = ahead


@pytest.mark.parametrize("jobs", [8, pytest.param(200, marks=pytest.mark.soak)])
def test_a_clock_that_is_an_hour_ahead_does_no_harm(tmp_path, jobs):
    with _submitted(tmp_path, variants=jobs, seeds=1) as db:
        right = Fleet(_stub(tmp_path, epoch_seconds=0.01))
        wrong = Fleet(_stub(tmp_path, epoch_seconds=0.01, prepare=_clock_an_hour_ahead))
        try:
            right.start(2)
            wrong.start(1)
            deadline = time.monotonic() + 120
            while not (right.ended() and wrong.ended()) and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            right.end()
            wrong.end()
        assert damage(read_told(tmp_path / "told"), db) == []
        left = counts(db)["small"]
        assert left[JobState.SUCCEEDED] + left[JobState.FAILED] == jobs
        assert _wrong_numbers(db) == [] or left[JobState.FAILED]
