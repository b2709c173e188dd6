"""`ablate export --to`: other tools read the folders, which are there whole or not at all."""

import csv
import io
import json
import math
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tracked_cases import CUSTOM, NASTY, database

from ablate.report.trackers import mlflow, runs
from ablate.report.trackers.names import folder_names, tag_names
from ablate.store import Database, reading
from tests.command import Ablate

ENDS = {("wide", 0): "diverged", ("wide", 1): "failed", ("base", 2): "running", ("wide", 2): "queued"}


@pytest.fixture
def tracked(folder: Path) -> Path:
    """A study with runs in every state."""
    return database(folder / "results.db", seeds=3, ends=ENDS)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tensorboards_own_reader_reads_the_export(tracked: Path, ablate: Ablate, folder: Path) -> None:
    done = ablate("export", "tracked", "--to", "tensorboard", "logs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wrote 5 runs to logs\n")
    places = sorted(str(path.parent.relative_to(folder / "logs")) for path in (folder / "logs").rglob("events.*"))
    assert places == ["base/seed0", "base/seed1", "base/seed2", "wide/seed0", "wide/seed1"]
    reader = EventAccumulator(str(folder / "logs" / "base" / "seed1"))
    reader.Reload()
    with Database.open(tracked) as db:
        begun = next(row.begun_at for row in reading.epochs(db, "tracked") if (row.variant, row.seed) == ("base", 1))
    loss = reader.Scalars("train_loss")
    assert [one.step for one in loss] == [1, 2, 3]
    assert [one.value for one in loss] == pytest.approx([1 / 3 / epoch + 0.51 for epoch in (1, 2, 3)])
    assert isinstance(begun, datetime)
    assert [one.wall_time - begun.timestamp() for one in loss] == pytest.approx([0.5, 1.0, 1.5], abs=1e-3)
    assert [(one.step, one.value) for one in reader.Scalars("test_accuracy")] == [(3, pytest.approx(0.51))]
    broken = EventAccumulator(str(folder / "logs" / "wide" / "seed0"))
    broken.Reload()
    assert [math.isnan(one.value) for one in broken.Scalars("train_loss")] == [False, True]
    assert "test_accuracy" not in broken.Tags()["scalars"]


def test_tensorboard_gets_the_settings(tracked: Path, ablate: Ablate, folder: Path) -> None:
    ablate("export", "tracked", "--to", "tensorboard", "logs")
    found = {}
    for place in ("base/seed0", "wide/seed1", "base/seed2"):
        reader = EventAccumulator(str(folder / "logs" / place))
        reader.Reload()
        tags = reader.summary_metadata
        told = {
            tag: HParamsPluginData.FromString(about.plugin_data.content) for tag, about in tags.items() if "_hp" in tag
        }
        found[place] = told
    start = found["base/seed0"]["_hparams_/session_start_info"].session_start_info
    assert start.hparams["training.optimizer.lr"].number_value == 0.1
    assert start.hparams["training.optimizer.name"].string_value == "SGD"
    assert (start.hparams["variant"].string_value, start.hparams["seed"].number_value) == ("base", 0)
    ends = {place: told.get("_hparams_/session_end_info") for place, told in found.items()}
    assert ends["base/seed0"].session_end_info.status == 1  # success
    assert ends["wide/seed1"].session_end_info.status == 2  # failure
    assert ends["base/seed2"] is None  # it still runs


def test_mlflows_store_has_its_layout(tracked: Path, ablate: Ablate, folder: Path) -> None:
    done = ablate("export", "tracked", "--to", "mlflow", "--out", "mlruns")
    assert (done.returncode, done.stderr) == (0, "wrote 5 runs to mlruns\n")
    (experiment,) = [path for path in (folder / "mlruns").iterdir() if path.is_dir()]
    about = yaml.safe_load((experiment / "meta.yaml").read_text("utf-8"))
    assert (about["name"], about["experiment_id"], about["lifecycle_stage"]) == ("tracked", experiment.name, "active")
    assert about["artifact_location"] == (folder / "mlruns" / experiment.name).as_uri()
    found = {}
    for path in experiment.glob("*/meta.yaml"):
        meta = yaml.safe_load(path.read_text("utf-8"))
        assert meta["run_id"] == path.parent.name
        found[meta["run_name"]] = (meta, path.parent)
    assert {name: meta["status"] for name, (meta, _) in found.items()} == {
        "base, seed 0": 3,
        "base, seed 1": 3,
        "base, seed 2": 1,
        "wide, seed 0": 3,  # it diverged, which is a finding
        "wide, seed 1": 4,
    }
    meta, place = found["base, seed 1"]
    assert meta["end_time"] - meta["start_time"] == 1625
    lines = (place / "metrics" / "train_loss").read_text("utf-8").splitlines()
    assert [line.split()[1:] for line in lines] == [[repr(1 / 3 / epoch + 0.51), str(epoch)] for epoch in (1, 2, 3)]
    assert (place / "params" / "data.batch_size").read_text("utf-8") == "8"
    assert (place / "params" / "variant").read_text("utf-8") == "base"
    assert (found["wide, seed 0"][1] / "tags" / "error").read_text("utf-8") == "the loss became NaN in epoch 2"
    assert found["base, seed 2"][0]["end_time"] is None


