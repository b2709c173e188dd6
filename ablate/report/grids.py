"""Grid designs as matrices: the first factor down, the second across, a matrix for each combination of the rest."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ablate.report import columns, numbers
from ablate.report.language import say
from ablate.report.table import Cell, Column, Row, Table, clauses, words
from ablate.study.outline import OutlineDesign, OutlineFactor, OutlineVariant
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import Results

#: Matrices of one design beyond which the table of all variants has to do.
MOST_MATRICES = 8
#: Cells whose curves are drawn in one picture.
MOST_TOGETHER = 6
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Two factors of a grid, at one level each of its other factors."""

    down: OutlineFactor
    across: OutlineFactor
    #: Names and labels of the levels that the grid has: numbers by their size, others in the factor's order.
    rows: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    #: Variant by the names of its two levels; cells that were left out are missing.
    cells: Mapping[tuple[str, str], OutlineVariant]
    #: Labels of the other factors with those of their levels.
    fixed: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """`depth × residual`, and what the other factors are set to."""
        return clauses((f"{self.down.label} × {self.across.label}", *map(_at, self.fixed)))

    @property
    def turned(self) -> Matrix:
        """The same with the factor first that makes the better axis: the one of numbers, of two such the longer."""
        first, second = positions(self.rows), positions(self.columns)
        if second is None or (first is not None and len(first) >= len(second)):
            return self
        return replace(
            self,
            down=self.across,
            across=self.down,
            rows=self.columns,
            columns=self.rows,
            cells={(other, name): variant for (name, other), variant in self.cells.items()},
        )

    @property
    def pictures(self) -> tuple[tuple[str, tuple[tuple[str, OutlineVariant], ...]], ...]:
        """What is drawn over epochs together, with a title: few cells at once, else those of each level in turn.

        Nothing where these were too many pictures.
        """
        if len(self.cells) <= MOST_TOGETHER:
            labelled = [(text, other, name, second) for name, text in self.rows for second, other in self.columns]
            cells = ((f"{text} × {other}", (name, second)) for text, other, name, second in labelled)
            return ((self.title, tuple((text, self.cells[place]) for text, place in cells if place in self.cells)),)
        turned = self.turned
        if len(turned.columns) > MOST_MATRICES:
            return ()
        aside = tuple(map(_at, self.fixed))
        return tuple(
            (
                clauses((turned.down.label, _at((turned.across.label, other)), *aside)),
                tuple((text, turned.cells[name, level]) for name, text in turned.rows if (name, level) in turned.cells),
            )
            for level, other in turned.columns
        )


def _at(fixed: tuple[str, str]) -> str:
    """A factor and the level that it is set to."""
    return say("{factor}: {level}", factor=fixed[0], level=fixed[1])


def levels(factor: OutlineFactor) -> list[tuple[str, str]]:
    """Names and labels of all levels, the reference first where it is not listed."""
    pairs = [(level.name, level.label) for level in factor.levels]
    if factor.reference not in dict(pairs):
        pairs.insert(0, (factor.reference, factor.reference))
    return pairs


def matrices(results: Results, design: OutlineDesign) -> tuple[Matrix, ...]:
    """The matrices of a grid, in the order of its other factors' levels; nothing for other or too large designs."""
    if design.kind != "grid" or len(design.factors) < 2:
        return ()
    known = {factor.name: factor for factor in results.outline.factors}
    factors = [known[name] for name in design.factors]
    cells = {tuple(factor.reference for factor in factors): results.baseline}
    for variant in results.outline.variants:
        if design.name in variant.designs:
            place = tuple(variant.levels.get(factor.name, factor.reference) for factor in factors)
            cells.setdefault(place, variant)
    used = [
        _in_order([pair for pair in levels(factor) if any(place[index] == pair[0] for place in cells)])
        for index, factor in enumerate(factors)
    ]
    if math.prod(len(pairs) for pairs in used[2:]) > MOST_MATRICES:
        return ()
    found = (_matrix(factors, used, cells, rest) for rest in itertools.product(*used[2:]))
    return tuple(matrix for matrix in found if matrix.cells)


def _in_order(pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Levels that are numbers by their size, others as the study lists them."""
    places = positions(tuple(pairs))
    if places is None:
        return tuple(pairs)
    return tuple(pair for _, pair in sorted(zip(places, pairs, strict=True)))


def _matrix(
    factors: list[OutlineFactor],
    used: list[tuple[tuple[str, str], ...]],
    cells: Mapping[tuple[str, ...], OutlineVariant],
    rest: tuple[tuple[str, str], ...],
) -> Matrix:
    at = tuple(name for name, _ in rest)
    return Matrix(
        down=factors[0],
        across=factors[1],
        rows=used[0],
        columns=used[1],
        cells={(place[0], place[1]): variant for place, variant in cells.items() if place[2:] == at},
        fixed=tuple((factor.label, text) for factor, (_, text) in zip(factors[2:], rest, strict=True)),
    )


def matrix_table(analysis: Analysis, matrix: Matrix) -> Table:
    """Mean ± sd and verdict of each cell, with n in each where it is not the same in all."""
    counts = {columns.seeds(analysis, variant).text for variant in matrix.cells.values()}
    common = next(iter(counts)) if len(counts) == 1 else ""
    rows = [
        Row(
            cells=(
                words(text),
                *(_cell(analysis, matrix.cells.get((name, other)), common) for other, _ in matrix.columns),
            )
        )
        for name, text in matrix.rows
    ]
    corner = Column(name="level", heading=f"{matrix.down.label} ↓ {matrix.across.label} →", align="left")
    heads = tuple(Column(name=f"level {name}", heading=text) for name, text in matrix.columns)
    metric = analysis.results.metric
    measured = say("{metric} in percent", metric=metric.label) if metric.percent else say(metric.label)
    note = say("Mean ± sd of the {metric}, and the verdict against the baseline.", metric=measured)
    if common:
        note = say(
            "Mean ± sd of the {metric}, and the verdict against the baseline; n = {n} in every cell.",
            metric=measured,
            n=common,
        )
    return Table(title=matrix.title, columns=(corner, *heads), rows=tuple(rows), notes=(note,))


def _cell(analysis: Analysis, variant: OutlineVariant | None, common: str) -> Cell:
    if variant is None:
        return words(numbers.UNKNOWN)
    comparison = analysis.comparisons.get(variant.key)
    said = columns.verdict(analysis, variant, comparison).text
    if not analysis.results.is_run(variant.key):
        return words(said)
    mean, seeds = columns.mean(analysis, variant, comparison), columns.seeds(analysis, variant)
    if comparison is None:
        said = say("baseline") if variant.key == analysis.results.outline.baseline else ""
    n = "" if common else f"n = {seeds.text}"
    return Cell(text=clauses([text for text in (mean.text, n, said) if text]), value=mean.value, strong=mean.strong)


def positions(pairs: tuple[tuple[str, str], ...]) -> tuple[float, ...] | None:
    """Where levels lie on an axis of numbers: those in their labels, else in their names; None where they are words.

    Labels may have words around the number, as `20 layers`, if all have the same ones.
    """
    for texts in reversed(list(zip(*pairs, strict=True))):
        found = [_NUMBER.findall(text) for text in texts]
        if all(len(each) == 1 for each in found) and len({_NUMBER.sub("#", text) for text in texts}) == 1:
            values = tuple(float(each[0]) for each in found)
            if len(set(values)) == len(values):
                return values
    return None
