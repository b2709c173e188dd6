"""The ConvNet: what its docstring promises, and the nets of the lab reports."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ablate.recipe import ConvNet
from ablate.training import ModelError, build_model
from ablate.training.models import Dropout, reseed_dropout
from tests.networks import assert_same_function, parameters

CPU = torch.device("cpu")


def build(colours: int = 3, size: int = 32, seed: int = 0, **fields: object) -> nn.Module:
    return build_model(ConvNet(**fields), channels=colours, image_size=(size, size), classes=10, seed=seed)


def lab_c(norm: bool = False, channels: tuple[int, int] = (6, 16)) -> nn.Module:
    first, second = channels
    return nn.Sequential(
        nn.Conv2d(3, first, 5), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(first) if norm else nn.Identity(),
        nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(second) if norm else nn.Identity(),
        nn.Flatten(),
        nn.Linear(second * 25, 120), nn.ReLU(), nn.BatchNorm1d(120) if norm else nn.Identity(),
        nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class LabEBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))


def lab_e() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), LabEBlock(16),
        nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2), LabEBlock(32),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


LAB_C = {"channels": [6, 16], "kernel_size": 5, "padding": 0, "hidden": [120, 84]}


def test_lab_c_is_the_plain_net():
    ours = build(**LAB_C)
    assert parameters(ours) == 62_006
    assert_same_function(ours, lab_c(), (4, 3, 32, 32))


def test_lab_c_doubled_has_twice_the_channels():
    assert_same_function(build(**{**LAB_C, "channels": [12, 32]}), lab_c(channels=(12, 32)), (4, 3, 32, 32))


LAB_C_NORM = {**LAB_C, "norm": "batch", "norm_place": "pool", "hidden_norm": [True, False]}


def test_lab_c_with_batch_norm_after_both_pools_and_the_first_hidden_layer():
    assert_same_function(build(**LAB_C_NORM), lab_c(norm=True), (4, 3, 32, 32))


def test_lab_c_drops_after_each_of_the_three_batch_norms():
    ours = build(**LAB_C_NORM, dropout=0.1, dropout_place="norm")
    plain = [type(m) for m in ours.modules() if not list(m.children())]
    expected = [
        nn.Conv2d, nn.MaxPool2d, nn.ReLU, nn.BatchNorm2d, Dropout,
        nn.Conv2d, nn.MaxPool2d, nn.ReLU, nn.BatchNorm2d, Dropout,
        nn.Flatten, nn.Linear, nn.ReLU, nn.BatchNorm1d, Dropout, nn.Linear, nn.ReLU, nn.Linear,
    ]  # fmt: skip
    assert plain == expected
    assert not any(m.channels for m in ours.modules() if isinstance(m, Dropout))


def test_the_best_net_of_lab_c_has_its_2_44_million_parameters():
    assert parameters(build(**{**LAB_C_NORM, "channels": [256, 256]})) == 2_438_510


def test_lab_e_is_the_simple_resnet():
    ours = build(1, 28, channels=[16, 32], kernel_size=5, padding=0, norm="none", block_norm="batch", blocks=1,
                 post_activation=False)  # fmt: skip
    assert_same_function(ours, lab_e(), (4, 1, 28, 28))


def test_without_residual_a_block_is_only_its_body():
    plain, residual = (
        build(channels=[4], blocks=1, residual=r, post_activation=False, pool="none") for r in (False, True)
    )
    assert [n for n, _ in plain.named_parameters()] == [n for n, _ in residual.named_parameters()]
    block, other = plain.stage1.block1, residual.stage1.block1
    images = torch.randn(2, 4, 8, 8)
    assert torch.equal(other(images), block(images) + images)
    assert str(block) != str(other)


def test_blocks_end_with_an_activation_where_wanted():
    images = torch.randn(2, 4, 8, 8)
    with_it, without = (build(channels=[4], blocks=1, post_activation=p).stage1.block1 for p in (True, False))
    assert torch.equal(with_it(images), F.relu(without(images)))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("conv", ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU"]),
        ("activation", ["Conv2d", "ReLU", "BatchNorm2d"] * 2 + ["MaxPool2d"]),
        ("pool", ["Conv2d", "ReLU", "Conv2d", "MaxPool2d", "ReLU", "BatchNorm2d"]),
    ],
)
def test_a_stage_normalises_where_it_is_told(place: str, expected: list[str]):
    model = build(channels=[4], convs=2, norm="batch", norm_place=place)
    assert [type(m).__name__ for m in model.stage1] == expected


@pytest.mark.parametrize(
    ("place", "in_stages", "in_head"), [("head", 0, 2), ("stages", 2, 0), ("both", 2, 2), ("norm", 0, 0)]
)
def test_dropout_stands_where_it_is_told(place: str, in_stages: int, in_head: int):
    model = build(channels=[4, 4], hidden=[8, 8], dropout=0.5, dropout_place=place)
    assert sum(isinstance(m, Dropout) for m in [*model.stage1, *model.stage2]) == in_stages
    assert sum(isinstance(m, Dropout) for m in model.head) == in_head


@pytest.mark.parametrize(("norm", "groups"), [("layer", 1), ("group", 24)])
def test_group_norm_takes_at_most_32_groups(norm: str, groups: int):
    assert build(channels=[48], norm=norm).stage1.norm1.num_groups == groups


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 1, 1)])
def test_a_maximum_in_front_of_its_relu_gives_the_same_bits(window: int, stride: int, padding: int, last: bool):
    pooled = {"pool": "max", "pool_size": window, "pool_stride": stride, "pool_padding": padding}
    stem = {"channels": 6, "kernel_size": 3, "stride": 1, **pooled}
    ours = build(stem=stem, channels=[8], pool="none").get_submodule("stem")
    assert [name for name, _ in ours.named_children()] == ["conv", "pool", "activation"]
    textbook = nn.Sequential(ours.conv, nn.ReLU(), nn.MaxPool2d(window, stride, padding))
    images = torch.randint(-1, 2, (5, 3, 32, 32)).float()  # of few values, so that many windows have several maxima
    with torch.no_grad():
        ours.conv.weight.copy_(ours.conv.weight.sign())
        ours.conv.bias.zero_()
    if last:
        images = images.contiguous(memory_format=torch.channels_last)
    found = []
    for network in (ours, textbook):
        outputs = network(images)
        found.append([outputs, *torch.autograd.grad((outputs * outputs.sin()).sum(), list(ours.conv.parameters()))])
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(*found, strict=True))
    assert (found[0][0] == 0).any()


def test_only_a_maximum_right_after_a_relu_goes_in_front_of_it():
    def order(**fields: object) -> list[str]:
        network = build(channels=[8], **fields)
        return [name for name, _ in network.get_submodule("stage1").named_children()]

    assert order(pool="max") == ["conv1", "pool", "activation1"]
    assert order(pool="average") == ["conv1", "activation1", "pool"]
    assert order(pool="max", activation="gelu") == ["conv1", "activation1", "pool"]
    assert order(pool="max", norm="batch", norm_place="activation") == ["conv1", "activation1", "norm1", "pool"]


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_keeps_the_size_for_every_kernel(kernel: int, stride: int):
    model = build(1, 9, channels=[2], kernel_size=kernel, stride=stride, pool="none")
    assert model.stage1(torch.zeros(1, 1, 9, 9)).shape[2:] == (-(-9 // stride), -(-9 // stride))
    assert model(torch.zeros(2, 1, 9, 9)).shape == (2, 10)


@pytest.mark.parametrize("pool", ["max", "average", "none"])
@pytest.mark.parametrize("head", ["flatten", "global_average"])
@pytest.mark.parametrize("norm", ["none", "batch", "group", "layer"])
@pytest.mark.parametrize("blocks", [0, 2])
def test_every_combination_makes_logits(pool: str, head: str, norm: str, blocks: int):
    model = build(1, 8, channels=[4, 6], pool=pool, head=head, norm=norm, blocks=(0, blocks), convs=(2, 1),
                  kernel_size=(5, 3), hidden=[7], dropout=0.1, dropout_place="both")  # fmt: skip
    logits = model(torch.randn(3, 1, 8, 8))
    assert logits.shape == (3, 10)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"])
def test_every_activation_is_the_one_of_its_name(activation: str):
    model = build(1, 8, channels=[4], activation=activation)
    values = torch.randn(100)
    assert torch.equal(model.stage1.activation1(values), getattr(F, activation)(values))


@pytest.mark.parametrize(
    ("fields", "message", "cure"),
    [
        (
            {"channels": [4] * 4},
            "stage 4 of `model.channels` would pool 1x1 feature maps with a 2x2 window",
            'Use fewer stages or `pool = "none"`.',
        ),
        (
            {"channels": [4, 4], "kernel_size": 5, "padding": 0},
            "stage 2 of `model.channels` would convolve 2x2 feature maps with a 5x5 kernel",
            'Use fewer stages, `padding = "same"` or `pool = "none"`.',
        ),
    ],
)
def test_a_net_that_does_not_fit_says_which_stage_and_what_to_do(fields: dict, message: str, cure: str):
    with pytest.raises(ModelError, match=message) as caught:
        build(1, 8, **fields)
    assert caught.value.cure == cure
    assert caught.value.exit_code == 3


def test_a_stem_stands_in_front_of_the_stages_and_leaves_their_names():
    plain = build(8, channels=[4], norm="batch")
    model = build(3, channels=[4], norm="batch", stem={"channels": 8, "kernel_size": 5, "stride": 2, "pool": "average"})
    assert [type(m).__name__ for m in model.stem] == ["Conv2d", "BatchNorm2d", "ReLU", "AvgPool2d"]
    assert model.stem(torch.zeros(1, 3, 32, 32)).shape == (1, 8, 8, 8)
    assert torch.equal(model.stage1.conv1.weight, plain.stage1.conv1.weight)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in build(
        channels=[4], norm="batch", stem={"channels": 8, "norm": "none"}
    ).stem)  # fmt: skip


def test_stages_may_each_have_their_own_padding_stride_and_pooling():
    model = build(3, 16, channels=[4, 5, 6], kernel_size=[3, 2, 4], padding=[0, 1, "same"], stride=[2, 1, 1],
                  pool=["none", "average", "max"], pool_size=3, pool_stride=2)  # fmt: skip
    sizes, features = [], torch.zeros(1, 3, 16, 16)
    for stage in (model.stage1, model.stage2, model.stage3):
        features = stage(features)
        sizes.append(tuple(features.shape[1:]))
    assert sizes == [(4, 7, 7), (5, 3, 3), (6, 1, 1)]  # (16 - 3) // 2 + 1; (8 - 3) // 2 + 1; (3 - 3) // 2 + 1
    assert [type(stage.pool).__name__ for stage in (model.stage2, model.stage3)] == ["AvgPool2d", "MaxPool2d"]


def test_dropout_may_stand_after_the_convolutions_and_in_several_places():
    model = build(channels=[4], convs=2, blocks=1, norm="batch", hidden=[8], dropout=0.5,
                  dropout_place=["conv", "head"])  # fmt: skip
    one = ["Conv2d", "Dropout", "BatchNorm2d"]
    assert [type(m).__name__ for m in model.stage1] == [*one, "ReLU", *one, "MaxPool2d", "ReLU", "Block"]
    assert not model.stage1.conv_dropout1.channels
    assert [type(m).__name__ for m in model.head] == ["Flatten", "Linear", "ReLU", "Dropout", "Linear"]
    assert not any(isinstance(m, Dropout) for m in model.stage1.block1.modules())


def test_a_hidden_layer_is_dropped_once_also_where_two_places_name_it():
    model = build(channels=[4], hidden=[8], hidden_norm=True, dropout=0.5, dropout_place=["norm", "head"])
    assert [type(m).__name__ for m in model.head] == ["Flatten", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        ({"channels": 4, "kernel_size": 9, "padding": 0}, "`model.stem` would convolve 8x8 feature maps"),
        ({"channels": 4, "stride": 4, "pool": "max", "pool_size": 3}, "`model.stem` would pool 2x2 feature maps"),
        ({"channels": 4, "pool": "max", "pool_padding": 2}, "`model.stem`: a padding of 2 is more than half of a 2x2"),
    ],
)  # fmt: skip
def test_a_stem_that_does_not_fit_says_so(stem: dict, message: str):
    with pytest.raises(ModelError, match=message):
        build(1, 8, channels=[4], stem=stem)


def test_layers_that_two_nets_share_start_alike_and_seeds_differ():
    small = build(channels=[4, 8], hidden=[16]).state_dict()
    large = build(channels=[4, 8], hidden=[16], norm="batch", dropout=0.5, blocks=1, dropout_place="both").state_dict()
    assert all(torch.equal(large[name], value) for name, value in small.items())
    other = build(channels=[4, 8], hidden=[16], seed=1).state_dict()
    assert not any(torch.equal(other[name], value) for name, value in small.items())


def test_building_does_not_depend_on_the_global_generator():
    torch.manual_seed(1)
    first = build().state_dict()
    torch.manual_seed(2)
    assert all(torch.equal(value, first[name]) for name, value in build().state_dict().items())


@pytest.mark.parametrize(
    ("scheme", "bound", "std"),
    [
        ("default", 1 / 30, None),
        ("kaiming_uniform", np.sqrt(6 / 900), None),
        ("kaiming_normal", None, np.sqrt(2 / 900)),
        ("xavier_uniform", np.sqrt(6 / (900 + 450)), None),
        ("xavier_normal", None, np.sqrt(2 / (900 + 450))),
    ],
)
def test_weights_follow_the_papers_formulas(scheme: str, bound: float | None, std: float | None):
    model = build(100, 8, channels=[50], init=scheme)  # fan in 900, fan out 450
    weight = model.stage1.conv1.weight.detach()
    if bound is not None:
        assert 0.99 * bound < weight.abs().max() <= bound
        assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    if std is not None:
        assert weight.std() == pytest.approx(std, rel=0.02)
    bias = model.stage1.conv1.bias.detach()
    assert 0.8 / 30 < bias.abs().max() <= 1 / 30


def test_orthogonal_weights_are():
    weight = build(1, 8, channels=[16], hidden=[20], init="orthogonal").head.hidden1.weight.detach()
    assert torch.allclose(weight @ weight.T, torch.eye(20), atol=1e-5)


def test_dropout_zeroes_the_right_share_and_scales_the_rest():
    layer = Dropout(0.3)
    layer.reseed(0, 1, "here", CPU)
    dropped = layer(torch.ones(200, 500))
    assert (dropped == 0).float().mean() == pytest.approx(0.3, abs=0.01)
    assert dropped[dropped != 0].unique().tolist() == pytest.approx([1 / 0.7])
    layer.eval()
    assert torch.equal(layer(torch.ones(5, 5)), torch.ones(5, 5))


def test_channel_dropout_zeroes_whole_channels():
    layer = Dropout(0.5, channels=True)
    layer.reseed(0, 1, "here", CPU)
    dropped = layer(torch.ones(50, 20, 3, 3))
    kept = (dropped != 0).float().mean(dim=(2, 3))
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert kept.mean() == pytest.approx(0.5, abs=0.05)


def test_masks_belong_to_seed_epoch_and_place():
    model = build(channels=[4, 4], hidden=[32, 32], dropout=0.5)

    def masks(seed: int, epoch: int) -> list[torch.Tensor]:
        reseed_dropout(model, seed, epoch, CPU)
        return [model.head.dropout1(torch.ones(8, 32)), model.head.dropout2(torch.ones(8, 32))]

    first, second = masks(0, 1)
    assert not torch.equal(first, second)
    torch.rand(100)
    assert torch.equal(masks(0, 1)[0], first)
    assert not torch.equal(masks(0, 2)[0], first)
    assert not torch.equal(masks(1, 1)[0], first)
