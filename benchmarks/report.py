"""How long `ablate report --html` takes for 1,000 runs of 200 epochs, and how large its page is.

Run `python benchmarks/report.py`; `--epochs` and `--images` ask for other sizes, `--out DIR` keeps database and page.
Rows are those that workers store, many at once. The report is written by a process of its own, which imports, reads,
judges, draws and writes; its size is that of the page alone, which needs no other file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from ablate.recipe import Recipe
from ablate.store import Database
from ablate.store.submission import submit
from ablate.store.tables import attempts, epochs, jobs, predictions, test_sets, variants, workers
from ablate.study.outline import Outline, OutlineDesign, OutlineFactor, OutlineLevel, OutlineVariant

from measuring import machine

STUDY = "bench"
#: 200 variants, five seeds each.
FACTORS, LEVELS, SEEDS, CLASSES = 40, 5, 5, 10


def _recipe(number: int, length: int) -> Recipe:
    training = {"epochs": length, "optimizer": {"name": "SGD", "lr": 0.1}}
    return Recipe.model_validate({"data": {"name": "digits", "batch_size": number + 1}, "training": training})


def _outline(keys: list[str]) -> Outline:
    """A baseline and single levels of many factors, as many as there are keys."""
    levels = tuple(OutlineLevel(name=f"level {n}", label=f"level {n}") for n in range(LEVELS + 1))
    factors = tuple(
        OutlineFactor(name=f"factor_{n}", label=f"component {n}", levels=levels, reference="level 0")
        for n in range(FACTORS)
    )
    changed = [(factor.name, level.name) for factor in factors for level in levels[1:]][: len(keys) - 1]
    others = tuple(
        OutlineVariant(name=f"{name}={level}", key=key, levels={name: level}, designs=("one-at-a-time",))
        for (name, level), key in zip(changed, keys[1:], strict=True)
    )
    return Outline(
        name=STUDY,
        title="A study of a thousand runs",
        metric="test_accuracy",
        direction="max",
        select="last",
        seeds=tuple(range(SEEDS)),
        baseline=keys[0],
        factors=factors,
        designs=(OutlineDesign(name="one-at-a-time", kind="one-at-a-time"),),
        variants=(OutlineVariant(name="baseline", key=keys[0], designs=("one-at-a-time",)), *others),
    )


def _fill(path: Path, length: int, images: int) -> int:
    """Store the study; the number of its runs."""
    noise = np.random.default_rng(0)
    recipes = {recipe.key: recipe for recipe in (_recipe(number, length) for number in range(FACTORS * LEVELS))}
    with Database.open(path, create=True) as db:
        outline = _outline(list(recipes))
        submit(db, outline=outline, recipes=recipes, text="", settings=[], sources={}, execution={"threads": 1})
        with db.write() as connection:
            who = {"id": "w", "host": "", "pid": 1, "device": "cpu", "device_name": "A CPU", "provenance": {}}
            connection.execute(insert(workers).values(**who, started_at=0, seen_at=0))
            of_jobs = select(jobs.c.id, variants.c.position).join_from(jobs, variants).order_by(jobs.c.id)
            places = [(row.id, row.position) for row in connection.execute(of_jobs)]
            made = [_attempt(job, 0.8 + 0.0005 * place + 0.005 * noise.standard_normal()) for job, place in places]
            connection.execute(insert(attempts), made)
            connection.exec_driver_sql(
                "UPDATE jobs SET state = 'succeeded', attempt = id, attempt_count = 1, ended_at = 1, "
                "furthest_epoch = ?",
                (length,),
            )
            for job, place in places:
                connection.execute(insert(epochs), list(_epochs(job, place, length, noise)))
            if images:
                truth = noise.integers(CLASSES, size=images, dtype=np.uint16)
                connection.execute(insert(test_sets).values(**(known := _truth(truth))))
                rows = [_prediction(one, known["digest"], truth, noise) for one in made]
                connection.execute(insert(predictions), rows)
    return len(places)


def _attempt(job: int, accuracy: float) -> dict[str, Any]:
    ended = {"number": 1, "worker": "w", "state": "succeeded", "started_at": 0, "ended_at": 1, "seconds": 60.0}
    measured = {"selected_epoch": 1, "test_loss": 1 - accuracy, "test_accuracy": accuracy, "parameters": 60_000 + job}
    return {"id": job, "job": job, **ended, **measured, "device": "cpu", "device_name": "A CPU", "provenance": {}}


def _epochs(job: int, place: int, length: int, noise: np.random.Generator) -> Iterator[dict[str, Any]]:
    for epoch, (a, b, c, d) in enumerate(0.01 * noise.standard_normal((length, 4)), start=1):
        fall = math.exp(-epoch / (10 + 0.2 * place))
        yield {
            "job": job,
            "epoch": epoch,
            "attempt": job,
            "train_loss": 0.2 + 2 * fall + a,
            "train_accuracy": 0.9 - 0.8 * fall + b,
            "val_loss": 0.3 + 2 * fall + c,
            "val_accuracy": 0.85 - 0.8 * fall + d,
            "lr": 0.05 * (1 + math.cos(math.pi * epoch / length)),
            "seconds": 1.0,
            "images_per_second": 1000.0,
            "peak_memory_bytes": 1_000_000,
        }


def _truth(labels: np.ndarray) -> dict[str, Any]:
    names = [f"class {number}" for number in range(CLASSES)]
    packed = labels.astype("<u2").tobytes()
    digest = hashlib.sha256(json.dumps(names).encode() + packed).hexdigest()
    return {"digest": digest, "count": len(labels), "classes": names, "labels": packed}


def _prediction(attempt: dict[str, Any], digest: str, truth: np.ndarray, noise: np.random.Generator) -> dict[str, Any]:
    right = noise.random(len(truth)) < attempt["test_accuracy"]
    said = np.where(right, truth, (truth + 1) % CLASSES)
    packed = {"correct": np.packbits(right).tobytes(), "predicted": said.astype("<u2").tobytes()}
    confidence = np.full(len(truth), 0.9, dtype="<f2").tobytes()
    return {"attempt": attempt["id"], "test_set": digest, "count": len(truth), **packed, "confidence": confidence}


def main() -> None:
    """Store, report, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=200, help="of each of the 1,000 runs")
    parser.add_argument("--images", type=int, default=1000, help="test images whose predictions were kept; 0: none")
    parser.add_argument("--out", type=Path, help="folder for database and page, to look at them or to use them again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.out or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "bench.db"
        runs = FACTORS * LEVELS * SEEDS if path.exists() else _fill(path, options.epochs, options.images)
        command = [sys.executable, "-m", "ablate", "report", STUDY, "--html", "--db", str(path), "--out", str(folder)]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = (folder / "report.html").stat().st_size
    print(machine())
    print(f"ablate report --html, {runs:,} runs of {options.epochs} epochs, {options.images:,} test images:")
    print(f"  {seconds:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of a processor), a page of {size / 1e6:.1f} MB")
    print(f"  most memory {used.ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
