"""Retuned levels: what is tried, what comes of the choices, and what is refused."""

import pytest

from ablate.errors import StudyError
from ablate.study import FIRST_TUNING_SEED, Outline, OutlineTuning, Study, mark_exploratory, parse_study

HEAD = """
name = "x"

[seeds]
count = 3
{seeds}

[baseline.data]
name = "digits"

[baseline.training]
epochs = 3
optimizer = {{ name = "SGD", lr = 0.05 }}
"""
NORM = """
[factors.norm]
path = "model.norm"
levels = ["batch", "group"]
retune = { "training.optimizer.lr" = [0.2, 0.05] }
"""
DROPOUT = """
[factors.dropout]
path = "model.dropout"
levels = [0.5]
"""


def study(*parts: str, seeds: str = "") -> Study:
    return parse_study(HEAD.format(seeds=seeds) + "".join(parts))


def chosen(of: Study, **picked: int) -> dict[str, OutlineTuning]:
    """Choices as the database keeps them: the candidate with the given number for each tuning, else the first."""
    return {
        tuning.key: tuning.outline().model_copy(
            update={"chosen": tuning.candidates[picked.get(tuning.variant.name, 0)].recipe.key}
        )
        for tuning in of.tunings
    }


def test_every_level_and_the_baseline_try_the_same_values_on_seeds_of_their_own():
    made = study(NORM, DROPOUT, seeds="retune_seeds = 3")
    assert [tuning.name for tuning in made.tunings] == [
        "baseline (retuned)",
        "norm=batch (retuned)",
        "norm=group (retuned)",
    ]
    for tuning in made.tunings:
        assert [dict(one.values) for one in tuning.candidates] == [
            {"training.optimizer.lr": 0.2},
            {"training.optimizer.lr": 0.05},
        ]
        assert [one.recipe.training.optimizer.lr for one in tuning.candidates] == [0.2, 0.05]
        assert tuning.seeds == tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + 3))
        assert not set(tuning.seeds) & set(made.seeds)
    assert len(study(NORM).tunings[0].seeds) == 2


def test_several_paths_are_tried_in_every_combination():
    both = NORM.replace("[0.2, 0.05] }", '[0.2, 0.1], "data.batch_size" = [16, 32] }')
    (first, *_) = study(both).tunings
    assert [tuple(one.values.values()) for one in first.candidates] == [(0.2, 16), (0.2, 32), (0.1, 16), (0.1, 32)]
    assert first.candidates[1].label == "training.optimizer.lr = 0.2, data.batch_size = 32"


def test_before_the_choice_only_what_is_not_retuned_is_compared():
    outline = study(NORM, DROPOUT).outline()
    assert [variant.name for variant in outline.variants] == ["baseline", "dropout=0.5"]
    assert [tuning.chosen for tuning in outline.tunings] == [None, None, None]


def test_a_level_waits_for_the_choice_of_its_baseline_too():
    made = study(NORM, DROPOUT)
    everything = chosen(made)
    levels = {key: one for key, one in everything.items() if one.reference}
    assert [variant.name for variant in made.settled(levels)] == ["baseline", "dropout=0.5"]
    assert [tuning.name for tuning in made.unsettled(levels)] == [tuning.name for tuning in made.tunings]
    assert made.unsettled(everything) == ()


def test_chosen_levels_are_compared_with_the_retuned_baseline_and_others_with_the_plain_one():
    made = study(NORM, DROPOUT)
    outline = made.outline(chosen(made, **{"norm=group": 1}))
    variants = {variant.name: variant for variant in outline.variants}
    assert list(variants) == [
        "baseline",
        "baseline (retuned)",
        "norm=batch (retuned)",
        "norm=group (retuned)",
        "dropout=0.5",
    ]
    reference = variants["baseline (retuned)"]
    assert reference.is_reference
    assert reference.designs == ()
    for name in ("norm=batch (retuned)", "norm=group (retuned)"):
        assert variants[name].references == {"one-at-a-time": reference.key}
    assert variants["dropout=0.5"].references == {}
    assert variants["norm=batch (retuned)"].levels == {"norm": "batch", "dropout": "0.0"}


def test_the_key_of_a_retuned_variant_is_that_of_its_final_recipe():
    made = study(NORM)
    plain = study('[[variants]]\nname = "by hand"\nset = { "model.norm" = "batch", "training.optimizer.lr" = 0.2 }\n')
    by_hand = next(variant for variant in plain.variants() if variant.name == "by hand")
    final = {variant.name: variant for variant in made.settled(chosen(made))}["norm=batch (retuned)"]
    assert final.key == by_hand.key
    assert final.recipe.training.optimizer.lr == 0.2


