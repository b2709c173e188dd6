"""The choice of values for retuned levels, and what is queued when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.orchestrate.plan import plan_study
from ablate.orchestrate.submit import Advance, submit_study
from ablate.orchestrate.tuning import decide, failed_choices, judged, waiting_text
from ablate.protocol import Claim, JobState
from ablate.store import Database, reading
from ablate.store.queue import Queue
from ablate.study import FIRST_TUNING_SEED, Study, Tuning, parse_study
from ablate.verdicts.results import Results
from tests.store.store_cases import introduce, metrics, outcome

TEXT = """
name = "tuned"

[seeds]
count = 2

[baseline.data]
name = "digits"

[baseline.training]
epochs = 2
optimizer = { name = "SGD", lr = 0.05 }

[factors.norm]
path = "model.norm"
levels = ["batch"]
retune = { "training.optimizer.lr" = [0.1, 0.2] }

[factors.dropout]
path = "model.dropout"
levels = [0.5]
"""
DONE, WILD = JobState.SUCCEEDED, JobState.DIVERGED
Reached = dict[tuple[str, int], tuple[JobState, float | None]]


@pytest.fixture
def study() -> Study:
    return parse_study(TEXT)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "results.db", create=True) as opened:
        yield opened


def reached(tuning: Tuning, *runs: tuple[JobState, float | None]) -> Reached:
    """Runs in the order of the candidates, two seeds each."""
    places = [(one.recipe.key, seed) for one in tuning.candidates for seed in tuning.seeds]
    return dict(zip(places, runs, strict=False))


def choice(tuning: Tuning, *runs: tuple[JobState, float | None]) -> object:
    made = judged(tuning, reached(tuning, *runs))
    assert made is not None
    return None if made.choice is None else made.choice.values["training.optimizer.lr"]


def test_the_best_mean_over_the_tuning_seeds_is_chosen(study: Study) -> None:
    tuning = study.tunings[0]
    assert choice(tuning, (DONE, 0.9), (DONE, 0.5), (DONE, 0.75), (DONE, 0.7)) == 0.2
    made = judged(tuning, reached(tuning, (DONE, 0.9), (DONE, 0.5), (DONE, 0.75), (DONE, 0.7)))
    assert made is not None
    assert made.candidates[0].accuracies == (0.9, 0.5)
    assert made.candidates[0].accuracy == pytest.approx(0.7)


def test_of_equals_the_first_listed_is_chosen(study: Study) -> None:
    tuning = study.tunings[0]
    assert choice(tuning, (DONE, 0.1), (DONE, 0.3), (DONE, 0.2), (DONE, 0.2)) == 0.1
    assert choice(tuning, (DONE, 0.2), (DONE, 0.2), (DONE, 0.1), (DONE, 0.1 + 0.2)) == 0.1


@pytest.mark.parametrize("state", [WILD, JobState.FAILED, JobState.CANCELLED])
def test_a_candidate_that_did_not_succeed_on_every_seed_loses(study: Study, state: JobState) -> None:
    assert choice(study.tunings[0], (DONE, 0.99), (state, None), (DONE, 0.2), (DONE, 0.2)) == 0.2


def test_where_none_succeeded_nothing_is_chosen(study: Study) -> None:
    made = judged(study.tunings[0], reached(study.tunings[0], *[(WILD, None)] * 4))
    assert made is not None
    assert made.failed
    assert made.choice is None


def test_nothing_is_chosen_before_all_runs_have_ended(study: Study) -> None:
    tuning = study.tunings[0]
    assert judged(tuning, reached(tuning, (DONE, 0.9), (DONE, 0.5), (DONE, 0.75))) is None
    assert judged(tuning, reached(tuning, (DONE, 0.9), (DONE, 0.5), (DONE, 0.75), (JobState.RUNNING, None))) is None


def train(db: Database, *, stop_before_comparisons: bool = True, wild: float | None = None) -> list[Claim]:
    """Serve the queue: the greater learning rate reaches more; runs at the learning rate `wild` diverge."""
    queue, served = Queue(db), []
    worker = introduce(queue)
    while (claim := queue.claim(worker)) is not None:
        if stop_before_comparisons and claim.seed < FIRST_TUNING_SEED:
            queue.release(claim.ticket)
            break
        served.append(claim)
        lr = claim.recipe.training.optimizer.lr
        for epoch in (1, 2):
            queue.record_epoch(claim.ticket, metrics(epoch, val_accuracy=lr))
        if lr == wild or wild == 0:
            queue.diverge(claim.ticket, "the loss is not a number", seconds=1.0)
        else:
            queue.finish(claim.ticket, outcome())
    return served


def names(db: Database) -> list[str]:
    return [variant.name for variant in reading.outline(db, "tuned").variants]


def test_comparisons_of_retuned_levels_are_queued_when_their_tuning_has_ended(db: Database, study: Study) -> None:
    assert submit_study(db, study).added == 8 + 4
    assert "8 tuning runs: baseline (retuned), norm=batch (retuned)" in waiting_text(db, study)
    assert names(db) == ["baseline", "dropout=0.5"]
    assert len(train(db)) == 8
    assert submit_study(db, study).added == 4
    assert names(db) == ["baseline", "baseline (retuned)", "norm=batch (retuned)", "dropout=0.5"]
    assert waiting_text(db, study) == ""
    outline = reading.outline(db, "tuned")
    assert [one.choice.values["training.optimizer.lr"] for one in outline.tunings if one.choice] == [0.2, 0.2]
    assert submit_study(db, study).added == 0
    assert {one.seed for one in train(db, stop_before_comparisons=False)} == {0, 1}


def test_a_choice_stays_after_growth_and_new_figures(db: Database, study: Study) -> None:
    submit_study(db, study)
    train(db, wild=0.2)
    made = decide(db, study)
    assert {one.choice.values["training.optimizer.lr"] for one in made.values() if one.choice} == {0.1}
    with db.write() as connection:  # as if a run had been repeated with another outcome
        connection.exec_driver_sql("UPDATE jobs SET state = 'succeeded' WHERE state = 'diverged'")
        connection.exec_driver_sql("UPDATE attempts SET state = 'succeeded', selected_epoch = 2 WHERE ended_at > 0")
    assert decide(db, study) == made
    grown = parse_study(TEXT.replace("count = 2", "count = 5").replace("[0.5]", "[0.5, 0.6]"))
    assert decide(db, grown) == made


def test_while_a_study_is_trained_what_follows_is_queued_once(db: Database, study: Study) -> None:
    submit_study(db, study)
    advance = Advance(db, study)
    advance()
    assert names(db) == ["baseline", "dropout=0.5"]
    assert advance.waiting
    train(db)
    advance()
    assert "norm=batch (retuned)" in names(db)
    assert not advance.waiting
    revision = reading.studies(db)[0].revision
    advance()
    assert reading.studies(db)[0].revision == revision


def test_a_level_of_which_no_value_succeeded_is_named_and_not_compared(db: Database, study: Study) -> None:
    submit_study(db, study)
    train(db, wild=0)
    submit_study(db, study)
    assert names(db) == ["baseline", "dropout=0.5"]
    assert waiting_text(db, study) == ""
    told = failed_choices(db, study)
    assert len(told) == 2
    assert told[1].startswith("norm=batch (retuned) is not compared: no value that was tried succeeded")
    assert "training.optimizer.lr = 0.1 (diverged, diverged)" in told[1]


def test_the_plan_counts_tuning_runs_and_tells_the_choice(db: Database, study: Study) -> None:
    first = plan_study(study, None)
    assert (first.jobs, first.jobs_to_run) == (8 + 4 * 2, 16)
    submit_study(db, study)
    train(db)
    submit_study(db, study)
    later = plan_study(study, db).as_json()
    assert (later["jobs"], later["jobs_to_run"]) == (16, 8)
    assert [one["variant"] for one in later["tunings"]] == ["baseline (retuned)", "norm=batch (retuned)"]
    assert later["tunings"][1]["chosen"] == {"training.optimizer.lr": 0.2}
    assert [one["val_accuracy"] for one in later["tunings"][1]["candidates"]] == [0.1, 0.2]
    assert "norm=batch (retuned)" in [variant["name"] for variant in later["variants"]]


def test_planning_keeps_no_choice(db: Database, study: Study) -> None:
    submit_study(db, study)
    train(db)
    plan_study(study, db)
    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tunings").scalar() == 0


def test_a_part_of_a_study_tunes_what_it_needs(db: Database) -> None:
    study = parse_study(TEXT)
    assert submit_study(db, study, study.only(factors=["dropout"], seeds=[0])).added == 2
    assert submit_study(db, study, study.only(factors=["norm"], seeds=[0])).added == 8
    assert Results.load(db, "tuned").outline.tunings[0].chosen is None


def test_a_planned_level_is_confirmatory_whatever_was_seen_before_its_choice(db: Database, study: Study) -> None:
    submit_study(db, study)
    train(db, stop_before_comparisons=False)  # the plain variants are in before the choice is made
    submit_study(db, study)
    assert not any(variant.exploratory for variant in reading.outline(db, "tuned").variants)
    later = parse_study(TEXT.replace('["batch"]', '["batch", "group"]'))
    submit_study(db, later)
    train(db)
    submit_study(db, later)
    marked = {variant.name: variant.exploratory for variant in reading.outline(db, "tuned").variants}
    assert marked["norm=group (retuned)"]
    assert not marked["norm=batch (retuned)"]
