"""`report.md`: what it says, and that names stay harmless text."""

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from report_cases import (
    ACCURACIES,
    RECIPE,
    degradation,
    factor,
    many,
    results,
    run,
    shapes,
    stopped,
    variant,
    whole,
    wounded,
)
from rich.console import Console

from ablate.protocol import JobState
from ablate.recipe import Recipe
from ablate.report.console import summary_table
from ablate.report.markdown import escape, render
from ablate.study.outline import OutlineDesign, OutlineEpochs, OutlineReport, StatisticsSettings
from ablate.verdicts.analysis import analyse
from ablate.verdicts.results import Results

PICTURES = {"overview": "overview", "factor dropout": "factor-01-dropout", "named": "named"}


def text_of(given: Results) -> str:
    return render(analyse(given), PICTURES)


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str, title: str) -> list[list[str]]:
    """Cells of the first table of a section, without its head."""
    lines = [line for line in section(text, title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize(("name", "make"), [("whole", whole), ("wounded", wounded)])
def test_the_report_is_the_golden_one(
    name: str, make: Callable[[], Results], golden: Callable[[str, str], str]
) -> None:
    text = text_of(make())
    assert text == golden(f"{name}.md", text)


def test_it_is_told_where_variants_are_held_to_less_of_the_error_rate() -> None:
    given = whole()
    assert "Welch's test errs more, and is held to 0.7 of that. " in section(text_of(given), "How to read this")
    calm = [
        one if one.variant == "baseline" else replace(one, test_accuracy=0.8 + 0.0001 * one.seed) for one in given.runs
    ]
    assert "scatters more" not in text_of(replace(given, runs=tuple(calm)))
    paired = given.outline.model_copy(update={"statistics": StatisticsSettings(test="paired")})
    assert "scatters more" not in text_of(replace(given, outline=paired))


def test_the_order_of_stored_rows_does_not_matter() -> None:
    given = wounded()
    shuffled = replace(given, runs=given.runs[::-1], epochs=given.epochs[::-1], failures=given.failures[::-1])
    assert text_of(shuffled) == text_of(given)


def test_a_factor_has_its_levels_in_order_with_the_baseline_among_them() -> None:
    outline = shapes(factors=(factor("dropout", ["0.3", "0", "0.6"], "0", label="share dropped"),), designs=())
    table = rows(text_of(results(outline, ACCURACIES)), "share dropped")
    assert [row[0] for row in table] == ["0.3", "0 (baseline)", "0.6"]
    assert [row[1] for row in table] == ["5", "5", "5"]


def test_bold_means_better_and_nothing_else() -> None:
    text = text_of(whole())
    bold = re.findall(r"\*\*(.+?)\*\*", text)
    assert bold
    for row in rows(text, "All variants"):
        assert ("**" in "".join(row)) == (row[4] == "**better**")


def test_for_a_loss_less_is_better_and_numbers_are_no_percentages() -> None:
    given = whole()
    runs = tuple(
        replace(one, test_loss=one.test_loss - 0.2) if one.variant == "optimizer=Adam" else one for one in given.runs
    )
    outline = given.outline.model_copy(update={"metric": "test_loss", "direction": "min"})
    text = text_of(replace(given, outline=outline, runs=runs))
    sgd, adam = rows(text, "optimizer")
    assert sgd[2] == "0.4177 ± 0.0027"
    assert adam[2].startswith("**0.2")
    assert adam[3].startswith("−0.2098 ")
    assert adam[4] == "**better**"
    assert "points" not in text


@pytest.mark.parametrize(
    "name",
    ["a|b<script>alert(1)</script>", "`rm -rf`", "*bold* _it_", "[x](http://evil)", "$x$ ~~y~~", "back\\slash", "&lt;"],
)
def test_nasty_names_stay_text(name: str) -> None:
    outline = shapes(
        title=name,
        factors=(factor("dropout", ["0", name], "0", label=name),),
        designs=(),
        variants=(
            variant("baseline", "b", levels={"dropout": "0"}),
            variant(f"dropout={name}", "n", levels={"dropout": name}),
            variant(name, "m"),
        ),
    )
    given = results(outline, {})
    failed = replace(given.runs[-1], state=JobState.FAILED, error=f"{name}\nsecond line", test_accuracy=None)
    text = text_of(replace(given, runs=(*given.runs[:-1], failed)))
    assert "<script" not in text
    assert "second line" not in text
    widths = {}
    for line in text.splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert cells == widths.setdefault("now", cells), line
        else:
            widths = {}
    outside = text.split("```sh")[0]
    assert not re.search(r"(?<!\\)[`$~]", outside)
    assert not re.search(r"(?<!\\)\[x", outside)


def test_escaping_keeps_ordinary_names_readable() -> None:
    assert escape("batch_size=16") == "batch_size=16"
    assert escape("_x_ and\ny") == r"\_x\_ and y"
    assert escape("学习率 × 2") == "学习率 × 2"


def test_an_unfinished_study_says_so_and_judges_only_what_is_complete() -> None:
    text = text_of(wounded())
    assert "Interim report: 32 of 35 runs are in." in text
    verdicts = {row[0]: row[4] for row in rows(text, "All variants")}
    assert verdicts["the widest"] == "undecided (3 of 5 seeds are in)"
    assert verdicts["dropout=0.6"] == "undecided (1 of 5 seeds diverged)"
    assert verdicts["optimizer=Adam"] == "undecided (1 of 5 seeds failed)"
    counts = {row[0]: row[1] for row in rows(text, "All variants")}
    assert counts["dropout=0.6"] == "4 of 5"
    failures = rows(text, "Failures")
    assert [row[:3] for row in failures] == [
        ["dropout=0.3", "4", "cancelled"],
        ["dropout=0.6", "3", "diverged"],
        ["optimizer=Adam", "4", "failed"],
    ]
    assert failures[2][4] == r"RuntimeError: shapes \| differ"


def test_one_seed_gives_numbers_and_no_verdicts() -> None:
    text = text_of(results(shapes(seeds=(0,)), ACCURACIES))
    assert "With one seed each, no difference can be told from chance" in text
    table = rows(text, "All variants")
    assert all("±" not in row[2] for row in table)
    assert {row[4] for row in table[1:]} == {"undecided (fewer than 2 seeds)"}
    assert table[3][3] == "+3.76"


def test_without_any_run_there_is_a_report_all_the_same() -> None:
    given = whole()
    waiting = tuple(
        run(one, 0, 0, None, state=JobState.QUEUED, epochs=0, provenance={}, device_name=None, seconds=None,
            test_loss=None, parameters=None, trainable_parameters=None)
        for one in given.outline.variants
    )  # fmt: skip
    text = render(analyse(replace(given, runs=waiting, epochs=())), {})
    assert "No run has brought a value yet" in text
    assert "![" not in text
    assert {row[4] for row in rows(text, "All variants")} == {"not run"}


def test_a_study_of_its_baseline_alone() -> None:
    outline = shapes(factors=(), designs=(), variants=(variant("baseline", "b"),))
    assert "The study has only its baseline" in text_of(results(outline, {}))


def test_a_margin_lets_the_report_say_equivalent() -> None:
    outline = shapes(statistics=StatisticsSettings(margin=0.02))
    text = text_of(results(outline, ACCURACIES))
    assert "equivalent within 2.00 points" in text
    assert "equivalent (tiny real difference)" in text or "| equivalent |" in text
    assert "Bonferroni" in text


def test_a_ladder_compares_each_step_with_the_step_before() -> None:
    ladder = OutlineDesign(name="ladder", kind="ladder", factors=("optimizer", "dropout"))
    one, two = {"dropout": "0", "optimizer": "Adam"}, {"dropout": "0.3", "optimizer": "Adam"}
    outline = shapes(
        designs=(ladder,),
        variants=(
            variant("baseline", "b", levels={"dropout": "0", "optimizer": "SGD"}, designs=("ladder",)),
            variant("optimizer=Adam", "one", levels=one, designs=("ladder",)),
            variant("dropout=0.3, optimizer=Adam", "two", levels=two, designs=("ladder",)),
        ),
    )
    text = text_of(results(outline, ACCURACIES | {"dropout=0.3, optimizer=Adam": 0.87}))
    table = rows(text, "Ladder: ladder")
    assert [row[0] for row in table] == ["baseline", "+ optimizer: Adam", "+ dropout: 0.3"]
    assert table[2][3].startswith("+2.68 ")
    assert "Of the 2 steps of the ladder, in this order, 2 are better than the step before" in text
    assert rows(text, "All variants")[2][3] == "–"


def test_a_level_that_has_no_run_of_its_own_is_named() -> None:
    outline = shapes(factors=(factor("dropout", ["0", "0.3", "0.6", "0.9"], "0"),), designs=())
    assert "Without a row: 0.9" in section(text_of(results(outline, ACCURACIES)), "dropout")


def test_thirty_variants() -> None:
    given = many(30)
    text = text_of(given)
    assert len(rows(text, "All variants")) == 30
    assert text.count("\n## ") > 10


def test_results_from_elsewhere_are_not_told_to_be_run() -> None:
    text = text_of(results(shapes(), ACCURACIES, recipe={}))
    assert "ablate run" not in text
    assert "batch_size" not in text


def test_what_was_set_beside_the_file_is_told() -> None:
    text = text_of(results(shapes(), ACCURACIES, settings=("training.epochs=3", "data.augment=['horizontal_flip']")))
    assert "training.epochs=3" in text
    assert """--set training.epochs=3 --set 'data.augment=['"'"'horizontal_flip'"'"']'""" in text


def part_run() -> Results:
    """Adam was never trained; all else is there."""
    given = whole()
    runs = tuple(
        replace(one, state=JobState.QUEUED, test_accuracy=None, test_loss=None, attempt=0, epochs=0)
        if one.variant == "optimizer=Adam"
        else one
        for one in given.runs
    )
    return replace(given, runs=runs, epochs=tuple(row for row in given.epochs if row.variant != "optimizer=Adam"))


def test_what_was_not_run_is_not_called_undecided() -> None:
    text = text_of(part_run())
    assert rows(text, "All variants")[3][:5] == ["optimizer=Adam", "0 of 5", "–", "–", "not run"]
    assert rows(text, "optimizer")[1][4] == "not run"
    assert rows(text, "dropout × optimizer")[0][2] == "not run"
    assert "Of 5 changes, 3 are better" in text
    assert "- Not run: optimizer=Adam.\n" in text
    line = next(line for line in text.splitlines() if line.startswith("- Of 5 changes"))
    assert "optimizer=Adam;" not in line
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(summary_table(part_run(), width=100))
    shown = console.export_text()
    assert re.search(r"optimizer=Adam +0/5 .* not run", shown)


def test_tables_of_epochs_say_n_where_runs_stopped_early_and_that_they_are_an_oracle() -> None:
    wanted = OutlineEpochs(metric="oracle_test_accuracy", variants=("baseline", "optimizer=Adam"), title="SGD and Adam")
    given = stopped()
    outline = given.outline.model_copy(update={"report": OutlineReport(epochs=(wanted,))})
    text = text_of(replace(given, outline=outline))
    table = rows(text, "SGD and Adam")
    assert "| epoch | baseline (n = 5) | optimizer=Adam (n = 5) |" in section(text, "SGD and Adam")
    assert [row[0] for row in table] == [str(epoch) for epoch in range(1, 10)]
    assert table[0][1:] == ["38.91 ± 0.88", "27.28 ± 1.05"]
    assert table[8][1:] == ["89.44 (n = 1)", "85.05 ± 1.74 (n = 2)"]
    assert "Oracle: the test set was measured after each epoch" in section(text, "SGD and Adam")
    assert "the test set was read once" not in text


def test_a_table_of_epochs_names_what_it_lacks() -> None:
    wanted = OutlineEpochs(metric="val_accuracy", variants=("baseline", "optimizer=Adam", "norm=batch (retuned)"))
    given = part_run()
    outline = given.outline.model_copy(update={"report": OutlineReport(epochs=(wanted,))})
    told = section(text_of(replace(given, outline=outline)), "Validation accuracy after each epoch")
    assert "Not measured yet: optimizer=Adam and “norm=batch (retuned)”." in told
    assert "| epoch | baseline (n = 5) | optimizer=Adam (not run) |" in told
    assert "| 1 | 40.91 ± 0.88 | – |" in told


def test_runs_of_different_lengths_show_their_epochs() -> None:
    table = section(text_of(stopped()), "All variants")
    assert "| epochs run | epoch selected |" in table
    assert "7.2 (6 to 9) | 5.2 (4 to 7)" in table
    assert "epoch selected |" not in section(text_of(whole()), "All variants")


def test_test_figures_stand_beside_whatever_is_ranked() -> None:
    text = text_of(degradation())
    head = section(text, "All variants").splitlines()[1]
    assert "| training loss | Δ vs baseline" in head
    assert "| test accuracy (%) | test loss |" in head
    assert "last training loss" not in head


def test_a_grid_of_three_factors_has_a_matrix_for_each_level_of_the_third() -> None:
    text = text_of(degradation(("batch", "group")))
    for norm in ("batch", "group"):
        table = rows(text, f"depth × residual connections, normalisation: {norm}")
        assert [row[0] for row in table] == ["8", "14", "20", "32", "56"]
        assert all(len(row) == 3 for row in table)
    assert rows(text, "depth × residual connections, normalisation: batch")[4][2].startswith("**0.1671")
    many_levels = degradation(tuple(f"norm {number}" for number in range(9)))
    assert "depth × residual connections, normalisation" not in text_of(many_levels)


def test_the_recipe_is_told_in_words() -> None:
    recipe = Recipe.model_validate(
        {
            "data": {
                "name": "image_folder",
                "folder": "/home/somebody/flowers",
                "resize": 256,
                "crop": 224,
                "validation": 0.2,
                "normalize": "imagenet",
                "augment": [{"name": "horizontal_flip"}],
            },
            "training": {
                "loss": "nll",
                "optimizer": {"name": "Adam", "lr": 0.001},
                "early_stopping": {"patience": 10},
                "step_losses": 50,
                "validate_every": 100,
                "phases": [
                    {
                        "epochs": 15,
                        "freeze": ["layer*", "conv1*"],
                        "scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5},
                    },
                    {"epochs": 2, "optimizer": {"name": "SGD", "lr": 1e-8}, "warmup": {"epochs": 1}},
                ],
            },
            "select": "best_val_loss",
        }
    )
    text = text_of(results(shapes(select="best_val_loss"), ACCURACIES, recipe=recipe.canonical()))
    told = dict(row[:2] for row in rows(text, "Settings"))
    assert told["data"] == "image_folder flowers"
    assert "/home" not in text
    assert told["split"].startswith("20 % held out for validation; stratified by class")
    assert told["images"].startswith(
        "shorter side resized to 256 pixels, middle square taken, then cropped to 224 × 224"
    )
    assert told["normalised"] == "by ImageNet's mean and standard deviation"
    assert told["loss"] == "negative log-likelihood of log-softmax"
    assert told["phases"] == "2, 17 epochs together; see Phases"
    assert told["early stopping"] == "a phase ends after 10 epochs without a smaller validation loss"
    assert told["also measured"] == ("the loss of every 50th step and the validation images after every 100th step")
    assert told["epoch selected"].startswith("the smallest loss on the validation images")
    phases = rows(text, "Phases")
    assert phases[0][:5] == ["1", "15", "Adam(lr=0.001)", "StepLR(step_size=2, gamma=0.5)", r"layer\* and conv1\*"]
    assert phases[1][3] == "rising over 1 epoch from 0 % of itself, then constant"


def test_a_recipe_without_validation_or_phases() -> None:
    plain = {**RECIPE, "data": {"name": "cifar10", "validation": 0.0}, "select": "last"}
    text = text_of(results(shapes(select="last"), ACCURACIES, recipe=plain, validation=False))
    told = dict(row[:2] for row in rows(text, "Settings"))
    assert told["data"] == "cifar10: 50,000 training and 10,000 test images"
    assert told["split"] == "no validation images"
    assert told["epoch selected"] == "the last; the test set was read once, for it"
    assert "## Phases" not in text


def test_it_is_told_how_the_study_was_asked_for() -> None:
    file, part = "labs/small net.toml", ("labs/small net.toml", "--set", "seeds.count=5", "--seeds", "0-2")
    given = replace(whole(), calls=(part, (file, "--variants", "dropout=0.3;the widest")))
    commands = section(text_of(given), "How to reproduce it")
    assert "ablate run 'labs/small net.toml' --set seeds.count=5 --seeds 0-2\n" in commands
    assert "ablate run 'labs/small net.toml' --variants 'dropout=0.3;the widest'\n" in commands
    complete = section(text_of(replace(given, calls=(part, (file,)))), "How to reproduce it")
    assert complete.count("ablate run") == 1
    assert "ablate run 'labs/small net.toml'\n" in complete


@pytest.mark.parametrize(
    ("every", "told"), [(1, "every step"), (2, "every 2nd step"), (12, "every 12th step"), (1023, "every 1,023rd step")]
)
def test_how_often_losses_are_kept_is_told(every: int, told: str) -> None:
    kept = {**RECIPE, "training": {**RECIPE["training"], "step_losses": every}}
    text = text_of(results(shapes(), ACCURACIES, recipe=kept))
    assert dict(row[:2] for row in rows(text, "Settings"))["also measured"] == f"the loss of {told}"
