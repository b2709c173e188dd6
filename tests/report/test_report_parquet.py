"""`ablate export --format parquet`: types are kept, also of columns in which values are missing."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tracked_cases import CUSTOM, NASTY, database

from ablate.store import Database, reading
from tests.command import Ablate


def test_types_are_kept(ablate: Ablate, folder: Path) -> None:
    path = database(folder / "results.db", NASTY[:2], custom=CUSTOM, ends={(NASTY[1], 0): "failed"})
    done = ablate("export", "tracked", "--format", "parquet", "--out", "runs.parquet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wrote runs.parquet\n")
    frame = pd.read_parquet(folder / "runs.parquet")
    assert list(frame["variant"]) == [NASTY[0], NASTY[0], NASTY[1], NASTY[1]]  # no apostrophe: this is no spreadsheet
    assert str(frame["parameters"].dtype) == "Int64"
    assert frame["parameters"].isna().tolist() == [False, False, True, False]
    assert (frame["state"].dtype.name, frame["state"].tolist()[2]) == ("category", "failed")
    assert frame["test_accuracy"].dtype == "float64"
    assert str(frame["started_at"].dtype) == "datetime64[us, UTC]"
    with Database.open(path) as db:
        assert frame["ended_at"].tolist() == [run.ended_at for run in reading.runs(db, "tracked")]
    assert [str(frame[name].dtype) for name in ("tier", "k", "threads")] == ["string", "Int64", "Int64"]
    assert frame["tier"].isna().tolist() == [True] * 4  # nothing was told of these
    ablate("export", "tracked", "epochs", "--format", "parquet", "--out", "epochs.parquet")
    epochs = pd.read_parquet(folder / "epochs.parquet")
    assert (str(epochs["epoch"].dtype), epochs["精度/val"].tolist()[0]) == ("Int64", 0.5)


def test_truth_values_are_truth_values(ablate: Ablate, folder: Path) -> None:
    database(folder / "results.db", seeds=1)
    ablate("export", "tracked", "predictions", "--format", "parquet", "--out", "p.parquet")
    frame = pd.read_parquet(folder / "p.parquet")
    assert (str(frame["correct"].dtype), frame["correct"].tolist()[:3]) == ("boolean", [True, False, True])
    assert (str(frame["label"].dtype), frame["predicted"].tolist()[:3]) == ("Int64", [0, 2, 1])
    for kind, column, values in (
        ("classes", "class", ["cat", "=dog", "<i>"]),
        ("confusion", "predicted", ["cat", "=dog", "<i>"]),
    ):
        assert ablate("export", "tracked", kind, "--format", "parquet", "--out", f"{kind}.parquet").returncode == 0
        assert pd.read_parquet(folder / f"{kind}.parquet")[column].tolist()[:3] == values


def test_it_comes_through_a_pipe(folder: Path) -> None:
    database(folder / "results.db", seeds=1)
    done = subprocess.run(
        [sys.executable, "-m", "ablate", "export", "tracked", "--format", "parquet"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    (folder / "piped.parquet").write_bytes(done.stdout)
    assert len(pd.read_parquet(folder / "piped.parquet")) == 2


def test_a_terminal_gets_no_bytes(folder: Path) -> None:
    database(folder / "results.db", seeds=1)
    screen, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ablate", "export", "tracked", "--format", "parquet"],
            cwd=folder,
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (done.returncode, "--out rows.parquet" in done.stderr) == (2, True)
        assert select.select([screen], [], [], 0)[0] == []
    finally:
        os.close(terminal)
        os.close(screen)


def test_what_is_not_installed_is_told(ablate: Ablate, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database(folder / "results.db", seeds=1)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = ablate("export", "tracked", "--format", "parquet", "--out", "rows.parquet")
    assert (done.returncode, "pip install 'ablate-lab[parquet]'" in done.stderr) == (2, True)
    assert not (folder / "rows.parquet").exists()
