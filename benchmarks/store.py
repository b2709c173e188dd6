"""Claims and epoch writes a second, against raw sqlite3 and against Optuna's storage, in one run; and `status`.

Run `python benchmarks/store.py`, with `--rows` for `status` over 100,000 jobs with 10,000,000 epochs (makes a database
of about 1 GB below the temporary folder, and takes minutes). Rounds are interleaved; each ratio is that of one round,
and its median and range over the rounds are printed. sqlite3 writes as we do (WAL, `synchronous = FULL`); Optuna as it
comes, one value for an epoch where we write a row of eight. It is left out, with a word, where it is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert

from ablate.metrics import EpochMetrics
from ablate.protocol import WorkerInfo
from ablate.recipe import Recipe
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.submission import submit
from ablate.store.tables import attempts, epochs, jobs, variants, workers
from ablate.study.outline import Outline, OutlineVariant

from measuring import Spread, machine, publish, table

ROUNDS = 15
#: Of each kind in a round, and jobs that are claimed and written together.
CLAIMS, EPOCHS, PACK = 200, 300, 8
STATUS_JOBS, STATUS_EPOCHS, STATUS_ROUNDS = 100_000, 100, 7


def _recipe(batch_size: int) -> Recipe:
    training = {"epochs": STATUS_EPOCHS, "optimizer": {"name": "SGD", "lr": 0.1}}
    return Recipe.model_validate({"data": {"name": "digits", "batch_size": batch_size}, "training": training})


def _submit(db: Database, variants: int, seeds: int) -> None:
    recipes = {recipe.key: recipe for recipe in map(_recipe, range(1, variants + 1))}
    keys = list(recipes)
    outline = Outline(
        name="bench",
        title="",
        metric="test_accuracy",
        direction="max",
        select="last",
        seeds=tuple(range(seeds)),
        baseline=keys[0],
        variants=tuple(OutlineVariant(name=f"v{n}", key=key, levels={}) for n, key in enumerate(keys)),
    )
    submit(db, outline=outline, recipes=recipes, text="", settings=[], sources={}, execution={"threads": 1})


def _epoch(number: int) -> EpochMetrics:
    return EpochMetrics(
        epoch=number,
        train_loss=0.5,
        train_accuracy=0.5,
        val_loss=0.5,
        val_accuracy=0.5,
        lr=0.1,
        seconds=1.0,
        images_per_second=1.0,
        peak_memory_bytes=1,
    )


def _rate(action: Callable[[int], object], count: int) -> float:
    started = time.perf_counter()
    for number in range(count):
        action(number)
    return count / (time.perf_counter() - started)


def of_ablate(folder: Path) -> tuple[float, float]:
    """Claims and epoch writes a second by the queue that workers use."""
    with Database.open(folder / "results.db", create=True) as db:
        _submit(db, 20, (CLAIMS + 1 + 19) // 20)
        queue = Queue(db)
        queue.introduce(WorkerInfo(id="w", host="", pid=1, device="cpu", device_name="", provenance={}))
        first = queue.claim("w")
        if first is None:
            raise SystemExit("nothing was queued")
        queue.record_epoch(first.ticket, _epoch(1))
        claims = _rate(lambda _: queue.claim("w"), CLAIMS)
        return claims, _rate(lambda number: queue.record_epoch(first.ticket, _epoch(number + 2)), EPOCHS)


def of_packs(folder: Path) -> tuple[float, float]:
    """Jobs claimed and epochs written a second where eight go together."""
    packs = CLAIMS // PACK
    with Database.open(folder / "packs.db", create=True) as db:
        _submit(db, 20, (CLAIMS + PACK + 19) // 20)
        with db.write() as connection:
            connection.execute(variants.update().values(pack="p", pack_size=PACK))
        queue = Queue(db)
        queue.introduce(WorkerInfo(id="w", host="", pid=1, device="cpu", device_name="", provenance={}))
        tickets = [claim.ticket for claim in queue.claim_pack("w")]
        claims = _rate(lambda _: queue.claim_pack("w"), packs)

        def write(number: int) -> None:
            queue.record_epochs([(ticket, _epoch(number + 1), None) for ticket in tickets])

        return claims * PACK, _rate(write, EPOCHS // PACK) * PACK


def of_sqlite(folder: Path) -> tuple[float, float]:
    """The same in the fewest statements that keep a fence: what plain SQL could do."""
    with contextlib.closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as raw:
        raw.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT, attempt INTEGER, lease REAL);"
            "CREATE INDEX queue ON jobs (state, id);"
            "CREATE TABLE attempts (id INTEGER PRIMARY KEY, job INTEGER, state TEXT, started REAL);"
            "CREATE TABLE epochs (job INTEGER, epoch INTEGER, attempt INTEGER, a REAL, b REAL, c REAL, d REAL, e REAL,"
            " f REAL, g REAL, h INTEGER, PRIMARY KEY (job, epoch)) WITHOUT ROWID;"
        )
        raw.execute("BEGIN")
        raw.executemany("INSERT INTO jobs VALUES (?, 'queued', NULL, NULL)", [(n,) for n in range(1, CLAIMS + 2)])
        raw.execute("COMMIT")

        def claim(number: int) -> None:
            raw.execute("BEGIN IMMEDIATE")
            [(job,)] = raw.execute(
                "UPDATE jobs SET state = 'running', attempt = ?, lease = julianday('now') WHERE id = "
                "(SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1) RETURNING id",
                (number + 1,),
            ).fetchall()
            raw.execute("INSERT INTO attempts VALUES (?, ?, 'running', julianday('now'))", (number + 1, job))
            raw.execute("COMMIT")

        def write(number: int) -> None:
            raw.execute("BEGIN IMMEDIATE")
            fence = "UPDATE jobs SET lease = julianday('now') WHERE id = 1 AND attempt = 1 AND state = 'running'"
            if raw.execute(fence).rowcount != 1:
                raise SystemExit("the fence did not hold")
            raw.execute("INSERT INTO epochs VALUES (1, ?, 1, 0.5, 0.5, 0.5, 0.5, 0.1, 1.0, 1.0, 1)", (number + 1,))
            raw.execute("COMMIT")

        return _rate(claim, CLAIMS), _rate(write, EPOCHS)


def of_optuna(folder: Path) -> tuple[float, float]:
    """Trials begun, and intermediate values, of which an epoch of ours would need eight."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'optuna.db'}")
    study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "bench")
    trial = storage.create_new_trial(study)
    claims = _rate(lambda _: storage.create_new_trial(study), CLAIMS)
    writes = _rate(lambda number: storage.set_trial_intermediate_value(trial, number, 0.5), EPOCHS)
    storage.engine.dispose()
    return claims, writes


