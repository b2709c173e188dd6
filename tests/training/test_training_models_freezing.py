"""What is frozen does not move by one bit, and what is not does."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ablate.recipe import ConvNet, TorchvisionModel
from ablate.training import ModelError, build_model
from ablate.training.models import freeze, training_mode


def resnet18(channels: int = 3, **fields: object) -> nn.Module:
    recipe = TorchvisionModel(name="torchvision:resnet18", **fields)
    return build_model(recipe, channels=channels, image_size=(32, 32), classes=10, seed=0)


def convnet() -> nn.Module:
    recipe = ConvNet(channels=[4, 8], norm="batch", hidden=[6])
    return build_model(recipe, channels=3, image_size=(8, 8), classes=10, seed=0)


def frozen(model: nn.Module) -> set[str]:
    """First parts of the names of parameters that are not trained."""
    return {name.split(".")[0] for name, p in model.named_parameters() if not p.requires_grad}


def train_steps(model: nn.Module, size: int, steps: int = 2) -> set[str]:
    """Names in the state dict that training moves by any bit."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    training_mode(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        images = torch.randn(8, 3, size, size, generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(model(images), torch.arange(8)).backward()
        optimizer.step()
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def test_frozen_parts_do_not_move_by_one_bit_and_the_others_do():
    model = convnet()
    freeze(model, ["stage1.*"])
    moved = train_steps(model, 8)
    assert not any(name.startswith("stage1") for name in moved)
    assert moved == {name for name in model.state_dict() if not name.startswith("stage1")}


def test_of_a_frozen_backbone_only_the_new_head_moves():
    model = resnet18(freeze=["*"])
    assert train_steps(model, 32) == {"fc.weight", "fc.bias"}
    assert not model.bn1.training
    assert model.fc.training


def test_without_frozen_parts_everything_is_in_training():
    model = convnet()
    model.eval()
    freeze(model, [])
    training_mode(model)
    assert all(module.training for module in model.modules())


def test_batch_norms_that_are_trained_in_part_follow_the_images():
    model = convnet()
    freeze(model, ["stage1.norm1.weight"])
    assert "stage1.norm1.running_mean" in train_steps(model, 8)


def test_batch_norms_without_parameters_are_frozen_by_name():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, affine=False),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    freeze(model, ["0.*", "1.*"])
    assert not {"1.running_mean", "1.running_var", "1.num_batches_tracked"} & (moved := train_steps(model, 8))
    assert {"3.running_mean", "3.running_var", "3.num_batches_tracked"} <= moved
    freeze(model, ["0.*"])
    assert "1.running_mean" in train_steps(model, 8)


def test_each_phase_chooses_anew():
    model = convnet()
    freeze(model, ["*"], but=["head.*"])
    assert frozen(model) == {"stage1", "stage2"}
    freeze(model, ["stage1.*"])
    assert frozen(model) == {"stage1"}
    freeze(model, [])
    assert not frozen(model)
    assert train_steps(model, 8) == set(model.state_dict())


def test_exceptions_are_trained_whatever_freezes_them():
    model = resnet18(freeze=["*"])
    freeze(model, ["*"], but=["layer4.*", "bn1.bias"])
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name in trained if not name.startswith(("layer4.", "fc."))} == {"bn1.bias"}
    assert {name for name, _ in model.named_parameters() if name.startswith(("layer4.", "fc."))} <= trained


def test_old_gradients_do_not_move_what_is_frozen_later():
    model = convnet()
    train_steps(model, 8)
    freeze(model, ["stage1.*"])
    assert not any(name.startswith("stage1") for name in train_steps(model, 8))


@pytest.mark.parametrize("hidden", [(), (12,)])
def test_the_new_head_is_always_trained(hidden: tuple[int, ...]):
    model = resnet18(hidden=hidden)
    freeze(model, ["*", "fc.*"])
    assert frozen(model) == {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}


def test_names_are_those_of_the_network_behind_grey_images():
    model = resnet18(channels=1, freeze=["layer1.*"])
    assert {name.split(".")[1] for name, p in model.named_parameters() if not p.requires_grad} == {"layer1"}
    freeze(model, ["*"], but=["conv1.*"])
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"network.conv1.weight", "network.fc.weight", "network.fc.bias"}


def test_what_a_networks_own_code_froze_stays_so_unless_it_is_named():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    freeze(model, ["1.*"])
    freeze(model, [])
    assert frozen(model) == {"0"}
    freeze(model, [], but=["0.weight"])
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["0.bias"]


@pytest.mark.parametrize(
    ("patterns", "but", "told"),
    [
        (["layr1.*"], [], "No parameter of the network matches 'layr1.*'; did you mean 'layer1.*'?"),
        (["*"], ["layer4"], "No parameter of the network matches 'layer4'; did you mean 'layer4.*'?"),
        (["conv1.wieght"], [], "No parameter of the network matches 'conv1.wieght'; did you mean 'conv1.weight'?"),
        (["backbone.*"], [], "matches 'backbone.*'; choose from bn1.*, conv1.*, fc.*, layer1.*, layer2.*"),
    ],
)
def test_a_pattern_that_matches_nothing_is_told(patterns: list[str], but: list[str], told: str):
    with pytest.raises(ModelError) as caught:
        freeze(resnet18(), patterns, but)
    assert told in caught.value.message


def test_a_recipe_with_a_pattern_that_matches_nothing_builds_no_network():
    with pytest.raises(ModelError, match="did you mean 'layer1"):
        resnet18(freeze=["layer1"])
