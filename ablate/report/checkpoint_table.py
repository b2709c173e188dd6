"""Studies of one run a variant: how the two networks compare, in a table and in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ablate.report import numbers
from ablate.report.language import say
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.statistics import Checkpoints, Comparison
from ablate.told import told
from ablate.verdicts.analysis import Analysis

#: Networks that are named one by one in a sentence.
NAMED = 8
NOTE = told(
    "Exact McNemar tests of the test images that one of two networks alone got right, adjusted over each family. They "
    "are of these two checkpoints, not of the methods: with one run each, nobody knows what another seed would bring. "
    "No verdict follows from them; run more seeds."
)


def checkpoint_table(analysis: Analysis) -> Table | None:
    """A row for each comparison of two single runs; None where there is none."""
    steps = [one for family in analysis.ladders for one in family.comparisons]
    rows = [
        Row(
            cells=(
                words(analysis.names[one.arm]),
                words(analysis.names[one.reference]),
                Cell(text=numbers.signed(analysis.results.metric, one.difference.delta), value=one.difference.delta),
                Cell(text=numbers.count(found.n10), value=found.n10),
                Cell(text=numbers.count(found.n01), value=found.n01),
                Cell(text=numbers.probability(found.p), value=found.p),
                Cell(text=numbers.probability(found.p_adjusted), value=found.p_adjusted),
            ),
            key=one.arm,
        )
        for one, found in _tested((*analysis.comparisons.values(), *steps))
    ]
    if not rows:
        return None
    heads = (
        Column(name="variant", heading=say("checkpoint of"), align="left"),
        Column(name="reference", heading=say("against that of"), align="left"),
        Column(name="delta", heading=say("Δ (points)")),
        Column(name="n10", heading=say("images right in the first alone")),
        Column(name="n01", heading=say("in the second alone")),
        Column(name="p", heading="p"),
        Column(name="p_adjusted", heading=say("p (Holm)")),
    )
    return Table(
        title=say("These two checkpoints, not the methods"), columns=heads, rows=tuple(rows), notes=(say(NOTE),)
    )


def told_of_checkpoints(analysis: Analysis, shown: Sequence[Comparison]) -> list[str]:
    """A sentence with the p-values of single runs, the smallest first, that says what they are of."""
    metric, texts = analysis.results.metric, []
    for one, found in sorted(_tested(shown), key=lambda pair: pair[1].p):
        p = numbers.probability(found.p_adjusted)
        texts.append(
            say(
                "{name} ({size} points, p {p})",
                name=quoted(analysis.names[one.arm]),
                size=numbers.signed(metric, one.difference.delta),
                p=p if p.startswith("<") else f"= {p}",
            )
        )
    if not texts:
        return []
    return [
        say(
            "These two checkpoints, not the methods, by exact McNemar tests (Holm-adjusted): {differences}. Another "
            "seed of either may turn it round.",
            differences=listed(texts, NAMED),
        )
    ]


def _tested(comparisons: Sequence[Comparison]) -> Iterator[tuple[Comparison, Checkpoints]]:
    for one in comparisons:
        if one.checkpoints is not None:
            yield one, one.checkpoints