def compare() -> None:
    """Print and write rates and their ratios."""
    houses = {"ablate": of_ablate, "ablate, packs": of_packs, "sqlite3": of_sqlite}
    if importlib.util.find_spec("optuna") is not None:
        houses["optuna"] = of_optuna
    else:
        print("Optuna is not installed, so that nothing is compared with it: pip install optuna", file=sys.stderr)
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in houses}
    for _ in range(ROUNDS):
        for name, measure in houses.items():
            with tempfile.TemporaryDirectory() as folder:
                rates[name].append(measure(Path(folder)))
    others = [name for name in houses if not name.startswith("ablate")]
    rows = []
    for place, what in enumerate(("claims", "epoch writes")):
        found = {name: [each[place] for each in values] for name, values in rates.items()}
        for name, values in found.items():
            ratios = [Spread.ratio(values, found[other]).text() if name != other else "" for other in others]
            rows.append([what, name, Spread.of(values).text(0), *ratios])
    publish(
        "The store",
        [
            _machine(),
            f"Jobs claimed and epochs written, one after the other or {PACK} at a time; medians and ranges of {ROUNDS} "
            "interleaved rounds, each in a new database file.",
            table(["what", "side", "a second", *(f"x {other}" for other in others)], rows),
        ],
    )


def _machine() -> str:
    return f"{machine(('sqlalchemy', 'optuna', 'ablate-lab'))} SQLite {sqlite3.sqlite_version}."


def _fill(path: Path) -> None:
    """A study that is nearly done: all its jobs but eight succeeded, with all their epochs."""
    with Database.open(path, create=True) as db:
        _submit(db, 1000, STATUS_JOBS // 1000)
        with db.write() as connection:
            who = {"id": "w", "host": "", "pid": 1, "device": "cpu", "device_name": "", "provenance": {}}
            connection.execute(insert(workers).values(**who, started_at=0, seen_at=0))
            ids = connection.execute(jobs.select().with_only_columns(jobs.c.id).order_by(jobs.c.id)).scalars().all()
            ended = {"number": 1, "worker": "w", "state": "succeeded", "started_at": 0, "ended_at": 1, "seconds": 60.0}
            connection.execute(insert(attempts), [{"id": job, "job": job, **ended} for job in ids[:-8]])
            connection.exec_driver_sql(
                "UPDATE jobs SET state = 'succeeded', attempt = id, attempt_count = 1, ended_at = 1, "
                "furthest_epoch = ? WHERE id <= ?",
                (STATUS_EPOCHS, ids[-9]),
            )
        columns = ", ".join(column.name for column in epochs.columns)
        with contextlib.closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA synchronous = OFF")
            raw.executemany(
                f"INSERT INTO epochs ({columns}) VALUES (?, ?, ?, 0.5, 0.5, 0.5, 0.5, 0.1, 1.0, 1.0, 1)",
                ((job, epoch, job) for job in ids[:-8] for epoch in range(1, STATUS_EPOCHS + 1)),
            )
            raw.commit()


def status(keep: Path | None) -> None:
    """How long `ablate status` takes over a large database, and less what it takes over one of two jobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        large, small = folder / "large.db", folder / "small.db"
        if not large.exists():
            _fill(large)
        if not small.exists():
            with Database.open(small, create=True) as db:
                _submit(db, 2, 1)
        times: dict[Path, list[float]] = {large: [], small: []}
        for _ in range(STATUS_ROUNDS + 1):  # the first warms the file cache
            for path, found in times.items():
                started = time.perf_counter()
                command = [sys.executable, "-m", "ablate", "status", "--db", str(path)]
                subprocess.run(command, check=True, capture_output=True)
                found.append(time.perf_counter() - started)
        more = [a - b for a, b in zip(times[large][1:], times[small][1:], strict=True)]
        with contextlib.closing(sqlite3.connect(large)) as raw:
            [(count,)] = raw.execute("SELECT count(*) FROM epochs")
        publish(
            "Status of a large database",
            [
                _machine(),
                f"`ablate status` over {STATUS_JOBS:,} jobs with {count:,} epochs, "
                f"{large.stat().st_size / 1e6:,.0f} MB: {Spread.of(times[large][1:]).text()} s, "
                f"{Spread.of(more).text()} s more than over two jobs; {STATUS_ROUNDS} rounds.",
            ],
        )


def main() -> None:
    """Compare; with `--rows` measure `status`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", action="store_true", help="measure `ablate status` over 10,000,000 epochs")
    parser.add_argument("--keep", type=Path, help="folder for the large database, to use it again")
    options = parser.parse_args()
    if options.rows:
        status(options.keep)
    else:
        compare()


if __name__ == "__main__":
    main()
