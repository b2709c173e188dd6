"""Stochastic depth: which blocks are skipped, how often, for which images, and where there is nothing to skip."""

import re
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from scipy import stats
from torch import nn

from ablate.recipe import ConvNet, Recipe, ResNet
from ablate.training import build_model
from ablate.training.models import StochasticDepth, reseed_dropout

CPU = torch.device("cpu")
NETS = {
    "resnet": ResNet(channels=[4, 8], blocks=[1, 2], stochastic_depth=0.6),
    "bottleneck": ResNet(
        channels=[4, 8], blocks=[1, 2], block="bottleneck", shortcut="projection", stochastic_depth=0.6
    ),
    "pre-activation": ResNet(channels=[4, 8], blocks=[1, 2], norm_place="before", stochastic_depth=0.6),
    "convnet": ConvNet(channels=[4, 8], blocks=[1, 2], norm="batch", stochastic_depth=0.6),
}


def build(recipe: ConvNet | ResNet) -> nn.Module:
    return build_model(recipe, channels=3, image_size=(16, 16), classes=10, seed=0)


def skips(model: nn.Module) -> dict[str, float]:
    return {name: module.p for name, module in model.named_modules() if isinstance(module, StochasticDepth)}


@pytest.mark.parametrize("recipe", NETS.values(), ids=NETS)
def test_the_probability_rises_block_by_block_to_the_largest_in_the_last(recipe: ConvNet | ResNet):
    places = ["stage1.block1.body.skip", "stage2.block1.body.skip", "stage2.block2.body.skip"]
    assert skips(build(recipe)) == pytest.approx(dict(zip(places, [0.2, 0.4, 0.6], strict=True)))


@pytest.mark.parametrize("recipe", NETS.values(), ids=NETS)
def test_a_block_adds_to_an_image_nothing_or_more_than_it_would(recipe: ConvNet | ResNet):
    """Skipped it gives the shortcut; otherwise what it adds is divided by the probability of that."""
    block = build(recipe).stage2.block2
    block.activation = nn.Identity()
    inputs = torch.randn(400, block.body.conv1.in_channels, 4, 4)
    reseed_dropout(block, 0, 1, CPU)
    outputs = block(inputs)
    layers = list(block.body)
    assert isinstance(layers.pop(), StochasticDepth)
    entered = block.entrance(inputs) if hasattr(block, "entrance") else inputs
    added = nn.Sequential(*layers)(entered)
    skipped = (outputs == inputs).all(dim=(1, 2, 3))
    assert torch.allclose(outputs[~skipped], (inputs + added / 0.4)[~skipped], atol=1e-5)
    assert stats.binomtest(int(skipped.sum()), 400, 0.6).pvalue > 0.001


@pytest.mark.parametrize("recipe", NETS.values(), ids=NETS)
def test_layers_weights_and_evaluation_are_those_of_the_network_without(recipe: ConvNet | ResNet):
    with_it, without = build(recipe), build(recipe.model_copy(update={"stochastic_depth": 0.0}))
    assert not skips(without)
    assert list(with_it.state_dict()) == list(without.state_dict())
    images = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(with_it.eval()(images), without.eval()(images))


def test_what_is_skipped_belongs_to_seed_epoch_and_place():
    model = build(NETS["resnet"])

    def skipped(seed: int, epoch: int, rank: int = 0) -> list[torch.Tensor]:
        reseed_dropout(model, seed, epoch, CPU, rank=rank)
        ones = torch.ones(64, 1, 1, 1)
        return [block.body.skip(ones) for block in model.stage2]

    first, second = skipped(0, 1)
    assert not torch.equal(first == 0, second == 0)
    torch.rand(100)
    assert torch.equal(skipped(0, 1)[0], first)
    for other in (skipped(0, 2), skipped(1, 1), skipped(0, 1, rank=1)):
        assert not torch.equal(other[0], first)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "resnet", "residual": False}, "of which nothing is left where they are plain: set `residual = true`"),
        ({"name": "convnet", "blocks": 2, "residual": False}, "where they are plain: set `residual = true`"),
        ({"name": "convnet"}, "skips blocks, and there are none: set `blocks`"),
        ({"name": "convnet", "channels": [4, 8], "blocks": [0, 0]}, "there are none: set `blocks`"),
    ],
)
def test_where_there_is_nothing_to_skip_it_is_refused(model: dict[str, Any], message: str):
    tables = {
        "data": {"name": "digits"},
        "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}},
    }
    plain = Recipe.model_validate({**tables, "model": model})
    written_out = Recipe.model_validate({**tables, "model": {**model, "stochastic_depth": 0.0}})
    assert plain.key == written_out.key
    with pytest.raises(ValidationError, match=re.escape(message)):
        Recipe.model_validate({**tables, "model": {**model, "stochastic_depth": 0.2}})
