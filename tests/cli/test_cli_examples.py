"""The studies under studies/examples train what they say, through the real command where a command is the point."""

import json
from pathlib import Path

import pytest

from ablate.metrics import EpochMetrics
from ablate.study import load_study
from ablate.study.own_code import laid_out
from ablate.training import train
from tests.command import Ablate

EXAMPLES = Path(__file__).parents[2] / "studies" / "examples"


@pytest.mark.parametrize("name", ["tabular_mlp", "char_model"])
def test_functions_of_the_examples_learn_and_repeat(name: str) -> None:
    study = load_study(EXAMPLES / f"{name}.toml", settings=["training.epochs=3"])
    with laid_out(study.sources) as root:
        results = []
        for _ in range(2):
            rows: list[EpochMetrics] = []
            keep = rows.append
            outcome = train(study.baseline, seed=1, code_root=root, on_epoch=lambda row, _, keep=keep: keep(row))
            results.append((rows, outcome.metrics, outcome.parameters))
    (rows, metrics, parameters), (again, metrics_again, _) = results
    assert [row.train_loss for row in rows] == [row.train_loss for row in again]
    assert metrics == metrics_again
    losses = [row.val_loss for row in rows if row.val_loss is not None]
    assert losses[-1] < losses[0]
    assert parameters is not None
    assert study.metric in metrics or all(study.metric in row.custom for row in rows)


def test_levels_of_the_examples_change_what_they_name() -> None:
    for name, count in (("tabular_mlp", 8), ("char_model", 8), ("existing_script", 7)):
        study = load_study(EXAMPLES / f"{name}.toml")
        assert len({variant.key for variant in study.variants()}) == count
        assert f"{name}.py" in study.sources


def test_the_script_is_run_by_the_command(ablate: Ablate) -> None:
    path = str(EXAMPLES / "existing_script.toml")
    words = ("--seeds", "0-1", "--factors", "lr", "--set", "training.epochs=3", "--plain")
    done = ablate("run", path, *words)
    assert done.returncode == 0, done.stderr
    runs = json.loads(ablate("export", "existing_script", "runs", "--format", "json").stdout)
    assert len(runs) == 6
    assert all(run["state"] == "succeeded" and run["selected_epoch"] == 3 for run in runs)
    assert {run["variant"]: run["test_accuracy"] > 0.85 for run in runs} == dict.fromkeys(
        ("baseline", "lr=0.001", "lr=0.1"), True
    )
    epochs = json.loads(ablate("export", "existing_script", "epochs", "--format", "json").stdout)
    assert [row["epoch"] for row in epochs] == [1, 2, 3] * 6
    assert ablate("run", path, *words).stdout.count("nothing to run") == 1
    assert "epoch 3 done" in ablate("logs", str(1)).stdout
