"""Jobs that one trainer trains together, with real processes: none is lost, none is counted twice."""

import os
import signal
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate
from tests.workers import epochs, query, trainer_of, wait_until, worker

STUDY = TINY_STUDY.replace("epochs = 2", "epochs = 80").replace(
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


def test_a_pack_survives_a_kill_a_stop_and_the_end_of_one_job(packed: Path, ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml").returncode == 0
    attempts = "select count(distinct attempt) from epochs"
    with worker(packed, "--checkpoint-every", "0") as process:
        wait_until(lambda: query(packed, attempts) == [(4,)], packed, process)
        assert query(packed, "select distinct state from jobs") == [("running",)]
        assert ablate("cancel", "2").returncode == 0
        at = epochs(packed)
        wait_until(lambda: epochs(packed) > at + 8, packed, process)  # the others go on
        first = trainer_of(process.pid)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: query(packed, attempts) == [(7,)], packed, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert query(packed, "select state, count(*) from attempts group by state order by state") == [
        ("cancelled", 1),
        ("failed", 3),
        ("released", 3),
    ]
    assert query(packed, "select state from jobs order by id") == [("queued",), ("cancelled",), *[("queued",)] * 2]
    assert ablate("retry", "2").returncode == 0
    for database in ("results.db", "undisturbed.db"):
        done = ablate("run", "tiny.toml", "--workers", "1", "--db", database)
        assert done.returncode == 0, done.stderr
    assert len(figures(packed)) == 320
    assert figures(packed) == figures(packed, "undisturbed.db")
    assert query(packed, "select count(*) from attempts", database="undisturbed.db") == [(4,)]
    assert query(packed, "select min(resumed_from) > 0 from attempts where id > 4") == [(1,)]
    assert not list((packed / ".ablate" / "checkpoints").iterdir())
    log = ablate("logs", "3").stdout
    assert "of job 3 begins after epoch" in log
    assert log.rstrip().endswith("of job 3 ends")
