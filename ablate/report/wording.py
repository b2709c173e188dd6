"""What tables and verdicts mean beyond their columns, design by design: sentences against overreading."""

from __future__ import annotations

from ablate.report import numbers
from ablate.report.analysis import Analysis


def failures_told(analysis: Analysis) -> str:
    """What becomes of variants whose runs diverged or failed."""
    if analysis.chance is None:
        return "A variant with a diverged or failed run gets no verdict: the mean of its survivors says nothing of it."
    guess = numbers.with_unit(analysis.results.metric, analysis.chance)
    return (
        f"A diverged run counts as a guess ({guess}) in means and tests, as the study declares; a variant with one can "
        "never be better, and one with a failed run gets no verdict."
    )
