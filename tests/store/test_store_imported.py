"""Results from elsewhere, on both databases: written whole, read back as they were, grown, merged and deleted."""

import pytest
from store_cases import claim, rows, submit_small

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.store import Database
from ablate.store.imported import ImportedRun, bring_in, imported_key, stored
from ablate.store.integrity import check
from ablate.store.merge import merge
from ablate.store.queue import Queue
from ablate.store.reading import counts, epochs, failures, outline, recipe, revision_text, runs
from ablate.store.removal import delete_study
from ablate.study.outline import Outline, OutlineVariant

NAMES = ("base", "wide")


def shown(*names: str, seeds: tuple[int, ...] = (0, 1)) -> Outline:
    variants = tuple(OutlineVariant(name=name, key=imported_key("lab", name)) for name in names or NAMES)
    return Outline(
        name="lab",
        title="lab",
        metric="test_accuracy",
        direction="max",
        select="last",
        seeds=seeds,
        baseline=variants[0].key,
        variants=variants,
    )


def made(variant: str = "base", seed: int = 0, **more: object) -> ImportedRun:
    values: dict[str, object] = {
        "state": JobState.SUCCEEDED,
        "values": {"test_accuracy": 0.875, "parameters": 5_000_000_000, "selected_epoch": 2, "f1": 0.1},
        "epochs": {1: {"train_loss": 0.1 + 0.2, "f1": 0.5}, 2: {"train_loss": 1e-300, "val_accuracy": 1.0}},
        "device": "cuda:0",
        "provenance": {"imported from": "runs.csv"},
    }
    return ImportedRun(variant=variant, seed=seed, **{**values, **more})


ALL = [made(variant, seed) for variant in NAMES for seed in (0, 1)]


def test_runs_are_read_back_as_they_were(db):
    failed = made("wide", 1, state=JobState.FAILED, values={}, epochs={}, error="out of memory", device=None)
    given = [*ALL[:3], failed]
    assert bring_in(db, shown(), given, after=None) == 1
    found = stored(db, "lab")
    assert found is not None
    assert (found.revision, found.outline) == (1, shown())
    assert found.runs == {(run.variant, run.seed): run for run in given}
    assert [(run.variant, run.seed, run.state) for run in runs(db, "lab")] == [
        (run.variant, run.seed, run.state) for run in given
    ]
    assert [row.custom for row in epochs(db, "lab")] == [{"f1": 0.5}, {}] * 3
    [failure] = failures(db, "lab")
    assert (failure.kind, failure.error) == ("user_error", "out of memory")
    assert (recipe(db, "lab", imported_key("lab", "base")), revision_text(db, "lab")) == ({}, "")
    assert rows(db, "SELECT count(*) FROM attempts WHERE worker IS NOT NULL") == [(0,)]
    assert check(db) == ()


def test_a_study_grows_by_runs_and_variants_and_keeps_the_history_of_changed_ones(db):
    bring_in(db, shown(), ALL, after=None)
    grown = shown("wide", "base", "deep", seeds=(0, 1, 2))
    changed = made("base", 1, values={"test_accuracy": 0.5}, epochs={1: {"train_loss": 9.0}})
    assert bring_in(db, grown, [changed, made("deep", 2)], after=1) == 2
    assert [(run.variant, run.seed, run.test_accuracy, run.attempt) for run in runs(db, "lab")] == [
        ("wide", 0, 0.875, 1),
        ("wide", 1, 0.875, 1),
        ("base", 0, 0.875, 1),
        ("base", 1, 0.5, 2),
        ("deep", 2, 0.875, 1),
    ]
    assert [row.train_loss for row in epochs(db, "lab", [imported_key("lab", "base")])] == [0.1 + 0.2, 1e-300, 9.0]
    assert rows(db, "SELECT count(*) FROM attempts") == [(6,)]
    assert outline(db, "lab") == grown
    assert check(db) == ()


def test_whoever_was_overtaken_writes_nothing(db):
    bring_in(db, shown(), ALL[:1], after=None)
    for before in (None, 2):
        with pytest.raises(UsageError, match="changed meanwhile"):
            bring_in(db, shown(), ALL, after=before)
    assert counts(db)["lab"]["succeeded"] == 1


def test_a_write_that_fails_leaves_nothing(db):
    with pytest.raises(Exception, match=r"(?i)check"):
        bring_in(db, shown(), [*ALL[:3], made("wide", 1, epochs={1: {"val_accuracy": 2.0}})], after=None)
    assert stored(db, "lab") is None
    assert rows(db, "SELECT count(*) FROM jobs") == [(0,)]


def test_own_studies_and_imported_ones_stay_apart(db):
    submit_small(db)
    with pytest.raises(UsageError, match="small is a study that ablate runs itself"):
        stored(db, "small")
    with pytest.raises(UsageError, match="small is a study that ablate runs itself"):
        bring_in(db, shown().model_copy(update={"name": "small"}), ALL, after=1)
    bring_in(db, shown(), ALL, after=None)
    with pytest.raises(UsageError, match="lab holds results from elsewhere"):
        submit_small(db, name="lab")
    queue = Queue(db)
    assert {claim(queue, f"w{number}").study for number in range(4)} == {"small"}


def test_imported_studies_merge_and_are_deleted_like_others(db, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with Database.open(tmp_path / "elsewhere" / "results.db", create=True) as other:
        bring_in(db, shown(), ALL[:2], after=None)
        bring_in(other, shown(), ALL[1:], after=None)
        merged = merge(db, other)
        assert (merged.added, merged.kept, merged.conflicts) == (2, 1, [])
        found = stored(db, "lab")
        assert found is not None
        assert found.runs == {(run.variant, run.seed): run for run in ALL}
        assert check(db) == ()
        submit_small(other, name="own")
    delete_study(db, "lab")
    assert stored(db, "lab") is None
    assert rows(db, "SELECT count(*) FROM epochs") == [(0,)]
