"""Tables for a terminal: the one that `ablate run` ends with, and what `ablate report --check` found."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ablate.report import numbers
from ablate.report.agreement import ROW, Mismatch, Value
from ablate.report.language import say, say_number
from ablate.report.tables import all_table
from ablate.report.terminal import COLOURS
from ablate.report.words import word
from ablate.told import told
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

#: Columns of the table of all variants that a terminal has room for.
HEADINGS = {
    "n": "n",
    "mean": told("mean ± sd"),
    "delta": told("Δ [95 %]"),
    "verdict": told("verdict"),
}

#: Columns of a terminal below which the interval, then the number of seeds, has no room.
NARROW, VERY_NARROW = 66, 42


def summary_table(results: Results, *, width: int = 80) -> Table:
    """Every variant in the order of the study: n, mean ± sd, difference with its interval, verdict.

    Args:
        results: What is drawn.
        width: Columns of the terminal. From 80 on all fits; below, the interval and then the number of seeds are left
            out before a name is; long names are folded.
    """
    analysis = analyse(results)
    found = all_table(analysis)
    names = [column.name for column in found.columns]
    title = numbers.axis(results.metric)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=title, title_justify="left")
    table.add_column(say("variant"), overflow="fold", min_width=10)
    unfit = {"delta"} if width < NARROW else set()
    unfit |= {"n"} if width < VERY_NARROW else set()
    shown = [name for name in HEADINGS if name in names and name not in unfit]
    for name in shown:
        table.add_column(Text(say(HEADINGS[name])), justify="left" if name == "verdict" else "right", no_wrap=True)
    for row in found.rows:
        cells = dict(zip(names, row.cells, strict=True))
        comparison = analysis.comparisons.get(row.key)
        texts = {name: cells[name].text for name in shown}
        texts["n"] = texts["n"].replace(" of ", "/")
        verdict = analysis.verdict(comparison) if comparison else "baseline" if row.baseline else ""
        texts["verdict"] = word(verdict)
        style = "bold" if row.baseline else COLOURS.get(verdict, "")
        table.add_row(*(Text(text, style=style) for text in (str(cells["variant"].value), *texts.values())))
    missing = len(results.runs) - sum(len(arm.values) for arm in analysis.arms.values())
    if missing:
        runs = say_number(len(results.runs), "{n} run", "{n} runs")
        table.caption = say("{n} of {runs} brought no value", n=missing, runs=runs)
        table.caption_justify = "left"
    return table


def mismatch_table(found: Sequence[Mismatch]) -> Table:
    """What a committed report and the database say differently."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("variant", "field", "committed", "now"):
        table.add_column(heading, overflow="fold")
    for one in found:
        is_row = one.field == ROW
        sides = [_side(value, is_row=is_row) for value in (one.committed, one.now)]
        table.add_row(Text(one.variant or "(study)"), Text("" if is_row else one.field), *map(Text, sides))
    return table


def _side(value: Value, *, is_row: bool) -> str:
    """A value as JSON has it, so that all its digits are there; of a whole row its verdict."""
    if is_row:
        return "not there" if value is None else f"there ({value})"
    return numbers.UNKNOWN if value is None else str(value)
