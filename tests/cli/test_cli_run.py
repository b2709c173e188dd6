"""From a study file to a report, with the real command."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.command import TINY_STUDY, Ablate, clean_environment


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "results.db") as connection:
        return connection.execute(sql).fetchall()


def attempts(folder: Path) -> list[tuple[object, ...]]:
    return query(folder, "select id, state, started_at from attempts order by id")


def test_a_study_is_trained_reported_and_grown(folder: Path, ablate: Ablate) -> None:
    first = ablate("run", "tiny.toml", "--workers", "2")
    assert first.returncode == 0, first.stderr
    assert "dropout=0.25" in first.stdout
    assert "reports/tiny/report.md" in first.stdout
    assert query(folder, "select state, count(*) from jobs group by state") == [("succeeded", 4)]
    assert query(folder, "select count(*), min(epoch), max(epoch) from epochs") == [(8, 1, 2)]
    assert query(folder, "select count(*) from runs_view where test_accuracy is not null") == [(4,)]
    report = (folder / "reports" / "tiny" / "report.md").read_text(encoding="utf-8")
    assert "Does dropout help a tiny network?" in report
    for picture in (folder / "reports" / "tiny" / "figures").iterdir():
        assert picture.stat().st_size > 1000

    before = attempts(folder)
    again = ablate("run", "tiny.toml")
    assert again.returncode == 0, again.stderr
    assert attempts(folder) == before

    grown = TINY_STUDY.replace("levels = [0.25]", "levels = [0.25, 0.5]").replace("count = 2", "count = 3")
    (folder / "tiny.toml").write_text(grown, encoding="utf-8")
    planned = json.loads(ablate("plan", "tiny.toml", "--json").stdout)
    assert (planned["jobs"], planned["jobs_to_run"]) == (9, 5)
    more = ablate("run", "tiny.toml")
    assert more.returncode == 0, more.stderr
    assert attempts(folder)[:4] == before
    assert len(attempts(folder)) == 9

    status = json.loads(ablate("status", "--json").stdout)["studies"]
    assert [entry["name"] for entry in status] == ["tiny"]
    assert status[0]["jobs"] == {
        "queued": 0, "running": 0, "succeeded": 9, "diverged": 0, "failed": 0, "cancelled": 0
    }  # fmt: skip
    fast = status[0]["throughput"]
    assert (fast["runs_per_hour"] > 0, fast["images_per_second"]) == (True, None)
    assert sum(way["jobs"] for way in fast["computed"]) <= 9
    assert {(way["tier"], way["threads"]) for way in fast["computed"]} == {("fused", 1)}
    assert "fused x" in ablate("status", "tiny").stdout
    assert "computed: fused x" in ablate("show", "1").stdout

    exported = ablate("export", "tiny.toml", "runs").stdout
    rows = list(csv.DictReader(exported.splitlines()))
    assert len(rows) == 9
    assert {row["variant"] for row in rows} == {"baseline", "dropout=0.25", "dropout=0.5"}
    epochs = json.loads(ablate("export", "tiny", "epochs", "--format", "json").stdout)
    assert len(epochs) == 18
    verdicts = json.loads(ablate("report", "tiny", "--json").stdout)
    assert verdicts["baseline"]["n"] == 3
    both = ablate("report", "tiny", "--html", "--markdown", "--out", "both")
    assert [line.split()[1] for line in both.stdout.splitlines()] == ["both/report.md", "both/report.html"]
    assert "<code>model.dropout</code>" in (folder / "both" / "report.html").read_text(encoding="utf-8")
    assert ablate("report", "tiny", "--html", "--out", "page").returncode == 0
    assert sorted(one.name for one in (folder / "page").iterdir()) == ["report.html", "report.json"]


def test_an_interrupted_run_goes_on(folder: Path, ablate: Ablate) -> None:
    (folder / "tiny.toml").write_text(TINY_STUDY.replace("epochs = 2", "epochs = 400"), encoding="utf-8")
    command = [sys.executable, "-m", "ablate", "run", "tiny.toml", "--workers", "1", "--seeds", "0"]
    run = subprocess.Popen(command, cwd=folder, env=clean_environment(), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: query(folder, "select count(*) from epochs")[0][0] > 0, run)
    run.send_signal(signal.SIGINT)
    told = run.communicate(timeout=30)[1]
    assert run.returncode == 130
    assert "Type the same command again to go on" in told
    assert query(folder, "select count(*) from jobs where state = 'running'") == [(0,)]
    assert query(folder, "select state from attempts order by id desc limit 1") == [("released",)]
    assert not workers_of(run.pid)

    short = ["run", "tiny.toml", "--workers", "1", "--seeds", "0", "--factors", "dropout", "--set", "training.epochs=2"]
    assert ablate(*short).returncode == 0


def test_a_diverged_job_is_a_finding_and_a_failed_one_is_not(folder: Path, ablate: Ablate) -> None:
    wild = TINY_STUDY + '\n[[variants]]\nname = "much too fast"\nset = { "training.optimizer.lr" = 1e30 }\n'
    (folder / "tiny.toml").write_text(wild, encoding="utf-8")
    done = ablate("run", "tiny.toml", "--seeds", "0", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert ("much too fast", "diverged") in query(folder, "select variant, state from runs_view")

    broken = TINY_STUDY + '\n[[variants]]\nname = "too deep"\nset = { "model.channels" = [4, 4, 4, 4, 4] }\n'
    (folder / "tiny.toml").write_text(broken, encoding="utf-8")
    failed = ablate("run", "tiny.toml", "--seeds", "0", "--workers", "1")
    assert failed.returncode == 4
    assert "1 of 3 jobs failed" in failed.stderr
    assert "too deep" in ablate("status", "tiny.toml").stdout


def wait_for(condition: object, process: "subprocess.Popen[str]") -> None:
    """Poll a condition that another process brings about; a process that ended will not bring it about."""
    while True:
        try:
            if condition():  # type: ignore[operator]
                return
        except sqlite3.OperationalError:
            pass  # not created yet
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def workers_of(launcher: int) -> list[int]:
    """Processes that still have this launcher as their parent."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == launcher and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found
