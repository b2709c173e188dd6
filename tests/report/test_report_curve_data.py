"""What the page's charts are given: every value once, in few letters."""

import json
from dataclasses import replace

import pytest
from report_cases import stopped, whole, wounded

from ablate.protocol import JobState
from ablate.report.html import curve_data as room
from ablate.report.html.curve_data import curve_data
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results


def data_of(given: Results) -> dict:
    return json.loads(curve_data(analyse(given)))


def labels(data: dict) -> list[str]:
    return [metric["label"] for metric in data["metrics"]]


def curve(data: dict, variant: int, run: int, metric: str) -> list[float | None]:
    _, _, curves = data["variants"][variant]["runs"][run]
    return data["curves"][curves[labels(data).index(metric)]]


def test_curves_hold_what_epochs_measured() -> None:
    given = whole()
    data = data_of(given)
    assert labels(data) == [
        "training loss",
        "training accuracy",
        "validation loss",
        "validation accuracy",
        "learning rate",
    ]
    rows = [row for row in given.epochs if (row.variant_key, row.seed) == ("key of optimizer=Adam", 2)]
    assert data["variants"][3]["name"] == "optimizer=Adam"
    assert curve(data, 3, 2, "validation accuracy") == pytest.approx([100 * row.val_accuracy for row in rows], rel=1e-4)
    assert curve(data, 3, 2, "training loss") == pytest.approx([row.train_loss for row in rows], rel=1e-4)


def test_equal_curves_are_there_once() -> None:
    data = data_of(whole())
    rates = {run[2][4] for variant in data["variants"] for run in variant["runs"]}
    assert len(rates) == 1
    assert len({str(one) for one in data["curves"]}) == len(data["curves"])


def test_panels_pair_training_with_held_out_images_and_the_ranked_kind_comes_first() -> None:
    data = data_of(whole())
    named = [(title, labels(data)[bold], thin >= 0) for title, bold, thin in data["panels"]]
    assert named[:2] == [("loss", "validation loss", True), ("accuracy", "validation accuracy", True)]
    assert named[-1] == ("learning rate", "learning rate", False)
    assert named[data["ranked"]][0] == "accuracy"


def test_metrics_of_ones_own_are_offered_too() -> None:
    assert "variance of the step losses" in [title for title, _, _ in data_of(stopped())["panels"]]


def test_runs_say_how_they_ended_and_gaps_are_null() -> None:
    data = data_of(wounded())
    kinds = [run[1] for run in data["variants"][2]["runs"]]
    assert kinds == ["steady", "steady", "steady", "wild", "steady"]
    assert curve(data, 2, 3, "validation loss")[1:] == [None] * 5
    assert [run[1] for run in data["variants"][3]["runs"]][4] == "partial"


def test_bands_get_the_quantiles_of_their_seeds() -> None:
    assert data_of(whole())["t"] == [12.7062, 4.3027, 3.1824, 2.7764]


def test_of_too_many_epochs_some_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_NUMBERS", 2 * len(whole().epochs))
    data = data_of(whole())
    assert data["stride"] == 2
    rows = [row for row in whole().epochs if (row.variant_key, row.seed) == ("b", 0)]
    assert curve(data, 0, 0, "training loss") == pytest.approx([row.train_loss for row in rows[::2]], rel=1e-4)


def test_without_epochs_there_are_no_curves() -> None:
    waiting = tuple(replace(one, state=JobState.QUEUED, test_accuracy=None) for one in whole().runs)
    assert curve_data(analyse(replace(whole(), runs=waiting, epochs=()))) == ""