@pytest.mark.parametrize("nasty", [False, True])
def test_what_mlflow_got_comes_back_by_an_import(nasty: bool, ablate: Ablate, folder: Path) -> None:
    names = NASTY if nasty else ("base", "wide")
    database(folder / "results.db", names, ends={(names[1], 0): "diverged", (names[1], 1): "failed"})
    assert ablate("export", "tracked", "--to", "mlflow", "mlruns").returncode == 0
    done = ablate(
        "import", "mlruns", "--study", "again", "--baseline", names[0], "--factors", "size", "--db", "other.db"
    )
    assert done.returncode == 0, done.stderr
    for kind in ("runs", "epochs"):
        ours, theirs = (
            {(row["variant"], row["seed"], row.get("epoch")): row for row in json.loads(text)}
            for text in (
                ablate("export", "tracked", kind, "--format", "json").stdout,
                ablate("export", "again", kind, "--format", "json", "--db", "other.db").stdout,
            )
        )
        assert ours.keys() == theirs.keys()
        made_anew = {"variant_key", "attempt", "device", "error"}
        for place, row in ours.items():
            for name in row.keys() - made_anew:
                wanted = pytest.approx(row[name], abs=5e-4) if name == "seconds" else row[name]
                if not (name == "seconds" and row["seconds"] is None):
                    assert theirs[place][name] == wanted, (place, name)


@pytest.mark.parametrize("tool", ["tensorboard", "mlflow"])
def test_equal_rows_give_equal_folders(tool: str, tracked: Path, ablate: Ablate, folder: Path) -> None:
    assert ablate("export", "tracked", "--to", tool, "here").returncode == 0
    first = files(folder / "here")
    assert ablate("export", "tracked", "--to", tool, "here", "--force").returncode == 0
    assert files(folder / "here") == first


def test_nothing_is_replaced_but_an_earlier_export(tracked: Path, ablate: Ablate, folder: Path) -> None:
    assert ablate("export", "tracked", "--to", "mlflow", "runs").returncode == 0
    before = files(folder / "runs")
    refused = ablate("export", "tracked", "--to", "tensorboard", "runs")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    assert files(folder / "runs") == before
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("all of it", "utf-8")
    for words in ((), ("--force",)):
        refused = ablate("export", "tracked", "--to", "tensorboard", "mine", *words)
        assert (refused.returncode, "no earlier export" in refused.stderr) == (2, True)
    assert files(folder / "mine") == {"thesis.tex": b"all of it"}
    assert ablate("export", "tracked", "--to", "tensorboard", "runs", "--force").returncode == 0
    assert json.loads((folder / "runs" / "ablate-export.json").read_text())["to"] == "tensorboard"
    assert not list((folder / "runs").rglob("meta.yaml"))


def test_an_export_that_fails_leaves_what_was_there(
    tracked: Path, ablate: Ablate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ablate("export", "tracked", "--to", "mlflow", "runs").returncode == 0
    before, beside = files(folder / "runs"), sorted(path.name for path in folder.iterdir())
    written: list[Path] = []

    def fills(folder: Path, texts: object) -> None:
        written.append(folder)
        if len(written) > 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(mlflow, "_write_texts", fills)
    for target in ("runs", "other"):
        written.clear()
        done = ablate("export", "tracked", "--to", "mlflow", target, "--force")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            2,
            f"error: {target} cannot be written: No space left on device.",
        )
    assert files(folder / "runs") == before
    assert sorted(path.name for path in folder.iterdir()) == beside


