"""`ablate check --repeat`: the baseline twice, told at once and in the report."""

import json
from pathlib import Path

from tests.command import Ablate


def test_equal_runs_on_a_processor_come_out_the_same_and_the_report_says_so(folder: Path, ablate: Ablate) -> None:
    done = ablate("check", "tiny.toml", "--repeat")
    assert done.returncode == 0, done.stderr
    assert "training the baseline twice with seed 0 on" in done.stderr
    assert "came out the same to the last bit" in done.stdout
    assert ablate("submit", "tiny.toml").returncode == 0
    assert ablate("report", "tiny").returncode == 0
    report = (folder / "reports" / "tiny" / "report.md").read_text("utf-8")
    assert "note: A/A: baseline with seed 0, trained twice on" in report
    told = json.loads(ablate("check", "tiny.toml", "--repeat", "--json").stdout)
    assert told["repeat"]["first"] == told["repeat"]["second"]
    assert [one["name"] for one in told["variants"]] == ["baseline", "dropout=0.25"]


def test_a_baseline_that_diverges_and_data_that_are_not_wanted_are_refused(ablate: Ablate) -> None:
    done = ablate("check", "tiny.toml", "--repeat", "--set", "training.optimizer.lr=1e30")
    assert done.returncode == 2
    assert "the baseline diverged with seed 0" in done.stderr
    done = ablate("check", "tiny.toml", "--repeat", "--no-data")
    assert done.returncode == 2
    assert "--no-data has nothing to train on" in done.stderr
