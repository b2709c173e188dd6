"""Single classes and metrics of one's own in the report: tables, columns, findings."""

from dataclasses import replace

import numpy as np
import pytest
from report_cases import curve, results, run, shapes, variant, whole
from test_report_markdown import rows, section, text_of

from ablate.metrics import Predictions, named_metric
from ablate.report.export import class_rows, confusion_rows, prediction_rows, run_rows
from ablate.store.records import PredictionRecord
from ablate.study.outline import OutlineReport
from ablate.verdicts.class_counts import ClassCounts, counted
from ablate.verdicts.results import Results

CLASSES = ("cat", "dog|wolf", "_cow")


def counts(right: int, *, images: int = 10, classes: tuple[str, ...] = CLASSES) -> ClassCounts:
    """The first class is right so many times, the second always, the third was never photographed."""
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    matrix[0, 0], matrix[0, 1], matrix[1, 1] = right, images - right, images
    return ClassCounts(classes=classes, counts=matrix)


def with_classes(given: Results) -> Results:
    found = {(one.variant_key, one.seed): counts(5 + one.seed % 2) for one in given.runs}
    return replace(given, classes=found)


def test_the_table_shows_the_baseline_and_what_is_decided() -> None:
    text = text_of(with_classes(whole()))
    table = rows(text, "Accuracy of each class")
    assert [row[0] for row in table] == [
        "baseline",
        "dropout=0.3",
        "dropout=0.6",
        "optimizer=Adam",
        "dropout=0.3, optimizer=Adam",
        "the widest",
        "test images",
    ]
    assert table[0][1:] == ["5", "54.0", "100.0", "–"]
    assert table[-1][1:] == ["", "10", "10", "0"]
    assert "| cat | dog\\|wolf | \\_cow |" in section(text, "Accuracy of each class")


def test_variants_of_other_test_images_are_left_out() -> None:
    given = with_classes(whole())
    other = {
        **given.classes,
        ("key of the widest", 3): counts(5, images=11),
        ("key of dropout=0.3", 0): counts(5, classes=("cat", "dog", "cow")),
    }
    text = text_of(replace(given, classes=other))
    assert [row[0] for row in rows(text, "Accuracy of each class")][:2] == ["baseline", "dropout=0.6"]
    assert "Left out, for their test images are others or were not kept: dropout=0.3 and “the widest”." in text


def test_without_true_classes_of_the_baseline_there_is_no_table() -> None:
    given = with_classes(whole())
    assert "## Accuracy of each class" not in text_of(whole())
    others = {place: one for place, one in given.classes.items() if place[0] != "b"}
    assert "## Accuracy of each class" not in text_of(replace(given, classes=others))


def record(**changes: object) -> PredictionRecord:
    said = Predictions(
        correct=np.packbits([1, 0, 1]).tobytes(),
        predicted=np.array([1, 1, 1], dtype="<u2").tobytes(),
        confidence=np.array([0.5, 0.25, 1.0], dtype="<f2").tobytes(),
        count=3,
        labels=np.array([1, 0, 1], dtype="<u2").tobytes(),
        classes=("cat", "dog", "cow"),
    )
    return PredictionRecord(variant="base", variant_key="k", seed=4, predictions=replace(said, **changes))


def test_exports_name_classes_and_count_every_pair() -> None:
    columns, lines = class_rows([record()])
    assert columns == ("variant", "variant_key", "seed", "class", "examples", "accuracy")
    assert list(lines) == [
        ("base", "k", 4, "cat", 1, 0.0),
        ("base", "k", 4, "dog", 2, 1.0),
        ("base", "k", 4, "cow", 0, None),
    ]
    columns, lines = confusion_rows([record()])
    assert columns == ("variant", "variant_key", "seed", "true", "predicted", "count")
    found = {(true, guess): number for *_, true, guess, number in lines}
    assert len(found) == 9
    assert {pair: number for pair, number in found.items() if number} == {("cat", "dog"): 1, ("dog", "dog"): 2}
    assert [line[-1] for line in prediction_rows([record()])[1]] == [1, 0, 1]


def test_runs_of_an_older_ablate_have_no_classes() -> None:
    old = record(labels=None, classes=())
    assert counted(old) is None
    assert list(class_rows([old])[1]) == list(confusion_rows([old])[1]) == []
    assert [line[-1] for line in prediction_rows([old])[1]] == [None, None, None]


def logged(metric: str, **of_run: float) -> Results:
    """Runs that logged metrics of the user's own, ranked by one of them."""
    given = whole()
    names = {one.key: place for place, one in enumerate(given.outline.variants)}
    runs = [
        replace(
            one,
            test_accuracy=None,
            metrics={name: value + names[one.variant_key] + one.seed / 100 for name, value in of_run.items()},
        )
        for one in given.runs
    ]
    epochs = [
        replace(row, custom={"val_macro_f1": 0.1 * row.epoch, "grad_norm": 5.0 - row.epoch / 2}) for row in given.epochs
    ]
    outline = given.outline.model_copy(update={"metric": metric})
    return replace(given, outline=outline, runs=tuple(runs), epochs=tuple(epochs))


