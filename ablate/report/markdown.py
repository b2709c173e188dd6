"""`report.md`: Markdown as GitHub reads it. The same rows give the same text, byte for byte."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from ablate.report import tables
from ablate.report.analysis import Analysis
from ablate.report.checks import findings
from ablate.report.prose import answer, how_to_read
from ablate.report.settings import provenance, settings
from ablate.report.table import Cell, Table
from ablate.report.tunings import tuning_table

#: Letters that mean something to GitHub's Markdown wherever they stand.
SPECIAL = re.compile(r"([\\`*|\[\]~$])")
#: An underscore that could begin or end emphasis: not one between two letters or digits.
OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


def escape(text: str) -> str:
    """Text that GitHub shows as it stands, in a table or out of it, on one line."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return OUTER_UNDERSCORE.sub(r"\\_", SPECIAL.sub(r"\\\1", text))


def render(analysis: Analysis, pictures: Mapping[str, str]) -> str:
    """The whole report.

    Args:
        analysis: The study with its verdicts.
        pictures: File name without ending of each picture in `figures/`, as `gallery.draw` answers.
    """
    results, outline = analysis.results, analysis.results.outline
    found = findings(analysis)
    grave = [f"{finding.severity.capitalize()}: {finding.text}" for finding in found if finding.severity != "note"]
    parts = [f"# {escape(outline.title)}", _list([*answer(analysis), *grave])]
    parts += _picture(pictures, "overview", "All variants: a dot for each seed, mean and 95 % interval")
    parts += ["## Settings", _pairs("setting", "value", settings(results))]
    if (table := tuning_table(results)) is not None:
        parts += _section(table)
    for factor in outline.factors:
        table = tables.factor_table(analysis, factor)
        if table is not None:
            parts += _section(table)
            parts += _picture(pictures, f"factor {factor.name}", f"Loss and accuracy over epochs: {factor.label}")
    for family in analysis.ladders:
        parts += _section(tables.ladder_table(analysis, family))
    for design in outline.designs:
        if (table := tables.grid_table(analysis, design)) is not None:
            parts += _section(table)
    if (table := tables.named_table(analysis)) is not None:
        parts += _section(table)
        parts += _picture(pictures, "named", "Loss and accuracy over epochs: named variants")
    parts += _section(tables.all_table(analysis))
    parts += _section(tables.cost_table(analysis))
    if (table := tables.failure_table(results)) is not None:
        parts += _section(table)
    parts.append("## Checks")
    parts.append(_list(f"{finding.severity}: {finding.text}" for finding in found) if found else "Nothing was found.")
    parts += ["## How to read this", _list(how_to_read(analysis))]
    parts += ["## Where the numbers come from", _pairs("what", "value", provenance(results))]
    parts += ["## How to reproduce it", _commands(analysis)]
    return "\n\n".join(parts) + "\n"


def _commands(analysis: Analysis) -> str:
    """Names of studies have only letters that no shell minds."""
    name = analysis.results.outline.name
    if not analysis.results.recipe:
        return f"The results come from elsewhere. This report again:\n\n```sh\nablate report {name} --markdown\n```"
    options = "".join(f" --set {shlex.quote(setting)}" for setting in analysis.results.settings)
    return f"```sh\nablate run studies/{name}.toml{options}\nablate report {name} --markdown\n```"


def _section(table: Table) -> list[str]:
    return [f"## {escape(table.title)}", _table(table), *(escape(note) for note in table.notes)]


def _table(table: Table) -> str:
    lines = [
        _line(escape(column.heading) for column in table.columns),
        _line("--:" if column.align == "right" else ":--" for column in table.columns),
    ]
    lines += [_line(_cell(cell) for cell in row.cells) for row in table.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return f"**{text}**" if cell.strong else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _pairs(left: str, right: str, pairs: Sequence[tuple[str, str]]) -> str:
    lines = [_line((left, right)), _line((":--", ":--"))]
    return "\n".join([*lines, *(_line((escape(name), escape(value))) for name, value in pairs)])


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {escape(item)}" for item in items)


def _picture(pictures: Mapping[str, str], name: str, text: str) -> list[str]:
    """The picture, in PNG because every viewer shows it; the SVG lies beside it."""
    if name not in pictures:
        return []
    file = pictures[name]
    return [f"![{escape(text)}](figures/{file}.png)", f"[as SVG](figures/{file}.svg)"]
