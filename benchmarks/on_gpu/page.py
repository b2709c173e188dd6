"""What was found, as a page: rates with their spread, ratios round by round, targets, and gates."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Target:
    """A ratio that a side is to reach."""

    #: The side that it is compared with.
    to: str
    ratio: float


@dataclass(kw_only=True)
class Table:
    """Sides that were measured in turn, round after round."""

    title: str
    #: Images a second of each side and round.
    rates: dict[str, list[float]] = field(default_factory=dict)
    targets: Mapping[str, Sequence[Target]] = field(default_factory=dict)
    #: Sides that every other one is compared with.
    against: Sequence[str] = ()

    def lines(self) -> list[str]:
        """The table in Markdown."""
        head = ["side", "images / s", *(f"against {name}" for name in self.against), "target"]
        rows = [head, ["---"] * len(head)]
        for name, values in self.rates.items():
            ratios = ["" if other == name else _text(self._ratios(name, other), "x") for other in self.against]
            rows.append([name, _text(values), *ratios, "; ".join(self._told(name))])
        return [f"## {self.title}", "", *(f"| {' | '.join(row)} |" for row in rows), ""]

    def _ratios(self, name: str, other: str) -> list[float]:
        """Round by round; one that was measured once is held against the other's median."""
        mine, theirs = self.rates[name], self.rates.get(other, [])
        if not theirs:
            return []
        if len(mine) != len(theirs):
            return [value / statistics.median(theirs) for value in mine]
        return [value / base for value, base in zip(mine, theirs, strict=True)]

    def _told(self, name: str) -> list[str]:
        told = []
        for target in self.targets.get(name, ()):
            ratios = self._ratios(name, target.to)
            met = "not measured" if not ratios else "met" if statistics.median(ratios) >= target.ratio else "NOT met"
            told.append(f">= {target.ratio:g}x {target.to}: {met}")
        return told


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Something that must hold."""

    name: str
    holds: bool

    def line(self) -> str:
        """As a line of a list."""
        return f"- {'pass' if self.holds else 'FAIL'}: {self.name}"


def interleaved(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure each side in turn, round after round, the order reversed each time; the first round does not count."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in list(sides) if number % 2 else reversed(list(sides)):
            rate = sides[name]()
            if number:
                found[name].append(rate)
    return found


def _text(values: Sequence[float], unit: str = "") -> str:
    """Median and range."""
    if not values:
        return ""
    digits = 2 if unit else 0
    middle, low, high = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle}{unit}" if len(values) == 1 else f"{middle}{unit} ({low} to {high})"
