"""`ablate export`: columns, missing values, and text that a spreadsheet would run."""

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_cases import curve, run, variant
from sqlalchemy import text

from ablate.errors import UsageError
from ablate.metrics import EpochMetrics, Labelling, Outcome, Predictions, StepMetrics
from ablate.protocol import WorkerInfo
from ablate.recipe import Recipe
from ablate.report.comparisons import comparisons_json
from ablate.report.export import epoch_rows, export_rows, run_rows, write_csv, write_json
from ablate.report.labels import submission
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.submission import submit
from ablate.study.outline import Outline, OutlineVariant
from ablate.verdicts.results import Results

RUNS = (
    "variant,variant_key,seed,state,selected_epoch,train_loss,val_accuracy,test_accuracy,test_loss,parameters,flops,"
    "seconds,device,attempt,error"
)
EPOCHS = "variant,variant_key,seed,epoch,train_loss,train_accuracy,val_loss,val_accuracy,lr,seconds,attempt"


def as_csv(rows: object) -> str:
    stream = io.StringIO()
    write_csv(rows, stream)  # type: ignore[arg-type]
    return stream.getvalue()


def as_json(rows: object) -> list[dict[str, object]]:
    stream = io.StringIO()
    write_json(rows, stream)  # type: ignore[arg-type]
    found = json.loads(stream.getvalue(), parse_constant=pytest.fail)
    assert isinstance(found, list)
    return found


