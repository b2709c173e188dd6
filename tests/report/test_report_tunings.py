"""Retuned levels in the report: compared with the equally retuned baseline, and every choice told."""

from dataclasses import replace
from typing import Any

from ablate.report.comparisons import comparisons_json
from ablate.report.markdown import render
from ablate.report.write import write_report
from ablate.study.outline import OutlineCandidate, OutlineDesign, OutlineTuning, StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results
from tests.report.report_cases import factor, results, shapes, variant

ONE = "one-at-a-time"
BASE = {"norm": "none", "dropout": "0"}


def candidate(key: str, lr: float, *accuracies: float | None, states: tuple[str, ...] = ()) -> OutlineCandidate:
    return OutlineCandidate(
        key=key,
        label=f"training.optimizer.lr = {lr}",
        values={"training.optimizer.lr": lr},
        accuracies=accuracies,
        states=states or ("succeeded",) * len(accuracies),
    )


def tuned(**more: Any) -> Results:
    """A retuned level that is better than the plain baseline, but worse than the retuned one."""
    outline = shapes(
        factors=(factor("norm", ["none", "batch"], "none"), factor("dropout", ["0", "0.3"], "0")),
        designs=(OutlineDesign(name=ONE, kind=ONE, factors=("norm", "dropout")),),
        variants=(
            variant("baseline", "b", levels=BASE, designs=(ONE,)),
            variant("baseline (retuned)", "rb", levels=BASE, is_reference=True, tuning="t0"),
            variant(
                "norm=batch (retuned)",
                "rn",
                levels={**BASE, "norm": "batch"},
                designs=(ONE,),
                tuning="t1",
                references={ONE: "rb"},
            ),
            variant("dropout=0.3", "d", levels={**BASE, "dropout": "0.3"}, designs=(ONE,)),
        ),
        tunings=(
            OutlineTuning(
                key="t0",
                name="baseline (retuned)",
                candidates=(candidate("slow", 0.01, 0.5, 0.6), candidate("rb", 0.2, 0.8, 0.9)),
                seeds=(1_000_000, 1_000_001),
                chosen="rb",
            ),
            OutlineTuning(
                key="t1",
                name="norm=batch (retuned)",
                candidates=(
                    candidate("rn", 0.01, 0.7, 0.8),
                    candidate("wild", 0.2, 0.95, None, states=("succeeded", "diverged")),
                ),
                seeds=(1_000_000, 1_000_001),
                reference="t0",
                chosen="rn",
            ),
        ),
        **more,
    )
    return results(outline, {"baseline (retuned)": 0.9, "norm=batch (retuned)": 0.85, "dropout=0.3": 0.84})


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def test_retuned_levels_are_judged_against_the_retuned_baseline_and_others_against_the_plain_one() -> None:
    found = {one["variant"]: one for one in comparisons_json(tuned())["comparisons"]}
    assert set(found) == {"norm=batch (retuned)", "dropout=0.3"}
    assert found["norm=batch (retuned)"]["reference"] == "baseline (retuned)"
    assert found["norm=batch (retuned)"]["verdict"] == "worse"
    assert found["dropout=0.3"]["reference"] == "baseline"
    assert found["dropout=0.3"]["verdict"] == "better"


def test_dunnetts_test_gives_way_where_references_differ() -> None:
    found = comparisons_json(tuned(statistics=StatisticsSettings(test="dunnett")))["comparisons"]
    assert {one["test"] for one in found} == {"welch"}


def test_the_report_tells_what_was_chosen_among_which() -> None:
    text = render(analyse(tuned()), {})
    table = section(text, "Retuned levels")
    assert "| baseline (retuned) | training.optimizer.lr = 0.2 | 85.00 | 2 succeeded | chosen |" in table
    assert "| norm=batch (retuned) | training.optimizer.lr = 0.01 | 75.00 | 2 succeeded | chosen |" in table
    assert "| norm=batch (retuned) | training.optimizer.lr = 0.2 | – | 1 succeeded and 1 diverged |  |" in table
    assert "2 tuning seeds (1000000 and 1000001), which no comparison uses" in table
    reading = section(text, "How to read this")
    assert (
        "“norm=batch (retuned)”: training.optimizer.lr = 0.01 was chosen among training.optimizer.lr = 0.01; "
        "training.optimizer.lr = 0.2, by the mean validation accuracy over 2 tuning seeds."
    ) in reading


def test_the_factors_table_shows_the_retuned_baseline_as_its_reference() -> None:
    text = render(analyse(tuned()), {})
    norm, dropout = section(text, "norm"), section(text, "dropout")
    assert "Δ vs retuned baseline" in norm
    assert "| none (retuned) (baseline) | 5 | 9" in norm
    assert "| batch (retuned) | 5 | 84.89" in norm
    assert "Δ vs baseline" in dropout
    assert "| 0 (baseline) | 5 | " in dropout
    assert "compared with the baseline that was retuned over the same values" in section(text, "All variants")


def test_counts_of_a_report_know_nothing_of_tuning_runs() -> None:
    made = tuned()
    assert made.finished == len(made.runs) == 20
    assert "Interim" not in render(analyse(made), {})


def test_levels_that_wait_or_failed_are_named() -> None:
    made = tuned()
    variants = tuple(one for one in made.outline.variants if not one.tuning)
    waiting, failed = made.outline.tunings
    outline = made.outline.model_copy(
        update={
            "variants": variants,
            "tunings": (
                waiting.model_copy(update={"chosen": None}),
                failed.model_copy(update={"chosen": None, "failed": True}),
            ),
        }
    )
    runs = tuple(run for run in made.runs if run.variant_key in ("b", "d"))
    text = render(analyse(replace(made, outline=outline, runs=runs)), {})
    assert "“norm=batch (retuned)” failed: no value that was tried succeeded on every tuning seed" in text
    assert "Not compared yet, for their values are still being chosen: “baseline (retuned)”." in text
    assert "## norm" not in text


def test_pictures_are_drawn(tmp_path) -> None:
    write_report(tuned(), tmp_path)
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} == {
        "overview.png",
        "effects.png",
        "generalisation-gap.png",
        "factor-01-norm.png",
        "factor-02-dropout.png",
        "pareto-parameters.png",
    }
