"""`ablate report --check`: what a committed report and the database say differently."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from report_cases import whole
from tracked_cases import database

from ablate.report.agreement import mismatches
from ablate.report.comparisons import comparisons_json
from tests.command import Ablate

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    return comparisons_json(whole())


def differences(before: Document, now: Document, **more: float) -> list[tuple[object, ...]]:
    return [(one.variant, one.field, one.committed, one.now) for one in mismatches(before, now, **more)]


def test_a_report_agrees_with_itself(document: Document) -> None:
    assert differences(json.loads(json.dumps(document)), document) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.update(metric="test_loss"), ("", "metric", "test_loss", "test_accuracy")),
        (lambda one: one.update(test="paired"), ("", "test", "paired", "welch")),
        (lambda one: one["baseline"].update(n=4), ("", "baseline.n", 4, 5)),
        (lambda one: one["comparisons"][2].update(verdict="worse"), ("optimizer=Adam", "verdict", "worse", "better")),
        (lambda one: one["comparisons"][2].update(p=None), ("optimizer=Adam", "p", None, ...)),
        (lambda one: one["comparisons"][2].pop("mean"), ("optimizer=Adam", "mean", None, ...)),
        (lambda one: one["comparisons"].pop(2), ("optimizer=Adam", "row", None, "better")),
        (
            lambda one: one["comparisons"].append({**one["comparisons"][2], "variant": "gone"}),
            ("gone", "row", "better", None),
        ),
        (lambda one: one["comparisons"][1].update(futile=1), ("dropout=0.6", "futile", 1, False)),
    ],
)
def test_every_change_is_told(
    change: Callable[[Document], object], told: tuple[object, ...], document: Document
) -> None:
    committed = deepcopy(document)
    change(committed)
    (found,) = differences(committed, document)
    assert found[:3] == told[:3]
    assert told[3] in (..., found[3])


def test_every_number_is_compared(document: Document) -> None:
    """Each number of each row, changed alone, is found; and so is each text."""
    for place, row in enumerate(document["comparisons"]):
        for name, value in row.items():
            if name in ("variant", "reference") or value is None:
                continue
            committed = deepcopy(document)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            other = value * 1.001 + 1e-9 if is_number else f"{value}?" if isinstance(value, str) else not value
            committed["comparisons"][place][name] = other
            assert differences(committed, document) == [(row["variant"], name, other, value)], name


def test_numbers_may_differ_by_the_tolerance(document: Document) -> None:
    committed = deepcopy(document)
    committed["comparisons"][2]["mean"] *= 1 + 1e-6
    assert [one[1] for one in differences(committed, document)] == ["mean"]
    assert differences(committed, document, tolerance=1e-5) == []
    committed["comparisons"][2]["mean"] = document["comparisons"][2]["mean"] * (1 + 1e-12)
    assert differences(committed, document) == []
    committed["comparisons"][0]["delta"], document["comparisons"][0]["delta"] = 1e-17, 0.0
    assert differences(committed, document) == []


def test_steps_of_a_ladder_are_known_by_what_they_are_compared_with(document: Document) -> None:
    step = {**document["comparisons"][2], "reference": "dropout=0.3", "family": "ladder"}
    document["comparisons"].append(step)
    committed = deepcopy(document)
    committed["comparisons"][-1]["n"] = 1
    assert differences(committed, document) == [("optimizer=Adam vs dropout=0.3", "n", 1, 5)]


def test_the_command(ablate: Ablate, folder: Path) -> None:
    database(folder / "results.db", ("base", "<b>[red]wide"), seeds=3)
    assert ablate("report", "tracked").returncode == 0
    done = ablate("report", "tracked", "--check")
    file = folder / "reports" / "tracked" / "report.json"
    said = f"{file.relative_to(folder)} agrees with the database\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert ablate("report", "tracked", "--check", "--json").stdout == "[]\n"
    document = json.loads(file.read_text("utf-8"))
    document["baseline"]["mean"] *= 1 + 1e-8
    document["comparisons"][0]["verdict"] = "worse"
    (folder / "other.json").write_text(json.dumps(document), "utf-8")
    done = ablate("report", "tracked", "--check", "other.json")
    assert done.returncode == 7
    assert "other.json is not what the database says: 2 values differ, 1 verdict among them." in done.stderr
    assert [line.split() for line in done.stdout.splitlines() if "verdict" in line] == [
        ["<b>[red]wide", "verdict", "worse", "undecided"]
    ]
    found = ablate("report", "tracked", "--check", "other.json", "--json", "--tolerance", "1e-6")
    assert found.returncode == 7
    assert json.loads(found.stdout) == [
        {"variant": "<b>[red]wide", "field": "verdict", "committed": "worse", "now": "undecided"}
    ]


def test_what_is_no_report_is_told(ablate: Ablate, folder: Path) -> None:
    database(folder / "results.db", seeds=1)
    (folder / "half.json").write_text('{"comparisons"', "utf-8")
    (folder / "list.json").write_text("[]", "utf-8")
    for words, told in {
        ("--check",): "reports/tracked/report.json cannot be read: No such file",
        ("--check", "half.json"): "half.json is no JSON",
        ("--check", "list.json"): "list.json is no report of ablate",
        ("list.json",): "belongs to --check",
        ("--tolerance", "1"): "belongs to --check",
        ("--check", "--markdown"): "--check writes nothing",
    }.items():
        done = ablate("report", "tracked", *words)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_wall_times_may_differ_and_other_costs_may_not() -> None:
    committed = comparisons_json(whole())
    now = json.loads(json.dumps(committed))
    now["compute"]["seconds"] = 17.0
    now["compute"]["at_equal_time"] = []
    now["compute"]["pareto"].append({"cost": "seconds", "variants": []})
    assert mismatches(committed, now) == ()
    now["compute"]["pareto"][0]["variants"][0]["cost"] += 1
    [found] = mismatches(committed, now)
    assert found.field.endswith(".cost")
