"""The networks of the lab reports as recipes: parameters and shapes computed by hand, layer by layer."""

from typing import Any

import pytest
import torch
from torch import nn

from ablate.recipe import Recipe
from ablate.training import build_model
from tests.networks import parameters


def conv(inputs: int, outputs: int, kernel: int, bias: bool = True) -> int:
    """Weights of a convolution, and its biases."""
    return inputs * outputs * kernel**2 + outputs * bias


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def norm(channels: int) -> int:
    """Scale and shift of a batch normalisation."""
    return 2 * channels


def build(model: dict[str, Any], colours: int, size: int, classes: int) -> nn.Module:
    recipe = Recipe.model_validate(
        {
            "data": {"name": "digits"},
            "model": model,
            "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}},
        }
    )
    return build_model(recipe.model, channels=colours, image_size=(size, size), classes=classes, seed=0)


def shapes(model: nn.Module, colours: int, size: int) -> dict[str, tuple[int, ...]]:
    """Shape of what each layer makes of one image, by the layer's name."""
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, tuple(out.shape[1:])))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, colours, size, size))
    return seen


LAB_A_1 = {
    "name": "convnet",
    "stem": {"channels": 32, "norm": "none", "pool": "max"},
    "channels": [64, 512, 512],
    "kernel_size": [5, 3, 2],
    "padding": [2, 1, 0],
    "norm": "batch",
    "dropout": 0.5,
    "dropout_place": ["conv", "head"],
    "hidden": [4608],
}
LAB_A_2 = {
    "name": "convnet",
    "stem": {"channels": 32},
    "channels": [64, 192, 256, 256],
    "kernel_size": [2, 2, 2, 3],
    "padding": 1,
    "norm": "batch",
    "pool_size": 3,
    "pool_stride": 2,
}
LAB_A_LENET = {"name": "convnet", "channels": [6, 16], "kernel_size": 5, "padding": 0, "hidden": [120, 84]}
LAB_A_ALEXNET = {"name": "alexnet", "stride": 2, "average": 2, "hidden": [4096]}
LAB_A_RESNET = {
    "name": "resnet",
    "channels": [64, 128, 256, 512],
    "blocks": [3, 4, 4, 3],
    "stem": {"channels": 64, "pool": "max", "pool_size": 3, "pool_stride": 2, "pool_padding": 1},
    "shortcut": "projection",
}
LAB_B = {"name": "alexnet"}
LAB_C = {"name": "convnet", "channels": [6, 16], "kernel_size": 5, "padding": 0, "hidden": [120, 84]}
LAB_C_NORM = {**LAB_C, "norm": "batch", "norm_place": "pool", "hidden_norm": [True, False]}
LAB_C_BEST = {**LAB_C_NORM, "channels": [256, 256], "dropout": 0.1, "dropout_place": "norm"}
LAB_E = {
    "name": "convnet",
    "channels": [16, 32],
    "kernel_size": 5,
    "padding": 0,
    "blocks": 1,
    "block_norm": "batch",
    "post_activation": False,
}


def test_lab_a_net_1():
    model = build(LAB_A_1, 3, 64, 200)
    assert parameters(model) == (
        conv(3, 32, 3)
        + conv(32, 64, 5) + norm(64)
        + conv(64, 512, 3) + norm(512)
        + conv(512, 512, 2) + norm(512)
        + linear(4608, 4608) + linear(4608, 200)
    )  # fmt: skip
    seen = shapes(model, 3, 64)
    assert seen["stem"] == (32, 32, 32)
    assert seen["stage1"] == (64, 16, 16)
    assert seen["stage2"] == (512, 8, 8)
    assert seen["stage3"] == (512, 3, 3)  # 2x2 without padding leaves 7x7
    assert seen["head.flatten"] == (4608,)
    assert seen[""] == (200,)
    kinds = [type(layer).__name__ for layer in model.stage2]
    assert kinds == ["Conv2d", "Dropout", "BatchNorm2d", "MaxPool2d", "ReLU"]
    assert [type(layer).__name__ for layer in model.stem] == ["Conv2d", "MaxPool2d", "ReLU"]
    assert [type(layer).__name__ for layer in model.head] == ["Flatten", "Linear", "ReLU", "Dropout", "Linear"]


def test_lab_a_net_2():
    model = build(LAB_A_2, 3, 64, 200)
    assert parameters(model) == (
        conv(3, 32, 3) + norm(32)
        + conv(32, 64, 2) + norm(64)
        + conv(64, 192, 2) + norm(192)
        + conv(192, 256, 2) + norm(256)
        + conv(256, 256, 3) + norm(256)
        + linear(2304, 200)
    )  # fmt: skip
    seen = shapes(model, 3, 64)
    assert seen["stem"] == (32, 64, 64)
    sides = {name: seen[name][1] for name in seen if name.endswith((".conv1", ".pool"))}
    assert list(sides.values()) == [65, 32, 33, 16, 17, 8, 8, 3]
    assert seen["head.flatten"] == (256 * 3 * 3,)


