"""A study with a retuned factor, with the real command: tuning, choice and comparison in one go, or in two."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.command import TINY_STUDY, Ablate

TUNED = TINY_STUDY.split("[factors.dropout]")[0].replace('"tiny"', '"tuned"') + (
    '[factors.norm]\npath = "model.norm"\nlevels = ["batch"]\nretune = { "training.optimizer.lr" = [0.0001, 0.1] }\n'
)


@pytest.fixture
def tuned(folder: Path) -> Path:
    (folder / "tuned.toml").write_text(TUNED, encoding="utf-8")
    return folder


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "results.db") as connection:
        return connection.execute(sql).fetchall()


def test_one_run_tunes_chooses_and_compares(tuned: Path, ablate: Ablate) -> None:
    planned = json.loads(ablate("plan", "tuned.toml", "--json").stdout)
    assert (planned["jobs"], [one["jobs"] for one in planned["tunings"]]) == (14, [4, 4])
    done = ablate("run", "tuned.toml", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "values are chosen first, by 8 tuning runs" in done.stdout
    assert query(tuned, "select state, count(*) from jobs group by state") == [("succeeded", 14)]
    chosen = query(tuned, "select name, json_extract(choice, '$.candidates') from tunings order by name")
    assert [name for name, _ in chosen] == ["baseline (retuned)", "norm=batch (retuned)"]
    for _, candidates in chosen:
        means = [sum(one["accuracies"]) for one in json.loads(str(candidates))]
        assert means[1] > means[0]
    assert query(tuned, "select variant, count(*), max(seed) from runs_view group by variant order by variant") == [
        ("baseline", 2, 1),
        ("baseline (retuned)", 2, 1),
        ("norm=batch (retuned)", 2, 1),
    ]
    [verdict] = json.loads(ablate("report", "tuned", "--json").stdout)["comparisons"]
    assert (verdict["variant"], verdict["reference"]) == ("norm=batch (retuned)", "baseline (retuned)")
    report = (tuned / "reports" / "tuned" / "report.md").read_text(encoding="utf-8")
    assert "| norm=batch (retuned) | training.optimizer.lr = 0.1 |" in report
    assert "training.optimizer.lr = 0.1 was chosen among" in report
    shown = ablate("plan", "tuned.toml").stdout
    assert "norm=batch (retuned): training.optimizer.lr = 0.0001 | training.optimizer.lr = 0.1: chosen" in shown
    assert "3 variants x 2 seeds + 8 tuning runs = 14 jobs, 0 to run" in shown

    before = query(tuned, "select id, started_at from attempts order by id")
    again = ablate("run", "tuned.toml")
    assert again.returncode == 0, again.stderr
    assert query(tuned, "select id, started_at from attempts order by id") == before


def test_submit_and_workers_take_two_rounds(tuned: Path, ablate: Ablate) -> None:
    first = ablate("submit", "tuned.toml")
    assert "submit again when they have ended" in first.stdout
    assert ablate("worker", "--drain").returncode == 0
    assert query(tuned, "select count(*) from jobs where state = 'succeeded'") == [(10,)]
    second = ablate("submit", "tuned.toml")
    assert "4 jobs queued" in second.stdout
    assert "submit again" not in second.stdout
