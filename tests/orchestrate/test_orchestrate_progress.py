"""Where a study stands while it runs."""

from pathlib import Path

import pytest

from ablate.metrics import EpochMetrics
from ablate.orchestrate.lines import line, running_cells
from ablate.orchestrate.progress import progress
from ablate.orchestrate.submit import submit_study
from ablate.protocol import WorkerInfo
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.study import parse_study

OWN = 'name = "own"\nmetric = "val_loss"\n[baseline.training]\ntrainer = "mine.py:train"\n'


@pytest.mark.parametrize(
    ("epochs", "shown", "is_foreseen"), [("", "epoch 1", False), ("epochs = 4", "epoch 1/4", True)]
)
def test_a_trainer_of_ones_own_need_not_say_how_many_epochs_there_will_be(
    tmp_path: Path, epochs: str, shown: str, is_foreseen: bool
) -> None:
    (tmp_path / "mine.py").write_text("def train(ctx): ...\n", encoding="utf-8")
    with Database.open(tmp_path / "results.db", create=True) as db:
        submit_study(db, parse_study(OWN + epochs, folder=tmp_path))
        queue = Queue(db)
        queue.introduce(WorkerInfo(id="w", host="box", pid=1, device="cpu", device_name="A CPU", provenance={}))
        claim = queue.claim("w")
        assert claim is not None
        row = EpochMetrics(
            epoch=1,
            train_loss=None,
            train_accuracy=None,
            val_loss=0.5,
            lr=None,
            seconds=1.0,
            images_per_second=None,
            peak_memory_bytes=0,
        )
        queue.record_epoch(claim.ticket, row)
        now = progress(db, "own")
    [job] = now.running
    assert running_cells(job)[2] == shown
    assert (now.eta_seconds is not None) == is_foreseen
    assert now.as_json()["running"][0]["epochs"] == (4 if epochs else None)
    assert "own: 0/3 runs" in line(now)
