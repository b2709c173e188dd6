"""A second import: nothing new, more rows, contradictions; and studies that ablate runs itself."""

import pandas as pd
import pytest
from import_cases import MEANS, SEEDS, accuracy, bring, table

from ablate.errors import StudyError, UsageError
from ablate.orchestrate.plan import plan_study
from ablate.orchestrate.submit import submit_study
from ablate.protocol import JobState
from ablate.store import Database
from ablate.store.admin import retry
from ablate.store.history import job
from ablate.store.integrity import check
from ablate.store.reading import epochs, outline, runs, studies
from ablate.study import parse_study
from tests.command import TINY_STUDY

EPOCHS = "variant,seed,epoch,train_loss,val_accuracy\n"


@pytest.fixture
def db(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as database:
        yield database


@pytest.fixture
def write(tmp_path):
    def written(text, name="runs.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def test_the_same_file_again_changes_nothing(db, write):
    path = write(table(columns=["dropout"], dropout=0))
    bring(db, path, factors=("dropout",), title="Does it help?", margin=0.01)
    before = outline(db, "lab"), runs(db, "lab")
    done = bring(db, path, baseline=None)
    assert (done.revision, done.added, done.changed, done.unchanged) == (1, 0, 0, len(MEANS) * SEEDS)
    assert "nothing is new" in done.describe()
    assert (outline(db, "lab"), runs(db, "lab")) == before


def test_more_rows_grow_the_study_and_new_variants_are_exploratory(db, write):
    bring(db, write(table()), title="Does it help?")
    more = "variant,seed,test_accuracy\nbase,9,0.91\nnew,0,0.95\n"
    done = bring(db, write(table() + more.partition("\n")[2]), baseline=None)
    assert (done.revision, done.added, done.unchanged, done.exploratory) == (2, 2, len(MEANS) * SEEDS, ("new",))
    shown = outline(db, "lab")
    assert shown.seeds == (0, 1, 2, 3, 9)
    assert (shown.title, shown.variants[0].name) == ("Does it help?", "base")
    assert [variant.name for variant in shown.variants if variant.exploratory] == ["new"]
    assert studies(db)[0].revision == 2
    assert check(db) == ()


def test_gaps_are_filled(db, write):
    bring(db, write(table()))
    rows = "".join(f"base,{seed},{epoch},0.5,0.{5 + epoch}\n" for seed in range(SEEDS) for epoch in (1, 2))
    done = bring(db, write(EPOCHS + rows), baseline=None)
    assert (done.added, done.changed, done.unchanged, done.epochs) == (0, SEEDS, 0, 2 * SEEDS)
    run = runs(db, "lab")[0]
    assert (run.test_accuracy, run.val_accuracy, run.selected_epoch, run.attempt) == (accuracy("base", 0), 0.7, 2, 2)
    assert [one.state for one in job(db, run.job).attempts] == ["succeeded", "succeeded"]
    assert check(db) == ()


def test_a_row_that_contradicts_is_named_and_replaces_only_when_told(db, write):
    bring(db, write(EPOCHS + "base,0,1,0.5,0.6\nbase,0,2,0.4,0.7\nwide,0,1,0.5,0.6\nwide,0,2,0.4,0.8\n"))
    path = write(EPOCHS + "base,0,1,0.5,0.6\nbase,0,2,0.3,0.7\nwide,0,1,0.5,0.6\nwide,0,2,0.4,0.8\nwide,0,3,0.3,0.9\n")
    before = epochs(db, "lab")
    with pytest.raises(StudyError) as error:
        bring(db, path)
    assert [line.partition(";")[0] for line in str(error.value).splitlines()[:2]] == [
        "runs.csv:2: base, seed 0: train_loss after epoch 2 is 0.3 here, 0.4 in the database",
        "runs.csv:4: wide, seed 0: epoch 3 is new, and the run ended after epoch 2 in the database",
    ]
    assert epochs(db, "lab") == before
    done = bring(db, path, replace=True)
    assert (done.changed, done.revision) == (2, 2)
    assert [row.train_loss for row in epochs(db, "lab")] == [0.5, 0.3, 0.5, 0.4, 0.3]
    assert check(db) == ()


def test_states_contradict_only_where_they_are_said(db, write):
    bring(db, write("variant,seed,state,test_accuracy\nbase,0,succeeded,0.9\nbase,1,failed,\n"))
    bring(db, write(EPOCHS + "base,1,1,0.5,0.6\n"))
    assert [run.state for run in runs(db, "lab")] == [JobState.SUCCEEDED, JobState.FAILED]
    with pytest.raises(StudyError, match="seed 1: succeeded here, failed in the database"):
        bring(db, write("variant,seed,state,test_accuracy\nbase,1,succeeded,0.9\n"))
    with pytest.raises(StudyError, match="seed 0: diverged here, succeeded in the database"):
        bring(db, write("variant,seed,test_loss\nbase,0,nan\n"))


def test_files_of_one_call_are_joined_and_must_agree(db, write):
    of_runs = write("variant,seed,state,test_accuracy\nbase,0,running,0.9\nbase,1,,0.9\n")
    of_epochs = write(EPOCHS + "base,0,1,0.5,0.6\nbase,1,1,0.5,0.6\n", "epochs.csv")
    bring(db, of_runs, of_epochs)
    assert [(run.seed, run.epochs, run.test_accuracy) for run in runs(db, "lab")] == [(1, 1, 0.9)]
    with pytest.raises(StudyError, match=r"other\.csv:2: train_loss: 0\.4 here, 0\.5 in another file"):
        bring(db, of_epochs, write(EPOCHS + "base,1,1,0.4,0.6\n", "other.csv"), study="other")
    with pytest.raises(StudyError, match=r"other\.csv:2: test_accuracy: 0\.8 here, 0\.9 in runs\.csv:3"):
        bring(db, of_runs, write("variant,seed,test_accuracy\nbase,1,0.8\n", "other.csv"), study="other")


def test_settings_are_kept_until_others_are_given(db, write):
    path = write("variant,seed,f1\nbase,0,1\nwide,0,2\n")
    bring(db, path, direction="max", margin=0.1, alpha=0.1, test="welch")
    bring(db, path, baseline="wide", alpha=0.01)
    shown = outline(db, "lab")
    assert (shown.direction, shown.variants[0].name, shown.statistics.margin) == ("max", "wide", 0.1)
    assert (shown.statistics.alpha, shown.statistics.test) == (0.01, "welch")


def test_studies_that_ablate_runs_and_those_that_were_imported_stay_apart(db, write):
    own = parse_study(TINY_STUDY)
    submit_study(db, own)
    with pytest.raises(UsageError, match="tiny is a study that ablate runs itself"):
        bring(db, write(table()), study="tiny")
    bring(db, write(table() + "base,7,nan\n"))
    same_name = parse_study(TINY_STUDY.replace('"tiny"', '"lab"'))
    for refused in (lambda: submit_study(db, same_name), lambda: plan_study(same_name, db)):
        with pytest.raises(UsageError, match="lab holds results from elsewhere"):
            refused()
    with pytest.raises(UsageError, match="cannot be run again"):
        retry(db, "lab")
    with pytest.raises(UsageError, match="no study 'nowhere'"):
        retry(db, "nowhere")
    assert retry(db, "tiny") == 0


def test_data_frames_are_sources_too(db):
    frame = pd.DataFrame(
        {"variant": ["base", "wide"], "seed": [0, 0], "test_accuracy": [0.9, None], "state": [None, "failed"]}
    )
    bring(db, frame)
    assert [(run.variant, run.test_accuracy, run.state) for run in runs(db, "lab")] == [
        ("base", 0.9, JobState.SUCCEEDED),
        ("wide", None, JobState.FAILED),
    ]
    with pytest.raises(StudyError, match="the data frame, row 1: seed: 'x' is no seed"):
        bring(db, frame.assign(seed=[0, "x"]))
