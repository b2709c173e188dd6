"""`ablate.open`: studies, all their rows, and databases that cannot be read."""

from pathlib import Path

import pytest
from api_cases import made_up, study

import ablate
from ablate.report.export import EPOCH_COLUMNS, RUN_COLUMNS
from ablate.store import Database


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two studies, the second of which reports more."""
    path = tmp_path / "results.db"
    with Database.open(path, create=True) as database:
        made_up(database, study("first"))
        made_up(database, study("second", seeds=1), {"bonus": 2.0})
    return path


def test_studies_are_listed_with_their_jobs(place: Path) -> None:
    studies = ablate.open(place).studies()
    assert studies["study"].tolist() == ["first", "second"]
    assert studies["succeeded"].tolist() == [3, 2]
    assert (studies["revision"] == 1).all()
    assert str(studies["submitted"].dtype) == "datetime64[us, UTC]"


def test_rows_of_all_studies_have_their_name_and_keep_their_types(place: Path) -> None:
    database = ablate.open(place)
    runs = database.runs()
    assert tuple(runs.columns) == ("study", *RUN_COLUMNS)
    assert runs["study"].value_counts().to_dict() == {"first": 4, "second": 2}
    assert runs.drop(columns="study").dtypes.equals(database.results("first").runs().dtypes)
    epochs = database.epochs()
    assert tuple(epochs.columns) == ("study", *EPOCH_COLUMNS, "bonus")
    assert epochs.groupby("study")["bonus"].count().to_dict() == {"first": 0, "second": 4}


def test_an_empty_database_gives_empty_frames_with_all_columns(tmp_path: Path) -> None:
    Database.open(tmp_path / "empty.db", create=True).close()
    database = ablate.open(tmp_path / "empty.db")
    assert tuple(database.runs().columns) == ("study", *RUN_COLUMNS)
    assert tuple(database.epochs().columns) == ("study", *EPOCH_COLUMNS)
    assert database.runs().empty
    assert list(database.studies().columns)[:4] == ["study", "title", "revision", "submitted"]
    with pytest.raises(ablate.UsageError, match="the database holds none yet"):
        database.results("tiny")


def test_what_is_not_there_is_named(place: Path) -> None:
    with pytest.raises(ablate.UsageError, match=r"no study 'frist'(.|\n)*Did you mean 'first'"):
        ablate.open(place).results("frist")
    with pytest.raises(ablate.DatabaseError, match=r"no other\.db here"):
        ablate.open(place.with_name("other.db"))
    assert not place.with_name("other.db").exists()


def test_a_handle_can_be_used_in_a_context_after_it_and_from_another_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.parent)
    with ablate.open("results.db") as database:
        results = database.results("first")
    monkeypatch.chdir("/")
    assert len(results.runs()) == 4
    assert len(database.studies()) == 2


def test_a_forgotten_handle_closes_its_connections(place: Path) -> None:
    def open_files() -> int:
        return sum(link.resolve() == place for link in Path("/proc/self/fd").iterdir())

    before = open_files()
    database = ablate.open(place)
    database.studies()
    assert open_files() > before
    del database
    assert open_files() == before


def test_a_stored_study_comes_back_as_it_was_submitted(place: Path) -> None:
    asked, stored = study("first"), ablate.open(place).study("first")
    assert [variant.key for variant in stored.variants()] == [variant.key for variant in asked.variants()]
    again = ablate.submit(stored, db=place)
    assert again.status().jobs == ablate.open(place).results("first").status().jobs
