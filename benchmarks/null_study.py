"""Real runs without any effect: how often are they given a verdict?

Run `python benchmarks/null_study.py` (minutes on two cores). One recipe is trained on digits with 110 seeds by
`ablate.run`. The runs are then divided at random, again and again, into a baseline and ten variants that differ in
nothing, and each division is judged as a study whose results came from elsewhere; some are really imported. Every
"better", "worse" and "tiny real difference" is false. `--db` keeps the runs for another time. The table is printed and
written to `benchmarks/results/null_study.md`.
"""

from __future__ import annotations

import argparse
import gc
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

import ablate
from ablate.store import Database
from ablate.store.records import RunRecord
from ablate.study.outline import Outline, OutlineVariant, StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

RESULTS = Path(__file__).parent / "results" / "null_study.md"
NAME = "null_study"
VARIANTS = 10
#: Of the divisions that are judged with one: two percentage points.
MARGIN = 0.02
RECIPE = {
    "data": {"name": "digits", "batch_size": 32, "train_images": 600},
    "model": {"name": "convnet", "channels": [8, 16], "hidden": [32]},
    "training": {"epochs": 20, "optimizer": {"name": "SGD", "lr": 0.05, "momentum": 0.9}},
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was said of all divisions."""

    #: Divisions with any false verdict.
    false: int
    divisions: int
    #: Divisions for which each test was chosen.
    tests: Counter[str]
    #: Verdicts of all comparisons.
    verdicts: Counter[str]


def trained(db: str, seeds: int, workers: int) -> list[RunRecord]:
    """The runs of the recipe, in the order of their seeds; those that the database has are not trained again."""
    study = ablate.Study.from_dict({"name": NAME, "seeds": {"count": seeds}, "baseline": RECIPE})
    ablate.run(study, db=db, workers=workers, devices="cpu")
    with Database.open(db) as database:
        runs = sorted(Results.load(database, NAME).runs, key=lambda run: run.seed)
    if len(runs) < seeds or any(run.test_accuracy is None for run in runs):
        raise SystemExit("some runs have no test accuracy: `ablate status` tells why")
    return runs[:seeds]


def divided(runs: Sequence[RunRecord], seeds: int, rng: np.random.Generator, margin: float | None) -> Results:
    """A baseline and ten variants, each of so many runs drawn at random; no run is drawn twice."""
    keys = ["baseline", *(f"variant {number}" for number in range(1, VARIANTS + 1))]
    places = rng.permutation(len(runs))[: seeds * len(keys)].reshape(len(keys), seeds)
    outline = Outline(
        name=NAME,
        title="",
        metric="test_accuracy",
        direction="max",
        select="best_val",
        seeds=tuple(range(seeds)),
        baseline=keys[0],
        variants=tuple(OutlineVariant(name=key, key=key) for key in keys),
        statistics=StatisticsSettings(margin=margin),
    )
    records = [
        replace(runs[place], job=seeds * number + seed, variant=key, variant_key=key, seed=seed)
        for number, key in enumerate(keys)
        for seed, place in enumerate(places[number])
    ]
    return Results(outline=outline, runs=tuple(records))


def judged(runs: Sequence[RunRecord], seeds: int, divisions: int, seed: int, margin: float | None) -> Found:
    """Judge random divisions."""
    rng = np.random.default_rng((seed, seeds))
    false, tests, verdicts = 0, Counter[str](), Counter[str]()
    for _ in range(divisions):
        analysis = analyse(divided(runs, seeds, rng, margin))
        comparisons = analysis.comparisons.values()
        if len(comparisons) != VARIANTS:
            raise SystemExit(f"{len(comparisons)} of {VARIANTS} comparisons were made")
        false += any(one.verdict in ("better", "worse") or one.tiny_difference for one in comparisons)
        tests[analysis.choice.test] += 1
        verdicts.update(one.verdict for one in comparisons)
    return Found(false=false, divisions=divisions, tests=tests, verdicts=verdicts)


def imported(runs: Sequence[RunRecord], seeds: int, divisions: int, seed: int, db: str) -> None:
    """Import random divisions as studies, and stop where their verdicts are others than those of `judged`."""
    rng = np.random.default_rng((seed, seeds))
    for number in range(divisions):
        results = divided(runs, seeds, rng, None)
        table = pd.DataFrame(
            [{"variant": run.variant, "seed": run.seed, "test_accuracy": run.test_accuracy} for run in results.runs]
        )
        found = ablate.import_results(table, study=f"division-{number}", baseline="baseline", db=db).comparisons()
        verdicts = {analyse(results).names[one.arm]: one.verdict for one in analyse(results).comparisons.values()}
        if dict(zip(found["variant"], found["verdict"], strict=True)) != verdicts:
            raise SystemExit(f"division {number} has other verdicts where it is imported")


def main() -> None:
    """Train, divide, judge, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 5], help="runs of each variant")
    parser.add_argument("--divisions", type=int, nargs="+", default=[200, 2000], help="random divisions")
    parser.add_argument("--seed", type=int, default=7, help="of the random divisions")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--db", default="", help="database that keeps the runs")
    options = parser.parse_args()

    needed = max(options.seeds) * (VARIANTS + 1)
    with tempfile.TemporaryDirectory() as folder:
        runs = trained(options.db or str(Path(folder) / "results.db"), needed, options.workers)
        imported(runs, max(options.seeds), min(options.divisions), options.seed, str(Path(folder) / "imported.db"))
    values = np.array([run.test_accuracy for run in runs], dtype=float)
    gc.freeze()  # statsmodels' `multipletests` collects garbage at every call: what is imported need not be walked
    rows = []
    for seeds in options.seeds:
        for margin in (None, MARGIN):
            for divisions in options.divisions:
                found = judged(runs, seeds, divisions, options.seed, margin)
                rows.append(_row(seeds, margin, found))
                print(rows[-1], file=sys.stderr, flush=True)
    text = _page(options, runs, values, rows)
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")


