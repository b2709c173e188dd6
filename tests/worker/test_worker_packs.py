"""Jobs that one trainer trains together, with real processes: none is lost, none is counted twice."""

import os
import signal
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate
from tests.workers import epochs, query, trainer_of, wait_until, worker

STUDY = TINY_STUDY.replace("epochs = 2", "epochs = 60").replace(
    'path = "model.dropout"\nlevels = [0.25]', 'path = "training.optimizer.lr"\nlevels = [0.1]'
)


@pytest.fixture
def packed(folder: Path) -> Path:
    """A folder with a study of four jobs that fit together."""
    (folder / "tiny.toml").write_text(STUDY, encoding="utf-8")
    return folder


def figures(folder: Path, database: str = "results.db") -> list[tuple[object, ...]]:
    return query(
        folder,
        "select job, epoch, train_loss, val_loss, val_accuracy from epochs order by job, epoch",
        database=database,
    )


def test_a_pack_goes_on_without_a_job_that_is_cancelled_and_after_a_kill(packed: Path, ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml").returncode == 0
    attempts = "select count(distinct attempt) from epochs"
    with worker(packed, "--checkpoint-every", "0", "--drain") as process:
        wait_until(lambda: query(packed, attempts) == [(4,)], packed, process)
        assert query(packed, "select distinct state from jobs") == [("running",)]
        assert ablate("cancel", "2").returncode == 0
        at = epochs(packed)
        wait_until(lambda: epochs(packed) > at + 8, packed, process)  # the others go on
        os.kill(trainer_of(process.pid), signal.SIGKILL)
        wait_until(lambda: query(packed, attempts) == [(7,)], packed, process)
        assert query(packed, "select state, count(*) from attempts group by state order by state") == [
            ("cancelled", 1),
            ("failed", 3),
            ("running", 3),
        ]
        assert ablate("retry", "2").returncode == 0  # it takes the place that another one leaves
        assert process.wait(timeout=120) == 0
    assert ablate("submit", "tiny.toml", "--db", "undisturbed.db").returncode == 0
    with worker(packed, "--db", "undisturbed.db", "--drain") as process:
        assert process.wait(timeout=120) == 0
    assert len(figures(packed)) == 240
    assert figures(packed) == figures(packed, "undisturbed.db")
    assert query(packed, "select count(*) from attempts", database="undisturbed.db") == [(4,)]
    assert query(packed, "select min(resumed_from) > 0, count(*) from attempts where id > 4") == [(1, 4)]
    assert not list((packed / ".ablate" / "checkpoints").iterdir())


def test_a_pack_is_given_back_when_its_worker_is_told_to_stop(packed: Path, ablate: Ablate) -> None:
    text = (packed / "tiny.toml").read_text("utf-8").replace("epochs = 60", "epochs = 3000")
    (packed / "tiny.toml").write_text(text, encoding="utf-8")
    assert ablate("submit", "tiny.toml").returncode == 0
    with worker(packed) as process:
        wait_until(lambda: epochs(packed), packed, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert query(packed, "select state, fruitless_attempts from jobs") == [("queued", 0)] * 4
    assert query(packed, "select state from attempts") == [("released",)] * 4
