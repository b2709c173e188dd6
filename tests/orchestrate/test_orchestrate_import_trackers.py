"""TensorBoard's folders, MLflow's file stores and exports of Weights & Biases, as these tools write them."""

import builtins

import pytest
from import_cases import bring, mlflow_run, tensor_events, torch_events

from ablate.errors import StudyError, UsageError
from ablate.orchestrate.imports import tensorboard
from ablate.orchestrate.imports.options import Form
from ablate.protocol import JobState
from ablate.store import Database
from ablate.store.reading import epochs, outline, runs

CURVE = {0: 0.5, 1: 0.9, 2: 0.7}


@pytest.fixture
def db(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as database:
        yield database


def curve(db, name):
    return [(row.variant, row.seed, row.epoch, getattr(row, name)) for row in epochs(db, "lab")]


@pytest.mark.parametrize("write", [torch_events, tensor_events])
def test_a_folder_with_event_files_is_a_run(db, tmp_path, write):
    for variant in ("base", "wide"):
        for seed in (0, 1):
            loss = {step: 1 / (1 + step) for step in CURVE}
            write(
                tmp_path / f"logs/{variant}/seed_{seed}",
                {"Accuracy/val": CURVE, "Loss/train": loss, "test_acc": {3: 0.8}},
            )
    done = bring(db, tmp_path / "logs")
    assert [(run.variant, run.seed, run.selected_epoch, run.test_accuracy) for run in runs(db, "lab")] == [
        (variant, seed, 2, 0.8) for variant in ("base", "wide") for seed in (0, 1)
    ]
    assert curve(db, "val_accuracy")[:3] == [("base", 0, 1, 0.5), ("base", 0, 2, 0.9), ("base", 0, 3, 0.7)]
    assert [value for *_, value in curve(db, "train_loss")[:3]] == pytest.approx([1, 1 / 2, 1 / 3], abs=1e-7)
    assert any("Accuracy/val as val_accuracy" in note for note in done.notes)
    assert bring(db, tmp_path / "logs").unchanged == 4


def test_other_paths_need_a_pattern_and_steps_of_the_optimizer_a_count(db, tmp_path):
    folder = tmp_path / "lightning"
    for seed in (7, 8):
        torch_events(
            folder / f"base-{seed}" / "version_0",
            {"val/f1": {99: 0.5, 199: 0.6}, "train_loss": {49: 3.0, 99: 1.0, 199: 0.5}},
        )
    options = {"names": {"f1": "val/f1"}, "metric": "f1", "direction": "max"}
    with pytest.raises(StudyError, match="base-7/version_0: its name tells no variant and no seed"):
        bring(db, folder, **options)
    options["pattern"] = "{variant}-{seed}/version_*"
    with pytest.raises(StudyError, match=r"steps go to 199.*--epoch-steps 390"):
        bring(db, folder, **options)
    bring(db, folder, **options, epoch_steps=100)
    assert curve(db, "train_loss") == [("base", seed, *row) for seed in (7, 8) for row in ((1, 2.0), (2, 0.5))]
    assert [row.custom["f1"] for row in epochs(db, "lab")] == pytest.approx([0.5, 0.6, 0.5, 0.6])
    with pytest.raises(UsageError, match="tells neither variant nor seed"):
        bring(db, folder, pattern="version_*")


def test_epochs_that_a_run_logs_tell_its_steps_apart(db, tmp_path):
    curves = {"epoch": {10: 0, 20: 0, 30: 1}, "val_loss": {20: 0.5, 31: 0.25}}
    torch_events(tmp_path / "logs" / "base" / "0", curves)
    bring(db, tmp_path / "logs")
    assert curve(db, "val_loss") == [("base", 0, 1, 0.5), ("base", 0, 2, 0.25)]


def test_without_the_package_the_cure_is_told(db, tmp_path, monkeypatch):
    torch_events(tmp_path / "logs" / "base" / "0", {"val_accuracy": CURVE})
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("tensorboard."):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'ablate-lab\[tensorboard\]'"):
        bring(db, tmp_path / "logs")


def test_folders_that_are_none_are_told_apart(db, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="neither a folder of TensorBoard's"):
        bring(db, tmp_path / "empty")
    with pytest.raises(UsageError, match="no event files"):
        bring(db, tmp_path / "empty", form=Form.TENSORBOARD)
    with pytest.raises(UsageError, match="is not a file, as csv wants it"):
        bring(db, tmp_path / "empty", form=Form.CSV)
    torch_events(tmp_path / "logs" / "base" / "0", {"val_accuracy": CURVE})
    [file] = (tmp_path / "logs" / "base" / "0").glob(f"{tensorboard.EVENTS}*")
    with pytest.raises(UsageError, match="one event file"):
        bring(db, file)


def test_an_experiment_of_mlflow_is_a_study(db, tmp_path):
    experiment = tmp_path / "mlruns" / "123"
    for number, (arch, seed, status) in enumerate(
        (("base", 0, 3), ("base", 1, 3), ("wide", 0, 4), ("wide", 1, 1), ("wide", 2, 5))
    ):
        mlflow_run(
            experiment,
            f"{number:032x}",
            name=f"bold-fish-{number}",
            params={"arch": arch, "seed": str(seed), "lr": "0.1"},
            metrics={
                "val/acc": CURVE,
                "test_accuracy": {0: 0.8 + seed / 10},
                "train_loss": {0: 1.0, 1: float("nan") if status == 5 else 0.5},
            },
            status=status,
        )
    mlflow_run(experiment, "f" * 32, name="gone", params={"arch": "base", "seed": "9"}, metrics={}, stage="deleted")
    (tmp_path / "mlruns" / ".trash").mkdir()
    done = bring(db, tmp_path / "mlruns", names={"variant": "params.arch"})
    found = {(run.variant, run.seed): run for run in runs(db, "lab")}
    assert {key: run.state for key, run in found.items()} == {
        ("base", 0): JobState.SUCCEEDED,
        ("base", 1): JobState.SUCCEEDED,
        ("wide", 0): JobState.FAILED,
        ("wide", 2): JobState.CANCELLED,
    }
    assert (found["base", 1].test_accuracy, found["base", 1].selected_epoch, found["base", 1].seconds) == (0.9, 2, 62.5)
    assert curve(db, "val_accuracy")[:3] == [("base", 0, 1, 0.5), ("base", 0, 2, 0.9), ("base", 0, 3, 0.7)]
    assert "left out: runs that have not ended (1 running)" in done.notes


def test_runs_of_mlflow_can_have_both_in_their_names_or_factors_in_their_parameters(db, tmp_path):
    experiment = tmp_path / "mlruns" / "1"
    for number, name in enumerate(("base-seed0", "base-seed1", "drop-seed0")):
        params = {"dropout": "0.5" if name.startswith("drop") else "0"}
        mlflow_run(
            experiment, f"r{number}", name=name, params=params, metrics={"test_accuracy": {0: 0.5 + number / 10}}
        )
    bring(db, experiment, factors=("dropout",))
    assert [(run.variant, run.seed, run.test_accuracy) for run in runs(db, "lab")] == [
        ("base", 0, 0.5),
        ("base", 1, 0.6),
        ("drop", 0, 0.7),
    ]
    assert [factor.name for factor in outline(db, "lab").factors] == ["dropout"]
    mlflow_run(tmp_path / "mlruns" / "2", "r", name="x-seed0", params={}, metrics={})
    with pytest.raises(UsageError, match=r"several experiments: .*1 \(nets\).*2 \(nets\)"):
        bring(db, tmp_path / "mlruns")
    (experiment / "r0" / "metrics" / "test_accuracy").write_text("1700000000000 0.5 0\nnonsense\n")
    with pytest.raises(StudyError, match=r"test_accuracy:2: 'nonsense' is no line"):
        bring(db, experiment)


RUNS = (
    '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","model.depth","seed","train_loss","test_acc"\n'
    '"base-1","finished","-","ada","","2026-01-01T00:00:00.000Z","61","","18","1","0.5","0.9"\n'
    '"base-2","finished","","ada","","2026-01-01T00:00:00.000Z","62","","18","2","0.4","0.92"\n'
    '"wide-1","crashed","","ada","","2026-01-01T00:00:00.000Z","63","","34","1","",""\n'
    '"wide-2","running","","ada","","2026-01-01T00:00:00.000Z","64","","34","2","0.7",""\n'
)
HISTORY = (
    '"Step","base-1 - val_acc","base-1 - val_acc__MIN","base-1 - val_acc__MAX","base-2 - val_acc"\n'
    '"0","0.5","0.4","0.6","0.55"\n"1","0.8","0.7","0.9",""\n"2","","","","0.85"\n'
)


def test_tables_and_histories_of_wandb_come_together(db, tmp_path):
    (tmp_path / "runs.csv").write_text(RUNS)
    (tmp_path / "acc.csv").write_text(HISTORY)
    (tmp_path / "loss.csv").write_text(HISTORY.replace("val_acc", "val_loss"))
    files = [tmp_path / name for name in ("runs.csv", "acc.csv", "loss.csv")]
    done = bring(db, *files, pattern="{variant}-*", factors=("model.depth",))
    found = {(run.variant, run.seed): run for run in runs(db, "lab")}
    assert {key: (run.state, run.test_accuracy, run.seconds) for key, run in found.items()} == {
        ("base", 1): (JobState.SUCCEEDED, 0.9, 61.0),
        ("base", 2): (JobState.SUCCEEDED, 0.92, 62.0),
        ("wide", 1): (JobState.FAILED, None, 63.0),
    }
    assert [(row.seed, row.epoch, row.val_accuracy, row.val_loss) for row in epochs(db, "lab")] == [
        (1, 1, 0.5, 0.5),
        (1, 2, 0.8, 0.8),
        (2, 1, 0.55, 0.55),
        (2, 3, 0.85, 0.85),
    ]
    assert [factor.reference for factor in outline(db, "lab").factors] == ["18"]
    assert any("1 running" in note for note in done.notes)


def test_histories_alone_have_variant_and_seed_in_the_names_of_runs(db, tmp_path):
    (tmp_path / "acc.csv").write_text(HISTORY)
    bring(db, tmp_path / "acc.csv", pattern="{variant}-{seed}")
    assert [(run.variant, run.seed, run.val_accuracy) for run in runs(db, "lab")] == [
        ("base", 1, 0.8),
        ("base", 2, 0.85),
    ]


def test_the_table_of_wandbs_api_is_unfolded(db, tmp_path):
    (tmp_path / "project.csv").write_text(
        ",summary,config,name\n"
        "0,\"{'_step': 9, 'test': {'acc': 0.5}, 'val_loss': nan}\",\"{'variant': 'base', 'seed': 3, 'lr': 0.1}\",x\n"
        "1,\"{'_step': 9, 'test': {'acc': 0.75}, 'val_loss': 0.5}\",\"{'variant': 'base', 'seed': 4, 'lr': 0.1}\",y\n"
    )
    bring(db, tmp_path / "project.csv")
    assert [(run.seed, run.state, run.test_accuracy) for run in runs(db, "lab")] == [
        (3, JobState.DIVERGED, 0.5),
        (4, JobState.SUCCEEDED, 0.75),
    ]
    (tmp_path / "bad.csv").write_text("summary,config,name\nfoo(),\"{'seed': 1}\",x\n")
    with pytest.raises(StudyError, match=r"bad\.csv:2: summary: this is no dictionary"):
        bring(db, tmp_path / "bad.csv")
