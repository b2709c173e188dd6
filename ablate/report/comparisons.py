"""`ablate report --json`: the comparisons of a study, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablate.report.analysis import Analysis, Family, analyse
from ablate.report.factorial_json import factorial_json
from ablate.report.results import Results
from ablate.statistics import Comparison


def comparisons_json(results: Results) -> dict[str, Any]:
    """The document that scripts rely on; accuracies are fractions, what cannot be computed is None.

    Every variant but the baseline is listed once with its verdict in its family, in the order of the study; then come
    the steps of ladders, each with the step before it as reference.
    `se_seed` is the standard error over seeds; `se_example` and `se_total` are None as long as the stored per-example
    outcomes are not taken into account.
    """
    return comparisons_of(analyse(results))


def comparisons_of(analysis: Analysis) -> dict[str, Any]:
    """The same for a study that is already judged."""
    results = analysis.results
    baseline = analysis.interval(results.outline.baseline)
    shown = [(one, analysis.home[key]) for key, one in analysis.comparisons.items()]
    shown += [(one, family) for family in analysis.ladders for one in family.comparisons]
    return {
        "study": results.outline.name,
        "metric": results.outline.metric,
        "test": analysis.choice.test if any(one.test != "none" for one, _ in shown) else "none",
        "icc": analysis.choice.icc,
        "baseline": {
            "variant": results.baseline.name,
            "n": baseline.n,
            "mean": baseline.mean,
            "sd": baseline.sd,
        },
        "comparisons": [_comparison(one, analysis.names, family) for one, family in shown],
        "factorial": factorial_json(analysis),
    }


def _comparison(comparison: Comparison, names: Mapping[str, str], family: Family) -> dict[str, Any]:
    difference = comparison.difference
    return {
        "variant": names[comparison.arm],
        "reference": names[comparison.reference],
        "family": family.name,
        "test": comparison.test,
        "n": difference.n_a,
        "n_reference": difference.n_b,
        "mean": difference.mean_a,
        "sd": difference.sd_a,
        "delta": difference.delta,
        "se": difference.se,
        "df": difference.df,
        "statistic": difference.statistic,
        "p": difference.p,
        "p_adjusted": comparison.p_adjusted,
        "ci_low": difference.ci_low,
        "ci_high": difference.ci_high,
        "verdict": comparison.verdict,
        "why": comparison.why or None,
        "seeds_needed": comparison.seeds_needed,
        "mde": comparison.mde,
        "se_seed": difference.se,
        "se_example": None,
        "se_total": None,
    }
