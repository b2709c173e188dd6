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
from ablate.report.compute import compute_tables
from ablate.report.epoch_tables import epochs_table
from ablate.report.factorial import crossed
from ablate.report.factorial_tables import factorial_tables
from ablate.report.figures import curves
from ablate.report.figures.confusion import CONFUSION_NOTE
from ablate.report.figures.curves import drawn
from ablate.report.figures.effects import EFFECTS_NOTE
from ablate.report.figures.gap import gap_note
from ablate.report.figures.half_normal import HALF_NORMAL_NOTE
from ablate.report.figures.interaction import INTERACTION_NOTE
from ablate.report.figures.ladder import LADDER_NOTE
from ablate.report.figures.mains import MAINS_NOTE
from ablate.report.figures.names import (
    ALL_CURVES,
    BASELINE_ALONE,
    CLASSES,
    CONFUSION,
    EFFECTS,
    GAP,
    NAMED,
    OVERVIEW,
    SCHEDULES,
    factor_name,
    grid_name,
    half_normal_name,
    interaction_name,
    ladder_name,
    mains_name,
    pareto_name,
    steps_name,
)
from ablate.report.figures.schedules import SCHEDULES_NOTE
from ablate.report.figures.steps import step_notes
from ablate.report.glance import glance
from ablate.report.grids import matrices, matrix_table
from ablate.report.language import ENGLISH, say, spoken
from ablate.report.noise_table import noise_table
from ablate.report.pareto import paretos
from ablate.report.prose import answer
from ablate.report.reading import how_to_read
from ablate.report.settings import phases, provenance, settings
from ablate.report.table import Table
from ablate.report.tunings import tuning_table
from ablate.report.words import word
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
    grave = [
        say("{severity}: {text}", severity=word(one.severity).capitalize(), text=one.text)
        for one in findings(analysis)
        if one.severity != "note"
    ]
    return Document(
        title=analysis.results.outline.title,
        opening=(
            Bullets(items=(*answer(analysis), *grave)),
            *_glance(analysis),
            *_picture(pictures, OVERVIEW, say("All variants: a dot for each seed, mean and 95 % interval")),
        ),
        sections=tuple(_sections(analysis, pictures, option)),
    )


def _glance(analysis: Analysis) -> list[Block]:
    """The answers that a reader looks for first."""
    results = analysis.results
    found = glance(analysis, _calls(results) if results.recipe else ())
    return [_pairs(say("in short"), say("answer"), found)] if found else []


def _sections(analysis: Analysis, pictures: Container[str], option: str) -> Iterator[Section]:
    results, outline = analysis.results, analysis.results.outline
    rates = _noted(pictures, SCHEDULES, say("Learning rate over epochs"), say(SCHEDULES_NOTE))
    yield Section(title=say("Settings"), blocks=(_pairs(say("setting"), say("value"), settings(results)), *rates))
    yield from _of(tuning_table(results))
    yield from _of(phases(results))
    for factor in outline.factors:
        if (table := tables.factor_table(analysis, factor)) is not None:
            variants = tables.members(results, factor)
            yield _section(table, _curves(results, variants, pictures, factor_name(factor.name), factor.label))
    for family in analysis.ladders:
        text = say("Steps of {ladder} with their cost", ladder=family.name)
        shown = _noted(pictures, ladder_name(family.name), text, say(LADDER_NOTE))
        yield _section(tables.ladder_table(analysis, family), shown)
    for design in outline.designs:
        yield from _grid(analysis, design, pictures)
        yield from _whole(analysis, design, pictures)
    if (table := tables.named_table(analysis)) is not None:
        variants = tables.named_members(results)
        yield _section(table, _curves(results, variants, pictures, NAMED, say("named variants")))
    if BASELINE_ALONE in pictures or steps_name(BASELINE_ALONE) in pictures:
        alone = [(results.baseline.name, results.baseline)]
        yield Section(
            title=say("Curves"), blocks=tuple(_curves(results, alone, pictures, BASELINE_ALONE, results.baseline.name))
        )
    for wanted in outline.report.epochs:
        yield from _of(epochs_table(results, wanted))
    everything = [(variant.name, variant) for variant in outline.variants]
    more = _curves(results, everything, pictures, ALL_CURVES, say("chosen variants"))
    more += _noted(pictures, EFFECTS, say("Effects of all changes, each with its 95 % interval"), say(EFFECTS_NOTE))
    more += _noted(pictures, GAP, say("Generalisation gap of each variant"), gap_note(results))
    yield _section(tables.all_table(analysis), more)
    yield from _of(noise_table(analysis))
    yield from _of(checkpoint_table(analysis))
    if (table := class_table(analysis)) is not None:
        against = say("Confusion of classes: the best variant minus the baseline")
        shown = _picture(pictures, CLASSES, say("Confusions of the baseline and of the best variant"))
        yield _section(table, [*shown, *_noted(pictures, CONFUSION, against, say(CONFUSION_NOTE))])
    for table in class_tables(analysis):
        yield _section(table)
    yield from _of(tables.cost_table(analysis))
    yield from _compute(analysis, pictures)
    yield from _of(tables.failure_table(results))
    told = tuple(
        say("{severity}: {text}", severity=word(finding.severity), text=finding.text) for finding in findings(analysis)
    )
    nothing = Paragraph(text=say("Nothing was found."))
    yield Section(title=say("Checks"), blocks=(Bullets(items=told) if told else nothing,))
    yield Section(title=say("How to read this"), blocks=(Bullets(items=tuple(how_to_read(analysis))),))
    origin = _pairs(say("what"), say("value"), provenance(results))
    yield Section(title=say("Where the numbers come from"), blocks=(origin,))
    yield Section(title=say("How to reproduce it"), blocks=tuple(_commands(results, option)))


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
    again += "" if spoken() == ENGLISH else f" --lang {spoken()}"
    if not results.recipe:
        yield Paragraph(text=say("The results come from elsewhere. This report again:"))
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
    blocks: list[Block] = _picture(
        pictures, name, say("{what} over epochs: {label}", what=drawn(results), label=label), of
    )
    blocks += [Paragraph(text=note) for note in curves.notes(results, variants)] if blocks else []
    steps = _picture(pictures, steps_name(name), say("Loss over steps: {label}", label=label), of)
    return [*blocks, *steps, *(Paragraph(text=note) for note in step_notes(results, variants) if steps)]


