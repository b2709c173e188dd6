"""ResNet and AlexNet: known parameter counts, and the same function as networks written out by hand."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from ablate.recipe import AlexNet, ResNet
from ablate.training import ModelError, build_model
from ablate.training.models import Dropout
from tests.networks import assert_same_function, parameters


def build(recipe: ResNet | AlexNet, colours: int = 3, size: int = 32, classes: int = 10, seed: int = 0) -> nn.Module:
    return build_model(recipe, channels=colours, image_size=(size, size), classes=classes, seed=seed)


class BasicBlock(nn.Module):
    """conv-bn-relu-conv-bn, plus the input thinned out and padded with zero channels, then relu."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.stride, self.extra = stride, width - inputs

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.extra:
            zeros = torch.zeros(len(x), self.extra, *shortcut.shape[2:])
            shortcut = torch.cat([shortcut, zeros], dim=1)
        return F.relu(out + shortcut)


class PlainBlock(BasicBlock):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class BottleneckBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolutions; a projection where the shape changes."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.projects = stride != 1 or inputs != 4 * width
        if self.projects:
            self.conv, self.bn = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + (self.bn(self.conv(x)) if self.projects else x))


class PreActivationBlock(nn.Module):
    """bn-relu-conv-bn-relu-conv; a projection starts after the first relu. The first block has no bn of its own."""

    def __init__(self, inputs: int, width: int, stride: int, first: bool) -> None:
        super().__init__()
        self.first, self.projects = first, stride != 1 or inputs != width
        if not first:
            self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1, self.bn2 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        if self.projects:
            self.conv = nn.Conv2d(inputs, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = x if self.first else F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return out + (self.conv(active) if self.projects else x)


def head(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def stem(channels: int) -> list[nn.Module]:
    return [nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]


@pytest.mark.parametrize(("blocks", "count"), [(3, 269_722), (5, 464_154), (7, 658_586), (9, 853_018), (18, 1_727_962)])
def test_resnets_for_cifar_have_their_known_parameters(blocks: int, count: int):
    """Depth 6 n + 2 is three stages of n blocks: 20, 32, 44, 56, 110 layers (He et al. 2015, section 4.2)."""
    model = build(ResNet(blocks=blocks))
    assert parameters(model) == count
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules())
    assert layers == 6 * blocks + 2


@pytest.mark.parametrize("residual", [True, False])
def test_a_resnet_20_is_the_one_of_the_paper(residual: bool):
    block = BasicBlock if residual else PlainBlock
    theirs = nn.Sequential(
        *stem(16),
        block(16, 16, 1), block(16, 16, 1), block(16, 16, 1),
        block(16, 32, 2), block(32, 32, 1), block(32, 32, 1),
        block(32, 64, 2), block(64, 64, 1), block(64, 64, 1),
        *head(64),
    )  # fmt: skip
    assert_same_function(build(ResNet(residual=residual)), theirs, (4, 3, 32, 32))


def test_a_bottleneck_resnet_is_the_one_written_by_hand():
    theirs = nn.Sequential(
        *stem(8),
        BottleneckBlock(8, 8, 1), BottleneckBlock(32, 8, 1),
        BottleneckBlock(32, 16, 2), BottleneckBlock(64, 16, 1),
        *head(64),
    )  # fmt: skip
    ours = build(ResNet(channels=[8, 16], blocks=2, block="bottleneck", shortcut="projection"))
    assert_same_function(ours, theirs, (4, 3, 15, 15))


def test_a_pre_activation_resnet_is_the_one_written_by_hand():
    theirs = nn.Sequential(
        *stem(8),
        PreActivationBlock(8, 8, 1, True), PreActivationBlock(8, 8, 1, False),
        PreActivationBlock(8, 16, 2, False), PreActivationBlock(16, 16, 1, False),
        nn.BatchNorm2d(16), nn.ReLU(), *head(16),
    )  # fmt: skip
    ours = build(ResNet(channels=[8, 16], blocks=2, norm_place="before", shortcut="projection"))
    assert_same_function(ours, theirs, (4, 3, 15, 15))


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("resnet18", {"blocks": 2}),
        ("resnet34", {"blocks": [3, 4, 6, 3]}),
        ("resnet50", {"blocks": [3, 4, 6, 3], "block": "bottleneck"}),
    ],
)
def test_the_resnets_for_imagenet_are_torchvisions(name: str, recipe: dict[str, Any]):
    first = {"channels": 64, "kernel_size": 7, "stride": 2, "padding": 3,
             "pool": "max", "pool_size": 3, "pool_stride": 2, "pool_padding": 1}  # fmt: skip
    model = build(ResNet(channels=[64, 128, 256, 512], stem=first, shortcut="projection", **recipe), classes=1000)
    theirs = torchvision.models.get_model(name)
    assert parameters(model) == parameters(theirs)
    assert_same_function(model, theirs, (2, 3, 64, 64))


def test_padded_shortcuts_add_zero_channels_behind():
    block = build(ResNet(channels=[2, 5], blocks=1)).stage2.block1
    images = torch.randn(2, 2, 7, 8)
    shortcut = block.shortcut(images)
    assert shortcut.shape == (2, 5, 4, 4)
    assert torch.equal(shortcut[:, :2], images[:, :, ::2, ::2])
    assert not shortcut[:, 2:].any()


def test_padded_shortcuts_of_pre_activation_carry_the_input_as_it_came():
    block = build(ResNet(channels=[2, 5], blocks=1, norm_place="before")).stage2.block1.eval()
    images = torch.randn(2, 2, 7, 8)
    body = block.body(block.entrance(images))
    assert torch.equal(block(images)[:, :2], body[:, :2] + images[:, :, ::2, ::2])
    assert torch.equal(block(images)[:, 2:], body[:, 2:])


