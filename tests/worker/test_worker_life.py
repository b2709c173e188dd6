"""A worker's life and death, with real processes and real signals."""

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate
from tests.workers import LONG_STUDY, epochs, gone, query, trainer_of, wait_until, worker


@pytest.fixture
def submitted(folder: Path, ablate: Ablate) -> Path:
    """A folder whose database holds one queued study of two long jobs."""
    (folder / "tiny.toml").write_text(LONG_STUDY, encoding="utf-8")
    assert ablate("submit", "tiny.toml").returncode == 0
    return folder


@pytest.mark.parametrize(
    ("number", "ended"),
    [(signal.SIGINT, "released"), (signal.SIGTERM, "released"), (signal.SIGUSR2, "preempted")],
)
def test_a_signal_gives_the_job_back(submitted: Path, number: signal.Signals, ended: str) -> None:
    with worker(submitted) as process:
        wait_until(lambda: epochs(submitted), submitted, process)
        trainer = trainer_of(process.pid)
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert gone(trainer)
    assert query(submitted, "select state, count(*) from jobs group by state") == [("queued", 2)]
    assert query(submitted, "select state from attempts") == [(ended,)]


def test_a_killed_trainer_is_replaced_and_its_job_goes_on(submitted: Path) -> None:
    with worker(submitted) as process:
        wait_until(lambda: epochs(submitted), submitted, process)
        first = trainer_of(process.pid)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: query(submitted, "select count(*) from attempts") == [(2,)], submitted, process)
        wait_until(
            lambda: query(submitted, "select count(*) from epochs where attempt = 2") > [(0,)], submitted, process
        )
        assert trainer_of(process.pid) != first
        assert query(submitted, "select state, job from attempts order by id") == [("failed", 1), ("running", 1)]
        [(said,)] = query(submitted, "select failure_message from attempts where id = 1")
        assert "ended by SIGKILL" in str(said)
        assert "last RSS" in str(said)
        assert query(submitted, "select count(*) from jobs where state = 'running'") == [(1,)]
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.mark.parametrize(("words", "least", "most"), [((), 60, 120), (("--linked",), 0, 60)])
def test_a_worker_that_nobody_watches_has_the_longer_lease(
    submitted: Path, words: tuple[str, ...], least: float, most: float
) -> None:
    left = "select (lease_expires_at - 86400 * (julianday('now') - 2440587.5)) from jobs where state = 'running'"
    with worker(submitted, *words) as process:
        wait_until(lambda: query(submitted, left), submitted, process)
        [(seconds,)] = query(submitted, left)
        assert least < float(str(seconds)) <= most


def test_a_killed_supervisor_leaves_no_trainer_behind(submitted: Path) -> None:
    with worker(submitted) as process:
        wait_until(lambda: epochs(submitted), submitted, process)
        trainer = trainer_of(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: gone(trainer), submitted)


#: A network that starts a process, as those of other devices are.
BESIDE = """
import pathlib
import subprocess
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
        pathlib.Path("beside").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
    def forward(self, images):
        return self.inner(images.flatten(1))
"""


def test_a_trainer_that_is_ended_takes_along_what_it_has_started(folder: Path, ablate: Ablate) -> None:
    (folder / "nets.py").write_text(BESIDE, encoding="utf-8")
    study = LONG_STUDY.replace('name = "convnet"\nchannels = [4]\nhidden = [16]', 'name = "nets.py:Net"')
    study = study.replace('path = "model.dropout"\nlevels = [0.25]', 'path = "training.optimizer.lr"\nlevels = [0.1]')
    (folder / "tiny.toml").write_text(study, encoding="utf-8")
    assert ablate("submit", "tiny.toml").returncode == 0
    with worker(folder) as process:
        wait_until(lambda: epochs(folder), folder, process)
        beside = int((folder / "beside").read_text(encoding="ascii"))
        assert not gone(beside)
        os.kill(trainer_of(process.pid), signal.SIGSTOP)  # so that it cannot end in good time
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        wait_until(lambda: gone(beside), folder)


def test_a_worker_whose_launcher_is_gone_gives_its_job_back(submitted: Path) -> None:
    with worker(submitted, "--linked") as process:
        wait_until(lambda: epochs(submitted), submitted, process)
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        assert process.wait(timeout=20) == 0
    assert query(submitted, "select state, count(*) from jobs group by state") == [("queued", 2)]


def test_a_worker_that_was_replaced_writes_nothing_more(submitted: Path) -> None:
    with worker(submitted) as process:
        wait_until(lambda: epochs(submitted), submitted, process)
        with sqlite3.connect(submitted / "results.db") as connection:  # as a rescue does it
            connection.execute("update attempts set state = 'lost', ended_at = 0 where id = 1")
            connection.execute(
                "update jobs set state = 'cancelled', worker = null, lease_expires_at = null, ended_at = 0 where id = 1"
            )
        written = epochs(submitted)
        wait_until(lambda: query(submitted, "select count(*) from attempts") == [(2,)], submitted, process)
        assert query(submitted, "select count(*) from epochs where attempt = 1") == [(written,)]


def test_an_interrupted_job_ends_with_the_numbers_of_an_undisturbed_one(folder: Path, ablate: Ablate) -> None:
    (folder / "tiny.toml").write_text(TINY_STUDY.replace("epochs = 2", "epochs = 60"), encoding="utf-8")
    one = ("tiny.toml", "--seeds", "0", "--variants", "baseline")
    assert ablate("submit", *one).returncode == 0
    with worker(folder, "--checkpoint-every", "0") as process:
        wait_until(lambda: epochs(folder) > 2, folder, process)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    assert query(folder, "select state from jobs") == [("queued",)]
    assert list((folder / ".ablate" / "checkpoints").iterdir())
    assert ablate("run", *one, "--workers", "1").returncode == 0
    assert ablate("run", *one, "--workers", "1", "--db", "undisturbed.db").returncode == 0
    figures = "select epoch, train_loss, val_loss, val_accuracy from epochs order by epoch"
    disturbed = query(folder, figures)
    assert len(disturbed) == 60
    assert disturbed == query(folder, figures, database="undisturbed.db")
    resumed = query(folder, "select count(*) from epochs where attempt = 1")
    assert resumed > [(0,)]
    assert not list((folder / ".ablate" / "checkpoints").iterdir())
