"""Draw every picture of a report into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.report.factorial import crossed
from ablate.report.figures import names, style
from ablate.report.figures.confusion import confusion_figure
from ablate.report.figures.copies import in_copies
from ablate.report.figures.curves import Frame, factor_figure
from ablate.report.figures.effects import effects_figure
from ablate.report.figures.gap import gap_figure
from ablate.report.figures.half_normal import half_normal_figure
from ablate.report.figures.interaction import interaction_figure
from ablate.report.figures.ladder import ladder_figure
from ablate.report.figures.mains import mains_figure
from ablate.report.figures.overview import overview_figure
from ablate.report.figures.pareto import pareto_figure
from ablate.report.figures.schedules import schedules_figure
from ablate.report.figures.steps import StepFrame, steps_figure
from ablate.report.grids import matrices
from ablate.report.pareto import paretos
from ablate.report.tables import members, named_members
from ablate.study.outline import OutlineVariant
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Name of a picture, its file without ending, and what draws it (None: there is nothing to show).
Wanted = tuple[str, str, Callable[[], "Figure | None"]]
#: Label and variant of each curve of a picture.
Variants = Sequence[tuple[str, OutlineVariant]]


def draw(analysis: Analysis, folder: Path, *, pdf: bool = False) -> Mapping[str, str]:
    """Write all pictures as PNG and SVG, and as PDF where that is asked for.

    Returns:
        File name without its ending, by the picture's name (see `names`). What has nothing to show is left out.
    """
    with style.legible():
        pictures = list(wanted(analysis))
        there = in_copies([partial(_drawn, make, folder, file, pdf) for _, file, make in pictures])
    return {name: file for (name, file, _), shows in zip(pictures, there, strict=True) if shows}


def _drawn(make: Callable[[], Figure | None], folder: Path, file: str, pdf: bool) -> bool:
    """Write one picture; False where there is nothing to show."""
    figure = make()
    if figure is None:
        return False
    style.save(figure, folder, file, pdf=pdf)
    return True


def wanted(analysis: Analysis) -> Iterator[Wanted]:
    """The pictures of a study, the overview first; nothing is drawn before it is asked for."""
    results = analysis.results
    yield names.OVERVIEW, names.OVERVIEW, partial(overview_figure, analysis)
    yield names.EFFECTS, names.EFFECTS, partial(effects_figure, analysis)
    yield names.SCHEDULES, "learning-rate", partial(schedules_figure, results)
    compared = False
    for number, factor in enumerate(results.outline.factors, start=1):
        if variants := members(results, factor):
            compared = True
            file = f"factor-{number:02}{names.slug(factor.name)}"
            yield from _curves(results, [(names.factor_name(factor.name), file, variants)])
    if variants := named_members(results):
        compared = True
        yield from _curves(results, [(names.NAMED, names.NAMED, variants)])
    for number, family in enumerate(analysis.ladders, start=1):
        file = f"ladder-{number:02}{names.slug(family.name)}"
        yield names.ladder_name(family.name), file, partial(ladder_figure, analysis, family)
    count = 0
    for number, design in enumerate(results.outline.designs, start=1):
        if found := matrices(results, design):
            compared = True
            file = f"interaction-{number:02}{names.slug(design.name)}"
            yield names.interaction_name(design.name), file, partial(interaction_figure, analysis, found)
        pictures = []
        for place, (_, variants) in enumerate((one for matrix in found for one in matrix.pictures), start=1):
            count += 1
            pictures.append(
                (names.grid_name(design.name, place), f"grid-{count:02}{names.slug(design.name)}", variants)
            )
        yield from _curves(results, pictures)
    for number, part in enumerate(crossed(analysis), start=1):
        ending = f"{number:02}{names.slug(part.name)}"
        yield names.mains_name(part.name), f"mains-{ending}", partial(mains_figure, analysis, part)
        yield names.half_normal_name(part.name), f"half-normal-{ending}", partial(half_normal_figure, analysis, part)
    if not compared:
        alone = [(results.baseline.name, results.baseline)]
        yield from _curves(results, [(names.BASELINE_ALONE, names.BASELINE_ALONE, alone)])
    yield names.GAP, "generalisation-gap", partial(gap_figure, results)
    yield names.CONFUSION, names.CONFUSION, partial(confusion_figure, analysis)
    for one in paretos(analysis):
        file = f"pareto{names.slug(one.cost.name)}"
        yield names.pareto_name(one.cost.name), file, partial(pareto_figure, analysis, one)


def _curves(results: Results, pictures: Sequence[tuple[str, str, Variants]]) -> Iterator[Wanted]:
    """The pictures of one sub-table, by name, file and what they show: over epochs and over steps, on common axes."""
    shown = [variants for _, _, variants in pictures]
    frame, steps = Frame(results, shown), StepFrame(results, shown)
    for name, file, variants in pictures:
        yield name, file, partial(factor_figure, results, variants, frame)
        yield names.steps_name(name), f"{file}-steps", partial(steps_figure, results, variants, steps)
