"""A/A: what is told of two runs of one recipe and seed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ablate.metrics import METRICS, EpochMetrics, Outcome
from ablate.orchestrate.repeat import repeat_baseline
from ablate.report.repeats import repeat_told
from ablate.store.records import RepeatRecord
from tests.api.api_cases import study

OUTCOME = Outcome(
    selected_epoch=1,
    test_loss=0.5,
    test_accuracy=0.9,
    parameters=1,
    trainable_parameters=1,
    flops=1,
    seconds=1.0,
    fingerprints={},
    metrics={"test_f1": 0.8},
)
Run = tuple[Sequence[EpochMetrics], Outcome]


def epochs(*losses: float, seconds: float = 1.0) -> list[EpochMetrics]:
    return [
        EpochMetrics(
            epoch=epoch,
            train_loss=loss,
            train_accuracy=0.5,
            val_loss=1.0,
            val_accuracy=0.5 + epoch / 10,
            lr=0.1,
            seconds=seconds,
            images_per_second=1.0,
            peak_memory_bytes=1,
        )
        for epoch, loss in enumerate(losses, start=1)
    ]


def repeat(*runs: Run) -> RepeatRecord:
    left: Iterator[Run] = iter(runs)
    return repeat_baseline(study(), lambda: next(left), device="cpu", device_name="A CPU", provenance={})


def told(made: RepeatRecord) -> str:
    return repeat_told("baseline", METRICS["test_accuracy"], made)


def test_equal_runs_are_the_same_to_the_last_bit_whatever_the_clock_says() -> None:
    made = repeat((epochs(1.0, 0.5), OUTCOME), (epochs(1.0, 0.5, seconds=9.0), replace(OUTCOME, seconds=9.0)))
    assert (made.key, made.seed, made.apart_from) == (study().baseline.key, 0, None)
    assert made.first["val_accuracy"] == 0.6  # of the selected epoch
    assert made.first["train_loss"] == 0.5  # of the last
    assert made.first["test_f1"] == 0.8
    assert told(made) == "A/A: baseline with seed 0, trained twice on A CPU, came out the same to the last bit."


@pytest.mark.parametrize(("losses", "apart"), [((1.0, 0.5000001), 2), ((1.1, 0.5), 1), ((1.0,), 2)])
def test_it_is_told_where_runs_part_and_by_how_much(losses: tuple[float, ...], apart: int) -> None:
    made = repeat((epochs(1.0, 0.5), OUTCOME), (epochs(*losses), replace(OUTCOME, test_accuracy=0.9125)))
    assert made.apart_from == apart
    assert f"differed by 1.25 points of test accuracy (their figures part in epoch {apart})" in told(made)


def test_a_metric_that_was_not_measured_is_not_made_up() -> None:
    unknown = replace(OUTCOME, test_accuracy=None)
    made = repeat((epochs(1.0), unknown), (epochs(0.9), unknown))
    assert "neither measured the test accuracy" in told(made)
