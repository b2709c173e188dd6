"""`benchmarks/gpu.py`: every line of it runs on a processor, with toys; its figures are read right."""

import re

import pytest

from ablate.study import load_study
from benchmarks import gpu
from benchmarks.on_gpu.page import Table, Target, interleaved
from benchmarks.on_gpu.study import Whole, study_text
from benchmarks.on_gpu.work import FULL


def test_the_self_check_runs_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--self-check"]) == 0
    page = capsys.readouterr().out
    gates = re.findall(r"(?m)^- (pass|FAIL): ", page)
    assert gates.count("pass") == 9
    assert "FAIL" not in gates
    for side in (gpu.STUDENTS, gpu.EAGER, gpu.GRAPH, "recorded, 2 side by side", "1 processes", "TF32, recorded"):
        assert re.search(rf"(?m)^\| {re.escape(side)} \| [\d,]+ \|", page), side
    assert "1 of 1 jobs" in page


def test_without_a_gpu_it_says_what_to_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert gpu.main([]) == 2
    assert "--self-check" in capsys.readouterr().err


def test_ratios_are_those_of_each_round_and_held_against_targets() -> None:
    table = Table(
        title="t",
        rates={"slow": [10.0, 20.0, 40.0], "fast": [40.0, 60.0, 80.0], "once": [30.0]},
        against=("slow",),
        targets={
            "fast": [Target(to="slow", ratio=3), Target(to="absent", ratio=2)],
            "once": [Target(to="slow", ratio=2)],
        },
    )
    told = dict(zip(("slow", "fast", "once"), table.lines()[4:], strict=False))
    assert told["slow"] == "| slow | 20 (10 to 40) |  |  |"
    assert (
        told["fast"] == "| fast | 60 (40 to 80) | 3.00x (2.00 to 4.00) | >= 3x slow: met; >= 2x absent: not measured |"
    )
    assert told["once"] == "| once | 30 | 1.50x | >= 2x slow: NOT met |"


def test_sides_are_measured_in_turn_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = interleaved({"a": lambda: side("a"), "b": lambda: side("b")}, 2)
    assert order == ["b", "a", "a", "b", "b", "a"]
    assert found == {"a": [3.0, 6.0], "b": [4.0, 5.0]}


def test_the_study_has_the_variants_that_it_is_said_to_have(tmp_path) -> None:
    path = tmp_path / "gpu.toml"
    path.write_text(study_text(FULL, graphs=True), encoding="utf-8")
    study = load_study(path)
    variants = study.variants()
    assert len(variants) == FULL.variants
    assert len({variant.key for variant in variants}) == FULL.variants
    assert all(variant.recipe.training.graphs for variant in variants)
    assert Whole(done=50, total=150, seconds=40.0).expected == 120.0
