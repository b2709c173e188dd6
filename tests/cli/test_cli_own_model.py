"""A model from the user's own file: run, changed, refused, and run again or kept."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.command import Ablate

STUDY = """\
name = "own"

[seeds]
count = 2

[baseline.data]
name = "digits"
train_images = 128

[baseline.model]
name = "convnet"
channels = [4]

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.05 }

[factors.net.levels.linear]
label = "one layer"
"model" = { name = "code/nets.py:linear" }

[factors.net.levels.other]
"model" = { name = "more.py:Other", width = 8 }

[[designs]]
kind = "one-at-a-time"
"""
NETS = """\
from sizes import SCALE
from torch import nn


class Linear(nn.Linear):
    def forward(self, images):
        return super().forward(SCALE * images.flatten(1))


def linear(image_size, classes):
    return Linear(image_size[0] * image_size[1], classes)
"""
MORE = """\
from torch import nn


class Other(nn.Sequential):
    def __init__(self, classes, width):
        super().__init__(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, classes))
"""


@pytest.fixture
def study(folder: Path) -> Path:
    """A study with a baseline of ablate's and two models of its user's."""
    (folder / "code").mkdir()
    (folder / "own.toml").write_text(STUDY, encoding="utf-8")
    (folder / "code" / "nets.py").write_text(NETS, encoding="utf-8")
    (folder / "code" / "sizes.py").write_text("SCALE = 1.0\n", encoding="utf-8")
    (folder / "more.py").write_text(MORE, encoding="utf-8")
    return folder


def attempts(folder: Path) -> Counter[str]:
    with sqlite3.connect(folder / "results.db") as connection:
        question = "select variants.name from attempts join jobs on jobs.id = attempts.job"
        rows = connection.execute(f"{question} join variants on variants.id = jobs.variant").fetchall()
    return Counter(name for (name,) in rows)


def planned(ablate: Ablate, *words: str) -> dict[str, dict[str, int]]:
    told = json.loads(ablate("plan", *words, "--json").stdout)
    return {variant["name"]: variant["states"] for variant in told["variants"]}


def test_a_changed_file_makes_the_cells_that_need_it_stale(study: Path, ablate: Ablate) -> None:
    once = {"baseline": 2, "net=linear": 2, "net=other": 2}
    first = ablate("run", "own.toml", "--workers", "1")
    assert first.returncode == 0, first.stderr
    assert attempts(study) == once
    assert list((study / ".ablate" / "code").iterdir()) == []

    (study / "code" / "sizes.py").write_text("SCALE = 2.0\n", encoding="utf-8")
    done = {"succeeded": 2}
    assert planned(ablate, "own.toml") == {"baseline": done, "net=linear": {"stale": 2}, "net=other": done}
    assert "2 stale: code/sizes.py has changed since" in ablate("plan", "own.toml").stdout

    for command in ("run", "submit"):
        refused = ablate(command, "own.toml")
        assert refused.returncode == 2
        assert "code/sizes.py has changed since 2 cells were run with it: net=linear (2)" in refused.stderr
        assert "--rerun-stale" in refused.stderr
        assert "--accept-stale" in refused.stderr
    both = ablate("run", "own.toml", "--accept-stale", "--rerun-stale")
    assert (both.returncode, "give one of them" in both.stderr) == (2, True)
    assert ablate("run", "own.toml", "--variants", "net=other").returncode == 0

    kept = ablate("run", "own.toml", "--accept-stale")
    assert kept.returncode == 0, kept.stderr
    assert attempts(study) == once
    report = study / "reports" / "own" / "report.md"
    assert "were made with an older code/sizes.py than the study has now" in report.read_text(encoding="utf-8")
    assert planned(ablate, "own")["net=linear"] == {"stale": 2}

    again = ablate("run", "own.toml", "--workers", "1", "--rerun-stale")
    assert again.returncode == 0, again.stderr
    assert "2 of 6 jobs to run" in again.stdout
    assert attempts(study) == {**once, "net=linear": 4}
    assert "older code/sizes.py" not in report.read_text(encoding="utf-8")

    (study / "own.toml").write_text(STUDY.replace('"one layer"', '"a single layer"'), encoding="utf-8")
    renamed = ablate("run", "own.toml")
    assert renamed.returncode == 0, renamed.stderr
    assert attempts(study) == {**once, "net=linear": 4}


def test_what_runs_is_what_was_stored(study: Path, ablate: Ablate) -> None:
    assert ablate("submit", "own.toml").returncode == 0
    (study / "code" / "nets.py").write_text("this is no Python any more", encoding="utf-8")
    (study / "more.py").unlink()
    done = ablate("worker", "--drain", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert json.loads(ablate("status", "own", "--json").stdout)["studies"][0]["jobs"]["succeeded"] == 6


def test_a_file_that_cannot_be_imported_fails_its_jobs_alone_and_check_tells_it_before(
    study: Path, ablate: Ablate
) -> None:
    (study / "more.py").write_text("from torch import nn\n\n\nclass Other(nn.Modul):\n    pass\n", encoding="utf-8")
    line = "more.py:Other cannot be imported: more.py:4: AttributeError: module 'torch.nn' has no attribute 'Modul'"
    checked = ablate("check", "own.toml", "--no-data")
    assert checked.returncode == 3
    assert f"own.toml: net=other cannot be trained: {line}" in checked.stderr
    assert "Traceback" not in checked.stderr

    failed = ablate("run", "own.toml", "--workers", "1", "--seeds", "0")
    assert failed.returncode == 4, failed.stderr
    with sqlite3.connect(study / "results.db") as connection:
        rows = connection.execute(
            "select state, failure_kind, failure_message, failure_details from attempts"
        ).fetchall()
    assert sorted(row[0] for row in rows) == ["failed", "succeeded", "succeeded"]
    kind, message, details = next(row[1:] for row in rows if row[0] == "failed")
    assert (kind, message.splitlines()[0]) == ("user_error", line)
    assert 'File "more.py", line 4, in <module>\n    class Other(nn.Modul):' in details
    assert str(study) + "/.ablate" not in details

    (study / "more.py").write_text(MORE, encoding="utf-8")
    mended = ablate("run", "own.toml", "--workers", "1", "--seeds", "0", "--rerun-stale")
    assert mended.returncode == 0, mended.stderr