def _grid(analysis: Analysis, design: OutlineDesign, pictures: Container[str]) -> Iterator[Section]:
    """The matrices of a grid, how its factors act on each other, and its curves."""
    found = matrices(analysis.results, design)
    more: list[Block] = []
    if found:
        named = f"{found[0].down.label} × {found[0].across.label}"
        shown = _picture(pictures, interaction_name(design.name), say("Interaction: {factors}", factors=named))
        more += [*shown, Paragraph(text=say(INTERACTION_NOTE))] if shown else []
    together = [one for matrix in found for one in matrix.pictures]
    for number, (title, variants) in enumerate(together, start=1):
        more += _curves(analysis.results, variants, pictures, grid_name(design.name, number), title)
    for number, matrix in enumerate(found, start=1):
        yield _section(matrix_table(analysis, matrix), more if number == len(found) else ())


def _whole(analysis: Analysis, design: OutlineDesign, pictures: Container[str]) -> Iterator[Section]:
    """Main effects and interactions of a grid or a fraction, or why there are none."""
    for part in crossed(analysis):
        if part.design.name != design.name:
            continue
        found = factorial_tables(analysis, part)
        if not found:
            yield Section(
                title=say("Main effects: {design}", design=part.name), blocks=(Paragraph(text=say(part.why)),)
            )
        more: list[Block] = []
        for name, text, note in (
            (mains_name(part.name), say("Main effects: {design}", design=part.name), MAINS_NOTE),
            (half_normal_name(part.name), say("Half-normal plot: {design}", design=part.name), HALF_NORMAL_NOTE),
        ):
            shown = _picture(pictures, name, text)
            more += [*shown, Paragraph(text=say(note))] if shown else []
        for number, table in enumerate(found):
            yield _section(table, () if number else more)


def _compute(analysis: Analysis, pictures: Container[str]) -> Iterator[Section]:
    """Variants at equal cost, and their merit against each kind of cost with its picture."""
    more: list[Block] = []
    for one in paretos(analysis):
        text = say(
            "{metric} against {cost}: mean with its 95 % interval, and the front",
            metric=analysis.results.metric.label,
            cost=one.cost.heading,
        )
        more += _picture(pictures, pareto_name(one.cost.name), text)
    found = compute_tables(analysis)
    for number, table in enumerate(found, start=1):
        yield _section(table, more if number == len(found) else ())
    if more and not found:
        yield Section(title=say("Merit against cost"), blocks=tuple(more))


def _pairs(left: str, right: str, pairs: Sequence[tuple[str, str]]) -> Pairs:
    return Pairs(left=left, right=right, pairs=tuple(pairs))


def _noted(pictures: Container[str], name: str, text: str, note: str) -> list[Block]:
    """A picture, and what a reader has to know of it."""
    shown = _picture(pictures, name, text)
    return [*shown, Paragraph(text=note)] if shown else []


def _picture(pictures: Container[str], name: str, text: str, variants: tuple[tuple[str, str], ...] = ()) -> list[Block]:
    return [Picture(name=name, text=text, variants=variants)] if name in pictures else []
