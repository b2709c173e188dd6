"""Seeds that looks add: who gets more, when it ends, and that nothing of it hangs on chance."""

import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ablate.orchestrate.adaptive import Purse
from ablate.orchestrate.plan import plan_study
from ablate.orchestrate.rounds import next_round
from ablate.orchestrate.submit import Advance, submit_study
from ablate.protocol import Failure, FailureKind, JobState
from ablate.report.comparisons import comparisons_json
from ablate.report.markdown import render
from ablate.store import Database, reading
from ablate.store.queue import Queue
from ablate.store.spent import Spent
from ablate.study import Study, parse_study
from ablate.study.seeds import Budget
from ablate.verdicts.analysis import Analysis, analyse
from ablate.verdicts.results import Results
from tests.store.store_cases import introduce, metrics, outcome

TEXT = """
name = "looked"

[seeds]
looks = [3, 5, 8]

[baseline.data]
name = "digits"

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.05 }

[factors.lr]
path = "training.optimizer.lr"
levels = [0.001, 0.04, 0.06]

[factors.dropout]
path = "model.dropout"
levels = [0.1, 0.2]
"""
#: Effect of each variant on the accuracy; the noise over seeds is 0.01.
EFFECTS = {"baseline": 0.0, "lr=0.001": -0.3, "lr=0.04": 0.0, "lr=0.06": 0.02, "dropout=0.1": 0.001, "dropout=0.2": 0.2}
Finish = Callable[[str, int], float | None]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "results.db", create=True) as opened:
        yield opened


def study(**replaced: str) -> Study:
    text = TEXT
    for old, new in replaced.items():
        found = {"looks": "looks = [3, 5, 8]", "levels": "levels = [0.1, 0.2]"}[old]
        text = text.replace(found, new)
    return parse_study(text)


def accuracy(variant: str, seed: int) -> float | None:
    noise = np.random.default_rng([zlib.crc32(variant.encode()), seed]).normal(scale=0.01)
    return float(0.6 + EFFECTS.get(variant, 0.0) + noise)


def train(db: Database, *, finish: Finish = accuracy, order: random.Random | None = None) -> int:
    """Serve the queue, several jobs at once where their order of ending is to be mixed; how many were served."""
    queue, served, running = Queue(db), 0, []
    worker = introduce(queue)
    while True:
        claim = queue.claim(worker)
        running += [claim] if claim else []
        if claim is not None and order is not None and len(running) < 4:
            continue
        if not running:
            return served
        one = running.pop(order.randrange(len(running)) if order else 0)
        reached = finish(one.variant, one.seed)
        queue.record_epoch(one.ticket, metrics(1, loss=1.0 + (reached or 0.0)))
        if reached is None:
            queue.fail(one.ticket, Failure(kind=FailureKind.USER_ERROR, message="broken"))
        else:
            queue.finish(one.ticket, outcome(selected_epoch=1, test_accuracy=reached))
        served += 1


def seeds(db: Database) -> dict[str, int]:
    """How many seeds each variant has run."""
    found: dict[str, int] = {}
    for run in reading.runs(db, "looked"):
        found[run.variant] = found.get(run.variant, 0) + (run.state == JobState.SUCCEEDED)
    return found


def to_the_end(db: Database, asked: Study, **how: object) -> Analysis:
    """Run a study as `ablate run` does."""
    submit_study(db, asked)
    advance = Advance(db, asked)
    while advance.waiting:
        train(db, **how)
        advance()
    return analyse(Results.load(db, asked.name))


def verdicts(judged: Analysis) -> dict[str, tuple[str, int | None]]:
    return {judged.names[key]: (one.verdict, one.look) for key, one in judged.comparisons.items()}


def test_seeds_go_where_the_answer_is_undecided(db: Database) -> None:
    submit_study(db, study())
    assert train(db) == 5 * 3 + 6  # a common baseline has twice the seeds
    coming = next_round(db, study())
    decided = {"lr=0.001", "dropout=0.2"}
    assert {one.variant for one in coming.given} == set(EFFECTS) - decided
    judged = to_the_end(db, study())
    ran = seeds(db)
    assert {ran[name] for name in decided} == {3}
    assert ran["baseline"] in (10, 16)
    assert verdicts(judged)["lr=0.001"] == ("worse", 3)
    assert verdicts(judged)["dropout=0.2"] == ("better", 3)
    assert verdicts(judged)["dropout=0.1"][0] == "undecided"
    assert next_round(db, study()).given == ()
    assert submit_study(db, study()).added == 0


