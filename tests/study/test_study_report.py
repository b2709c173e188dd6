"""The `[report]` table: stored with the outline, and no business of any recipe."""

import pytest

from ablate.errors import StudyError
from ablate.store.serialization import dumps
from ablate.study import Outline, OutlineEpochs, OutlineReport, diff, parse_study

STUDY = """
name = "shown"
[baseline.data]
name = "digits"
[baseline.training]
epochs = 3
optimizer = { name = "SGD", lr = 0.1 }
oracle_curve = true
[factors.dropout]
path = "model.dropout"
levels = [0.3]
"""
REPORT = """
[report]
curves = ["train_loss", "oracle_test_accuracy"]
[[report.epochs]]
metric = "oracle_test_accuracy"
variants = ["baseline", "dropout=0.3"]
title = "SGD against Adam"
[[report.epochs]]
metric = "val_loss"
"""


def test_it_belongs_to_the_outline_and_changes_no_key():
    plain, shown = parse_study(STUDY), parse_study(STUDY + REPORT)
    assert [one.key for one in plain.variants()] == [one.key for one in shown.variants()]
    assert plain.outline().report == OutlineReport()
    read = Outline.model_validate_json(dumps(shown.outline().model_dump(mode="json")))
    assert read.report == OutlineReport(
        curves=("train_loss", "oracle_test_accuracy"),
        epochs=(
            OutlineEpochs(
                metric="oracle_test_accuracy", variants=("baseline", "dropout=0.3"), title="SGD against Adam"
            ),
            OutlineEpochs(metric="val_loss"),
        ),
    )
    assert diff(plain.outline(), shown.outline()).changed == ("report: other curves or tables of epochs",)


def test_names_that_a_variant_also_has_are_known():
    listed = '[[variants]]\nname = "mine"\nset = { "model.dropout" = 0.3 }\n'
    wanted = '[[report.epochs]]\nmetric = "train_loss"\nvariants = ["mine"]\n'
    outline = parse_study(STUDY + listed + wanted).outline()
    found = outline.named("mine")
    assert found is not None
    assert found.key == parse_study(STUDY + listed).variants()[1].key
    assert outline.named("dropout=0.3") == found
    assert outline.named("theirs") is None


@pytest.mark.parametrize(
    ("level", "is_measured"), [("training.oracle_curve = true", True), ("data.batch_size = 8", False)]
)
def test_it_is_enough_that_one_variant_measures_a_metric(level, is_measured):
    path, value = level.split(" = ")
    text = STUDY.replace("oracle_curve = true\n", "") + f'[[variants]]\nname = "x"\nset = {{ "{path}" = {value} }}\n'
    text += '[report]\ncurves = ["oracle_test_loss"]\n'
    if is_measured:
        assert parse_study(text).report.curves == ("oracle_test_loss",)
    else:
        with pytest.raises(StudyError, match="oracle_curve = true"):
            parse_study(text)