def test_plain_networks_have_no_shortcuts_and_share_the_weights_of_their_bodies():
    plain, residual = (build(ResNet(residual=on, shortcut="projection")) for on in (False, True))
    assert not any("shortcut" in name for name, _ in plain.named_modules())
    weights = residual.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in plain.state_dict().items())
    assert parameters(residual) - parameters(plain) == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)


def test_convolutions_add_a_constant_where_nothing_normalises():
    assert all(m.bias is not None for m in build(ResNet(norm="none")).modules() if isinstance(m, nn.Conv2d))
    assert all(m.bias is None for m in build(ResNet(norm="group")).modules() if isinstance(m, nn.Conv2d))


def test_channels_that_fall_need_a_projection():
    with pytest.raises(ModelError, match="cannot go from 16 to 8 channels") as caught:
        build(ResNet(channels=[16, 8]))
    assert "projection" in caught.value.cure
    assert build(ResNet(channels=[16, 8], shortcut="projection"))(torch.randn(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(("place", "in_blocks", "in_head"), [("blocks", 9, 0), ("head", 0, 1), ("both", 9, 1)])
def test_dropout_stands_where_it_is_told(place: str, in_blocks: int, in_head: int):
    model = build(ResNet(dropout=0.3, dropout_place=place))
    dropped = [name for name, module in model.named_modules() if isinstance(module, Dropout)]
    assert sum(name.startswith("stage") for name in dropped) == in_blocks
    assert sum(name.startswith("head") for name in dropped) == in_head


@pytest.mark.parametrize("norm_place", ["after", "before"])
def test_dropout_in_blocks_stands_after_the_activation_before_the_next_convolution(norm_place: str):
    body = build(ResNet(dropout=0.3, norm_place=norm_place, block="bottleneck")).stage2.block2.body
    kinds = [type(layer).__name__ for layer in body]
    between = ["BatchNorm2d", "ReLU", "Dropout", "Conv2d"]
    assert kinds[: 1 + 2 * len(between)] == ["Conv2d", *between, *between]


def test_the_head_has_hidden_layers_and_one_dropout_before_the_classes():
    layers = build(ResNet(hidden=[20, 30], dropout=0.1, dropout_place="head", head="flatten")).head
    assert [type(layer).__name__ for layer in layers] == [
        "Flatten", "Linear", "ReLU", "Linear", "ReLU", "Dropout", "Linear"
    ]  # fmt: skip
    assert layers.hidden1.in_features == 64 * 8 * 8


@pytest.mark.parametrize("norm_place", ["after", "before"])
def test_blocks_end_with_an_activation_only_after_the_addition_and_where_wanted(norm_place: str):
    images = torch.randn(2, 16, 8, 8)
    with_it, without = (build(ResNet(norm_place=norm_place, post_activation=on)).stage1.block2 for on in (True, False))
    expected = F.relu(without(images)) if norm_place == "after" else without(images)
    assert torch.equal(with_it(images), expected)


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
@pytest.mark.parametrize("shortcut", ["pad", "projection"])
@pytest.mark.parametrize("norm", ["none", "batch", "group", "layer"])
@pytest.mark.parametrize("norm_place", ["after", "before"])
@pytest.mark.parametrize("residual", [True, False])
def test_every_combination_makes_logits(block: str, shortcut: str, norm: str, norm_place: str, residual: bool):
    recipe = ResNet(channels=[4, 6], blocks=[1, 2], block=block, shortcut=shortcut, norm=norm, norm_place=norm_place,
                    residual=residual, dropout=0.2, dropout_place="both", hidden=[5], head="flatten")  # fmt: skip
    model = build_model(recipe, channels=1, image_size=(9, 6), classes=10, seed=0)
    assert model(torch.randn(3, 1, 9, 6)).shape == (3, 10)


def test_initial_weights_follow_the_seed():
    one, same, other = (build(ResNet(), seed=seed).stem.conv.weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_alexnet_with_stride_4_is_torchvisions():
    ours, theirs = build(AlexNet(stride=4), 3, 224, 1000), torchvision.models.alexnet()
    assert parameters(ours) == parameters(theirs)
    ours.eval()
    theirs.eval()
    assert_equal_evaluation(ours, theirs, (1, 3, 224, 224))


def test_alexnet_of_lab_b_is_the_one_written_by_hand():
    theirs = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 101),
    )  # fmt: skip
    ours = build(AlexNet(), 3, 224, 101)
    assert_equal_evaluation(ours.eval(), theirs.eval(), (1, 3, 224, 224))
    kinds = [type(m).__name__ for m in ours.modules() if not list(m.children())]
    textbook = " ".join(type(m).__name__ for m in theirs)
    assert " ".join(kinds) == textbook.replace("ReLU MaxPool2d", "MaxPool2d ReLU")


def assert_equal_evaluation(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> None:
    own = ours.state_dict()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), own.values(), strict=True)))
    images = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_alexnet_normalises_and_drops_where_it_is_told():
    model = build(AlexNet(norm="batch", dropout=0, hidden=[8], average=1, channels=[4] * 5), size=64)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in model.features) == 5
    assert not any(isinstance(m, Dropout) for m in model.modules())
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 10)


def test_alexnet_says_which_layer_does_not_fit_and_what_to_do():
    with pytest.raises(ModelError, match="convolution 2 of the `alexnet` would pool 2x2 feature maps") as caught:
        build(AlexNet(), size=16)
    assert "data.resize" in caught.value.cure
    assert "stride" in caught.value.cure
