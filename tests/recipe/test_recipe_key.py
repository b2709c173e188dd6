"""Equal recipes are one variant: the key depends on what is trained, not on how it is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ablate.recipe import Recipe


def plain(**changes: Any) -> dict[str, Any]:
    recipe: dict[str, Any] = {
        "data": {"name": "digits"},
        "model": {"name": "convnet", "channels": [8, 16]},
        "training": {"epochs": 3, "optimizer": {"name": "SGD", "lr": 0.1}},
    }
    for path, value in changes.items():
        table, _, key = path.partition("__")
        if key:
            recipe[table] = {**recipe[table], key: value}
        else:
            recipe[table] = value
    return recipe


def key(**changes: Any) -> str:
    return Recipe.model_validate(plain(**changes)).key


def test_writing_out_a_default_changes_no_key() -> None:
    assert key() == key(data__batch_size=64, data__augment=[], model__dropout=0.0, select="best_val")
    assert key() == key(training__optimizer={"name": "SGD", "lr": 0.1, "momentum": 0, "nesterov": False})
    assert key() == key(training__scheduler={"name": "none"})


def test_whole_numbers_and_floats_are_the_same_number() -> None:
    assert key(training__optimizer={"name": "SGD", "lr": 1}) == key(training__optimizer={"name": "SGD", "lr": 1.0})
    decayed = {"name": "SGD", "lr": 0.1, "weight_decay": 1}
    assert key(training__optimizer=decayed) == key(training__optimizer={**decayed, "weight_decay": 1.0})


def test_knobs_that_are_written_out_as_they_are_change_no_key() -> None:
    off = {"label_smoothing": 0, "accumulate": 1, "grad_norm": False, "parameter_groups": [], "precision": "float32"}
    assert key(training={**plain()["training"], **off}) == key() == "f07078f615ebc39b"
    assert key(training__ema={"decay": 0.999, "warmup": True}) == key(training__ema={})
    assert key(training__clip_grad_norm=1) == key(training__clip_grad_norm=1.0)
    group = {"match": ["head.*"], "lr": 1, "weight_decay": 0}
    floats = {"weight_decay": 0.0, "lr": 1.0, "match": ["head.*"]}
    assert key(training__parameter_groups=[group]) == key(training__parameter_groups=[floats])


def test_a_short_augmentation_is_its_table() -> None:
    assert key(data__augment=["random_crop"]) == key(data__augment=[{"name": "random_crop", "padding": 4}])


@pytest.mark.parametrize(
    "changes",
    [
        {"data__batch_size": 32},
        {"data__augment": ["horizontal_flip"]},
        {"model__channels": [8, 17]},
        {"model__residual": False},
        {"training__epochs": 4},
        {"training__optimizer": {"name": "Adam", "lr": 0.1}},
        {"training__optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9}},
        {"training__scheduler": {"name": "CosineAnnealingLR"}},
        {"select": "last"},
        {"data__augment": ["mixup"]},
        {"data__augment": ["cutmix"]},
        {"training__label_smoothing": 0.1},
        {"training__class_weights": "balanced"},
        {"training__accumulate": 2},
        {"training__clip_grad_norm": 1.0},
        {"training__clip_grad_value": 1.0},
        {"training__grad_norm": True},
        {"training__no_weight_decay": ["norm"]},
        {"training__parameter_groups": [{"match": ["head.*"], "lr": 0.1}]},
        {"training__ema": {}},
        {"training__precision": "bfloat16"},
        {"training__memory_format": "contiguous"},
        {"training__tf32": True},
        {"training__deterministic": True},
        {"training__graphs": True},
        {"training__test_time_augmentation": "flip"},
    ],
)
def test_every_knob_changes_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


def test_the_length_of_a_schedule_is_resolved_into_the_recipe() -> None:
    scheduler = {"name": "CosineAnnealingLR"}
    assert key(training__scheduler=scheduler) == key(training__scheduler={**scheduler, "T_max": 3})
    assert key(training__scheduler=scheduler) != key(training__scheduler={**scheduler, "T_max": 2})


@given(st.permutations(["data", "model", "training"]), st.permutations(["name", "batch_size", "validation"]))
def test_the_order_of_keys_changes_no_key(tables: list[str], keys: list[str]) -> None:
    recipe = plain(data={"name": "digits", "batch_size": 16, "validation": 0.2})
    shuffled = {table: recipe[table] for table in tables}
    shuffled["data"] = {name: recipe["data"][name] for name in keys}
    assert Recipe.model_validate(shuffled).key == Recipe.model_validate(recipe).key


def test_a_recipe_survives_json() -> None:
    recipe = Recipe.model_validate(
        plain(
            data__augment=["horizontal_flip", {"name": "random_crop", "padding": 2}],
            data__normalize={"mean": [0.5], "std": [0.5]},
            model__kernel_size=[3, 5],
            training__optimizer={"name": "Adam", "lr": 0.001, "betas": [0.8, 0.99]},
            training__scheduler={"name": "StepLR", "step_size": 2},
        )
    )
    for stored in (recipe.model_dump_json(), json.dumps(recipe.canonical())):
        again = Recipe.model_validate(json.loads(stored))
        assert again == recipe
        assert again.key == recipe.key


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data__validation": 0}, 'select = "last"'),
        ({"data__batch_size": 1, "training__devices": 2}, "a batch of 1 cannot be spread over 2 devices"),
        ({"training__epochs": -1}, "greater than or equal to 1"),
        ({"training__optimizer": {"name": "Adm", "lr": 0.1}}, "did you mean 'Adam'"),
        ({"training__optimizer": {"name": "Adam", "lr": 0.1, "momentum": 0.9}}, "Adam takes no argument 'momentum'"),
        ({"training__optimizer": {"name": "SGD", "lr": 0.1, "nesterov": 1}}, "true or false"),
        ({"training__optimizer": {"name": "SGD", "lr": 0.1, "weight_decay": -1}}, "0 or more"),
        ({"training__optimizer": {"name": "SGD", "lr": 0.1, "momentum": float("nan")}}, "finite"),
        ({"training__scheduler": {"name": "StepLR"}}, "StepLR needs step_size"),
        ({"training__scheduler": {"name": "none", "gamma": 0.1}}, "takes no argument 'gamma'"),
        ({"training__scheduler": {"name": "LambdaLR"}}, "no class 'LambdaLR'"),
        ({"model__kernel_size": [3, 3, 3]}, "one for each stage"),
    ],
)
def test_a_mistake_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Recipe.model_validate(plain(**changes))


def test_the_key_of_an_own_model_is_its_name_and_every_argument() -> None:
    net = {"name": "nets.py:Net", "width": 8, "dropout": 0.0}
    same = {"dropout": -0.0, "width": 8, "name": "./code/../nets.py:Net"}
    assert key(model=net) == key(model=same) == "4fcc76afd93ff864"
    assert len({key(model=other) for other in (net, {**net, "width": 9}, {**net, "name": "nets:Net"})}) == 3


@pytest.mark.parametrize(
    "name", ["nets.py:", "nets.py:a b", "/nets.py:Net", "../nets.py:Net", "a\\b.py:Net", "a b:Net"]
)
def test_a_name_that_leads_nowhere_is_no_own_model(name: str) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(plain(model={"name": name}))


def test_a_number_inside_a_list_is_finite_too() -> None:
    with pytest.raises(ValidationError, match="betas is a finite number"):
        Recipe.model_validate(plain(training__optimizer={"name": "Adam", "lr": 0.1, "betas": [float("nan"), 0.9]}))
