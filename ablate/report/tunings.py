"""Retuned levels in a report: which value was chosen among which, and from what."""

from __future__ import annotations

from ablate.metrics import METRICS
from ablate.report import numbers
from ablate.report.language import say, say_number
from ablate.report.table import Cell, Column, Row, Table, listed, quoted, words
from ablate.report.words import word
from ablate.study.outline import OutlineCandidate, OutlineTuning
from ablate.verdicts.results import Results

#: What candidates are judged by, whatever the study ranks by.
ACCURACY = METRICS["val_accuracy"]


def tuning_table(results: Results) -> Table | None:
    """A row for each value that was tried for each retuned level; None where nothing is retuned."""
    rows = [_row(tuning, one) for tuning in results.outline.tunings for one in tuning.candidates]
    if not rows:
        return None
    heads = (
        Column(name="variant", heading=say("variant"), align="left"),
        Column(name="value", heading=say("value tried"), align="left"),
        Column(name="val_accuracy", heading=numbers.heading(ACCURACY)),
        Column(name="runs", heading=say("tuning runs"), align="left"),
        Column(name="chosen", heading="", align="left"),
    )
    return Table(title=say("Retuned levels"), columns=heads, rows=tuple(rows), notes=(_note(results),))


def _row(tuning: OutlineTuning, candidate: OutlineCandidate) -> Row:
    is_chosen = candidate.key == tuning.chosen
    states = dict.fromkeys(candidate.states)
    counts = [say("{n} {state}", n=candidate.states.count(state), state=word(state)) for state in states]
    runs = listed(counts) or say("not all in")
    return Row(
        cells=(
            words(tuning.name),
            Cell(text=candidate.label, value=candidate.label),
            Cell(text=numbers.plain(ACCURACY, candidate.accuracy), value=candidate.accuracy),
            words(runs),
            words(say("chosen") if is_chosen else ""),
        ),
        key=candidate.key,
    )


def _note(results: Results) -> str:
    seeds = sorted({seed for tuning in results.outline.tunings for seed in tuning.seeds})
    shown = listed([str(seed) for seed in seeds])
    return say_number(
        len(seeds),
        "Mean over {n} tuning seed ({seeds}), which no comparison uses, at the selected epoch. The best mean is "
        "chosen, the first listed of equals; a value with a run that did not succeed loses.",
        "Mean over {n} tuning seeds ({seeds}), which no comparison uses, at the selected epoch. The best mean is "
        "chosen, the first listed of equals; a value with a run that did not succeed loses.",
        seeds=shown,
    )


def choices_told(results: Results) -> list[str]:
    """For each retuned level a sentence: which value was chosen among which, from how many tuning seeds."""
    lines = []
    for tuning in results.outline.tunings:
        name, choice = quoted(tuning.name), tuning.choice
        if choice is not None:
            others = say("; ").join(one.label for one in tuning.candidates)
            lines.append(
                say_number(
                    len(tuning.seeds),
                    "{name}: {value} was chosen among {others}, by the mean validation accuracy over {n} tuning seed.",
                    "{name}: {value} was chosen among {others}, by the mean validation accuracy over {n} tuning seeds.",
                    name=name,
                    value=choice.label,
                    others=others,
                )
            )
    return lines


def trouble(results: Results) -> list[str]:
    """Sentences on retuned levels that are not compared: those that wait, and those of which no value succeeded."""
    tunings = results.outline.tunings
    failed = {tuning.key for tuning in tunings if tuning.failed}
    sentences = [
        say(
            "{name} failed: no value that was tried succeeded on every tuning seed, so it is not compared.",
            name=quoted(tuning.name),
        )
        for tuning in tunings
        if tuning.failed
    ]
    orphans = [quoted(one.name) for one in tunings if one.reference in failed and not one.failed]
    if orphans:
        names = listed(orphans)
        sentences.append(say("{names}: not compared, for the baseline could not be retuned alike.", names=names))
    waiting = [
        quoted(one.name) for one in tunings if one.choice is None and not one.failed and one.reference not in failed
    ]
    if waiting:
        names = listed(waiting)
        sentences.append(say("Not compared yet, for their values are still being chosen: {names}.", names=names))
    return sentences
