"""The three studies that come with ablate say what they should."""

from pathlib import Path

import pytest

from ablate.study import load_study

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.parametrize("name", ["digits_net", "fashion_net"])
def test_all_factors_of_the_product_are_varied(name):
    study = load_study(STUDIES / f"{name}.toml")
    factors = {factor.name for factor in study.factors}
    assert {"dropout", "batch_norm", "lr_decay", "depth", "width", "augmentation", "optimizer"} <= factors
    assert factors & {"residual", "blocks"}
    assert study.designs[0].kind == "one-at-a-time"


def test_digits_are_never_mirrored():
    for variant in load_study(STUDIES / "digits_net.toml").variants():
        assert "horizontal_flip" not in {step.name for step in variant.recipe.data.augment}


def test_the_small_study_is_small():
    study = load_study(STUDIES / "digits_net.toml")
    assert 13 <= len(study.variants()) <= 16
    assert study.seeds == tuple(range(5))


def test_the_eight_questions_of_the_cifar_study():
    study = load_study(STUDIES / "cifar_net.toml")
    variants = {name: variant for variant in study.variants() for name in (variant.name, *variant.also)}
    reported = {name: variant.reported for name, variant in variants.items() if variant.reported is not None}
    assert reported == {
        "baseline": 0.56,
        "batch_size=16": 0.65,
        "batch_size=32": 0.63,
        "batch_size=128": 0.47,
        "augmentation=flip": 0.56,
        "optimizer=Adam": 0.65,
        "step_lr=halve_every_5": 0.60,
        "optimizer=Adam, step_lr=halve_every_5": 0.65,
        "Adam, halved every 5 epochs": 0.65,
        "batch_norm=three": 0.65,
        "init=kaiming_uniform": 0.57,
        "width=[12, 32]": 0.60,
        "best of the same depth": 0.83,
        "ResNet-18": 0.83,
    }
    assert {variant.recipe.select for variant in study.variants()} == {"last"}
    assert {variant.recipe.data.validation for variant in study.variants()} == {0}
    assert all(variant.recipe.training.oracle_curve for variant in study.variants())
    best, resnet = variants["best of the same depth"].recipe, variants["ResNet-18"].recipe
    assert (resnet.data, resnet.training) == (best.data, best.training)
    assert resnet.model.name == "torchvision:resnet18"
    alone = variants["step_lr=lr_0_002"].recipe.training
    assert (alone.optimizer.lr, alone.scheduler.name) == (0.002, "none")
