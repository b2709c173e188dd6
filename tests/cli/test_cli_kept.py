"""What a run keeps, as a user meets it: weights, metrics of one's own, classes."""

import csv
import io
import json
from pathlib import Path

import pytest

from ablate.recipe import read_recipe
from ablate.training import build_model, load_weights
from tests.command import TINY_STUDY, Ablate

METRIC = "def right(predictions, labels):\n    return (predictions == labels).double().mean()\n"
DIVERGES = """
[[variants]]
name = "far too fast"
set = { "training.optimizer.lr" = 1e30 }
"""


def test_a_run_keeps_what_its_study_asks_for(folder: Path, ablate: Ablate) -> None:
    head = 'keep = "best"\nmetric = "test_right"\ndirection = "max"\n[seeds]'
    study = TINY_STUDY.replace("count = 2", "count = 1").replace("[seeds]", head)
    study = study.replace("epochs = 2", 'epochs = 2\nmetrics = ["mine.py:right"]')
    (folder / "tiny.toml").write_text(study + DIVERGES, encoding="utf-8")
    (folder / "mine.py").write_text(METRIC, encoding="utf-8")
    done = ablate("run", "tiny.toml", "--workers", "1")
    assert done.returncode == 0, done.stderr

    runs = {row["variant"]: row for row in csv.DictReader(io.StringIO(ablate("export", "tiny", "runs").stdout))}
    assert runs["far too fast"]["state"] == "diverged"
    assert runs["far too fast"]["test_right"] == ""
    assert float(runs["baseline"]["test_right"]) == float(runs["baseline"]["test_accuracy"])
    classes = list(csv.DictReader(io.StringIO(ablate("export", "tiny", "classes").stdout)))
    assert len(classes) == 2 * 10
    right = sum(float(row["accuracy"]) * int(row["examples"]) for row in classes if row["variant"] == "baseline")
    assert right / 360 == pytest.approx(float(runs["baseline"]["test_accuracy"]))

    jobs = {job["variant"]: job["job"] for job in json.loads(ablate("show", "tiny", "--json").stdout)}
    shown = ablate("show", str(jobs["baseline"])).stdout
    record = json.loads(ablate("show", str(jobs["baseline"]), "--json").stdout)
    [file] = record["weights"]
    path = folder / ".ablate" / file["name"]
    assert f"weights: {path} (epoch {runs['baseline']['selected_epoch']}, {file['size']:,} bytes)" in shown
    assert "metric: test_right = 0." in shown
    recipe = read_recipe(record["recipe"])
    model = build_model(recipe.model, channels=1, image_size=(8, 8), classes=10, seed=1)  # type: ignore[union-attr]
    info = load_weights(model, path)
    assert read_recipe(info.recipe) == recipe
    assert "weights" not in ablate("show", str(jobs["far too fast"])).stdout
    assert len(list((folder / ".ablate/weights/tiny").iterdir())) == 2

    again = ablate("run", "tiny.toml", "--workers", "1", "--set", "keep=none")
    assert again.returncode == 0, again.stderr
    assert "nothing to run, all 3 jobs are done" in again.stdout