def test_columns_are_those_of_the_contract() -> None:
    one = run(variant("baseline"), 0, 0)
    assert as_csv(run_rows([one])).splitlines()[0] == RUNS
    assert as_csv(epoch_rows(curve(one, 0))).splitlines()[0] == EPOCHS
    custom = curve(one, 0, custom={"zebra": 1.5, "apple": math.nan})
    assert as_csv(epoch_rows(custom)).splitlines()[0] == f"{EPOCHS},apple,zebra"
    assert list(as_json(epoch_rows(custom))[0]) == [*EPOCHS.split(","), "apple", "zebra"]
    assert as_csv(run_rows([])) == f"{RUNS}\n"
    assert as_json(run_rows([])) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_run_is_disarmed_in_csv_only(start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    one = replace(run(variant(name), 0, 0), error=f'{start}HYPERLINK("x")')
    cells = next(iter(csv.DictReader(io.StringIO(as_csv(run_rows([one]))))))
    assert cells["variant"] == f"'{name}"
    assert cells["error"] == f"'{one.error}"
    assert as_json(run_rows([one]))[0]["variant"] == name


def test_negative_numbers_are_numbers() -> None:
    one = replace(run(variant("baseline"), 0, 0), test_loss=-0.5)
    assert ",-0.5," in as_csv(run_rows([one]))


def test_missing_values_are_empty_or_null_and_nan_is_missing() -> None:
    one = replace(run(variant("baseline"), 0, 0, None), train_loss=math.nan, test_loss=math.inf)
    cells = next(iter(csv.DictReader(io.StringIO(as_csv(run_rows([one]))))))
    assert (cells["test_accuracy"], cells["train_loss"], cells["test_loss"]) == ("", "", "")
    found = as_json(run_rows([one]))[0]
    assert (found["test_accuracy"], found["train_loss"], found["test_loss"]) == (None, None, None)


def test_names_with_commas_quotes_and_lines_come_back() -> None:
    name = 'a, "b"\nc 学习率'
    cells = next(iter(csv.DictReader(io.StringIO(as_csv(run_rows([run(variant(name), 0, 0)])), newline=""))))
    assert cells["variant"] == name


@pytest.fixture
def stored(tmp_path: Path) -> Database:
    """Two variants, two seeds, two epochs, trained by arithmetic and stored by the real queue."""
    recipes = [
        Recipe.model_validate(
            {
                "data": {"name": "digits", "batch_size": size},
                "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
            }
        )
        for size in (64, 32)
    ]
    outline = Outline(
        name="stored",
        title="Stored",
        metric="test_accuracy",
        direction="max",
        select="best_val",
        seeds=(0, 1),
        baseline=recipes[0].key,
        variants=tuple(
            OutlineVariant(name=name, key=recipe.key) for name, recipe in zip(("base", "=half"), recipes, strict=True)
        ),
    )
    database = Database.open(tmp_path / "results.db", create=True)
    submit(
        database,
        outline=outline,
        recipes={recipe.key: recipe for recipe in recipes},
        text="[baseline.data]\nname = 'digits'\n",
        settings=(),
        sources={},
        execution={"threads": 1},
    )
    queue = Queue(database)
    queue.introduce(WorkerInfo(id="w", host="box", pid=1, device="cpu", device_name="A CPU", provenance={}))
    while (claim := queue.claim("w")) is not None:
        share = 0.5 + 0.1 * claim.seed + 0.2 * (claim.variant == "=half")
        for epoch in (1, 2):
            queue.record_epoch(
                claim.ticket,
                EpochMetrics(
                    epoch=epoch,
                    train_loss=1 / epoch + share,
                    train_accuracy=share,
                    val_loss=1.0,
                    val_accuracy=share,
                    lr=0.1,
                    seconds=0.5,
                    images_per_second=100.0,
                    peak_memory_bytes=1000,
                    custom={"bonus": epoch / 2},
                    steps=(StepMetrics(step=2 * epoch, loss=1 / epoch, val_loss=0.5, val_accuracy=share),),
                ),
            )
        queue.finish(
            claim.ticket,
            Outcome(
                selected_epoch=2,
                test_loss=0.7,
                test_accuracy=share,
                parameters=10,
                trainable_parameters=10,
                flops=20,
                seconds=1.0,
                fingerprints={"module_tree": "abc"},
                predictions=Predictions(
                    correct=np.packbits([1, 0, 1]).tobytes(),
                    predicted=np.array([7, 2, 300], dtype="<u2").tobytes(),
                    confidence=np.array([0.5, 0.25, 1.0], dtype="<f2").tobytes(),
                    count=3,
                    labels=np.array([7, 299, 300], dtype="<u2").tobytes(),
                    classes=tuple(map(str, range(301))),
                ),
                labelling=Labelling(files=("b.png", "=a.png"), classes=("rose", "tulip"), confidence=(0.5, 0.6))
                if claim.variant == "base" and claim.seed == 1
                else None,
            ),
        )
    return database


def test_from_the_database(stored: Database) -> None:
    with stored:
        runs = list(csv.DictReader(io.StringIO(export_rows(stored, "stored", "runs", "csv"))))
        assert [(row["variant"], row["seed"], row["test_accuracy"]) for row in runs] == [
            ("base", "0", "0.5"),
            ("base", "1", "0.6"),
            ("'=half", "0", "0.7"),
            ("'=half", "1", "0.8"),
        ]
        epochs = json.loads(export_rows(stored, "stored", "epochs", "json"))
        assert len(epochs) == 8
        assert epochs[1]["bonus"] == 1.0
        examples = json.loads(export_rows(stored, "stored", "predictions", "json"))
        assert len(examples) == 12
        assert examples[2] == {
            "variant": "base",
            "variant_key": examples[0]["variant_key"],
            "seed": 0,
            "example": 2,
            "correct": 1,
            "predicted": 300,
            "confidence": 1.0,
            "label": 300,
        }
        classes = json.loads(export_rows(stored, "stored", "classes", "json"))
        assert len(classes) == 4 * 301
        assert [(row["class"], row["examples"], row["accuracy"]) for row in classes if row["examples"]] == [
            ("7", 1, 1.0),
            ("299", 1, 0.0),
            ("300", 1, 1.0),
        ] * 4
        pairs = csv.DictReader(io.StringIO(export_rows(stored, "stored", "confusion", "csv")))
        assert sum(int(row["count"]) for row in pairs) == 4 * 3
        assert Results.load(stored, "stored").classes == {}  # so many classes are no table
        loaded = Results.load(stored, "stored")
        assert [seed for _, seed in loaded.steps] == [0, 1, 0, 1]
        assert all(curve.steps.tolist() == curve.val_steps.tolist() == [2, 4] for curve in loaded.steps.values())
        document = comparisons_json(loaded)
        assert document["baseline"]["mean"] == pytest.approx(0.55)
        assert document["comparisons"][0]["delta"] == pytest.approx(0.2)


def test_steps_have_a_row_each(stored: Database) -> None:
    with stored:
        lines = export_rows(stored, "stored", "steps", "csv").splitlines()
    assert lines[0] == "variant,variant_key,seed,epoch,step,loss,val_loss,val_accuracy"
    assert len(lines) == 9
    assert lines[2].startswith("base,")
    assert lines[2].endswith(",0,2,4,0.5,0.5,0.5")


def test_labels_come_with_a_header_in_the_order_of_the_files(stored: Database) -> None:
    with stored:
        made = submission(stored, "stored", "base", seed=1, columns=("id", "label"))
    assert made.text == "id,label\nb.png,rose\n=a.png,tulip\n"
    assert (made.seed, made.count) == (1, 2)


def test_labels_that_are_not_there_are_told_why(stored: Database) -> None:
    with stored:
        for problem, arguments in {
            "no variant 'bass'; did you mean 'base'": {"variant": "bass"},
            "labelled no images with seed 0": {"variant": "base"},  # the lowest seed that succeeded
            "seed 7 of 'base' is no run": {"variant": "base", "seed": 7},
            "names two columns": {"variant": "base", "columns": ("id",)},
        }.items():
            with pytest.raises(UsageError, match=problem):
                submission(stored, "stored", **arguments)  # type: ignore[arg-type]
        with stored.write() as connection:
            connection.execute(text("UPDATE jobs SET state = 'failed' WHERE seed = 1"))
        with pytest.raises(UsageError, match="seed 1 of 'base' is failed"):
            submission(stored, "stored", "base", seed=1)
        with stored.write() as connection:
            connection.execute(text("UPDATE jobs SET state = 'failed'"))
        with pytest.raises(UsageError, match=r"no run of 'base' has succeeded yet \(failed\)"):
            submission(stored, "stored", "base")


def test_unknown_words_are_refused(stored: Database) -> None:
    with stored:
        with pytest.raises(UsageError, match="runs, epochs, steps, predictions, classes, or confusion"):
            export_rows(stored, "stored", "stairs", "csv")
        with pytest.raises(UsageError, match="csv or json"):
            export_rows(stored, "stored", "runs", "parquet")
        with pytest.raises(UsageError, match="no study"):
            export_rows(stored, "absent", "runs", "csv")