def test_lab_a_net_like_lenet():
    model = build(LAB_A_LENET, 3, 64, 200)
    assert shapes(model, 3, 64)["head.flatten"] == (16 * 13 * 13,)  # 64 - 60 - 30 - 26 - 13
    assert parameters(model) == (
        conv(3, 6, 5) + conv(6, 16, 5) + linear(16 * 13 * 13, 120) + linear(120, 84) + linear(84, 200)
    )


def test_lab_a_net_like_alexnet():
    model = build(LAB_A_ALEXNET, 3, 64, 200)
    assert shapes(model, 3, 64)["features"] == (256, 2, 2)  # 64 - 29 - 14 - 6 - 2
    convs = conv(3, 64, 11) + conv(64, 192, 5) + conv(192, 384, 3) + conv(384, 256, 3) + conv(256, 256, 3)
    assert parameters(model) == convs + linear(256 * 2 * 2, 4096) + linear(4096, 200)


def test_lab_a_resnet():
    model = build(LAB_A_RESNET, 3, 64, 200)

    def stage(inputs: int, width: int, blocks: int) -> int:
        first = conv(inputs, width, 3, bias=False) + conv(width, width, 3, bias=False) + 2 * norm(width)
        if inputs != width:
            first += conv(inputs, width, 1, bias=False) + norm(width)
        return first + (blocks - 1) * (2 * conv(width, width, 3, bias=False) + 2 * norm(width))

    assert parameters(model) == (
        conv(3, 64, 3, bias=False) + norm(64)
        + stage(64, 64, 3) + stage(64, 128, 4) + stage(128, 256, 4) + stage(256, 512, 3)
        + linear(512, 200)
    )  # fmt: skip
    seen = shapes(model, 3, 64)
    assert [seen[name] for name in ("stem", "stage1", "stage2", "stage3", "stage4")] == [
        (64, 32, 32), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)
    ]  # fmt: skip
    assert seen["head.average"] == (512, 1, 1)


def test_lab_b():
    model = build(LAB_B, 3, 224, 101)
    convs = conv(3, 64, 11) + conv(64, 192, 5) + conv(192, 384, 3) + conv(384, 256, 3) + conv(256, 256, 3)
    assert parameters(model) == convs + linear(256 * 6 * 6, 4096) + linear(4096, 4096) + linear(4096, 101)
    seen = shapes(model, 3, 224)
    assert seen["features.conv1"] == (64, 109, 109)  # (224 + 2 * 2 - 11) // 2 + 1
    assert seen["features.pool1"] == (64, 54, 54)
    assert seen["features.pool2"] == (192, 26, 26)
    assert seen["features.pool5"] == (256, 12, 12)
    assert seen["head.average"] == (256, 6, 6)
    assert seen[""] == (101,)


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (LAB_C, conv(3, 6, 5) + conv(6, 16, 5) + linear(400, 120) + linear(120, 84) + linear(84, 10)),
        (LAB_C, 62_006),
        (LAB_C_NORM, 62_006 + norm(6) + norm(16) + norm(120)),
        (LAB_C_NORM, 62_290),
        (
            {**LAB_C, "channels": [12, 32]},
            conv(3, 12, 5) + conv(12, 32, 5) + linear(800, 120) + linear(120, 84) + linear(84, 10),
        ),
        (
            LAB_C_BEST,
            conv(3, 256, 5) + norm(256) + conv(256, 256, 5) + norm(256)
            + linear(6400, 120) + norm(120) + linear(120, 84) + linear(84, 10),
        ),
        (LAB_C_BEST, 2_438_510),
        ({"name": "torchvision:resnet18"}, 11_181_642),
    ],
)  # fmt: skip
def test_lab_c(model: dict[str, Any], count: int):
    network = build(model, 3, 32, 10)
    assert parameters(network) == count
    assert shapes(network, 3, 32)[""] == (10,)


def test_lab_c_drops_after_each_of_its_three_batch_norms():
    layers = [type(layer).__name__ for layer in build(LAB_C_BEST, 3, 32, 10).modules()]
    assert layers.count("Dropout") == layers.count("BatchNorm2d") + layers.count("BatchNorm1d") == 3
    assert all(layers[place + 1] == "Dropout" for place, layer in enumerate(layers) if layer.startswith("BatchNorm"))


def test_lab_d_has_a_head_of_its_own():
    model = build({"name": "torchvision:resnet50", "hidden": [512], "dropout": 0.2, "freeze": ["*"]}, 3, 64, 5)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == linear(2048, 512) + linear(512, 5)
    assert parameters(model) == 23_508_032 + trained  # torchvision's 25,557,032 without its last layer


def test_lab_e():
    model = build(LAB_E, 1, 28, 10)
    block = {width: 2 * (conv(width, width, 3) + norm(width)) for width in (16, 32)}
    assert parameters(model) == conv(1, 16, 5) + block[16] + conv(16, 32, 5) + block[32] + linear(512, 10)
    seen = shapes(model, 1, 28)
    assert seen["stage1"] == (16, 12, 12)
    assert seen["stage2"] == (32, 4, 4)
    assert seen["head.flatten"] == (512,)
