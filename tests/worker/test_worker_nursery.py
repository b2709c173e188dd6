"""The nursery, from which trainers are forked: what they have from it, and that nothing outlives those it serves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.worker.line import Circumstances
from tests.command import Ablate, clean_environment
from tests.workers import (
    LONG_STUDY,
    below,
    epochs,
    gone,
    nursery_of,
    query,
    trainer_of,
    trainers_of,
    wait_until,
    worker,
)

#: A network that prints what its process is like.
NETS = """
import os, sys, threading
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
        threads = [line for line in open("/proc/self/status") if line.startswith("Threads")][0].split()[1]
        print("here:", os.environ["OF_THE_WORKER"], os.getcwd(), sys.argv[1], sys.stdin.read() == "",
              threading.current_thread() is threading.main_thread(), torch.get_num_threads(),
              torch.cuda._is_in_bad_fork(), torch.cuda.is_initialized(), os.environ.get("OMP_NUM_THREADS"))
    def forward(self, images):
        return self.inner(images.flatten(1))
"""
OWN_STUDY = LONG_STUDY.replace('name = "convnet"\nchannels = [4]\nhidden = [16]', 'name = "nets.py:Net"').replace(
    'path = "model.dropout"\nlevels = [0.25]', 'path = "training.optimizer.lr"\nlevels = [0.1]'
)


def submitted(folder: Path, ablate: Ablate, study: str = LONG_STUDY) -> None:
    (folder / "tiny.toml").write_text(study, encoding="utf-8")
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    assert ablate("submit", "tiny.toml").returncode == 0


def until(condition: Callable[[], object]) -> None:
    """Wait for what other processes bring about."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_trainer_has_the_circumstances_of_its_worker_and_one_thread(
    folder: Path, ablate: Ablate, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(folder, ablate, OWN_STUDY)
    monkeypatch.setenv("OF_THE_WORKER", "yes")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with worker(folder) as process:
        wait_until(lambda: epochs(folder), folder, process)
        nursery = nursery_of(process.pid)
        status = Path(f"/proc/{nursery}/status").read_text(encoding="ascii")
        assert "Threads:\t1\n" in status  # what has several cannot be forked
        trainer = trainer_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert gone(nursery)
    assert gone(trainer)
    log = (folder / "worker.log").read_text(encoding="utf-8")
    assert f"here: yes {folder} worker True True 1 False False 2" in log


def test_a_job_survives_the_end_of_the_nursery(folder: Path, ablate: Ablate) -> None:
    submitted(folder, ablate)
    with worker(folder) as process:
        wait_until(lambda: epochs(folder), folder, process)
        trainer = trainer_of(process.pid)
        os.kill(nursery_of(process.pid), signal.SIGKILL)
        wait_until(lambda: gone(trainer), folder)
        second = "select count(*) from epochs where attempt = 2"
        wait_until(lambda: query(folder, second) > [(0,)], folder, process)
        [(state, job, message), *_] = query(folder, "select state, job, failure_message from attempts order by id")
        assert (state, job) == ("failed", 1)
        assert "the process that trainers are forked from was ended, and this trainer with it" in str(message)
        assert query(folder, "select resumed_from from attempts where id = 2") > [(0,)]
        trainer = trainer_of(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: gone(trainer), folder)


def test_workers_of_a_run_share_a_nursery_and_nothing_outlives_a_killed_launcher(folder: Path) -> None:
    (folder / "tiny.toml").write_text(LONG_STUDY, encoding="utf-8")
    command = [sys.executable, "-m", "ablate", "run", "tiny.toml", "--workers", "2", "--devices", "cpu"]
    with subprocess.Popen(
        command, cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as launcher:
        until(lambda: len(trainers_of(launcher.pid)) == 2)
        nursery, trainers = nursery_of(launcher.pid), trainers_of(launcher.pid)
        assert set(below(nursery)) == set(trainers)
        until(lambda: query(folder, "select count(distinct attempt) from epochs") == [(2,)])

        [(pid,)] = query(folder, "select pid from workers limit 1")
        os.kill(int(str(pid)), signal.SIGKILL)
        until(lambda: any(gone(trainer) for trainer in trainers))
        until(lambda: len(trainers_of(launcher.pid)) == 2)
        assert nursery_of(launcher.pid) == nursery
        until(lambda: query(folder, "select count(distinct attempt) from epochs") == [(3,)])

        left = list(below(launcher.pid))
        assert len(left) == 5  # two workers, two trainers and the nursery
        launcher.kill()
        launcher.wait()
    until(lambda: all(gone(process) for process in left))
    assert query(folder, "select count(*) from jobs where state = 'queued'") == [(2,)]


def test_circumstances_are_taken_over_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Circumstances.of_this_process()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MORE", "than before")
    monkeypatch.delenv("PATH")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["another"])
    there = Circumstances.of_this_process()
    here.take_over()
    assert Circumstances.of_this_process() == here
    there.take_over()
    assert (Path.cwd(), os.environ["MORE"], "PATH" in os.environ) == (tmp_path, "than before", False)
