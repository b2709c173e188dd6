"""The report as a sequence of sections, whatever writes it down: plain text, tables, and names of pictures."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from ablate.report import tables
from ablate.report.checkpoint_table import checkpoint_table
from ablate.report.checks import findings
from ablate.report.class_differences import class_tables
from ablate.report.class_table import class_table
from ablate.report.epoch_tables import epochs_table
from ablate.report.figures import curves
from ablate.report.figures.curves import drawn
from ablate.report.figures.interaction import INTERACTION_NOTE
from ablate.report.figures.names import (
    ALL_CURVES,
    BASELINE_ALONE,
    CLASSES,
    NAMED,
    OVERVIEW,
    factor_name,
    grid_name,
    interaction_name,
    steps_name,
)
from ablate.report.figures.steps import step_notes
from ablate.report.grids import matrices, matrix_table
from ablate.report.noise_table import noise_table
from ablate.report.prose import answer, how_to_read
from ablate.report.settings import phases, provenance, settings
from ablate.report.table import Table
from ablate.report.tunings import tuning_table
from ablate.study.outline import OutlineDesign, OutlineVariant
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import Results

#: Options of `ablate run` that ask for a part of a study.
PART_OPTIONS = frozenset({"--factors", "--variants", "--seeds"})


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """Sentences that stand one below the other."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Two columns of plain text."""

    left: str
    right: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that was drawn."""

    #: See `figures.names`.
    name: str
    #: What it shows.
    text: str
    #: Label and key of each variant whose curves it shows; empty where it shows none.
    variants: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Lines to be typed."""

    lines: tuple[str, ...]


Block = Paragraph | Bullets | Pairs | Picture | Commands | Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole report."""

    title: str
    #: Before the first heading: what the study found.
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]


def compose(analysis: Analysis, pictures: Container[str], *, option: str = "--markdown") -> Document:
    """Lay a report out.

    Args:
        analysis: The study with its verdicts.
        pictures: Names of the pictures that were drawn.
        option: Of `ablate report`, by which a report of this format is written.
    """
    grave = [f"{one.severity.capitalize()}: {one.text}" for one in findings(analysis) if one.severity != "note"]
    return Document(
        title=analysis.results.outline.title,
        opening=(
            Bullets(items=(*answer(analysis), *grave)),
            *_picture(pictures, OVERVIEW, "All variants: a dot for each seed, mean and 95 % interval"),
        ),
        sections=tuple(_sections(analysis, pictures, option)),
    )


def _sections(analysis: Analysis, pictures: Container[str], option: str) -> Iterator[Section]:
    results, outline = analysis.results, analysis.results.outline
    yield Section(title="Settings", blocks=(_pairs("setting", "value", settings(results)),))
    yield from _of(tuning_table(results))
    yield from _of(phases(results))
    for factor in outline.factors:
        if (table := tables.factor_table(analysis, factor)) is not None:
            variants = tables.members(results, factor)
            yield _section(table, _curves(results, variants, pictures, factor_name(factor.name), factor.label))
    for family in analysis.ladders:
        yield _section(tables.ladder_table(analysis, family))
    for design in outline.designs:
        yield from _grid(analysis, design, pictures)
    if (table := tables.named_table(analysis)) is not None:
        variants = tables.named_members(results)
        yield _section(table, _curves(results, variants, pictures, NAMED, "named variants"))
    if BASELINE_ALONE in pictures or steps_name(BASELINE_ALONE) in pictures:
        alone = [(results.baseline.name, results.baseline)]
        yield Section(
            title="Curves", blocks=tuple(_curves(results, alone, pictures, BASELINE_ALONE, results.baseline.name))
        )
    for wanted in outline.report.epochs:
        yield from _of(epochs_table(results, wanted))
    everything = [(variant.name, variant) for variant in outline.variants]
    yield _section(tables.all_table(analysis), _curves(results, everything, pictures, ALL_CURVES, "chosen variants"))
    yield from _of(noise_table(analysis))
    yield from _of(checkpoint_table(analysis))
    if (table := class_table(analysis)) is not None:
        yield _section(table, _picture(pictures, CLASSES, "Confusions of the baseline and of the best variant"))
    for table in class_tables(analysis):
        yield _section(table)
    yield from _of(tables.cost_table(analysis))
    yield from _of(tables.failure_table(results))
    told = tuple(f"{finding.severity}: {finding.text}" for finding in findings(analysis))
    yield Section(title="Checks", blocks=(Bullets(items=told) if told else Paragraph(text="Nothing was found."),))
    yield Section(title="How to read this", blocks=(Bullets(items=tuple(how_to_read(analysis))),))
    yield Section(title="Where the numbers come from", blocks=(_pairs("what", "value", provenance(results)),))
    yield Section(title="How to reproduce it", blocks=tuple(_commands(results, option)))


def _of(table: Table | None) -> Iterator[Section]:
    if table is not None:
        yield _section(table)


def _section(table: Table, more: Sequence[Block] = ()) -> Section:
    """A table below its title, its notes, and what belongs to it."""
    notes = (Paragraph(text=note) for note in table.notes)
    return Section(title=table.title, blocks=(table, *notes, *more))


def _commands(results: Results, option: str) -> Iterator[Block]:
    """Names of studies have only letters that no shell minds."""
    again = f"ablate report {results.outline.name} {option}"
    if not results.recipe:
        yield Paragraph(text="The results come from elsewhere. This report again:")
        yield Commands(lines=(again,))
    else:
        yield Commands(lines=(*(shlex.join(("ablate", "run", *call)) for call in _calls(results)), again))


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
    pictures: Container[str],
    name: str,
    label: str,
) -> list[Block]:
    """What variants measured over epochs and over steps, with what there is to say of it."""
    of = tuple((text, variant.key) for text, variant in variants)
    blocks: list[Block] = _picture(pictures, name, f"{drawn(results)} over epochs: {label}", of)
    blocks += [Paragraph(text=note) for note in curves.notes(results, variants)] if blocks else []
    steps = _picture(pictures, steps_name(name), f"Loss over steps: {label}", of)
    return [*blocks, *steps, *(Paragraph(text=note) for note in step_notes(results, variants) if steps)]


def _grid(analysis: Analysis, design: OutlineDesign, pictures: Container[str]) -> Iterator[Section]:
    """The matrices of a grid, how its factors act on each other, and its curves."""
    found = matrices(analysis.results, design)
    more: list[Block] = []
    if found:
        named = f"{found[0].down.label} × {found[0].across.label}"
        shown = _picture(pictures, interaction_name(design.name), f"Interaction: {named}")
        more += [*shown, Paragraph(text=INTERACTION_NOTE)] if shown else []
    together = [one for matrix in found for one in matrix.pictures]
    for number, (title, variants) in enumerate(together, start=1):
        more += _curves(analysis.results, variants, pictures, grid_name(design.name, number), title)
    for number, matrix in enumerate(found, start=1):
        yield _section(matrix_table(analysis, matrix), more if number == len(found) else ())


def _pairs(left: str, right: str, pairs: Sequence[tuple[str, str]]) -> Pairs:
    return Pairs(left=left, right=right, pairs=tuple(pairs))


def _picture(pictures: Container[str], name: str, text: str, variants: tuple[tuple[str, str], ...] = ()) -> list[Block]:
    return [Picture(name=name, text=text, variants=variants)] if name in pictures else []