def _row(seeds: int, margin: float | None, found: Found) -> str:
    share = found.false / found.divisions
    error = (share * (1 - share) / found.divisions) ** 0.5
    words = [
        str(seeds),
        "none" if margin is None else f"{margin:g}",
        f"{found.divisions:,}",
        f"{share:.4f}",
        f"{error:.4f}",
        ", ".join(f"{count:,} {test}" for test, count in found.tests.most_common()),
        ", ".join(f"{count:,} {verdict}" for verdict, count in found.verdicts.most_common()),
    ]
    return f"| {' | '.join(words)} |"


def _page(options: argparse.Namespace, runs: Sequence[RunRecord], values: np.ndarray, rows: Sequence[str]) -> str:
    numbers = " ".join(map(str, options.seeds))
    divisions = " ".join(map(str, options.divisions))
    command = f"python benchmarks/null_study.py --seeds {numbers} --divisions {divisions} --seed {options.seed}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "statsmodels", "torch"))
    seconds = sorted(run.seconds or 0.0 for run in runs)[len(runs) // 2]
    head = [
        "seeds a variant",
        "margin",
        "divisions",
        "share with a false verdict",
        "standard error",
        "tests",
        "verdicts",
    ]
    return "\n".join(
        [
            "# A null study on real runs",
            "",
            f"`{command}`",
            f"(Python {platform.python_version()}, {versions}).",
            "",
            f"One recipe, {len(runs)} seeds on digits, median {seconds:.1f} s: test accuracy {values.mean():.4f},",
            f"standard deviation {values.std(ddof=1):.4f}, from {values.min():.4f} to {values.max():.4f}, "
            f"{len(set(values.tolist()))} different values.",
            f"Each division makes a baseline and {VARIANTS} variants of these runs, judged by `ablate.verdicts`",
            "with the default statistics at alpha = .05. No variant differs: each difference that is claimed is false.",
            f"The first {min(options.divisions)} divisions of {max(options.seeds)} seeds were imported as studies too "
            "(`ablate.import_results`): their verdicts are",
            "the same.",
            "",
            "| " + " | ".join(head) + " |",
            "| " + " | ".join(["---"] * len(head)) + " |",
            *rows,
            "",
            "The divisions are independent draws from one pool of runs: the standard error says how well the share of",
            "this pool is known. They share their runs, so that another pool would differ by more than that.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
