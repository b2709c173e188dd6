"""What tables and verdicts mean beyond their columns, design by design: sentences against overreading."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report import numbers
from ablate.report.language import say
from ablate.report.table import listed, quoted
from ablate.study.outline import OutlineVariant
from ablate.told import told
from ablate.verdicts.analysis import Analysis

LEAVE_ONE_OUT = "leave-one-out"
#: Below the table of a ladder.
IN_THIS_ORDER = told(
    "In this order: each step is compared with the step before it, and its difference is that of this step after those "
    "above. Taken in another order the same steps may differ by more, less or nothing."
)
#: Where levels are retuned.
RETUNED_BASELINE = told("Retuned levels are compared with the baseline that was retuned over the same values.")


def table_notes(analysis: Analysis, variants: Sequence[OutlineVariant]) -> tuple[str, ...]:
    """What a table of variants against the baseline says of how they came to be there."""
    outline = analysis.results.outline
    removing = {design.name for design in outline.designs if design.kind == LEAVE_ONE_OUT}
    found = []
    removed = [one for one in variants if removing & set(one.designs) and one.key != outline.baseline]
    if removed:
        which = say("Removed from the full model")
        if len(removed) < len(_compared(analysis, variants)):
            which = say("Removed from the full model ({names})", names=_names(removed))
        found.append(
            say(
                "{which}: the baseline is the full model. A row that is worse means that what was removed matters "
                "beside all the rest; one that is better, that the model is better off without it; undecided says "
                "neither.",
                which=which,
            )
        )
    late = [one for one in _compared(analysis, variants) if analysis.home[one.key].exploratory]
    if late:
        found.append(
            say(
                "Exploratory, added after results were seen: {names}. Judged apart from what was declared before; what "
                "it shows wants new seeds to confirm it.",
                names=_names(late),
            )
        )
    return tuple(found)


def removed_told(analysis: Analysis) -> list[str]:
    """How to read the verdicts of a study that removes components, for its answer."""
    if not any(design.kind == LEAVE_ONE_OUT for design in analysis.results.outline.designs):
        return []
    return [say("The baseline is the full model of a leave-one-out design: worse means that what was removed matters.")]


def _compared(analysis: Analysis, variants: Sequence[OutlineVariant]) -> list[OutlineVariant]:
    return [one for one in variants if one.key in analysis.comparisons]


def _names(variants: Sequence[OutlineVariant]) -> str:
    return listed([quoted(one.name) for one in variants])


def failures_told(analysis: Analysis) -> str:
    """What becomes of variants whose runs diverged or failed."""
    if analysis.chance is None:
        return say(
            "A variant with a diverged or failed run gets no verdict: the mean of its survivors says nothing of it."
        )
    guess = numbers.with_unit(analysis.results.metric, analysis.chance)
    return say(
        "A diverged run counts as a guess ({guess}) in means and tests, as the study declares; a variant with one can "
        "never be better, and one with a failed run gets no verdict.",
        guess=guess,
    )
