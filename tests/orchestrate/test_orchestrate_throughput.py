"""How fast a study goes, by what has ended and what runs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ablate.orchestrate.lines import computed, rates
from ablate.orchestrate.throughput import MOST, Throughput, paced
from ablate.store.records import RunningRecord
from ablate.store.ways import EndedRecord, Way

FUSED = Way(tier="fused", k=8, threads=1, memory_format="channels_last", precision="float32")
EXACT = Way(tier="exact", k=1, threads=2, memory_format="contiguous", precision="bfloat16")


def at(seconds: float) -> datetime:
    return datetime(2025, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def ended(*spans: tuple[float, float], way: Way | None = FUSED) -> list[EndedRecord]:
    """Jobs by start and end, seconds; the last end first."""
    found = [EndedRecord(started_at=at(begun), ended_at=at(end), way=way) for begun, end in spans]
    return sorted(found, key=lambda job: job.ended_at, reverse=True)


def running(images_per_second: float | None = None) -> RunningRecord:
    return RunningRecord(
        job=1,
        study="small",
        variant="a",
        seed=0,
        worker="w",
        epoch=1,
        epochs_total=2,
        val_accuracy=None,
        train_loss=None,
        images_per_second=images_per_second,
        peak_memory_bytes=None,
        started_at=at(0),
    )


def packs(count: int, size: int, seconds: float, workers: int = 2) -> list[tuple[float, float]]:
    """Rounds of packs that begin and end together."""
    return [(seconds * n, seconds * (n + 1)) for n in range(count) for _ in range(size * workers)]


@pytest.mark.parametrize(
    ("spans", "rate"),
    [
        ([(0, 60)], 60),
        ([(0, 60), (0, 60), (60, 120), (60, 120)], 120),  # two workers
        (packs(5, 8, 60), 16 * 60),
        ([(0, 60), (60, 120), (50_000, 50_030), (50_031, 50_060)], 120),  # taken up the next day
        ([(n * 360, (n + 1) * 360) for n in range(50)], 10),  # the last hour of five
        ([(n * 3600, (n + 1) * 3600) for n in range(6)] * 2, 2),  # runs of an hour: the last three
    ],
)
def test_runs_an_hour_are_those_that_ended_lately(spans: Sequence[tuple[float, float]], rate: float) -> None:
    found = paced(ended(*spans), (), at(10**6))
    assert found.runs_per_hour == pytest.approx(rate, rel=0.01)


def test_the_rate_of_packs_does_not_fall_between_their_ends_but_where_one_is_overdue() -> None:
    jobs = ended(*packs(3, 8, 60))
    now = [paced(jobs, [running()], at(seconds)).runs_per_hour for seconds in (181, 239, 360)]
    assert now == [960, 960, 480]


def test_the_first_of_very_many_jobs_only_says_when_they_ended() -> None:
    jobs = ended(*((n, n + 1.0) for n in range(3 * MOST)))[:MOST]
    found = paced(jobs, (), at(0))
    assert found.runs_per_hour == pytest.approx(3600)
    assert found.computed == ((FUSED, MOST - 1),)


def test_images_of_jobs_that_run_now_are_added() -> None:
    found = paced((), [running(400.0), running(), running(200.0)], at(0))
    assert (found.runs_per_hour, found.images_per_second) == (None, 600.0)
    assert rates(found) == "600 images/s"
    assert paced((), [running()], at(0)) == Throughput()
    assert (rates(Throughput()), computed(Throughput())) == ("", "")


def test_how_runs_were_computed_is_told_with_numbers_where_it_differs() -> None:
    jobs = ended((0, 10), (0, 10), (0, 10))
    assert computed(paced(jobs, (), at(0))) == "fused x8, 1 thread, channels_last"
    mixed = [*jobs, *(replace(job, way=way) for job, way in zip(jobs, (EXACT, None, EXACT), strict=True))]
    found = paced(mixed, (), at(0))
    assert computed(found) == (
        "fused x8, 1 thread, channels_last (3 runs); exact, 2 threads, contiguous, bfloat16 (2 runs)"
    )
    assert found.as_json()["computed"][1] == {
        "tier": "exact", "k": 1, "threads": 2, "memory_format": "contiguous", "precision": "bfloat16", "jobs": 2
    }  # fmt: skip
    sizes = [replace(job, way=replace(FUSED, k=k)) for job, k in zip(jobs, (3, 7, 5), strict=True)]
    assert computed(paced(sizes, (), at(0))) == "fused x3 to x7, 1 thread, channels_last"
    assert rates(replace(found, runs_per_hour=2158.4, images_per_second=7.25)) == "2,160 runs/h, 7.2 images/s"