@pytest.mark.parametrize(
    ("tool", "module"), [("tensorboard", "tensorboard.summary.writer.record_writer"), ("wandb", "wandb")]
)
def test_what_is_not_installed_is_told(
    tool: str, module: str, tracked: Path, ablate: Ablate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    done = ablate("export", "tracked", "--to", tool, "there")
    assert done.returncode == 2
    assert f"pip install 'ablate-lab[{tool}]'" in done.stderr
    assert not (folder / "there").exists()


def test_wandb_writes_offline_folders(ablate: Ablate, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_CACHE_DIR", str(folder / "cache"))
    database(folder / "results.db", NASTY[:2], seeds=1, custom=CUSTOM)
    done = ablate("export", "tracked", "--to", "wandb", "offline")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "wrote 2 runs to offline")
    assert (folder / "offline" / "ablate-export.json").is_file()
    content = b""
    for place in (folder / "offline").glob("offline-run-*"):
        assert place.name.replace("-", "").replace("_", "").isalnum()
        (record,) = place.glob("*.wandb")
        content += record.read_bytes()
    for text in ("test_accuracy", "val_loss", "精度_val", NASTY[0], NASTY[1], "training.optimizer.lr"):
        assert text.encode() in content, text
    assert str(folder).encode() not in content
    assert not [path for path in (folder / "offline").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("tool", ["tensorboard", "mlflow"])
def test_names_stay_in_their_folder(tool: str, ablate: Ablate, folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    database(folder / "results.db", NASTY, seeds=1, title=NASTY[0], custom=CUSTOM)
    before = set(folder.rglob("*"))
    assert ablate("export", "tracked", "--to", tool, "a/b/runs").returncode == 0
    new = set(folder.rglob("*")) - before
    assert all(path.is_relative_to(folder / "a" / "b" / "runs") for path in new)
    if tool == "tensorboard":
        tops = [path.name for path in (folder / "a" / "b" / "runs").iterdir() if path.is_dir()]
        assert len({name.lower() for name in tops}) == len(NASTY)
        assert all(name.isascii() and name[0].isalnum() and len(name) < 80 for name in tops)


def test_names_that_are_safe_are_kept() -> None:
    assert folder_names({"a1": "dropout=0.3", "b2": "the widest"}) == {"a1": "dropout=0.3", "b2": "the_widest-b2"}
    assert tag_names(["val_f1", "val/f1", "..", "", "长度"]) == {
        "": "_",
        "..": "_..",
        "val/f1": "val_f1",
        "val_f1": "val_f1_2",
        "长度": "长度",
    }
    assert len(tag_names(["精" * 128])["精" * 128].encode()) <= 200


def test_pytorch_is_not_needed(tracked: Path, folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ablate.store import Database;"
        "from ablate.report.trackers.write import write_tracked, Tracker;"
        "db = Database.open(Path('results.db'));"
        "[write_tracked(db, 'tracked', tool, Path(tool)) for tool in (Tracker.TENSORBOARD, Tracker.MLFLOW)];"
        "print(sorted({'torch', 'tensorflow', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_makes_no_sense_is_refused(tracked: Path, ablate: Ablate) -> None:
    for words, told in {
        ("tracked", "--to", "mlflow"): "ablate export tracked --to mlflow DIR",
        ("tracked", "x", "--to", "mlflow", "--out", "y"): "needs one folder",
        ("tracked", "epoch"): "did you mean 'epochs'?",
    }.items():
        done = ablate("export", *words)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_a_study_without_runs_has_nothing_to_export(ablate: Ablate) -> None:
    ablate("submit", "tiny.toml")
    done = ablate("export", "tiny", "--to", "mlflow", "runs")
    assert (done.returncode, "no run of tiny has begun" in done.stderr) == (2, True)


def test_runs_without_epochs_keep_their_figures(ablate: Ablate, folder: Path) -> None:
    (folder / "runs.csv").write_text("variant,seed,val_accuracy,test_accuracy\nbaseline,0,0.5,0.25\n", "utf-8")
    assert ablate("import", "runs.csv", "--study", "lab").returncode == 0
    with Database.open(folder / "results.db") as db:
        (run,) = runs.tracked_runs(db, "lab")
    assert {name: point.value for name, point in run.figures.items()} == {"val_accuracy": 0.5, "test_accuracy": 0.25}


def test_epochs_are_dated_by_the_attempt_that_trained_them(folder: Path) -> None:
    path = database(folder / "results.db", seeds=1, ends={("base", 0): "resumed"})
    with Database.open(path) as db:
        rows = [row for row in reading.epochs(db, "tracked") if row.variant == "base"]
        run = next(run for run in runs.tracked_runs(db, "tracked") if run.variant == "base")
    assert [row.attempt for row in rows] == [1, 1, 2]
    begun = [row.begun_at.timestamp() for row in rows if row.begun_at]
    assert begun[1] < begun[2]
    times = [point.time for point in run.curves["train_loss"]]
    assert times == pytest.approx([begun[0] + 0.5, begun[0] + 1.0, begun[2] + 0.5], abs=1e-6)
    assert run.started == begun[0]


def test_a_file_is_replaced_only_when_that_is_said(tracked: Path, ablate: Ablate, folder: Path) -> None:
    (folder / "rows.csv").write_text("mine", "utf-8")
    refused = ablate("export", "tracked", "--out", "rows.csv")
    assert (refused.returncode, (folder / "rows.csv").read_text("utf-8")) == (2, "mine")
    assert ablate("export", "tracked", "--out", "rows.csv", "--force").returncode == 0
    rows = list(csv.DictReader(io.StringIO((folder / "rows.csv").read_text("utf-8"))))
    assert len(rows) == 6
