"""Which runs are trained together, and how many."""

from typing import Any

import pytest
import torch
from torch import nn

from ablate.recipe import ConvNet, Data, Recipe, ResNet, SyntheticData
from ablate.recipe.packing import SHAPES, SIZES, image_shape, layers_of, pack_of, packs_of
from ablate.training import build_model
from ablate.training.data.registry import SOURCES

TABLES: dict[str, Any] = {
    "data": {"name": "digits"},
    "model": {"name": "convnet", "channels": [8, 16], "dropout": 0.2, "hidden": [32]},
    "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}},
}


def recipe(**changes: Any) -> Recipe:
    """A small recipe on digits; `training__epochs=3` changes it."""
    tables = {name: dict(table) for name, table in TABLES.items()}
    for path, value in changes.items():
        table, _, key = path.partition("__")
        tables[table][key] = value
    return Recipe.model_validate(tables)


@pytest.mark.parametrize(
    "changes",
    [
        {"training__epochs": 9},
        {"training__optimizer": {"name": "Adam", "lr": 0.001}},
        {"training__scheduler": {"name": "CosineAnnealingLR"}},
        {"training__label_smoothing": 0.1},
        {"data__augment": ["horizontal_flip"]},
        {"model__dropout": 0.5},
        {"model__init": "orthogonal"},
    ],
    ids=str,
)
def test_what_leaves_the_network_as_it_is_fits_together(changes: dict[str, Any]) -> None:
    assert pack_of(recipe(**changes)) == pack_of(recipe())


@pytest.mark.parametrize(
    "changes",
    [
        {"data__batch_size": 32},
        {"data__train_images": 500},
        {"data__normalize": "none"},
        {"model__channels": [8, 8]},
        {"model__dropout": 0.0},
        {"model__norm": "batch"},
        {"training__memory_format": "contiguous"},
    ],
    ids=str,
)
def test_another_network_or_other_batches_do_not(changes: dict[str, Any]) -> None:
    ours, theirs = pack_of(recipe()), pack_of(recipe(**changes))
    assert ours is not None
    assert theirs is not None
    assert ours.key != theirs.key


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"training__accumulate": 2}, "`training.accumulate`"),
        ({"training__precision": "bfloat16"}, "`training.precision`"),
        ({"training__optimizer": {"name": "Adafactor", "lr": 0.1}}, "the optimizer Adafactor"),
        ({"training__phases": [{"epochs": 2}]}, "`training.phases`"),
        ({"training__loss": "mine.py:loss"}, "code of your own"),
        ({"model": {}, "model__name": "torchvision:resnet18", "model__channels": None}, "the network"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_what_has_no_stacked_form_is_trained_alone_and_cannot_be_asked_for(
    changes: dict[str, Any], obstacle: str
) -> None:
    tables = {name: dict(table) for name, table in TABLES.items()}
    if "model" in changes:
        tables["model"] = {"name": "torchvision:resnet18"}
    else:
        ((path, value),) = changes.items()
        table, _, key = path.partition("__")
        tables[table][key] = value
    assert pack_of(Recipe.model_validate(tables)) is None
    tables["training"]["tier"] = "fused"
    with pytest.raises(ValueError, match=r"`training.tier = \"fused\"` has no form for " + obstacle):
        Recipe.model_validate(tables)


def test_large_networks_are_packed_only_where_that_is_asked_for() -> None:
    wide = {"model__channels": [128, 256]}
    assert pack_of(recipe(**wide)) is None
    asked = pack_of(recipe(**wide, training__tier="fused"))
    assert asked is not None
    assert asked.size == 2
    assert pack_of(recipe(training__tier="exact")) is None


@pytest.mark.parametrize(("runs", "size"), [(1, 2), (5, 5), (8, 8), (9, 5), (10, 5), (17, 6), (1000, 8)])
def test_a_study_fills_its_packs(runs: int, size: int) -> None:
    """Runs of variants that fit together count together."""
    some, others = recipe(), recipe(training__epochs=3)
    packs = packs_of(
        {"some": some, "others": others, "alone": recipe(training__tier="exact")}, {"some": runs - 1, "others": 1}
    )
    assert set(packs) == {"some", "others"}
    assert {pack.size for pack in packs.values()} == {size}


def test_the_tier_is_a_part_of_the_key_only_where_it_is_given() -> None:
    assert recipe().key != recipe(training__tier="fused").key
    assert "tier" not in recipe().canonical()["training"]


def test_the_rule_gives_fewer_places_to_more_work() -> None:
    sizes = [pack_of(recipe(data__batch_size=batch, data__resize=28)) for batch in (8, 32, 512)]
    assert [pack.size if pack else None for pack in sizes] == [SIZES[0][2], SIZES[1][2], None]


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_those_of_the_data_sets(name: str, tmp_path: Any) -> None:
    data = Data(name=name)  # type: ignore[arg-type]
    assert SOURCES[name].outline(data, tmp_path).shape == image_shape(data)


def test_shapes_follow_resize_crop_and_channels() -> None:
    assert image_shape(Data(name="mnist", resize=32, channels=3)) == (3, 32, 32)
    assert image_shape(Data(name="cifar10", resize=(40, 50), crop=28)) == (3, 28, 28)
    assert image_shape(SyntheticData(name="synthetic", size=20)) == (3, 20, 20)
    assert image_shape(Data(name="caltech101")) is None


@pytest.mark.parametrize(
    "model",
    [
        ConvNet(channels=(6, 16), kernel_size=5, padding=0, hidden=(120, 84)),
        ConvNet(channels=(8, 16), stride=2, convs=2, blocks=(1, 2), pool=("average", "none"), head="global_average"),
        ConvNet(channels=(8,), stem={"channels": 4, "kernel_size": 5, "stride": 2, "pool": "max"}, pool_stride=1),
        ResNet(channels=(8, 16), blocks=(1, 2)),
        ResNet(channels=(8, 16), blocks=2, block="bottleneck", hidden=(12,)),
    ],
    ids=str,
)
def test_the_work_of_a_network_is_what_its_layers_do(model: ConvNet | ResNet) -> None:
    """But for the last layer, shortcuts that are projections, and what bottlenecks do before they halve the image."""
    outputs = products = 0

    def count(layer: nn.Module, inputs: object, result: torch.Tensor) -> None:
        nonlocal outputs, products
        outputs += result[0].numel()
        products += result[0].numel() * layer.weight[0].numel()

    network = build_model(model, channels=3, image_size=(32, 32), classes=10, seed=0)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)][:-1]
    for layer in layers:
        layer.register_forward_hook(count)
    network(torch.zeros(2, 3, 32, 32))
    expected = list(layers_of(model, (3, 32, 32)))
    assert sum(layer.outputs for layer in expected) == pytest.approx(outputs, rel=0.1)
    assert sum(layer.outputs * layer.inputs for layer in expected) == pytest.approx(products, rel=0.1)