def test_decisions_do_not_hang_on_the_order_in_which_runs_end(tmp_path: Path) -> None:
    found = []
    for number in range(4):
        with Database.open(tmp_path / f"{number}.db", create=True) as db:
            judged = to_the_end(db, study(), order=random.Random(number) if number else None)
            found.append((seeds(db), comparisons_json(judged.results)))
    assert all(one == found[0] for one in found)


def test_a_study_goes_on_from_wherever_it_was_stopped(tmp_path: Path, db: Database) -> None:
    with Database.open(tmp_path / "calm.db", create=True) as calm:
        undisturbed = comparisons_json(to_the_end(calm, study()).results)
    queue = Queue(db)
    for stop in range(200):  # every command serves one job and is gone
        submit_study(db, study())
        claim = queue.claim(introduce(queue, f"w{stop}"))
        if claim is None:
            break
        queue.record_epoch(claim.ticket, metrics(1, loss=1.0 + (accuracy(claim.variant, claim.seed) or 0.0)))
        queue.finish(claim.ticket, outcome(selected_epoch=1, test_accuracy=accuracy(claim.variant, claim.seed)))
    assert comparisons_json(Results.load(db, "looked")) == undisturbed


def test_nothing_is_given_while_runs_are_out(db: Database) -> None:
    submit_study(db, study())
    queue = Queue(db)
    claim = queue.claim(introduce(queue))
    assert claim is not None
    assert next_round(db, study()).waiting == 21
    assert submit_study(db, study()).added == 0


def test_the_plan_says_what_comes_next_and_why(db: Database) -> None:
    first = plan_study(study(), None)
    assert (
        first.jobs,
        {name: len(first.seeds_of(one)) for one in first.variants if (name := one.name)}["baseline"],
    ) == (
        21,
        6,
    )
    submit_study(db, study())
    train(db)
    found = plan_study(study(), db)
    told = {one.variant: (one.before, one.after, one.why) for one in found.round.given}
    assert told["lr=0.04"] == (3, 5, "undecided at 3 seeds")
    assert told["baseline"] == (6, 10, "others are compared with it")
    assert found.jobs_to_run == submit_study(db, study()).added
    assert found.as_json()["looks"][0]["variant"] in told


def test_a_budget_of_runs_is_never_passed_and_buys_the_cheapest_decisions(db: Database) -> None:
    limited = study(looks='looks = [3, 5, 8]\nbudget = "28 runs"')
    to_the_end(db, limited)
    assert sum(seeds(db).values()) <= 28
    coming = next_round(db, limited)
    assert coming.given == ()
    assert coming.withheld
    assert "the budget has no seeds for" in coming.lines()[0]
    before = seeds(db)
    judged = to_the_end(db, study())  # without the budget it goes on
    assert sum(seeds(db).values()) > 28
    assert all(seeds(db)[name] >= count for name, count in before.items())
    assert {look for verdict, look in verdicts(judged).values() if verdict == "undecided"} <= {5, 8}


@pytest.mark.parametrize(("unit", "left"), [("gpu-hours", 1.5), ("cpu-hours", 3.0), ("hours", 3.5), ("runs", 0.0)])
def test_budgets_count_what_their_unit_says(unit: str, left: float) -> None:
    so_far = Spent(runs=4, cpu_seconds=3600.0, gpu_seconds=9000.0, wall_seconds=1800.0)
    purse = Purse.of(Budget(amount=4.0, unit=unit), so_far)  # type: ignore[arg-type]
    assert purse.left == pytest.approx(left)
    assert purse.pay(1, 0.0) is (unit != "runs")
    assert not purse.pay(1_000_000, 3.6e9)
    assert Purse.of(None, so_far).pay(10**9, 1e9)
    assert Purse.of(Budget(amount=4.0, unit=unit), Spent()).left == 4.0  # type: ignore[arg-type]


