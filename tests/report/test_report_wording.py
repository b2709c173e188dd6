"""What reports say beside their numbers, design by design, so that nobody reads more into them than there is."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from report_cases import ACCURACIES, results, shapes, variant
from test_report_markdown import section, text_of

from ablate.report.prose import answer
from ablate.report.tables import all_table, factor_table, ladder_table
from ablate.report.wording import failures_told
from ablate.store.records import ImageSetRecord
from ablate.study.outline import OutlineDesign, StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

BASE = {"dropout": "0", "optimizer": "SGD"}
ADAM, BOTH = {**BASE, "optimizer": "Adam"}, {"dropout": "0.3", "optimizer": "Adam"}


def study(kind: str, *others: Any, **more: Any) -> Results:
    """A design of this kind over two factors."""
    design = OutlineDesign(name=kind, kind=kind, factors=("optimizer", "dropout"))
    base = variant("baseline", "b", levels=BASE, designs=(kind,))
    return results(shapes(designs=(design,), variants=(base, *others), **more), ACCURACIES)


def ladder() -> Results:
    return study(
        "ladder",
        variant("optimizer=Adam", levels=ADAM, designs=("ladder",)),
        variant("dropout=0.3, optimizer=Adam", levels=BOTH, designs=("ladder",)),
    )


def left_out() -> Results:
    return study(
        "leave-one-out",
        variant("dropout=0.6", levels={**BASE, "dropout": "0.6"}, designs=("leave-one-out",)),
        variant("optimizer=Adam", levels=ADAM, designs=("leave-one-out",)),
        variant("the widest"),
    )


def late() -> Results:
    return study(
        "one-at-a-time",
        variant("dropout=0.3", levels={**BASE, "dropout": "0.3"}, designs=("one-at-a-time",)),
        variant("optimizer=Adam", levels=ADAM, designs=("one-at-a-time",), exploratory=True),
    )


def retuned() -> Results:
    reference = variant("baseline (retuned)", "r", levels=BASE, is_reference=True)
    tuned = variant(
        "optimizer=Adam (retuned)",
        levels=ADAM,
        designs=("one-at-a-time",),
        tuning="t",
        references={"one-at-a-time": "r"},
    )
    plain = variant("dropout=0.3", levels={**BASE, "dropout": "0.3"}, designs=("one-at-a-time",))
    return study("one-at-a-time", reference, tuned, plain)


def guessed() -> Results:
    dropout = variant("dropout=0.3", levels={**BASE, "dropout": "0.3"}, designs=("one-at-a-time",))
    given = study("one-at-a-time", dropout, statistics=StatisticsSettings(on_diverged="score_as_chance"))
    return replace(given, test_sets=(ImageSetRecord(variant_key="b", digest="d", count=9, classes=10),))


def said(given: Results) -> str:
    """The answer, the notes of every table, and what becomes of failures."""
    analysis = analyse(given)
    tables = [ladder_table(analysis, family) for family in analysis.ladders]
    tables += [table for factor in given.outline.factors if (table := factor_table(analysis, factor)) is not None]
    tables.append(all_table(analysis))
    parts: list[tuple[str, Sequence[str]]] = [("Answer", answer(analysis))]
    parts += [(f"Notes of {table.title}", table.notes) for table in tables]
    parts.append(("Failures", [failures_told(analysis)]))
    return "\n".join("\n".join((f"# {title}", *lines, "")) for title, lines in parts)


@pytest.mark.parametrize("make", [ladder, left_out, late, retuned, guessed])
def test_the_words_are_the_golden_ones(make: Callable[[], Results], golden: Callable[[str, str], str]) -> None:
    text = said(make())
    assert text == golden(f"wording-{make.__name__}.txt", text)


def test_a_step_of_a_ladder_is_never_called_a_contribution() -> None:
    text = text_of(ladder())
    assert "contribut" not in text.lower()
    assert "In this order: each step is compared with the step before it" in section(text, "Ladder: ladder")
    assert "Of the 2 steps of the ladder, in this order, 1 is better than the step before" in text


def test_what_was_removed_is_told_from_the_full_model() -> None:
    text = text_of(left_out())
    assert "Removed from the full model: the baseline is the full model. A row that is worse means" in section(
        text, "dropout"
    )
    assert "Removed from the full model (dropout=0.6 and optimizer=Adam)" in section(text, "All variants")
    assert "full model" not in text_of(late())


def test_what_came_late_is_marked_where_its_verdict_stands() -> None:
    text = text_of(late())
    for title in ("optimizer", "All variants"):
        assert "Exploratory, added after results were seen: optimizer=Adam." in section(text, title)
    assert "Exploratory" not in section(text, "dropout")
