"""How runs were computed, as a report tells it: the table, and a note where comparisons mix ways."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from report_cases import EXECUTION, attempt, whole

from ablate.protocol import AttemptState, JobState
from ablate.report.agreement import mismatches
from ablate.report.checks import findings
from ablate.report.comparisons import comparisons_json
from ablate.report.computed import computed_table
from ablate.report.markdown import render
from ablate.report.pareto import paretos
from ablate.report.table import Table
from ablate.report.tables import cost_table
from ablate.store.records import RunRecord
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

FUSED = {**EXECUTION, "tier": "fused", "k": 4}


def at(seconds: float) -> datetime:
    return datetime(2025, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def changed(change: Callable[[RunRecord], Mapping[str, Any]], given: Results | None = None) -> Results:
    given = given or whole()
    return replace(given, runs=tuple(replace(run, **change(run)) for run in given.runs))


def cells(table: Table | None) -> list[dict[str, str]]:
    assert table is not None
    names = [column.name for column in table.columns]
    return [dict(zip(names, (cell.text for cell in row.cells), strict=True)) for row in table.rows]


def packed(run: RunRecord) -> dict[str, Any]:
    """Packs of four on two workers, a minute each: all but the baseline's runs, which were alone."""
    place = (run.job - 101) // 100 * 5 + run.seed
    if run.variant_key == "b":
        return {"worker": "w0", "started_at": at(60 * run.seed), "ended_at": at(60 * run.seed + 60)}
    begun = 60 * (place // 8)
    times = {"worker": f"w{1 + place // 4 % 2}", "started_at": at(begun), "ended_at": at(begun + 60)}
    return {"execution": FUSED, "images_per_second": 1000.0, **times}


def test_a_row_for_each_way_has_the_rate_of_a_worker_and_its_share_of_the_peak() -> None:
    fused, exact = cells(computed_table(changed(packed)))
    assert fused | {"images_per_second": "4,000", "share_of_peak": "19.5"} == fused
    assert (fused["tier"], fused["k"], fused["runs"]) == ("fused", "4", "30")
    # 3 x 1.3 MFLOP x 4,200 images/s of 80 GFLOP/s
    assert exact == {"tier": "exact", "k": "1", "runs": "5", "images_per_second": "4,200", "share_of_peak": "20.5"}


def test_what_is_the_same_for_all_is_said_once_and_what_is_unknown_is_a_dash() -> None:
    table = computed_table(changed(packed))
    assert table is not None
    assert table.notes[-1].startswith("The same for all: threads 1; memory format channels_last; precision float32; ")
    older = changed(lambda run: {"execution": {}} if run.seed else {})
    known, unknown = sorted(cells(computed_table(older)), key=lambda row: row["runs"])[::-1]
    assert {unknown["runs"], known["runs"]} == {"7", "28"}
    row = next(row for row in (known, unknown) if row["runs"] == "28")
    assert (row["tier"], row["k"], row["threads"], row["share_of_peak"]) == ("–", "–", "–", "–")
    assert row["images_per_second"] == "4,200"


def test_results_from_elsewhere_have_no_table() -> None:
    assert computed_table(changed(lambda _: {"execution": {}, "images_per_second": None})) is None


def test_a_run_on_several_devices_is_held_against_the_peak_of_all() -> None:
    given = whole()
    recipe = {**given.recipe, "training": {**given.recipe["training"], "devices": 2}}
    (row,) = cells(computed_table(replace(given, recipe=recipe)))
    assert row["share_of_peak"] == "10.2"


def test_runs_an_hour_leave_pauses_out_and_the_time_in_which_a_worker_was_lost() -> None:
    def a_day_later(run: RunRecord) -> dict[str, Any]:
        begun = 60 * run.job + 86_400 * (run.seed > 2)
        return {"worker": "w", "started_at": at(begun), "ended_at": at(begun + 120)}

    def told(given: Results) -> str:
        table = computed_table(given)
        assert table is not None
        return next(note for note in table.notes if "an hour" in note)

    given = changed(a_day_later)
    spread = sum(60 * 4 if seeds == 3 else 60 * 3 for seeds in (3, 2)) * 7
    assert f"35 runs in {spread // 60} min 0 s, {3600 * 35 / spread:.1f} runs an hour" in told(given)
    lost = attempt(1, AttemptState.LOST, started_at=at(-3600), ended_at=at(80_000))
    worked = attempt(1, AttemptState.RELEASED, started_at=at(-3600), ended_at=at(-3000))
    for first, more in ((lost, 0), (worked, 10)):
        again = replace(given, attempts={given.runs[0].job: (first, attempt(2, AttemptState.SUCCEEDED))})
        assert f"35 runs in {spread // 60 + more} min" in told(again)


def notes(given: Results) -> list[str]:
    return [one.text for one in findings(analyse(given)) if one.severity == "note"]


def test_comparisons_of_different_ways_are_noted_and_no_alarm() -> None:
    given = changed(packed)
    assert notes(given) == [
        "Compared, and computed in different ways: dropout=0.3, dropout=0.6, optimizer=Adam, “dropout=0.3, "
        "optimizer=Adam”, “dropout=0.6, optimizer=Adam” and “the widest” (fused x4) against baseline (exact). These "
        "ways agree up to rounding."
    ]
    assert "computed in different ways" in render(analyse(given), {})


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"threads": 2}, "(1 thread and 2 threads) against baseline (1 thread)"),
        ({"memory_format": "contiguous"}, "(channels_last and contiguous) against baseline (channels_last)"),
        (
            {"tier": "fused", "k": 8, "threads": 4},
            "(exact, 1 thread; fused x8, 4 threads) against baseline (exact, 1 thread)",
        ),
        ({"precision": "bfloat16"}, None),  # a difference of recipes, which tables show
        ({"peak_flops": 1e9}, None),
    ],
)
def test_only_what_differs_is_named(other: Mapping[str, Any], told: str | None) -> None:
    given = changed(
        lambda run: {"execution": {**EXECUTION, **other}} if run.variant == "the widest" and run.seed == 1 else {}
    )
    found = notes(given)
    assert len(found) == (told is not None)
    assert all(one.startswith(f"Compared, and computed in different ways: “the widest” {told}. These") for one in found)


def test_nothing_of_it_is_checked() -> None:
    quick = changed(lambda _: {"images_per_second": 9000.0}, changed(packed))
    assert mismatches(comparisons_json(whole()), comparisons_json(quick)) == ()


def test_runs_that_were_trained_together_have_no_times_of_their_own() -> None:
    """Their shares would say that optimizers and augmentations cost nothing."""
    given = changed(packed)
    told = cost_table(analyse(given))
    assert told is not None
    alone = [row["variant"] for row in cells(told) if row["seconds_per_epoch"] != "–"]
    assert alone == ["baseline"]
    assert any("none has a time of its own" in note for note in told.notes)
    assert "seconds" not in [one.cost.name for one in paretos(analyse(given))]
    assert not any("none has a time of its own" in note for note in cost_table(analyse(whole())).notes)  # type: ignore[union-attr]


def test_only_runs_that_succeeded_are_counted() -> None:
    given = changed(lambda run: {"state": JobState.FAILED} if run.seed == 0 else {})
    assert [row["runs"] for row in cells(computed_table(given))] == ["28"]
