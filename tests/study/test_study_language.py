"""What the words of a study file mean."""

import tomllib

import pytest

from ablate.errors import StudyError, UsageError
from ablate.study import Study, load_study, parse_study, retuned

BASE = """
name = "x"

[baseline.data]
name = "digits"

[baseline.model]
name = "convnet"
channels = [8, 16]

[baseline.training]
epochs = 10
optimizer = { name = "SGD", lr = 0.1, momentum = 0.9 }
"""


def parse(more, **options):
    return parse_study(BASE + more, **options)


def by_name(study):
    return {variant.name: variant for variant in study.variants()}


def names(study):
    return [variant.name for variant in study.variants()]


# --- levels and their names


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        ("model.dropout", "0.3", "0.3"),
        ("training.optimizer.lr", "1e-05", "1e-5"),
        ("model.residual", "false", "false"),
        ("model.norm", '"batch"', "batch"),
        ("model.channels", "[12, 32]", "[12, 32]"),
        ("training.optimizer", '{ name = "Adam", lr = 0.001 }', "Adam(lr=0.001)"),
        ("data.augment", '["horizontal_flip", { name = "cutout", size = 4 }]', "[horizontal_flip, cutout(size=4)]"),
    ],
)
def test_levels_are_called_by_their_value(path, value, name):
    study = parse(f'[factors.f]\npath = "{path}"\nlevels = [{value}]')
    assert names(study) == ["baseline", f"f={name}"]


@pytest.mark.parametrize(
    ("path", "level", "reference"),
    [
        ("data.batch_size", "32", "64"),
        ("model.channels", "[4]", "[8, 16]"),
        ("training.optimizer.momentum", "0.5", "0.9"),
        ("training.optimizer.weight_decay", "0.5", "0"),
        ("training.scheduler", '{ name = "CosineAnnealingLR" }', "none"),
        ("data.train_images", "100", "default"),
    ],
)
def test_the_reference_is_the_baselines_own_value(path, level, reference):
    study = parse(f'[factors.f]\npath = "{path}"\nlevels = [{level}]')
    assert study.factors[0].reference == reference
    assert study.variants()[0].levels == {"f": reference}


def test_the_reference_may_be_listed_and_keeps_its_place():
    study = parse('[factors.f]\npath = "data.batch_size"\nlevels = [32, 64, 128]')
    assert study.factors[0].reference == "64"
    assert [level.name for level in study.factors[0].levels] == ["32", "64", "128"]
    assert len(study.variants()) == 3


def test_a_level_of_several_paths_that_is_the_baseline_is_the_reference():
    study = parse(
        """
[factors.f.levels.plain]
label = "as it is"
"model.dropout" = 0.0
"training.optimizer.lr" = 0.1

[factors.f.levels.both]
"model.dropout" = 0.5
"training.optimizer.lr" = 0.2
"""
    )
    assert study.factors[0].reference == "plain"
    assert study.outline().factors[0].levels[0].label == "as it is"
    assert names(study) == ["baseline", "f=both"]


def test_labels_are_shown_and_change_no_key():
    plain = parse('[factors.f]\npath = "model.dropout"\nlevels = [0.3]')
    labelled = parse(
        '[factors.f]\nlabel = "dropout"\npath = "model.dropout"\nlevels = [0.3]\nlabels = { "0.3" = "p = 0.3" }'
    )
    assert [v.key for v in plain.variants()] == [v.key for v in labelled.variants()]
    factor = labelled.outline().factors[0]
    assert (factor.label, [level.label for level in factor.levels]) == ("dropout", ["0.0", "p = 0.3"])