def test_an_hour_of_wall_time_buys_as_many_seconds_as_workers_had_side_by_side() -> None:
    four_workers = Spent(runs=8, cpu_seconds=4 * 3600.0, gpu_seconds=0.0, wall_seconds=3600.0)
    purse = Purse.of(Budget(amount=2.0, unit="hours"), four_workers)
    assert purse.pay(4, 4 * 3599.0)
    assert not purse.pay(1, 3600.0)


def test_a_variant_with_a_failed_run_gets_no_more_seeds(db: Database) -> None:
    judged = to_the_end(
        db, study(), finish=lambda name, seed: None if (name, seed) == ("lr=0.04", 1) else accuracy(name, seed)
    )
    assert sum(run.variant == "lr=0.04" for run in reading.runs(db, "looked")) == 3
    assert (
        judged.comparisons[next(key for key, name in judged.names.items() if name == "lr=0.04")].why
        == "1 of 3 seeds failed"
    )


def test_a_strict_baseline_has_no_more_seeds_than_the_others(db: Database) -> None:
    judged = to_the_end(db, study(looks="looks = [3, 5, 8]\nstrict = true"))
    assert seeds(db)["baseline"] <= 8
    assert all(one.difference.n_b <= one.difference.n_a for one in judged.comparisons.values())


def test_the_test_is_chosen_at_the_first_look_and_stays(db: Database) -> None:
    submit_study(db, study())
    train(db)
    first = analyse(Results.load(db, "looked")).choice
    assert first == to_the_end(db, study()).choice
    assert first.common_seeds == 3


def test_what_looks_gave_is_in_the_report(db: Database) -> None:
    text = render(to_the_end(db, study()), {})
    assert "looks after 3, 5 and 8" in text
    assert "The looks share the error rate (9%, 26%, and 65%)" in text.replace("26% and", "26%, and")
    entries = {one["variant"]: one for one in comparisons_json(Results.load(db, "looked"))["comparisons"]}
    assert entries["lr=0.001"]["look"] == 3


def test_looks_that_are_changed_after_results_leave_confirmatory_verdicts_alone(db: Database) -> None:
    before = to_the_end(db, study())
    changed = study(looks="looks = [3, 5, 8, 16]")
    after = to_the_end(db, changed)
    [old] = before.families
    [confirmed, again] = after.families
    for one, two in zip(old.comparisons, confirmed.comparisons, strict=True):
        assert one.verdict == "undecided" or two == one
    left = {one.arm for one in confirmed.comparisons if one.verdict == "undecided"}
    assert {one.arm for one in again.comparisons} == left
    assert (confirmed.exploratory, again.name) == (False, "one-at-a-time (exploratory)")
    assert {after.home[key] is again for key in left} == {True}
    assert "were planned when the first results were seen" in render(after, {})


def test_a_number_of_seeds_that_is_raised_after_results_is_judged_apart(db: Database) -> None:
    submit_study(db, study(looks="count = 3"))
    train(db)
    before = analyse(Results.load(db, "looked"))
    submit_study(db, study(looks="count = 6"))
    train(db)
    after = analyse(Results.load(db, "looked"))
    [confirmed, again] = after.families
    assert confirmed.comparisons == before.families[0].comparisons
    assert {one.difference.n_a for one in confirmed.comparisons} == {3}
    assert (again.exploratory, {one.difference.n_a for one in again.comparisons}) == (True, {6})
    shown = after.comparisons
    assert {shown[one.arm].difference.n_a for one in again.comparisons} == {6}


def test_new_levels_are_judged_by_themselves(db: Database) -> None:
    before = to_the_end(db, study())
    after = to_the_end(db, study(levels="levels = [0.1, 0.2, 0.3]"))
    assert after.families[0].comparisons == before.families[0].comparisons
    [new] = [family for family in after.families if family.exploratory]
    assert [after.names[one.arm] for one in new.comparisons] == ["dropout=0.3"]


def test_a_part_of_a_study_gets_the_seeds_of_its_own_variants_only(db: Database) -> None:
    part = study().only(variants=["lr=0.04"])
    submit_study(db, study(), part)
    advance = Advance(db, study(), part)
    while advance.waiting:
        train(db)
        advance()
    assert set(seeds(db)) == {"baseline", "lr=0.04"}
