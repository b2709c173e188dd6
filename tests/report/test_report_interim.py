"""Reports of studies that are not done: nothing ran yet, some runs are in, all of them failed."""

from dataclasses import replace
from typing import Any

import pytest
from report_cases import whole

from ablate.protocol import JobState
from ablate.report.markdown import render
from ablate.report.prose import complete_seeds
from ablate.store.records import RunRecord
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

UNMEASURED = (
    "test_accuracy", "test_loss", "selected_epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy",
    "parameters", "trainable_parameters", "flops", "seconds", "seconds_per_epoch", "images_per_second",
    "peak_memory_bytes", "device", "device_name",
)  # fmt: skip


def unmeasured(run: RunRecord, state: JobState, **more: Any) -> RunRecord:
    nothing: dict[str, Any] = dict.fromkeys(UNMEASURED)
    return replace(run, state=state, epochs=0, provenance={}, fingerprints={}, **nothing, **more)


def first(count: int, state: JobState = JobState.QUEUED) -> Results:
    """The study of which so many runs succeeded, in the order of the queue: by seed, then by variant."""
    given = whole()
    done = {run.job for run in sorted(given.runs, key=lambda run: run.seed)[:count]}
    runs = tuple(run if run.job in done else unmeasured(run, state) for run in given.runs)
    places = {(run.variant_key, run.seed) for run in runs if run.job in done}
    return replace(given, runs=runs, epochs=tuple(row for row in given.epochs if (row.variant_key, row.seed) in places))


def bullets(given: Results) -> list[str]:
    """The answer, above the first heading."""
    text = render(analyse(given), {})
    return [line.removeprefix("- ") for line in text.partition("\n## ")[0].splitlines() if line.startswith("- ")]


@pytest.mark.parametrize(
    ("count", "seeds", "told"),
    [
        (17, [0, 1], "17 of 35 runs are in. Seeds 0 and 1 are complete for all variants; each row is made of"),
        (7, [0], "7 of 35 runs are in. Seed 0 is complete for all variants; each row is made of"),
        (6, [], "6 of 35 runs are in. No seed is complete for all variants yet; each row is made of"),
    ],
)
def test_a_running_study_names_its_complete_blocks(count: int, seeds: list[int], told: str) -> None:
    given = first(count)
    assert complete_seeds(given) == seeds
    interim, *others = bullets(given)
    assert interim.startswith(f"Interim report: {told} the seeds that its n says.")
    assert not any("better" in line or "undecided" in line for line in others)
    assert any(line.startswith("Not judged before all their seeds are in: dropout=0.3, dropout=0.6") for line in others)


def test_what_has_all_its_seeds_is_judged_before_the_rest() -> None:
    given = whole()
    late = [run for run in given.runs if run.variant == "the widest" and run.seed == 4]
    runs = tuple(unmeasured(run, JobState.RUNNING) if run in late else run for run in given.runs)
    interim, counts, waiting, *_ = bullets(replace(given, runs=runs))
    assert "Seeds 0, 1, 2 and 3 are complete" in interim
    assert counts.startswith("Of 5 changes, 3 are better than the baseline")
    assert waiting == "Not judged before all their seeds are in: “the widest”."


def test_a_study_of_which_nothing_ran_has_nothing_to_compare() -> None:
    interim, nothing = bullets(first(0))
    assert interim.startswith("Interim report: 0 of 35 runs are in. No seed is complete")
    assert nothing == "No run has brought a value yet, so there is nothing to compare."


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.DIVERGED])
def test_a_study_with_nothing_but_failures_says_so(state: JobState) -> None:
    assert bullets(first(0, state)) == [
        "No run has brought a value, so there is nothing to compare.",
        f"Of 35 runs, 35 {state}; see Failures.",
        "Error: No run has succeeded: there is nothing to compare.",
    ]
    text = render(analyse(first(0, state)), {})
    assert text.partition("## Failures")[2].count(f"| {state} |") == 35
