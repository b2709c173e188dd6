"""What a submission adds, marks, and remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.metrics import Outcome
from ablate.orchestrate.plan import plan_study
from ablate.orchestrate.progress import progress
from ablate.orchestrate.recall import recall_study
from ablate.orchestrate.submit import submit_study
from ablate.protocol import WorkerInfo
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.reading import calls, outline
from ablate.study import Study, load_study, parse_study
from tests.command import TINY_STUDY


def tiny(*levels: float, settings: tuple[str, ...] = ()) -> Study:
    return parse_study(TINY_STUDY.replace("[0.25]", str(list(levels or (0.25,)))), settings=settings)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "results.db", create=True) as database:
        yield database


def finish(db: Database, jobs: int) -> None:
    queue = Queue(db)
    queue.introduce(WorkerInfo(id="w", host="h", pid=1, device="cpu", device_name="c", provenance={}))
    for _ in range(jobs):
        claim = queue.claim("w")
        assert claim is not None
        queue.finish(
            claim.ticket,
            Outcome(selected_epoch=1, test_loss=0.1, test_accuracy=0.9, parameters=1, trainable_parameters=1, flops=1,
                    seconds=10.0, fingerprints={}),
        )  # fmt: skip


def test_only_what_is_new_is_queued(db: Database) -> None:
    assert submit_study(db, tiny()).added == 4
    assert submit_study(db, tiny()).added == 0
    assert submit_study(db, tiny(0.25, 0.5)).added == 2
    assert submit_study(db, tiny(0.25, 0.5, settings=("seeds.count=3",))).added == 3


def test_a_new_label_reruns_nothing(db: Database) -> None:
    submit_study(db, tiny())
    labelled = TINY_STUDY.replace("levels = [0.25]", 'levels = [0.25]\nlabels = { "0.25" = "a quarter" }')
    told = submit_study(db, parse_study(labelled))
    assert (told.added, told.new_revision) == (0, True)


def test_what_comes_before_any_result_is_confirmatory(db: Database) -> None:
    submit_study(db, tiny())
    submit_study(db, tiny(0.25, 0.5))
    assert not any(variant.exploratory for variant in outline(db, "tiny").variants)


def test_what_comes_after_results_is_exploratory_for_good(db: Database) -> None:
    submit_study(db, tiny())
    finish(db, 1)
    for _ in range(2):
        submit_study(db, tiny(0.25, 0.5))
        marked = {variant.name: variant.exploratory for variant in outline(db, "tiny").variants}
        assert marked == {"baseline": False, "dropout=0.25": False, "dropout=0.5": True}
    assert submit_study(db, tiny(0.25, 0.5)).new_revision is False


def test_a_part_is_queued_and_the_outline_stays_whole(db: Database) -> None:
    whole = tiny(0.25, 0.5)
    assert submit_study(db, whole, whole.only(variants=["dropout=0.5"], seeds=[1])).added == 2
    assert len(outline(db, "tiny").variants) == 3
    assert submit_study(db, whole).added == 4


def test_a_study_is_recalled_as_it_was_submitted(db: Database) -> None:
    submitted = tiny(settings=("training.epochs=3",))
    submit_study(db, submitted)
    again = recall_study(db, "tiny")
    assert [variant.key for variant in again.variants()] == [variant.key for variant in submitted.variants()]
    assert submit_study(db, again).new_revision is False


def test_plan_estimates_by_what_ran_before(db: Database) -> None:
    submit_study(db, tiny())
    assert plan_study(tiny(), db).seconds_to_run is None
    finish(db, 1)
    planned = plan_study(tiny(0.25, 0.5), db)
    assert (planned.jobs, planned.jobs_to_run, planned.seconds_to_run) == (6, 5, 50.0)


def test_progress_counts_what_is_left(db: Database) -> None:
    submit_study(db, tiny())
    finish(db, 3)
    now = progress(db, "tiny")
    assert (now.total, now.done, now.left) == (4, 3, 1)
    assert len(progress(db, "tiny", now).ended) == len(now.ended) == 3
    finish(db, 1)
    assert progress(db, "tiny").eta_seconds == 0.0
    assert len(progress(db, "tiny", now).ended) == 4


def test_how_a_study_was_asked_for_is_remembered(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "tiny.toml").write_text(TINY_STUDY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    file = "studies/tiny.toml"
    study = load_study(file, settings=["seeds.count=3"])
    for part in (study.only(factors=["dropout"], seeds=[0, 1]), study.only(variants=["dropout=0.25"], seeds=[2]), None):
        submit_study(db, study, part)
    recalled = recall_study(db, "tiny")
    submit_study(db, recalled, recalled.only(seeds=[0, 2]))
    changed = ("--set", "seeds.count=3")
    assert calls(db, "tiny") == (
        (file, *changed, "--factors", "dropout", "--seeds", "0-1"),
        (file, *changed, "--variants", "dropout=0.25", "--seeds", "2"),
        (file, *changed),
        (file, *changed, "--seeds", "0,2"),
    )


def test_the_place_of_a_file_on_a_machine_is_not_kept(db: Database, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TINY_STUDY, encoding="utf-8")
    submit_study(db, load_study(tmp_path / "mine.toml"))
    assert calls(db, "tiny") == (("mine.toml",),)