def test_a_baseline_that_keeps_its_own_value_is_its_own_reference():
    made = study(NORM)
    outline = made.outline(chosen(made, baseline=1))
    assert [variant.name for variant in outline.variants] == [
        "baseline",
        "norm=batch (retuned)",
        "norm=group (retuned)",
    ]
    assert outline.variants[1].references == {"one-at-a-time": outline.baseline}


def test_a_choice_that_another_variant_already_is_keeps_that_name_and_runs_once():
    lr = '[factors.lr]\npath = "training.optimizer.lr"\nlevels = [0.2]\n'
    made = study(NORM, lr)
    outline = made.outline(chosen(made))
    fast = next(variant for variant in outline.variants if variant.name == "lr=0.2")
    assert not fast.is_reference
    assert fast.levels["lr"] == "0.2"
    assert fast.references == {}
    batch = next(variant for variant in outline.variants if variant.name == "norm=batch (retuned)")
    assert batch.references == {"one-at-a-time": fast.key}


def test_factors_with_other_lists_have_a_baseline_of_their_own():
    momentum = DROPOUT + 'retune = { "training.optimizer.momentum" = [0.5, 0.9] }\n'
    made = study(NORM, momentum)
    names = [tuning.name for tuning in made.tunings if not tuning.reference]
    assert names == [
        "baseline (retuned: training.optimizer.lr)",
        "baseline (retuned: training.optimizer.momentum)",
    ]
    variants = {variant.name: variant for variant in made.outline(chosen(made)).variants}
    assert variants["dropout=0.5 (retuned)"].references == {"one-at-a-time": variants[names[1]].key}
    assert variants["norm=batch (retuned)"].references == {"one-at-a-time": variants[names[0]].key}


def test_growth_keeps_a_tuning_and_other_values_make_a_new_one():
    keys = {tuning.name: tuning.key for tuning in study(NORM).tunings}
    grown = {tuning.name: tuning.key for tuning in study(NORM, DROPOUT).tunings}
    assert grown == keys
    more = {tuning.name: tuning.key for tuning in study(NORM.replace("0.05]", "0.05, 0.1]")).tunings}
    assert not set(more.values()) & set(keys.values())


def test_what_comes_of_a_planned_tuning_is_not_exploratory():
    made = study(NORM, DROPOUT)
    before, after = made.outline(), made.outline(chosen(made))
    marked: Outline = mark_exploratory(after, before, results_seen=True)
    assert [variant.name for variant in marked.variants if variant.exploratory] == []
    without = study(DROPOUT).outline()
    late = mark_exploratory(after, without, results_seen=True)
    assert "norm=batch (retuned)" in [variant.name for variant in late.variants if variant.exploratory]


@pytest.mark.parametrize("kind", ["grid", "ladder"])
def test_designs_that_would_mix_tuned_and_untuned_cells_are_refused(kind):
    design = f'[[designs]]\nkind = "{kind}"\n'
    if kind == "ladder":
        design += 'factors = ["dropout", "norm"]\nlevels = { norm = "batch" }\n'
    with pytest.raises(StudyError, match="leave `norm` out of its `factors`"):
        study(NORM, DROPOUT, design)


def test_tuning_counts_as_jobs():
    limit = HEAD.replace('name = "x"', 'name = "x"\nmax_jobs = {limit}')
    text = limit.replace("{limit}", "15").format(seeds="") + NORM
    with pytest.raises(StudyError, match="adds 12 tuning jobs to 9"):
        parse_study(text)
    assert parse_study(text.replace("max_jobs = 15", "max_jobs = 21")).tunings


def test_a_name_that_retuning_would_take_is_refused():
    taken = '[[variants]]\nname = "norm=batch (retuned)"\nset = { "model.dropout" = 0.1 }\n'
    with pytest.raises(StudyError, match="choose another name"):
        study(NORM, taken)


def test_a_part_of_a_study_tunes_only_its_own_levels():
    part = study(NORM, DROPOUT).only(variants=["norm=group (retuned)"])
    assert [tuning.name for tuning in part.tunings] == ["baseline (retuned)", "norm=group (retuned)"]
    assert study(NORM, DROPOUT).only(factors=["dropout"]).tunings == ()