def test_a_metric_of_the_whole_run_ranks_before_one_of_its_selected_epoch() -> None:
    given = logged("val_macro_f1")
    assert given.value(replace(given.runs[0], selected_epoch=3)) == pytest.approx(0.3)
    assert given.value(replace(given.runs[0], metrics={"val_macro_f1": 0.9})) == 0.9
    assert given.metric == named_metric("val_macro_f1")
    known = replace(given, outline=given.outline.model_copy(update={"metric": "test_accuracy"}))
    assert known.value(replace(given.runs[0], test_accuracy=0.5, metrics={"test_accuracy": 0.7})) == 0.5
    assert known.value(replace(given.runs[0], metrics={"test_accuracy": 0.7})) == 0.7


def test_the_ranked_metric_has_the_mean_column_and_others_stand_at_the_end() -> None:
    text = text_of(logged("test_bleu", test_bleu=20.0, test_top_accuracy=0.0, zebra=1.0))
    head = section(text, "All variants").splitlines()[1]
    cells = [cell.strip() for cell in head.strip("|").split("|")]
    assert cells[2] == "test bleu"
    assert cells[-2:] == ["test top accuracy (%)", "zebra"]
    assert "test bleu" not in cells[3:]
    assert rows(text, "All variants")[1][2] == "21.0200 ± 0.0158"
    assert [row[-1] for row in rows(text, "optimizer")] == ["1.0200", "4.0200"]


def test_a_metric_that_is_the_same_everywhere_is_said_once() -> None:
    given = whole()
    same = replace(given, runs=tuple(replace(one, metrics={"bits": 8.0}) for one in given.runs))
    text = text_of(same)
    assert "The same for all: FLOPs / image 1.30 M; bits 8.0000." in text


def test_a_ranked_metric_that_nobody_measured_is_told_with_what_was() -> None:
    text = text_of(logged("test_macro_f1", test_bits=1.0))
    told = (
        "No run measured \\`test_macro_f1\\`, by which variants are ranked. They logged \\`grad_norm\\`, "
        "\\`test_bits\\`, \\`test_loss\\`"
    )
    assert f"- error: {told}" in text
    assert "did you mean 'val_macro_f1'? Write one of these as \\`metric\\` at the top of the study" in text
    assert "No run measured" not in text_of(logged("test_bits", test_bits=1.0))
    assert "No run measured" not in text_of(results(shapes(), {}))


def test_a_table_of_epochs_shows_a_metric_of_ones_own() -> None:
    given = logged("test_bits", test_bits=1.0)
    wanted = OutlineReport.model_validate(
        {"epochs": [{"metric": "val_macro_f1"}, {"metric": "lr"}, {"metric": "none"}]}
    )
    text = text_of(replace(given, outline=given.outline.model_copy(update={"report": wanted})))
    assert rows(text, "Validation macro f1 after each epoch")[1][:2] == ["2", "0.2000 ± 0.0000"]
    assert rows(text, "Learning rate after each epoch")[0][1].startswith("0.0500")
    assert "None after each epoch" not in text


def test_exports_of_runs_have_further_metrics_after_the_columns_of_the_contract() -> None:
    one = run(variant("a"), 0, 0, None, metrics={"zebra": 1.5, "apple": None, "test_accuracy": 0.25})
    columns, lines = run_rows([one, run(variant("b"), 0, 1)])
    assert columns[-3:] == ("error", "apple", "zebra")
    first, second = (dict(zip(columns, line, strict=True)) for line in lines)
    assert (first["apple"], first["zebra"], first["test_accuracy"]) == (None, 1.5, 0.25)
    assert (second["zebra"], second["test_accuracy"]) == (None, pytest.approx(0.8, abs=0.01))


@pytest.mark.parametrize(
    ("name", "label", "percent", "direction"),
    [
        ("val_macro_f1", "validation macro f1", False, "max"),
        ("test_top_5_accuracy", "test top 5 accuracy", True, "max"),
        ("train_kl_loss", "training kl loss", False, "min"),
        ("word_error", "word error", False, "min"),
        ("test_loss", "test loss", False, "min"),
        ("val", "val", False, "max"),
        ("_", "_", False, "max"),
    ],
)
def test_a_name_says_how_it_is_shown(name: str, label: str, percent: bool, direction: str) -> None:
    found = named_metric(name)
    assert (found.label, found.percent, found.direction) == (label, percent, direction)


def test_epochs_of_ones_own_trainer_that_know_nothing_else_are_measured() -> None:
    nothing = dict.fromkeys(("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr"))
    given = whole()
    rows_ = [row for one in given.runs[:1] for row in curve(one, 0, custom={"reward": 3.0}, **nothing)]
    assert replace(given, epochs=tuple(rows_)).measured == ("reward",)
