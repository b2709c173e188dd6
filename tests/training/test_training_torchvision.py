"""torchvision's classifiers with a new last layer."""

from pathlib import Path

import pytest
import torch
import torchvision

from ablate.errors import DataMissingError
from ablate.recipe import TorchvisionModel
from ablate.training import ModelError, build_model


def build(name: str = "resnet18", channels: int = 3, size: int = 32, seed: int = 0, **fields: object):
    recipe = TorchvisionModel(name=f"torchvision:{name}", **fields)
    return build_model(recipe, channels=channels, image_size=(size, size), classes=10, seed=seed)


def test_resnet18_for_ten_classes_has_its_11_18_million_parameters():
    assert sum(p.numel() for p in build().parameters()) == 11_181_642


def test_weights_are_torchvisions_own_and_follow_the_seed():
    before = torch.random.get_rng_state()
    first, again, other = build(seed=0), build(seed=0), build(seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.conv1.weight, again.conv1.weight)
    assert torch.equal(first.fc.weight, again.fc.weight)
    assert not torch.equal(first.conv1.weight, other.conv1.weight)


def test_grey_images_are_shown_as_colour():
    grey, colour = build(channels=1).eval(), build(channels=3).eval()
    images = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(grey(images), colour(images.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("name", "size", "last"),
    [
        ("resnet18", 32, "fc"),
        ("mobilenet_v3_small", 32, "classifier.3"),
        ("squeezenet1_1", 64, "classifier.1"),
        ("shufflenet_v2_x0_5", 32, "fc"),
    ],
)
def test_frozen_means_all_but_the_last_layer(name: str, size: int, last: str):
    model = build(name, size=size, freeze=["*"])
    trained = {key for key, value in model.named_parameters() if value.requires_grad}
    assert trained == {f"{last}.weight", f"{last}.bias"}
    assert model(torch.zeros(2, 3, size, size)).shape == (2, 10)


def test_a_pattern_freezes_what_it_names():
    model = build(freeze=["conv1.*", "layer1.*"])
    frozen = {key.split(".")[0] for key, value in model.named_parameters() if not value.requires_grad}
    assert frozen == {"conv1", "layer1"}


@pytest.mark.parametrize("classes", [10, 1000])
def test_weights_come_from_a_file_and_a_foreign_last_layer_stays_out(tmp_path: Path, classes: int):
    source = torchvision.models.squeezenet1_1(num_classes=classes)
    file = tmp_path / "weights.pth"
    torch.save(source.state_dict(), file)
    model = build("squeezenet1_1", size=64, weights=str(file))
    assert torch.equal(model.features[0].weight, source.features[0].weight)
    assert model.classifier[1].out_channels == 10
    assert torch.equal(model.classifier[1].weight, source.classifier[1].weight) == (classes == 10)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small"])
def test_torchvisions_weights_come_with_a_new_last_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = torchvision.models.get_model(name)
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(source.state_dict(), folder / weights.url.rpartition("/")[2])
    model = build(name, size=64, weights="IMAGENET1K_V1", freeze=["features.*"])
    own, other = model.state_dict(), source.state_dict()
    changed = {key for key in own if own[key].shape != other[key].shape}
    assert changed == {key for key in own if key.startswith("classifier.1." if "squeeze" in name else "classifier.3.")}
    assert all(torch.equal(own[key], other[key]) for key in own if key not in changed)
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 10)


@pytest.mark.usefixtures("no_network")
def test_weights_that_cannot_be_downloaded_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(DataMissingError, match="The weights DEFAULT of torchvision's squeezenet1_1") as caught:
        build("squeezenet1_1", size=64, weights="DEFAULT")
    assert "https://download.pytorch.org/models/squeezenet1_1" in caught.value.cure
    assert str(tmp_path) in caught.value.cure


def test_auxiliary_heads_are_left_out():
    model = build("googlenet", size=32)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert not any(name.startswith("aux") for name, _ in model.named_parameters())


def test_weights_of_another_network_are_refused(tmp_path: Path):
    file = tmp_path / "weights.pth"
    torch.save(torchvision.models.squeezenet1_0().state_dict(), file)
    with pytest.raises(ModelError, match="do not belong to torchvision's squeezenet1_1"):
        build("squeezenet1_1", size=64, weights=str(file))


def test_what_is_no_weights_file_is_refused(tmp_path: Path):
    file = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match="There is no weights file"):
        build("squeezenet1_1", size=64, weights=str(file))
    file.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="is no file of weights"):
        build("squeezenet1_1", size=64, weights=str(file))


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("resnet81", {}, "did you mean 'resnet18'"),
        ("resnet18", {"weights": "IMAGENET1K_V9"}, "did you mean 'IMAGENET1K_V1'"),
        ("alexnet", {}, "does not fit images of 32x32 pixels"),
    ],
)
def test_a_mistake_is_told_in_words(name: str, fields: dict, message: str):
    with pytest.raises(ModelError, match=message):
        build(name, **fields)


@pytest.mark.parametrize(
    ("name", "size", "place", "inputs", "linear"),
    [
        ("resnet18", 32, "fc", 512, True),
        ("mobilenet_v3_small", 32, "classifier.3", 1024, True),
        ("squeezenet1_1", 64, "classifier.1", 512, False),
    ],
)
def test_hidden_layers_stand_in_front_of_the_new_last_one(name: str, size: int, place: str, inputs: int, linear: bool):
    model = build(name, size=size, hidden=[20, 12], dropout=0.3, freeze=["*"])
    layers = model.get_submodule(place)
    kind = "Linear" if linear else "Conv2d"
    assert [type(layer).__name__ for layer in layers] == [kind, "ReLU", "Dropout", kind, "ReLU", "Dropout", kind]
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == (inputs * 20 + 20) + (20 * 12 + 12) + (12 * 10 + 10)
    assert model(torch.randn(2, 3, size, size)).shape == (2, 10)


def test_hidden_layers_follow_the_seed_and_leave_the_backbone_as_it_was(tmp_path: Path):
    plain, one, same, other = build(), build(hidden=[8]), build(hidden=[8]), build(hidden=[8], seed=1)
    assert torch.equal(plain.conv1.weight, one.conv1.weight)
    assert torch.equal(one.fc.hidden1.weight, same.fc.hidden1.weight)
    assert not torch.equal(one.fc.hidden1.weight, other.fc.hidden1.weight)
    file = tmp_path / "weights.pth"
    torch.save(plain.state_dict(), file)
    loaded = build(weights=str(file), hidden=[8], seed=1)
    assert torch.equal(loaded.conv1.weight, plain.conv1.weight)


def test_torchvisions_weights_take_hidden_layers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = torchvision.models.squeezenet1_1()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    url = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url
    torch.save(source.state_dict(), folder / url.rpartition("/")[2])
    model = build("squeezenet1_1", size=64, weights="DEFAULT", hidden=[20])
    assert torch.equal(model.features[0].weight, source.features[0].weight)
    assert [tuple(p.shape[:2]) for p in model.classifier[1].parameters() if p.dim() > 1] == [(20, 512), (10, 20)]


def test_dropout_of_the_new_head_happens_in_training_only():
    model = build(hidden=[200], dropout=0.5)
    layer = model.fc.dropout1
    assert (layer(torch.ones(100, 200)) == 0).float().mean() == pytest.approx(0.5, abs=0.05)
    assert (layer.eval()(torch.ones(10, 200)) == 1).all()
