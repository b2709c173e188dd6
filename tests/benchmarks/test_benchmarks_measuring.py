"""Rounds, ratios, targets and pages of figures."""

from pathlib import Path

import pytest

from benchmarks import measuring
from benchmarks.measuring import Spread, Target, interleaved, publish, replaced


def test_a_ratio_is_that_of_a_round() -> None:
    ratio = Spread.ratio([2.0, 30.0, 12.0], [1.0, 10.0, 3.0])
    assert ratio.median == 3.0
    assert ratio.range == (2.0, 4.0)
    assert ratio.text() == "3.00 (2.00 to 4.00)"
    assert ratio.text(1, 100) == "300.0 (200.0 to 400.0)"


def test_rounds_must_be_whole_to_be_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Spread.ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("target", "value", "told"),
    [
        (Target(limit=5), 5.1, ">= 5x: met"),
        (Target(limit=5), 4.9, ">= 5x: NOT met"),
        (Target(limit=3, at_least=False, unit=" %"), 0.029, "<= 3 %: met"),
        (Target(limit=3, at_least=False, unit=" %"), 0.031, "<= 3 %: NOT met"),
    ],
)
def test_a_target_is_judged_by_the_median_in_its_own_unit(target: Target, value: float, told: str) -> None:
    scale = 100 if "%" in target.unit else 1
    assert target.told(Spread.of([0.0, value, 99.0]), scale) == told


def test_sides_take_turns_and_the_order_turns_round(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    found = interleaved({name: lambda name=name: side(name) for name in "ab"}, 2)
    assert "".join(calls) == "ba" + "ab" + "ba"
    assert found == {"a": [3.0, 6.0], "b": [4.0, 5.0]}  # the first round filled caches
    assert "round 2 of 2, a: 6.00" in capsys.readouterr().err


def test_a_section_takes_the_place_of_its_older_self_alone() -> None:
    page = replaced("# Speed\n", "One", "## One\n\nfirst\n")
    page = replaced(page, "One of many", "## One of many\n\nother\n")
    page = replaced(page, "One", "## One\n\nsecond\n")
    assert page == "# Speed\n\n## One\n\nsecond\n\n## One of many\n\nother\n"


def test_what_is_published_stands_on_the_page_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("sys.argv", ["/somewhere/benchmarks/one.py", "--rounds", "3"])
    publish("Two", ["only said"], write=False)
    publish("One", [measuring.machine(("numpy", "no-such-package")), "text"])
    [page] = (tmp_path / "results").iterdir()
    assert page.stem == measuring.machine_kind()
    written = page.read_text("utf-8")
    assert "`python benchmarks/one.py --rounds 3`" in written
    assert "no-such-package absent" in written
    assert "only said" not in written
    assert "only said" in capsys.readouterr().out
