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


CURVES = '[report]\ncurves = ["{}"]\n'
METRICS = 'metrics = ["m.py:top_5_accuracy", "m.py:macro_f1"]\n'
OWN = STUDY.replace('optimizer = { name = "SGD", lr = 0.1 }\noracle_curve = true', 'trainer = "m.py:train"').replace(
    'path = "model.dropout"', 'path = "params.dropout"'
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (STUDY, "lr"),
        (STUDY.replace("oracle", METRICS + "oracle"), "val_top_5_accuracy"),
        (OWN, "val_acc"),
        (OWN, "val_loss2"),
        (OWN, "val_accuracy_5"),
        (OWN, "perplexity"),
    ],
)
def test_metrics_of_ones_own_may_be_shown(tmp_path, text, name):
    (tmp_path / "m.py").write_text("def top_5_accuracy(labels): ...\n", "utf-8")
    study = parse_study(text + CURVES.format(name) + f'[[report.epochs]]\nmetric = "{name}"\n', folder=tmp_path)
    assert study.report == OutlineReport(curves=(name,), epochs=(OutlineEpochs(metric=name),))


@pytest.mark.parametrize(
    ("text", "name", "meant"),
    [
        (STUDY, "val_acc", "val_accuracy"),
        (STUDY, "val_top5_accuracy", "val_accuracy"),
        (STUDY.replace("oracle", METRICS + "oracle"), "val_macrof1", "val_macro_f1"),
        (OWN, "val_acuracy", "val_accuracy"),
        (OWN, "Train_Loss", "train_loss"),
    ],
)
def test_slips_of_the_pen_are_told(tmp_path, text, name, meant):
    (tmp_path / "m.py").write_text("", "utf-8")
    with pytest.raises(StudyError, match=f"no run measures `{name}`; did you mean `{meant}`"):
        parse_study(text + CURVES.format(name), folder=tmp_path)


def test_which_weights_are_kept_belongs_to_the_outline_and_changes_no_key():
    plain, kept = parse_study(STUDY), parse_study('keep = "best"\n' + STUDY)
    assert [one.key for one in plain.variants()] == [one.key for one in kept.variants()]
    assert (plain.outline().keep, kept.outline().keep) == ("none", "best")
    assert parse_study(STUDY, settings=["keep=best+last"]).outline().keep == "best+last"
    assert diff(plain.outline(), kept.outline()).changed == ("keep: none -> best",)
    with pytest.raises(StudyError, match='`keep` cannot be "all"; choose from best, best\\+last, none'):
        parse_study('keep = "all"\n' + STUDY)
