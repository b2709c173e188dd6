"""`report.md`: Markdown as GitHub reads it. The same rows give the same text, byte for byte."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from ablate.report import tables
from ablate.report.analysis import Analysis
from ablate.report.checks import findings
from ablate.report.class_table import class_table
from ablate.report.epoch_tables import epochs_table
from ablate.report.factorial_tables import factorial_tables
from ablate.report.figures import curves
from ablate.report.figures.curves import drawn
from ablate.report.figures.half_normal import HALF_NORMAL_NOTE
from ablate.report.figures.interaction import INTERACTION_NOTE
from ablate.report.figures.mains import MAINS_NOTE
from ablate.report.figures.names import (
    BASELINE_ALONE,
    NAMED,
    OVERVIEW,
    factor_name,
    grid_name,
    half_normal_name,
    interaction_name,
    mains_name,
    steps_name,
)
from ablate.report.figures.steps import step_notes
from ablate.report.grids import matrices, matrix_table
from ablate.report.prose import answer, how_to_read
from ablate.report.results import Results
from ablate.report.settings import phases, provenance, settings
from ablate.report.table import Cell, Table
from ablate.report.tunings import tuning_table
from ablate.study.outline import OutlineDesign, OutlineVariant

#: Letters that mean something to GitHub's Markdown wherever they stand.
SPECIAL = re.compile(r"([\\`*|\[\]~$])")
#: An underscore that could begin or end emphasis: not one between two letters or digits.
OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")

#: Options of `ablate run` that ask for a part of a study.
PART_OPTIONS = frozenset({"--factors", "--variants", "--seeds"})


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
    parts += _picture(pictures, OVERVIEW, "All variants: a dot for each seed, mean and 95 % interval")
    parts += ["## Settings", _pairs("setting", "value", settings(results))]
    if (table := tuning_table(results)) is not None:
        parts += _section(table)
    if (table := phases(results)) is not None:
        parts += _section(table)
    for factor in outline.factors:
        table = tables.factor_table(analysis, factor)
        if table is not None:
            parts += _section(table)
            variants = tables.members(results, factor)
            parts += _curves(results, variants, pictures, factor_name(factor.name), factor.label)
    for family in analysis.ladders:
        parts += _section(tables.ladder_table(analysis, family))
    for design in outline.designs:
        parts += _grid(analysis, design, pictures)
        parts += _whole(analysis, design, pictures)
    if (table := tables.named_table(analysis)) is not None:
        parts += _section(table)
        parts += _curves(results, tables.named_members(results), pictures, NAMED, "named variants")
    if BASELINE_ALONE in pictures or steps_name(BASELINE_ALONE) in pictures:
        alone = [(results.baseline.name, results.baseline)]
        parts += ["## Curves", *_curves(results, alone, pictures, BASELINE_ALONE, "baseline")]
    for wanted in outline.report.epochs:
        if (table := epochs_table(results, wanted)) is not None:
            parts += _section(table)
    parts += _section(tables.all_table(analysis))
    if (table := class_table(analysis)) is not None:
        parts += _section(table)
    if (table := tables.cost_table(analysis)) is not None:
        parts += _section(table)
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
    results, name = analysis.results, analysis.results.outline.name
    if not results.recipe:
        return f"The results come from elsewhere. This report again:\n\n```sh\nablate report {name} --markdown\n```"
    commands = "\n".join(shlex.join(("ablate", "run", *call)) for call in _calls(results))
    return f"```sh\n{commands}\nablate report {name} --markdown\n```"


def _calls(results: Results) -> Sequence[tuple[str, ...]]:
    """The commands to type: one for the whole study says all that those for its parts said."""
    if not results.calls:  # submitted by an ablate that did not keep them
        options = (word for setting in results.settings for word in ("--set", setting))
        return [(f"studies/{results.outline.name}.toml", *options)]
    whole = [call for call in results.calls if not PART_OPTIONS & set(call)]
    return whole[-1:] or results.calls


def _curves(
    results: Results,
    variants: Sequence[tuple[str, OutlineVariant]],
    pictures: Mapping[str, str],
    name: str,
    label: str,
) -> list[str]:
    """What variants measured over epochs and over steps, with what there is to say of it."""
    parts = _picture(pictures, name, f"{drawn(results)} over epochs: {label}")
    parts += [escape(note) for note in curves.notes(results, variants)] if parts else []
    steps = _picture(pictures, steps_name(name), f"Loss over steps: {label}")
    return [*parts, *steps, *(escape(note) for note in step_notes(results, variants) if steps)]


def _grid(analysis: Analysis, design: OutlineDesign, pictures: Mapping[str, str]) -> list[str]:
    """The matrices of a grid, how its factors act on each other, and its curves."""
    parts = []
    found = matrices(analysis.results, design)
    for matrix in found:
        parts += _section(matrix_table(analysis, matrix))
    if found:
        named = f"{found[0].down.label} × {found[0].across.label}"
        shown = _picture(pictures, interaction_name(design.name), f"Interaction: {named}")
        parts += [*shown, INTERACTION_NOTE] if shown else []
    drawn_together = [one for matrix in found for one in matrix.pictures]
    for number, (title, variants) in enumerate(drawn_together, start=1):
        parts += _curves(analysis.results, variants, pictures, grid_name(design.name, number), title)
    return parts


def _whole(analysis: Analysis, design: OutlineDesign, pictures: Mapping[str, str]) -> list[str]:
    """Main effects and interactions of a grid or a fraction, or why there are none."""
    parts = []
    for part in analysis.crossed:
        if part.design.name != design.name:
            continue
        tables = factorial_tables(analysis, part)
        if not tables:
            parts += [f"## {escape(f'Main effects: {part.name}')}", escape(part.why)]
        for number, table in enumerate(tables):
            parts += _section(table)
            if number == 0:
                shown = _picture(pictures, mains_name(part.name), f"Main effects: {part.name}")
                parts += [*shown, MAINS_NOTE] if shown else []
                shown = _picture(pictures, half_normal_name(part.name), f"Half-normal plot: {part.name}")
                parts += [*shown, HALF_NORMAL_NOTE] if shown else []
    return parts


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
