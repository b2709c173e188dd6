"""What is compared is the same on both sides: networks, variants, images."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

import ablate
from ablate.recipe import Data, Recipe
from ablate.training import load_dataset
from ablate.training.models import build_model
from benchmarks.by_hand import digits, students
from benchmarks.workloads import cifar_root, workloads, write_cifar

STUDY = Path(__file__).parents[2] / "benchmarks" / "digits.toml"
NETWORKS = {"lenet": students.LeNet, "residual": students.ResidualNet, "digits": students.DigitsNet}


def sizes(network: nn.Module) -> list[tuple[int, ...]]:
    return sorted(tuple(parameter.shape) for parameter in network.parameters())


def built(recipe: Recipe, channels: int, side: int) -> nn.Module:
    return build_model(recipe.model, channels=channels, image_size=(side, side), classes=10, seed=0)


@pytest.mark.parametrize("key", workloads())
def test_students_train_the_network_of_the_recipe(key: str) -> None:
    workload = workloads()[key]
    recipe = Recipe.model_validate({**workload.load("exact").baseline, "select": "last"})
    shape = (1, 8) if key == "digits" else (3, 32)
    assert sizes(built(recipe, *shape)) == sizes(NETWORKS[workload.network]())


def test_the_scripts_by_hand_train_the_variants_of_the_study() -> None:
    study = ablate.load_study(STUDY)
    variants = {variant.name: variant.recipe for variant in study.variants()}
    assert variants.keys() == digits.VARIANTS.keys()
    assert study.seeds == tuple(digits.SEEDS)
    for name, recipe in variants.items():
        assert sizes(built(recipe, 1, 8)) == sizes(digits.build(digits.BASELINE | digits.VARIANTS[name]))
        assert (recipe.data.batch_size, recipe.training.epochs) == (digits.BATCH, digits.EPOCHS)


def test_a_tier_is_given_runs_enough_for_a_pack() -> None:
    small = workloads()["digits"]
    alone, fused = small.load("exact"), small.load("fused")
    assert alone.runs == 1
    assert fused.runs > 1
    assert fused.images * fused.runs >= alone.images


def test_made_up_images_are_read_as_cifar10_on_both_sides(tmp_path: Path) -> None:
    write_cifar(tmp_path, 20, 10)
    theirs = students.CIFAR10(tmp_path, 20, transform=np.asarray)
    ours = load_dataset(Data(name="cifar10", batch_size=1), tmp_path)
    assert len(theirs) == len(ours.train.labels) == 20
    assert len(ours.test.labels) == 10  # type: ignore[union-attr]
    image, label = theirs[7]
    assert label == int(ours.train.labels[7])
    assert np.array_equal(image.transpose(2, 0, 1), ours.train.images[7].numpy())


def test_a_folder_without_the_real_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cifar-10-batches-py"):
        cifar_root(tmp_path, tmp_path / "data")
