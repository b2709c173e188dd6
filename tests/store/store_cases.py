"""Small studies and shortcuts for the tests of the store."""

from collections.abc import Collection, Sequence

from sqlalchemy import text

from ablate.metrics import EpochMetrics, Outcome, Predictions
from ablate.protocol import Checkpoint, Claim, Keep, WorkerInfo
from ablate.recipe import Recipe
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.submission import Submission, submit
from ablate.study.outline import Outline, OutlineVariant

EPOCHS = 5


def recipe(batch_size: int = 64) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"name": "digits", "batch_size": batch_size},
            "training": {"epochs": EPOCHS, "optimizer": {"name": "SGD", "lr": 0.1}},
        }
    )


def submit_small(
    db: Database,
    *,
    name: str = "small",
    batch_sizes: Sequence[int] = (64, 32),
    seeds: Sequence[int] = (0, 1),
    prefix: str = "batch ",
    text: str = "name = 'small'",
    settings: Sequence[str] = (),
    sources: dict[str, str] | None = None,
    execution: dict[str, object] | None = None,
    only: Collection[tuple[str, int]] | None = None,
    call: Sequence[str] = (),
    keep: Keep = "none",
) -> Submission:
    recipes = {size: recipe(size) for size in batch_sizes}
    outline = Outline(
        name=name,
        title=f"The {name} study",
        metric="test_accuracy",
        direction="max",
        select="best_val",
        seeds=tuple(seeds),
        baseline=recipes[batch_sizes[0]].key,
        keep=keep,
        variants=tuple(
            OutlineVariant(name=f"{prefix}{size}", key=recipes[size].key, levels={"batch": str(size)})
            for size in batch_sizes
        ),
    )
    return submit(
        db,
        outline=outline,
        recipes={each.key: each for each in recipes.values()},
        text=text,
        settings=settings,
        sources=sources or {},
        execution=execution or {"threads": 1},
        only=only,
        call=call,
    )


def introduce(queue: Queue, worker: str = "w1") -> str:
    queue.introduce(
        WorkerInfo(id=worker, host="box", pid=1, device="cpu", device_name="A CPU", provenance={"torch": "2.9"})
    )
    return worker


def claim(queue: Queue, worker: str = "w1") -> Claim:
    introduce(queue, worker)
    found = queue.claim(worker)
    assert found is not None
    return found


def claim_pack(queue: Queue, worker: str = "w1", **how: object) -> tuple[Claim, ...]:
    introduce(queue, worker)
    return queue.claim_pack(worker, **how)


def metrics(epoch: int, loss: float = 1.0, **changes: object) -> EpochMetrics:
    values: dict[str, object] = {
        "epoch": epoch,
        "train_loss": loss,
        "train_accuracy": 0.5,
        "val_loss": 2.0,
        "val_accuracy": epoch / 100,
        "lr": 0.1,
        "seconds": float(epoch),
        "images_per_second": 100.0,
        "peak_memory_bytes": 1000 * epoch,
    }
    return EpochMetrics(**{**values, **changes})


def outcome(**changes: object) -> Outcome:
    values: dict[str, object] = {
        "selected_epoch": 2,
        "test_loss": 0.4,
        "test_accuracy": 0.9,
        "parameters": 100,
        "trainable_parameters": 90,
        "flops": 12345678901,
        "seconds": 6.5,
        "fingerprints": {"module_tree": "abc", "first_step_loss": "2.3"},
        "predictions": Predictions(
            correct=b"\xa0",
            predicted=b"\1\0" * 3,
            confidence=b"\0\x3c" * 3,
            count=3,
            labels=b"\1\0\0\0\1\0",
            classes=("cat", "dog"),
        ),
    }
    return Outcome(**{**values, **changes})


def checkpoint(attempt: int, epoch: int) -> Checkpoint:
    return Checkpoint(epoch=epoch, name=f"{attempt}-{epoch}.pt", size=10, sha256="0" * 64)


def expire(db: Database, job: int) -> None:
    """Let a lease run out without waiting for it."""
    with db.write() as connection:
        connection.execute(
            text("UPDATE jobs SET lease_expires_at = lease_expires_at - 100000 WHERE id = :job"), {"job": job}
        )


def rows(db: Database, question: str) -> list[tuple]:
    with db.read() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def job_of(db: Database, job: int) -> dict[str, object]:
    with db.read() as connection:
        return dict(connection.execute(text("SELECT * FROM jobs WHERE id = :job"), {"job": job}).mappings().one())


def attempt_states(db: Database, job: int) -> list[str]:
    return [state for (state,) in rows(db, f"SELECT state FROM attempts WHERE job = {job} ORDER BY number")]
