"""`ablate report --json`: the comparisons of a study, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablate.report.compute import compute_json
from ablate.report.examples import beyond_test_set, two_sources
from ablate.report.factorial_json import factorial_json
from ablate.statistics import Comparison, TwoSources
from ablate.verdicts.analysis import Analysis, Family, analyse
from ablate.verdicts.results import Results


def comparisons_json(results: Results) -> dict[str, Any]:
    """The document that scripts rely on; accuracies are fractions, what cannot be computed is None.

    Every variant but the baseline is listed once with its verdict in its family, in the order of the study; then come
    the steps of ladders, each with the step before it as reference.
    `se_seed` is the standard error over seeds, `se_example` that over test images, `se_total` that over both, by which
    `beyond_test_set` is answered where the verdict is better or worse. Where `test` is `mcnemar`, `p` and `p_adjusted`
    are of two checkpoints, of which `n10` images were right for the variant's alone and `n01` for the reference's: the
    verdict on the methods is undecided.
    """
    return comparisons_of(analyse(results))


def comparisons_of(analysis: Analysis) -> dict[str, Any]:
    """The same for a study that is already judged."""
    results = analysis.results
    baseline = analysis.interval(results.outline.baseline)
    shown = [(one, analysis.home[key]) for key, one in analysis.comparisons.items()]
    shown += [(one, family) for family in analysis.ladders for one in family.comparisons]
    tests = {one.test for one, _ in shown} - {"none"}
    return {
        "study": results.outline.name,
        "metric": results.outline.metric,
        "test": "none" if not tests else "mcnemar" if tests == {"mcnemar"} else analysis.choice.test,
        "icc": analysis.choice.icc,
        "baseline": {
            "variant": results.baseline.name,
            "n": baseline.n,
            "mean": baseline.mean,
            "sd": baseline.sd,
        },
        "comparisons": [_with_examples(one, analysis, family) for one, family in shown],
        "compute": compute_json(analysis),
        "factorial": factorial_json(analysis),
    }


def _with_examples(comparison: Comparison, analysis: Analysis, family: Family) -> dict[str, Any]:
    both = two_sources(analysis, comparison.arm, comparison.reference)
    return comparison_entry(comparison, analysis.names, family, both)


def comparison_entry(
    comparison: Comparison, names: Mapping[str, str], family: Family, both: TwoSources | None = None
) -> dict[str, Any]:
    """The entry of one comparison in a document.

    Args:
        comparison: The comparison.
        names: Names of its two arms, by key.
        family: Its family.
        both: What its single test images say; None where they are not compared.
    """
    difference, networks = comparison.difference, comparison.checkpoints
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
        "p": difference.p if networks is None else networks.p,
        "p_adjusted": comparison.p_adjusted if networks is None else networks.p_adjusted,
        "ci_low": difference.ci_low,
        "ci_high": difference.ci_high,
        "verdict": comparison.verdict,
        "why": comparison.why or None,
        "look": comparison.look,
        "futile": comparison.futile,
        "seeds_needed": comparison.seeds_needed,
        "mde": comparison.mde,
        "se_seed": difference.se,
        "se_example": None if both is None else both.se_example,
        "se_total": None if both is None else both.se_total,
        "beyond_test_set": beyond_test_set(comparison, both),
        "n10": None if networks is None else networks.n10,
        "n01": None if networks is None else networks.n01,
    }
