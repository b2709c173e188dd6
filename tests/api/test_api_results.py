"""Results as frames, figures and HTML; the runs are made up, the store is real."""

import json
from pathlib import Path

import pandas as pd
import pytest
from api_cases import IMAGES, made_up, study
from matplotlib.figure import Figure

import ablate
from ablate.api import StudyResults
from ablate.report.export import EPOCH_COLUMNS, PREDICTION_COLUMNS, RUN_COLUMNS, STEP_COLUMNS
from ablate.store import Database

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def results(tmp_path: Path) -> StudyResults:
    """Two variants, two seeds; the last run waits."""
    with Database.open(tmp_path / "results.db", create=True) as database:
        made_up(database, study(), {"n": 1.5})
    return ablate.open(tmp_path / "results.db").results("tiny")


@pytest.fixture
def queued(tmp_path: Path) -> StudyResults:
    """A study of which nothing has run."""
    return ablate.submit(study("queued"), db=tmp_path / "queued.db")


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def test_runs_have_the_columns_of_the_export_and_types_that_can_miss_a_value(results: StudyResults) -> None:
    runs = results.runs()
    assert tuple(runs.columns) == RUN_COLUMNS
    told = types(runs)
    assert {name for name, kind in told.items() if kind == "string"} == {"variant", "variant_key", "device", "error"}
    whole = {"seed", "selected_epoch", "parameters", "flops", "attempt"}
    assert {name for name, kind in told.items() if kind == "Int64"} == whole
    assert list(runs["state"].cat.categories)[:3] == ["queued", "running", "succeeded"]
    assert runs["test_accuracy"].tolist()[:3] == [0.5, 0.6, 0.5]
    waiting = runs.iloc[3]
    assert (waiting["variant"], waiting["seed"], waiting["state"]) == ("dropout=0.25", 1, "running")
    assert waiting[["test_accuracy", "selected_epoch", "error"]].isna().all()
    assert runs.attrs == {"study": "tiny", "metric": "test_accuracy"}


def test_types_do_not_depend_on_what_has_ended(results: StudyResults, queued: StudyResults) -> None:
    for read in (StudyResults.runs, StudyResults.predictions, StudyResults.comparisons):
        assert types(read(results)) == types(read(queued))
    assert types(queued.epochs()) == {name: kind for name, kind in types(results.epochs()).items() if name != "n"}
    assert queued.runs()["test_accuracy"].isna().all()
    assert queued.epochs().empty
    assert queued.status().jobs["queued"] == 4


def test_epochs_have_a_column_for_each_custom_metric_whatever_its_name(results: StudyResults) -> None:
    epochs = results.epochs()
    assert tuple(epochs.columns) == (*EPOCH_COLUMNS, "n")
    assert epochs["n"].tolist() == [1.5] * 6  # not a whole number, though `n` is one elsewhere
    assert epochs.groupby("epoch")["train_loss"].mean().to_dict() == {1: 1.0, 2: 0.5}


def test_predictions_are_a_row_for_each_image_and_steps_may_be_none(results: StudyResults) -> None:
    predictions = results.predictions()
    assert tuple(predictions.columns) == PREDICTION_COLUMNS
    assert len(predictions) == 3 * IMAGES
    assert str(predictions["correct"].dtype) == "boolean"
    assert predictions.groupby("seed")["correct"].mean().to_dict() == {0: 0.5, 1: 0.6}
    assert tuple(results.steps().columns) == STEP_COLUMNS


def test_comparisons_are_the_rows_of_the_json(results: StudyResults, tmp_path: Path) -> None:
    comparisons = results.comparisons()
    written = json.loads(results.report(tmp_path / "out").with_name("report.json").read_text("utf-8"))
    rows = written.pop("comparisons")
    assert list(comparisons.columns) == list(rows[0])
    assert comparisons.astype(object).where(comparisons.notna(), None).to_dict("records") == rows
    del written["compute"]
    assert comparisons.attrs == written


def test_picked_variants_are_compared_as_the_command_does(results: StudyResults) -> None:
    found = results.compare("dropout=0.25", "baseline")
    assert found[["variant", "reference", "basis"]].values.tolist() == [["baseline", "dropout=0.25", "exploratory"]]
    assert found["differences"][0] == [{"path": "model.dropout", "reference": 0.25, "value": None}]
    assert found.attrs["study"] == "tiny"
    assert found.attrs["reference"]["variant"] == "dropout=0.25"
    own, all_of_it = results.compare("baseline", "dropout=0.25"), results.comparisons()
    assert own["basis"].tolist() == ["confirmatory"]
    pd.testing.assert_frame_equal(own[list(all_of_it.columns)], all_of_it, check_flags=False)
    assert results.compare("baseline", "dropout=0.25", alpha=0.01)["basis"].tolist() == ["exploratory"]
    with pytest.raises(ablate.UsageError, match=r"did you mean 'dropout=0.25'"):
        results.compare("baseline", "dropout=0.2")


def test_a_study_without_comparisons_has_their_columns(results: StudyResults, tmp_path: Path) -> None:
    alone = ablate.submit(study("alone", factors={}), db=tmp_path / "results.db").comparisons()
    assert alone.empty
    assert types(alone) == types(results.comparisons())


def test_the_report_goes_where_the_command_writes_it(
    results: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert results.report() == Path("reports/tiny/report.md")
    assert Path("reports/tiny/report.md").read_text("utf-8").startswith("# Does dropout help?")


def test_figures_are_those_of_the_report_and_show_themselves(results: StudyResults, queued: StudyResults) -> None:
    figures = results.figures()
    assert list(figures) == ["overview", "effects", "factor dropout", "generalisation gap"]
    figure = results.figure("factor dropout")
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ablate.UsageError, match=r"no picture 'factor droput'; did you mean 'factor dropout'"):
        results.figure("factor droput")
    assert "overview" not in queued.figures()
    with pytest.raises(ablate.UsageError, match="nothing to show in 'overview' of queued"):
        queued.figure()


def test_a_notebook_shows_the_table_and_runs_no_name(results: StudyResults, tmp_path: Path) -> None:
    shown = results._repr_html_()
    assert "tiny: Does dropout help? (3 of 4 runs done)" in shown
    assert '<td style="text-align: left">dropout=0.25</td>' in shown
    hostile = study("hostile", title=HOSTILE, variants=[{"name": HOSTILE, "set": {"model.dropout": 0.5}}])
    ablate.submit(hostile, db=tmp_path / "results.db")
    opened = ablate.open(tmp_path / "results.db")
    for text in (opened.results("hostile")._repr_html_(), opened._repr_html_()):
        assert "&lt;script&gt;" in text
        assert "<script" not in text
