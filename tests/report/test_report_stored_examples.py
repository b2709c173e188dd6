"""Per-example outcomes from the database to the report: filled columns, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_cases import CLASSES, LABELS, by_name, matrix, right

from ablate import statistics
from ablate.metrics import EpochMetrics, Outcome, Predictions
from ablate.protocol import WorkerInfo
from ablate.recipe import Recipe
from ablate.report.checks import findings
from ablate.report.comparisons import comparisons_json
from ablate.report.examples import obstacle
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.submission import submit
from ablate.study.outline import Outline, OutlineVariant
from ablate.verdicts.analysis import analyse
from ablate.verdicts.outcomes import OTHER_IMAGES
from ablate.verdicts.results import Results


def database(folder: Path, changes: Mapping[str, Mapping[str, Any]], *, seeds: int = 3, labels: bytes | None = None):
    """A study whose variants differ in keys of `data`, trained by arithmetic and stored by the real queue."""
    made = {
        name: Recipe.model_validate(
            {
                "data": {"name": "digits", **data},
                "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}},
            }
        )
        for name, data in {"baseline": {}, **changes}.items()
    }
    outline = Outline(
        name="stored",
        title="Stored",
        metric="test_accuracy",
        direction="max",
        select="best_val",
        seeds=tuple(range(seeds)),
        baseline=made["baseline"].key,
        variants=tuple(OutlineVariant(name=name, key=recipe.key) for name, recipe in made.items()),
    )
    opened = Database.open(folder / "results.db", create=True)
    recipes = {recipe.key: recipe for recipe in made.values()}
    text = "[baseline.data]\nname = 'digits'\n"
    submit(opened, outline=outline, recipes=recipes, text=text, settings=(), sources={}, execution={"threads": 1})
    queue = Queue(opened)
    queue.introduce(WorkerInfo(id="w", host="box", pid=1, device="cpu", device_name="A CPU", provenance={}))
    while (claim := queue.claim("w")) is not None:
        bits = right("optimizer=Adam" if claim.variant == "resized" else "baseline", claim.seed)
        queue.record_epoch(
            claim.ticket,
            EpochMetrics(
                epoch=1,
                train_loss=1 + claim.seed / 10,
                train_accuracy=0.5,
                lr=0.1,
                seconds=0.5,
                images_per_second=100.0,
                peak_memory_bytes=1000,
            ),
        )
        said = Predictions(
            correct=np.packbits(bits).tobytes(),
            predicted=bytes(2 * bits.size),
            confidence=bytes(2 * bits.size),
            count=bits.size,
            labels=LABELS.tobytes() if claim.variant != "relabelled" else labels,
            classes=CLASSES if claim.variant != "relabelled" or labels else (),
        )
        queue.finish(
            claim.ticket,
            Outcome(
                selected_epoch=1,
                test_loss=0.7,
                test_accuracy=int(bits.sum()) / bits.size,
                parameters=10,
                trainable_parameters=10,
                flops=20,
                seconds=1.0,
                fingerprints={"data": f"{claim.variant}:images"},
                predictions=said,
            ),
        )
    return opened


def test_a_stored_study_fills_the_columns_and_refuses_other_images(tmp_path: Path) -> None:
    changes = {"resized": {"resize": 16}, "resplit": {"split_seed": 5}, "relabelled": {"batch_size": 32}}
    with database(tmp_path, changes, labels=LABELS[::-1].tobytes()) as opened:
        given = Results.load(opened, "stored")
    assert len(given.outcomes) == 12
    assert len({id(one.images) for one in given.outcomes.values()}) == 3
    found = by_name(given)
    expected = statistics.two_sources(matrix("optimizer=Adam", 3), matrix("baseline", 3))
    assert found["resized"]["se_total"] == pytest.approx(expected.se_total)
    assert found["resized"]["delta"] == pytest.approx(expected.delta)
    assert found["resized"]["beyond_test_set"] is True
    for name in ("resplit", "relabelled"):
        assert (found[name]["se_example"], found[name]["se_total"]) == (None, None)
    analysis = analyse(given)
    keys = {one.name: one.key for one in given.outline.variants}
    assert obstacle(analysis, keys["relabelled"], given.outline.baseline) == OTHER_IMAGES
    assert [(one.severity, one.text) for one in findings(analysis) if "image by image" in one.text] == [
        (
            "warning",
            "resplit and relabelled: the test images are, or may be, others than those of what it is compared with. "
            "Nothing is compared image by image, and the difference may be that of the images.",
        )
    ]


def test_runs_of_an_older_ablate_are_not_compared_image_by_image(tmp_path: Path) -> None:
    with database(tmp_path, {"relabelled": {"batch_size": 32}}) as opened:
        given = Results.load(opened, "stored")
    assert {key for key, _ in given.outcomes} == {given.outline.baseline}
    assert by_name(given)["relabelled"]["se_total"] is None
    assert findings(analyse(given)) == ()


def test_a_stored_study_of_single_runs_is_one_of_checkpoints(tmp_path: Path) -> None:
    with database(tmp_path, {"resized": {"resize": 16}}, seeds=1) as opened:
        [found] = comparisons_json(Results.load(opened, "stored"))["comparisons"]
    assert (found["test"], found["verdict"]) == ("mcnemar", "undecided")
    assert 0 < found["p"] == found["p_adjusted"] < 0.001
