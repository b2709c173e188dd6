"""Single jobs as a user handles them: show, logs, retry, cancel."""

import json
import shutil
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate

NETS = """
import os
import torch

class Net(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.inner = torch.nn.Linear(64, classes)
        self.steps = 0

    def forward(self, images):
        self.steps += self.training
        if self.training and self.steps == 6:
            print("this is the sixth step", flush=True)
            if not os.path.exists(os.environ["MENDED"]):
                raise RuntimeError("the sixth step fails")
        return self.inner(images.flatten(1))
"""
OWN = """
[[variants]]
name = "mine"
set = { "model" = { name = "nets.py:Net" } }
"""


@pytest.fixture
def failed(folder: Path, ablate: Ablate) -> Ablate:
    """A study with two good variants and one whose jobs fail in their second epoch."""
    (folder / "tiny.toml").write_text(TINY_STUDY + OWN, encoding="utf-8")
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    done = ablate("run", "tiny.toml", "--workers", "1", MENDED=str(folder / "mended"))
    assert done.returncode == 4, done.stderr
    assert "ablate logs JOB" in done.stderr
    return ablate


def test_a_failed_job_is_shown_explained_and_tried_again(folder: Path, failed: Ablate) -> None:
    ablate = failed
    jobs = json.loads(ablate("show", "tiny", "--json").stdout)
    assert [(job["variant"], job["state"]) for job in jobs].count(("mine", "failed")) == 2
    number = str(next(job["job"] for job in jobs if job["state"] == "failed"))
    assert number in ablate("show", "tiny.toml").stdout
    assert f"job {number}, mine" in ablate("status", "tiny").stdout

    told = ablate("logs", number).stdout
    assert "this is the sixth step" in told
    assert told.count(" begins after epoch ") == 1  # nothing of the worker's other jobs
    assert 'raise RuntimeError("the sixth step fails")' in told

    assert "nothing to retry" in ablate("retry", number, "--oom").stdout
    assert "1 job queued again" in ablate("retry", number).stdout
    (folder / "mended").touch()
    again = ("run", "tiny.toml", "--workers", "1")
    assert ablate(*again, MENDED=str(folder / "mended")).returncode == 4  # the other one
    assert "1 job queued again" in ablate("retry", "tiny", "--failed").stdout
    assert ablate(*again, MENDED=str(folder / "mended")).returncode == 0

    shown = ablate("show", number).stdout
    assert "state: succeeded" in shown
    assert 'model = {"name": "nets.py:Net"} (baseline: {"name": "convnet"' in shown
    one = json.loads(ablate("show", number, "--json").stdout)
    assert [attempt["state"] for attempt in one["attempts"]] == ["failed", "succeeded"]
    assert one["attempts"][1]["resumed_from"] == one["epochs"] - 1 == 1
    assert "the sixth step fails" in ablate("logs", number, "--attempt", "1").stdout
    assert "the sixth step fails" not in ablate("logs", number).stdout

    shutil.rmtree(folder / ".ablate" / "logs")
    elsewhere = ablate("logs", number, "--attempt", "1")
    assert "its log is not here" in elsewhere.stderr
    assert "this is the sixth step\n" in elsewhere.stdout


def test_cancelled_jobs_wait_until_they_are_wanted_again(ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml").returncode == 0
    assert "4 jobs cancelled" in ablate("cancel", "tiny").stdout
    assert "0 jobs cancelled" in ablate("cancel", "tiny").stdout
    assert "nothing to run" in ablate("run", "tiny.toml").stdout
    assert "nothing to retry" in ablate("retry", "tiny", "--failed").stdout
    assert "4 jobs queued again" in ablate("retry", "tiny").stdout
    assert ablate("run", "tiny.toml", "--workers", "1").returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "99"], "there is no job 99"),
        (["logs", "99"], "there is no job 99"),
        (["retry", "1", "99", "98"], "there are no jobs 98, 99"),
        (["cancel", "tinny"], "Did you mean 'tiny'?"),
        (["logs", "1"], "job 1 (baseline, seed 0) has no log of an attempt: it has not been tried yet"),
    ],
)
def test_jobs_that_are_not_there_are_named(ablate: Ablate, words: list[str], told: str) -> None:
    assert ablate("submit", "tiny.toml").returncode == 0
    done = ablate(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