@pytest.mark.parametrize(
    ("levels", "values"),
    [
        ("{ linspace = [0.1, 0.5, 5] }", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("{ geomspace = [1e-4, 1e-1, 4] }", [0.0001, 0.001, 0.01, 0.1]),
    ],
)
def test_ranges_of_floats(levels, values):
    study = parse(f'[factors.f]\npath = "model.dropout"\nlevels = {levels}')
    assert [variant.recipe.model.dropout for variant in study.variants()[1:]] == values


@pytest.mark.parametrize(
    ("levels", "values"),
    [("{ geomspace = [16, 128, 4] }", [16, 32, 64, 128]), ("{ linspace = [10, 50, 3] }", [10, 30, 50])],
)
def test_ranges_between_whole_numbers_stay_whole(levels, values):
    study = parse(f'[factors.f]\npath = "data.batch_size"\nlevels = {levels}')
    assert {variant.recipe.data.batch_size for variant in study.variants()} == {64, *values}


# --- combining


def test_shorter_paths_are_set_first_in_either_order():
    texts = [
        '[factors.optimizer.levels.Adam]\n"training.optimizer" = { name = "Adam", lr = 0.1 }\n',
        '[factors.rate.levels.low]\n"training.optimizer.lr" = 0.02\n',
    ]
    grids = [parse("".join(order) + '[[designs]]\nkind = "grid"') for order in (texts, texts[::-1])]
    assert {v.key for v in grids[0].variants()} == {v.key for v in grids[1].variants()}
    both = by_name(grids[0])["optimizer=Adam, rate=low"].recipe.training.optimizer
    assert (both.name, both.lr) == ("Adam", 0.02)
    assert "rate=low, optimizer=Adam" in by_name(grids[1])


def test_a_table_is_replaced_and_not_merged():
    study = parse('[[variants]]\nname = "other"\nset = { "model" = { name = "torchvision:resnet18" } }')
    assert by_name(study)["other"].recipe.model.name == "torchvision:resnet18"


def test_the_length_of_a_schedule_follows_the_epochs_of_each_cell():
    study = parse(
        """
[factors.schedule]
path = "training.scheduler"
levels = [{ name = "CosineAnnealingLR" }]

[factors.epochs]
path = "training.epochs"
levels = [20]

[[designs]]
kind = "grid"
"""
    )
    lengths = {
        variant.recipe.training.epochs: variant.recipe.training.scheduler.arguments["T_max"]
        for variant in study.variants()
        if variant.levels["schedule"] != "none"
    }
    assert lengths == {10: 10, 20: 20}


def test_equal_recipes_are_one_variant_with_all_its_names_and_designs():
    study = parse(
        """
[factors.dropout]
path = "model.dropout"
levels = [0.3]

[[designs]]
kind = "one-at-a-time"

[[designs]]
kind = "grid"

[[variants]]
name = "from the paper"
set = { "model.dropout" = 0.3 }
reported = 0.9

[[variants]]
name = "as it is"
"""
    )
    first, second = study.variants()
    assert (first.also, first.designs) == (("as it is",), ("one-at-a-time", "grid", "variants"))
    assert (second.name, second.also, second.reported) == ("dropout=0.3", ("from the paper",), 0.9)
    assert study.outline().variants[1].also == ("from the paper",)


def test_a_listed_variant_builds_on_another_in_any_order():
    study = parse(
        """
[factors.width]
path = "model.channels"
levels = [[32, 64]]

[[variants]]
name = "wide, long, noisy"
base = "wide and long"
set = { "model.dropout" = 0.5 }

[[variants]]
name = "wide and long"
base = "width=[32, 64]"
set = { "training.epochs" = 30 }
"""
    )
    last = by_name(study)["wide, long, noisy"]
    assert last.recipe.model.channels == (32, 64)
    assert (last.recipe.training.epochs, last.recipe.model.dropout) == (30, 0.5)
    assert dict(last.levels) == {}


def test_reported_figures_of_levels_belong_to_the_level_alone_and_to_the_baseline():
    study = parse(
        """
[factors.batch]
path = "data.batch_size"
levels = [16]
reported = { 16 = 0.65, 64 = 0.56 }

[factors.optimizer.levels.Adam]
"training.optimizer" = { name = "Adam", lr = 0.1 }
reported = 0.7

[[designs]]
kind = "grid"
"""
    )
    assert {v.name: v.reported for v in study.variants()} == {
        "baseline": 0.56,
        "batch=16": 0.65,
        "optimizer=Adam": 0.7,
        "batch=16, optimizer=Adam": None,
    }


# --- constraints


def test_when_applies_a_factor_only_where_the_recipe_fits():
    study = parse(
        """
[factors.net.levels.resnet18]
"model" = { name = "torchvision:resnet18" }

[factors.width]
path = "model.channels"
levels = [[32, 64]]
when = { "model.name" = "convnet" }

[factors.weights]
path = "model.weights"
levels = ["DEFAULT"]
when = { "model.name" = "torchvision:resnet18" }

[factors.kernel]
path = "model.kernel_size"
levels = [5]
when = { "model.norm" = "none", "model.name" = "convnet" }

[[designs]]
kind = "grid"
"""
    )
    assert set(names(study)) == {
        "baseline",
        "width=[32, 64]",
        "kernel=5",
        "width=[32, 64], kernel=5",
        "net=resnet18",
        "net=resnet18, weights=DEFAULT",
    }
    assert study.designs[0].left_out == 16 - 6


def test_requires_and_excludes_forbid_cells():
    study = parse(
        """
[factors.norm]
path = "model.norm"
levels = ["batch", "group"]

[factors.place]
path = "model.norm_place"
levels = ["pool"]
requires = ["norm=batch"]

[factors.dropout.levels.half]
"model.dropout" = 0.5
excludes = ["norm=batch"]

[[designs]]
kind = "grid"

[[designs]]
kind = "one-at-a-time"
"""
    )
    assert set(names(study)) == {
        "baseline",
        "norm=batch",
        "norm=group",
        "norm=batch, place=pool",
        "dropout=half",
        "norm=group, dropout=half",
    }


def test_linked_factors_move_together():
    study = parse(
        """
[factors.epochs]
path = "training.epochs"
levels = [20, 40]

[factors.rate]
path = "training.optimizer.lr"
levels = [0.05, 0.025]
linked = "epochs"

[factors.dropout]
path = "model.dropout"
levels = [0.5]

[[designs]]
kind = "grid"
"""
    )
    assert len(study.variants()) == 3 * 2
    pairs = {(v.recipe.training.epochs, v.recipe.training.optimizer.lr) for v in study.variants()}
    assert pairs == {(10, 0.1), (20, 0.05), (40, 0.025)}
    assert study.designs[0].factors == ("epochs", "dropout")


def test_cells_in_which_a_named_reference_is_not_what_runs_are_refused():
    text = """
[factors.optimizer.levels.Adam]
"training.optimizer" = {{ name = "Adam", lr = {lr} }}

[factors.lr]
path = "training.optimizer.lr"
levels = [0.01]

[[designs]]
kind = "{kind}"
"""
    with pytest.raises(StudyError, match=r"brings `training.optimizer.lr = 0.001` of its own"):
        parse(text.format(lr=0.001, kind="grid"))
    assert len(parse(text.format(lr=0.1, kind="grid")).variants()) == 4
    assert len(parse(text.format(lr=0.001, kind="one-at-a-time")).variants()) == 3


# --- retuning


def test_retuned_levels_and_the_baseline_get_the_same_candidates():
    study = parse(
        """
[factors.norm]
path = "model.norm"
levels = ["batch"]
retune = { "training.optimizer.lr" = [0.03, 0.1] }

[factors.dropout]
path = "model.dropout"
levels = [0.5]
"""
    )
    candidates = {"training.optimizer.lr": (0.03, 0.1)}
    found = {variant.name: dict(variant.retune) for variant in study.variants()}
    assert found == {"baseline": candidates, "norm=batch": candidates, "dropout=0.5": {}}
    tuned = retuned(by_name(study)["norm=batch"].recipe, {"training.optimizer.lr": 0.03})
    assert (tuned.training.optimizer.lr, tuned.model.norm) == (0.03, "batch")
    assert tuned.training.optimizer.arguments["momentum"] == 0.9


def test_a_candidate_that_does_not_fit_is_found_at_its_place():
    with pytest.raises(StudyError) as caught:
        parse(
            '[factors.norm]\npath = "model.norm"\nlevels = ["batch"]\nretune = { "training.optimizer.lr" = [0.1, -1] }'
        )
    (problem,) = caught.value.problems
    assert "must be more than 0, not -1" in problem.message
    assert problem.text[problem.column - 1 :].startswith("-1")


# --- settings and parts


def test_settings_change_the_baseline_and_the_top_of_the_file():
    study = parse(
        "",
        settings=[
            "training.epochs=3",
            "model.norm=batch",
            "model.channels=[4, 4]",
            "training.optimizer={ name = 'Adam', lr = 1e-3 }",
            "seeds.count=7",
            "baseline.data.batch_size=8",
        ],
    )
    recipe = study.baseline
    assert (recipe.training.epochs, recipe.model.norm, recipe.model.channels) == (3, "batch", (4, 4))
    assert (recipe.training.optimizer.name, recipe.data.batch_size) == ("Adam", 8)
    assert study.seeds == tuple(range(7))
    assert study.settings[0] == "training.epochs=3"


def test_a_setting_that_does_not_fit_is_shown_as_it_was_typed():
    with pytest.raises(StudyError) as caught:
        parse("", settings=["training.epochs=0", "model.nrom=batch"])
    told = [str(problem) for problem in caught.value.problems]
    assert "--set training.epochs=0: `training.epochs` must be at least 1, not 0" in told
    assert "--set model.nrom=batch: there is no key `model.nrom`; did you mean 'norm'?" in told


@pytest.mark.parametrize("setting", ["training.epochs", "=3", "trainig.epochs=3", "model.channels=[4", "a..b=1"])
def test_a_setting_of_another_form_is_refused(setting):
    with pytest.raises(UsageError, match="--set"):
        parse("", settings=[setting])


def test_a_part_of_a_study():
    study = parse(
        """
[factors.norm]
path = "model.norm"
levels = ["batch"]

[factors.dropout]
path = "model.dropout"
levels = [0.5]

[[designs]]
kind = "grid"

[[variants]]
name = "long"
set = { "training.epochs" = 30 }
"""
    )
    assert names(study.only(factors=["norm"])) == ["baseline", "norm=batch"]
    assert names(study.only(variants=["long"], seeds=[1])) == ["baseline", "long"]
    assert names(study.only(factors=["norm"], variants=["long"])) == ["baseline", "norm=batch", "long"]
    assert study.only(seeds=[1, 2]).seeds == (1, 2)
    with pytest.raises(UsageError, match="did you mean 'norm'"):
        study.only(factors=["nrom"])
    with pytest.raises(UsageError, match="has no variant 'short'"):
        study.only(variants=["short"])
    with pytest.raises(UsageError, match="has no seed 3"):
        study.only(seeds=[3])


# --- the study as a whole


def test_metric_and_direction():
    assert parse("").direction == "max"
    top = BASE.replace('name = "x"', 'name = "x"\nmetric = "{metric}"{more}')
    for metric, more, direction in [
        ("test_loss", "", "min"),
        ("calibration_error", "", "min"),
        ("top5_accuracy", "", "max"),
        ("f1", '\ndirection = "max"', "max"),
    ]:
        text = top.replace("{metric}", metric).replace("{more}", more)
        assert parse_study(text).direction == direction


def test_seeds_looks_and_budget():
    assert parse("").seeds == (0, 1, 2)
    study = parse('[seeds]\nlooks = [5, 8, 12]\nbudget = "6 gpu-hours"')
    assert study.seeds == tuple(range(5))
    assert study.seed_plan.looks == (5, 8, 12)
    assert (study.seed_plan.budget.amount, study.seed_plan.budget.unit) == (6.0, "gpu-hours")
    with pytest.raises(StudyError, match="a number and a unit"):
        parse('[seeds]\nlooks = [5, 8]\nbudget = "6 beers"')


def test_statistics_are_kept():
    study = parse('[statistics]\nmargin = 0.005\ntest = "paired"')
    assert (study.statistics.margin, study.outline().statistics.test) == (0.005, "paired")
    with pytest.raises(StudyError, match="did you mean 'margin'"):
        parse("[statistics]\nmargn = 0.005")


def test_a_file_and_a_mapping_make_the_same_study(tmp_path):
    text = BASE + '[factors.norm]\npath = "model.norm"\nlevels = ["batch"]'
    path = tmp_path / "x.toml"
    path.write_text(text)
    loaded, made = load_study(path), Study.from_dict(tomllib.loads(text))
    assert [v.key for v in loaded.variants()] == [v.key for v in made.variants()]
    assert (loaded.text, loaded.path, loaded.folder) == (text, path, tmp_path)
    assert parse_study(made.text).outline() == made.outline()


def test_the_outline_survives_json():
    study = parse('[factors.norm]\npath = "model.norm"\nlevels = ["batch"]')
    outline = study.outline()
    assert type(outline).model_validate_json(outline.model_dump_json()) == outline
    assert outline.baseline == study.variants()[0].key == outline.variants[0].key
