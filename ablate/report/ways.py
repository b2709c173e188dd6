"""Comparisons of runs that were computed in different ways: nothing to fear, and nothing to keep silent about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ablate.report.costs import successful
from ablate.report.language import say, say_number
from ablate.report.table import clauses, listed, quoted
from ablate.store.records import RunRecord
from ablate.store.ways import Way
from ablate.verdicts.analysis import Analysis


def ways_told(analysis: Analysis) -> str | None:
    """All such comparisons in one text; None where there are none."""
    names, results = analysis.names, analysis.results
    steps = [one for family in analysis.ladders for one in family.comparisons]
    kinds: dict[tuple[str, str, str], list[str]] = {}
    pairs = dict.fromkeys((one.arm, one.reference) for one in (*analysis.comparisons.values(), *steps))
    for arm, reference in pairs:
        if (apart := ways_apart(successful(results, arm), successful(results, reference))) is not None:
            kinds.setdefault((*apart, reference), []).append(quoted(names[arm]))
    if not kinds:
        return None
    parts = [
        say(
            "{names} ({ways}) against {reference} ({others})",
            names=listed(found),
            ways=here,
            reference=quoted(names[reference]),
            others=there,
        )
        for (here, there, reference), found in kinds.items()
    ]
    return say(
        "Compared, and computed in different ways: {comparisons}. These ways agree up to rounding.",
        comparisons=say("; ").join(parts),
    )


def ways_apart(runs: Sequence[RunRecord], reference: Sequence[RunRecord]) -> tuple[str, str] | None:
    """How either side was computed, in words, where that is not all the same; only what differs is named.

    None where it is all the same, or one side is not known. Precision is a part of the recipes, which tell it.
    """
    here, there = (_ways(side) for side in (runs, reference))
    if not here or not there or len(here | there) == 1:
        return None
    texts = {way: _texts(way) for way in here | there}
    differ = [place for place in range(3) if len({text[place] for text in texts.values()}) > 1]
    first, second = (
        _joined([[texts[way][place] for place in differ] for way in sorted(side)]) for side in (here, there)
    )
    return first, second


def _joined(ways: Sequence[Sequence[str]]) -> str:
    if len(ways[0]) == 1:
        return listed([text for (text,) in ways])
    return say("; ").join(clauses(texts) for texts in ways)


def _ways(runs: Sequence[RunRecord]) -> set[Way]:
    return {replace(way, precision="") for run in runs if (way := Way.of(run.execution)) is not None}


def _texts(way: Way) -> tuple[str, str, str]:
    tier = way.tier if way.k == 1 else f"{way.tier} x{way.k}"
    return tier, say_number(way.threads, "{n} thread", "{n} threads"), way.memory_format
