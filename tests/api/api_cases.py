"""Studies in Python, and runs of them that a queue records without training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ablate import Study
from ablate.metrics import EpochMetrics, Outcome, Predictions
from ablate.orchestrate.submit import submit_study
from ablate.protocol import WorkerInfo
from ablate.store import Database
from ablate.store.queue import Queue

#: Test images of each run that is made up.
IMAGES = 10


def study(name: str = "tiny", *, seeds: int = 2, epochs: int = 2, folder: Path | None = None, **more: Any) -> Study:
    """Digits, a network of one convolution, and one level of dropout."""
    tables: dict[str, Any] = {
        "name": name,
        "title": "Does dropout help?",
        "seeds": {"count": seeds},
        "baseline": {
            "data": {"name": "digits", "train_images": 256},
            "model": {"name": "convnet", "channels": [4], "hidden": [16]},
            "training": {"epochs": epochs, "optimizer": {"name": "SGD", "lr": 0.05}},
        },
        "factors": {"dropout": {"path": "model.dropout", "levels": [0.25]}},
    }
    return Study.from_dict(tables | more, folder=folder)


def made_up(database: Database, asked: Study, custom: Mapping[str, float] | None = None) -> None:
    """Submit a study and record what a worker would, by arithmetic.

    Args:
        database: Where.
        asked: The study; the last variant stays at work on seed 1 where there is one.
        custom: Further values of each epoch.
    """
    submit_study(database, asked)
    queue = Queue(database)
    queue.introduce(WorkerInfo(id=asked.name, host="box", pid=1, device="cpu", device_name="A CPU", provenance={}))
    last = asked.variants()[-1].name
    while (claim := queue.claim(asked.name, study=asked.name)) is not None:
        if claim.variant == last and claim.seed > 0:
            break
        share = 0.5 + 0.1 * claim.seed
        for epoch in (1, 2):
            queue.record_epoch(
                claim.ticket,
                EpochMetrics(
                    epoch=epoch,
                    train_loss=1 / epoch,
                    train_accuracy=share,
                    val_loss=1.0,
                    val_accuracy=share,
                    lr=0.1,
                    seconds=0.5,
                    images_per_second=100.0,
                    peak_memory_bytes=1000,
                    custom=custom or {},
                ),
            )
        queue.finish(
            claim.ticket,
            Outcome(
                selected_epoch=2,
                test_loss=0.5,
                test_accuracy=share,
                parameters=100,
                trainable_parameters=100,
                flops=1000,
                seconds=1.0,
                fingerprints={},
                predictions=Predictions(
                    correct=np.packbits(np.arange(IMAGES) < IMAGES * share).tobytes(),
                    predicted=np.arange(IMAGES, dtype="<u2").tobytes(),
                    confidence=np.full(IMAGES, 0.5, dtype="<f2").tobytes(),
                    count=IMAGES,
                ),
            ),
        )
