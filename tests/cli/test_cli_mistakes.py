"""Wrong input: one message that names the thing and the cure, the documented exit status, no traceback."""

import json
import os
from pathlib import Path

import pytest
import torch
import torchvision

from tests.command import TINY_STUDY, Ablate


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["run", "missing.toml"], 2, "missing.toml"),
        (["plan", "tiny.toml", "--seeds", "one"], 2, "lists no seeds"),
        (["plan", "tiny.toml", "--factors", "dropuot"], 2, "did you mean 'dropout'"),
        (["plan", "tiny.toml", "--seeds", "1-0"], 2, "lists no seeds"),
        (["plan", "tiny.toml", "--seeds", "0-99999999999"], 2, "lists no seeds"),
        (["plan", "tiny.toml", "--factors", ""], 2, "--factors names nothing"),
        (["run", "tiny.toml", "--workers", "none"], 2, "--workers 'none'"),
        (["run", "tiny.toml", "--workers", "²"], 2, "--workers '²'"),
        (["run", "tiny.toml", "--devices", "²"], 2, "no device '²'"),
        (["run", "tiny.toml", "--devices", "7"], 2, "no device '7'"),
        (["plan", "tiny.toml", "--set", "training.epochs=-1"], 3, "training.epochs"),
        (["plan", "tiny.toml", "--set", "training.epoch=1"], 3, "epochs"),
        (["export", "tiny", "submission"], 2, "submission --variant NAME"),
        (["export", "tiny", "submission", "--variant", "baseline", "--format", "json"], 2, "a submission is CSV"),
        (["export", "tiny", "runs", "--seed", "0"], 2, "belong to a submission"),
        (["status"], 6, "ablate run"),
        (["report", "tiny"], 6, "ablate run"),
        (["status", "--db", "mysql://x/y"], 6, "mysql"),
    ],
)
def test_a_mistake_is_told(ablate: Ablate, words: list[str], status: int, told: str) -> None:
    done = ablate(*words)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "tiny"', 'name = "a/b"', "a/b"),
        ("epochs = 2", "epochs = -2", "tiny.toml:18:10"),
        ("[factors.dropout]", "[factors.dropout", "tiny.toml:21:17"),
        ("channels = [4]", "chanels = [4]", "did you mean 'channels'"),
    ],
)
def test_a_wrong_study_is_shown_where_it_is_wrong(folder: Path, ablate: Ablate, old: str, new: str, told: str) -> None:
    (folder / "tiny.toml").write_text(TINY_STUDY.replace(old, new), encoding="utf-8")
    done = ablate("run", "tiny.toml")
    assert done.returncode == 3
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "results.db").exists()


def test_a_file_that_is_no_database_is_left_alone(folder: Path, ablate: Ablate) -> None:
    content = b"my thesis, do not lose\n" * 200
    (folder / "results.db").write_bytes(content)
    for words in (["run", "tiny.toml"], ["status"], ["report", "tiny"], ["plan", "tiny.toml"]):
        done = ablate(*words)
        assert done.returncode == 6, done.stderr
        assert "results.db" in done.stderr
        assert "Traceback" not in done.stderr
    assert (folder / "results.db").read_bytes() == content


def test_missing_data_are_told_once_and_the_jobs_stay_queued(folder: Path, ablate: Ablate) -> None:
    study = TINY_STUDY.replace('name = "digits"', 'name = "cifar10"').replace("tiny", "colours")
    (folder / "colours.toml").write_text(study, encoding="utf-8")
    done = ablate("run", "colours.toml", ABLATE_DATA=str(folder / "empty"), http_proxy="http://127.0.0.1:9",
                  https_proxy="http://127.0.0.1:9")  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "cifar-10" in done.stderr
    assert str(folder / "empty") in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("https://") == 1
    assert '"queued": 4' in ablate("status", "colours", "--json").stdout


PRETRAINED = """
[[variants]]
name = "pretrained"
set = { model = { name = "torchvision:resnet18", weights = "IMAGENET1K_V1", freeze = ["*"] } }
"""


def test_weights_that_cannot_be_fetched_hold_up_no_other_job(folder: Path, ablate: Ablate) -> None:
    (folder / "tiny.toml").write_text(TINY_STUDY + PRETRAINED, encoding="utf-8")
    nowhere = {"TORCH_HOME": str(folder), "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = ablate("run", "tiny.toml", "--workers", "1", **nowhere)
    assert done.returncode == 5, done.stderr
    assert done.stderr.count("https://") == 1
    assert str(folder / "hub" / "checkpoints") in done.stderr
    assert "report: " in done.stdout
    assert "not run" in (folder / "reports" / "tiny" / "report.md").read_text("utf-8")
    jobs = json.loads(ablate("status", "--json").stdout)["studies"][0]["jobs"]
    assert (jobs["succeeded"], jobs["queued"]) == (4, 2)

    name = done.stderr.partition("https://")[2].split()[0].rpartition("/")[2]
    torch.save(torchvision.models.resnet18().state_dict(), folder / "hub" / "checkpoints" / name)
    done = ablate("run", "tiny.toml", "--workers", "1", **nowhere)
    assert done.returncode == 0, done.stderr
    assert "2 of 6 jobs to run" in done.stdout


def test_help_and_plan_import_neither_torch_nor_pandas(ablate_apart: Ablate) -> None:
    for words in (["--help"], ["plan", "tiny.toml"], ["plan", "tiny.toml", "--json"]):
        done = ablate_apart(*words, PYTHONPROFILEIMPORTTIME="1")
        assert done.returncode == 0, done.stderr
        imported = {
            line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
        }
        assert "typer" in imported
        assert not imported & {"torch", "pandas", "scipy", "matplotlib", "alembic"}


def test_no_permission_is_told(folder: Path, ablate: Ablate) -> None:
    if os.getuid() == 0:  # root may write everywhere but into a file used as a folder
        (folder / "locked").write_text("", encoding="utf-8")
        done = ablate("run", "tiny.toml", "--db", "locked/results.db")
    else:
        (folder / "locked").mkdir(mode=0o500)
        done = ablate("run", "tiny.toml", "--db", "locked/results.db")
    assert done.returncode == 6
    assert "locked" in done.stderr
    assert "Traceback" not in done.stderr


def test_places_that_cannot_be_written_are_named(folder: Path, ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml").returncode == 0
    for target in ("missing/rows.csv", "."):
        done = ablate("export", "tiny", "runs", "--out", target)
        assert done.returncode == 2
        assert f"{Path(target)} cannot be written" in done.stderr
    (folder / ".ablate").write_text("in the way", encoding="utf-8")
    done = ablate("run", "tiny.toml")
    assert done.returncode == 6
    assert ".ablate/logs" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_for_a_study_that_is_not_there_says_so(ablate: Ablate) -> None:
    assert ablate("submit", "tiny.toml").returncode == 0
    done = ablate("worker", "--study", "tinny", "--drain")
    assert done.returncode == 2
    assert "Did you mean 'tiny'" in done.stderr
