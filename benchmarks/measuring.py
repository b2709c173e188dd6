"""What the benchmarks share: interleaved rounds, ratios with their spread, targets, and pages of figures.

Figures of one machine say little about another, so that what is compared runs in the same minutes: in each round every
side has its turn, in an order that is reversed from round to round, and a ratio is that of one round. A page under
`results/` belongs to a kind of machine; each script replaces its own section there and leaves the others alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ablate.worker.devices import device_name, usable_cores

RESULTS = Path(__file__).parent / "results"
#: Begins the section of a script.
HEADING = "## "
#: Processes that wanted a core when the script began, and how many may before figures are not to be trusted.
LOAD, QUIET = (os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0), 0.5


@dataclass(frozen=True)
class Spread:
    """Figures of the rounds: their median is the result, their range says how well it is known."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value a round."""
        return cls(tuple(values))

    @classmethod
    def ratio(cls, of: Sequence[float], to: Sequence[float]) -> Spread:
        """Of each round's own ratio."""
        return cls(tuple(one / other for one, other in zip(of, to, strict=True)))

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    def text(self, digits: int = 2, scale: float = 1.0) -> str:
        """As `2.31 (2.20 to 2.45)`, in other units by `scale`."""
        middle, low, high = (f"{scale * value:,.{digits}f}" for value in (self.median, *self.range))
        return f"{middle} ({low} to {high})"

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest round."""
        return min(self.values), max(self.values)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a median is held against."""

    limit: float
    #: Whether more is better.
    at_least: bool = True
    #: After the number, as `x` or ` %`.
    unit: str = "x"

    def told(self, found: Spread | None, scale: float = 1.0) -> str:
        """As `>= 5x: met`; `scale` brings the figure to the target's unit."""
        words = f"{'>=' if self.at_least else '<='} {self.limit:g}{self.unit}"
        if found is None:
            return f"{words}: not measured"
        value = scale * found.median
        return f"{words}: {'met' if (value >= self.limit if self.at_least else value <= self.limit) else 'NOT met'}"


def interleaved(
    sides: Mapping[str, Callable[[], float]], rounds: int, *, warm_up: int = 1, said: str = ""
) -> dict[str, list[float]]:
    """Measure all sides in turn, round after round.

    Args:
        sides: What measures each of them.
        rounds: How often each is measured.
        warm_up: Rounds before these that do not count: they fill caches.
        said: Begins the lines about how far it is, on standard error.

    Returns:
        A figure for each side and round.
    """
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-warm_up, rounds):
        for name in list(sides) if number % 2 == 0 else reversed(list(sides)):
            value = sides[name]()
            round_name = f"round {number + 1} of {rounds}" if number >= 0 else "warm-up"
            print(f"{said}{round_name}, {name}: {value:,.2f}", file=sys.stderr, flush=True)
            if number >= 0:
                found[name].append(value)
    return found


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine_kind() -> str:
    """As `cpu-2-cores-x86_64`: what machines have in common whose figures may stand on one page."""
    cores = usable_cores()
    return f"cpu-{cores}-{'core' if cores == 1 else 'cores'}-{platform.machine()}"


def machine(packages: Sequence[str] = ()) -> str:
    """Processor, cores, load and versions in a line, as every section has one."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in packages)]
    load = f"load {LOAD:.1f} at the start"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {device_name('cpu')}, {usable_cores()} usable cores, {platform.system()} "
        f"{platform.machine()}, {', '.join(versions)}; {load}"
        + (": NOT a quiet machine, which sides of several threads suffer from most." if LOAD > QUIET else ".")
    )


def arguments(doc: str | None, *, rounds: int, recipes: Collection[str] = ()) -> argparse.ArgumentParser:
    """A parser with what every benchmark of rounds takes; of recipes also which, and where the real images are."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"interleaved rounds; {rounds} by default")
    parser.add_argument("--quick", action="store_true", help="little work, to see that it runs; nothing is written")
    if recipes:
        parser.add_argument("--data-root", type=Path, help="folder with the real CIFAR-10")
        parser.add_argument("--only", nargs="+", choices=recipes, help="only these recipes; nothing is written")
    return parser


def command() -> str:
    """What was typed."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def publish(title: str, paragraphs: Sequence[str], *, kind: str | None = None, write: bool = True) -> None:
    """Print what a script found, and put it in place of its older section on the machine's page.

    Args:
        title: Heading of the section, the same each time.
        paragraphs: Text and tables.
        kind: Another kind of machine than that of `machine_kind`.
        write: False only prints.
    """
    section = "\n\n".join([f"{HEADING}{title}", f"`{command()}`", *paragraphs]) + "\n"
    print(section)
    if write:
        name = kind or machine_kind()
        path = RESULTS / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else f"# Speed on {name}\n"
        path.write_text(replaced(before, title, section), encoding="utf-8")


def replaced(page: str, title: str, section: str) -> str:
    """A page with this section in place of the one of the same title, or behind the others."""
    head, *others = re.split(rf"(?m)^(?={re.escape(HEADING)})", page)
    begins = f"{HEADING}{title}\n"
    places = [number for number, other in enumerate(others) if other.startswith(begins)]
    if places:
        others[places[0]] = section
    else:
        others.append(section)
    return "\n\n".join(part.strip("\n") for part in (head, *others)) + "\n"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
