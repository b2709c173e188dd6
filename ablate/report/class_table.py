"""The table of single classes: which of them a change helps, and which it harms."""

from __future__ import annotations

import numpy as np

from ablate.report import columns, numbers
from ablate.report.language import say
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.statistics import class_accuracies
from ablate.study.outline import OutlineVariant
from ablate.verdicts.analysis import Analysis
from ablate.verdicts.class_counts import ClassCounts

#: Verdicts whose variants are shown beside the baseline.
SHOWN = ("better", "worse")


def class_table(analysis: Analysis) -> Table | None:
    """Accuracy of each class in percent, mean over seeds, of the baseline and what is better or worse than it.

    None where the true classes were not kept, or are too many.
    """
    results = analysis.results
    base = counts_of(analysis, results.baseline)
    if not base:
        return None
    classes, images = base[0].classes, base[0].counts.sum(axis=1)
    decided = [key for key, one in analysis.comparisons.items() if one.verdict in SHOWN]
    rows, left_out = [], []
    for variant in (results.baseline, *map(results.outline.variant, decided)):
        runs = counts_of(analysis, variant)
        if not runs or any(differ(run, base[0]) for run in runs):
            left_out.append(quoted(variant.name))
            continue
        shares = class_accuracies(np.stack([run.counts for run in runs])).mean(axis=0)
        rows.append(
            Row(
                cells=(columns.label(analysis, variant.name, variant), _seeds(runs), *map(_share, shares.tolist())),
                key=variant.key,
                baseline=variant.key == results.baseline.key,
            )
        )
    if not rows:
        return None
    rows.append(Row(cells=(words(say("test images")), words(""), *(_count(number) for number in images.tolist()))))
    heads = (
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="n", heading="n"),
        *(Column(name=f"class {number}", heading=name) for number, name in enumerate(classes)),
    )
    notes = [say("Share of the test images of each class that were classified right, in percent: mean over seeds.")]
    if left_out:
        names = listed(left_out)
        notes.append(say("Left out, for their test images are others or were not kept: {names}.", names=names))
    return Table(title=say("Accuracy of each class"), columns=heads, rows=tuple(rows), notes=tuple(notes))


def counts_of(analysis: Analysis, variant: OutlineVariant) -> list[ClassCounts]:
    """The counts of a variant's runs that are compared, in the order of their seeds."""
    found = analysis.results.classes
    seeds = sorted(analysis.arms[variant.key].values)
    return [found[variant.key, seed] for seed in seeds if (variant.key, seed) in found]


def differ(run: ClassCounts, base: ClassCounts) -> bool:
    """Whether two runs were tested on other images, as far as counts can tell."""
    return run.classes != base.classes or not np.array_equal(run.counts.sum(axis=1), base.counts.sum(axis=1))


def _seeds(runs: list[ClassCounts]) -> Cell:
    return Cell(text=str(len(runs)), value=len(runs))


def _count(number: int) -> Cell:
    return Cell(text=numbers.count(number), value=number)


def _share(value: float) -> Cell:
    if np.isnan(value):  # a class without test images
        return words(numbers.UNKNOWN)
    return Cell(text=numbers.fixed(100 * value, 1), value=value)
