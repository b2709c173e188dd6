"""`ablate compare` as a user types it, on two studies that a queue recorded without training."""

import json
from pathlib import Path

import pytest

from ablate.store import Database
from tests.api.api_cases import made_up, study
from tests.command import Ablate


@pytest.fixture
def stored(folder: Path) -> Path:
    """A database with the studies `first` and `second`, each of two variants and three seeds, most runs done."""
    with Database.open(folder / "results.db", create=True) as database:
        made_up(database, study("first", seeds=3))
        made_up(database, study("second", seeds=3, factors={"norm": {"path": "model.norm", "levels": ["batch"]}}))
    return folder


def test_variants_of_one_study_are_shown_as_plain_lines_where_no_terminal_is(stored: Path, ablate: Ablate) -> None:
    done = ablate("compare", "baseline", "dropout=0.25", "--study", "first")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "test accuracy (%, differences in points), against baseline"
    assert lines[2].split()[:5] == ["baseline", "(reference)", "2", "of", "3"]
    assert "dropout=0.25: undecided, for 1 of 3 seeds are in." in lines
    assert "dropout=0.25  model.dropout  default   0.25" in lines
    assert "┃" not in done.stdout and "─" not in done.stdout  # noqa: PT018


def test_json_has_the_keys_of_the_report(stored: Path, ablate: Ablate) -> None:
    told = json.loads(ablate("compare", "baseline", "dropout=0.25", "--study", "first", "--json").stdout)
    report = json.loads(ablate("report", "first", "--json").stdout)
    (one,) = told["comparisons"]
    assert {key: one[key] for key in report["comparisons"][0]} == report["comparisons"][0]
    assert one["basis"] == "confirmatory"
    assert one["differences"] == [{"path": "model.dropout", "reference": None, "value": 0.25}]
    assert told["reference"]["variant"] == "baseline"
    assert told["reference"]["cost"]["parameters"] == 100


def test_plain_names_belong_to_the_newest_study_and_others_are_named_with_theirs(stored: Path, ablate: Ablate) -> None:
    told = json.loads(ablate("compare", "baseline", "norm=batch", "--json").stdout)
    assert told["study"] == "second"
    told = json.loads(ablate("compare", "first:baseline", "norm=batch", "--json").stdout)
    assert (told["study"], told["comparisons"][0]["study"]) == ("first", "second")
    assert told["comparisons"][0]["basis"] == "exploratory"
    assert any("not stored" in text for text in told["warnings"])
    shown = ablate("compare", "first:baseline", "norm=batch").stdout
    assert "second:norm=batch" in shown
    assert "warning: whether" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["baseline", "norm=bach"], "has no variant 'norm=bach'; did you mean 'norm=batch'?"),
        (["baseline", "dropout=0.25"], "write `first:dropout=0.25`, or `--study first`"),
        (["baseline", "first:dropout"], "study first has no variant 'dropout'; did you mean 'dropout=0.25'?"),
        (["baseline", "baseline"], "'baseline' is named twice"),
        (["baseline"], "Name two"),
        (["baseline", "norm=batch", "--study", "frist"], "Did you mean 'first'?"),
        (["baseline", "norm=batch", "--alpha", "5"], "--alpha 5 is no error rate"),
        (["baseline", "norm=batch", "--margin", "0"], "--margin 0 is no margin"),
        (["baseline", "norm=batch", "--test", "welsh"], "--test"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_cure(
    stored: Path, ablate: Ablate, words: list[str], told: str
) -> None:
    done = ablate("compare", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_studies_that_rank_by_other_metrics_are_not_compared(stored: Path, ablate: Ablate) -> None:
    with Database.open(stored / "results.db") as database:
        made_up(database, study("third", seeds=3, metric="test_loss"))
    done = ablate("compare", "first:baseline", "third:baseline")
    assert done.returncode == 2
    assert "first ranks by test_accuracy and third by test_loss" in done.stderr


def test_without_a_database_or_a_study_it_says_so(ablate: Ablate) -> None:
    done = ablate("compare", "a", "b")
    assert done.returncode == 6
    assert "results.db" in done.stderr
