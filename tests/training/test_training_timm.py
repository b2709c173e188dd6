"""timm's classifiers with a new last layer."""

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from ablate.errors import DataMissingError
from ablate.recipe import Recipe, TimmModel
from ablate.training import ModelError, build_model

#: Half a million parameters, and weights on the hub.
SMALL = "mobilenetv3_small_050"
TAG = "lamb_in1k"


def build(name: str = SMALL, channels: int = 3, size: int = 32, seed: int = 0, **fields: object) -> nn.Module:
    recipe = TimmModel(name=f"timm:{name}", **fields)
    return build_model(recipe, channels=channels, image_size=(size, size), classes=10, seed=seed)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the Hugging Face hub, empty, on a machine without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.fixture
def published(hub: Path) -> dict[str, torch.Tensor]:
    """Weights that lie in that cache as the hub lays them out."""
    weights = timm.create_model(SMALL).state_dict()
    folder = hub / f"models--timm--{SMALL}.{TAG}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file(weights, folder / "snapshots" / ("0" * 40) / "model.safetensors")
    return weights


def test_it_is_timms_network_with_ten_classes():
    ours, theirs = build(), timm.create_model(SMALL, num_classes=10)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_weights_follow_the_seed_and_nothing_else():
    before = torch.random.get_rng_state()
    first, again, other = build(seed=0), build(seed=0), build(seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.conv_stem.weight, again.conv_stem.weight)
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.conv_stem.weight, other.conv_stem.weight)


def test_grey_images_are_shown_as_colour():
    grey, colour = build(channels=1).eval(), build(channels=3).eval()
    images = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(grey(images), colour(images.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("name", "arguments", "last"),
    [
        ("resnet10t", {}, ["fc"]),
        (SMALL, {}, ["classifier"]),
        ("convnext_atto", {}, ["head.fc"]),
        ("vit_tiny_patch16_224", {"img_size": 32}, ["head"]),
        ("deit_tiny_distilled_patch16_224", {"img_size": 32}, ["head", "head_dist"]),
    ],
)
def test_frozen_means_all_but_the_last_layers(name: str, arguments: dict[str, object], last: list[str]):
    model = build(name, freeze=["*"], **arguments)
    trained = {key for key, value in model.named_parameters() if value.requires_grad}
    assert trained == {f"{layer}.{kind}" for layer in last for kind in ("weight", "bias")}
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_arguments_reach_timm():
    def probabilities(model: nn.Module) -> set[float]:
        return {m.drop_prob for m in model.modules() if type(m).__name__ == "DropPath"}

    model = build(drop_rate=0.3, drop_path_rate=0.2)
    assert model.drop_rate == 0.3
    assert max(probabilities(model)) > 0.1
    assert not probabilities(build())


def test_hidden_layers_stand_in_front_of_the_new_last_one():
    model = build(hidden=[20, 12], dropout=0.3, freeze=["*"])
    kinds = [type(layer).__name__ for layer in model.classifier]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == (1024 * 20 + 20) + (20 * 12 + 12) + (12 * 10 + 10)


@pytest.mark.parametrize("weights", ["default", TAG])
def test_pretrained_weights_come_from_the_cache_of_the_hub(published: dict[str, torch.Tensor], weights: str):
    own = build(weights=weights).state_dict()
    changed = {key for key in own if own[key].shape != published[key].shape}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(own[key], published[key]) for key in own if key not in changed)
    assert torch.equal(own["classifier.weight"], build(weights=weights).classifier.weight)
    assert not torch.equal(own["classifier.weight"], build(weights=weights, seed=1).classifier.weight)


def test_weights_that_cannot_be_downloaded_are_named_with_where_they_belong(hub: Path):
    with pytest.raises(DataMissingError, match=rf"The weights {SMALL}.{TAG} of timm are not here") as caught:
        build(weights="default")
    assert caught.value.exit_code == 5
    assert f"hf download timm/{SMALL}.{TAG}" in caught.value.cure
    assert f"models--timm--{SMALL}.{TAG}" in caught.value.cure
    assert str(hub) in caught.value.cure


@pytest.mark.usefixtures("no_network")
def test_weights_that_are_on_no_hub_are_named_by_their_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(DataMissingError) as caught:
        build("gcvit_xxtiny", weights="default")
    assert "Fetch by hand\n    https://github.com/" in caught.value.cure
    assert str(tmp_path) in caught.value.cure


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("classes", [10, 1000])
def test_weights_come_from_a_file_and_a_foreign_last_layer_stays_out(tmp_path: Path, classes: int, ending: str):
    source = timm.create_model(SMALL, num_classes=classes)
    file = tmp_path / f"weights{ending}"
    if ending == ".pth":
        torch.save(source.state_dict(), file)
    else:
        save_file(source.state_dict(), file)
    model = build(weights=str(file))
    assert torch.equal(model.conv_stem.weight, source.conv_stem.weight)
    assert torch.equal(model.classifier.weight, source.classifier.weight) == (classes == 10)


def test_weights_of_another_network_are_refused(tmp_path: Path):
    file = tmp_path / "weights.pth"
    torch.save(timm.create_model("resnet10t").state_dict(), file)
    with pytest.raises(ModelError, match=f"do not belong to timm's {SMALL}"):
        build(weights=str(file))


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("resnet81", {}, "has no model 'resnet81'; did you mean 'resnet18'?"),
        (SMALL, {"weights": "DEFAULT"}, f"{SMALL} has no weights 'DEFAULT'; did you mean 'default'?"),
        (SMALL, {"weights": "lam_in1k"}, f"did you mean '{TAG}'?"),
        ("botnet26t_256", {"weights": "c2_in1k"}, "has no weights 'c2_in1k'; did you mean 'c1_in1k'?"),
        ("botnet50ts_256", {"weights": "default"}, "timm has no weights for its botnet50ts_256"),
        (SMALL, {"drop_raet": 0.1}, f"{SMALL} takes no argument 'drop_raet'; did you mean 'drop_rate'?"),
        ("vit_tiny_patch16_224", {"img_sise": 32}, "takes no argument 'img_sise'; did you mean 'img_size'?"),
        ("vit_tiny_patch16_224", {}, r"does not fit images of 32x32 pixels .* as `img_size = 32`"),
        ("vit_tiny_patch16_224", {"img_size": "x"}, r"cannot build its vit_tiny_patch16_224 \(img_size\)"),
        ("deit_tiny_distilled_patch16_224", {"hidden": [8], "img_size": 32}, "has no single last layer"),
    ],
)
def test_a_mistake_is_told_in_words(name: str, fields: dict[str, object], message: str):
    with pytest.raises(ModelError, match=rf"(?s){message}"):
        build(name, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_classes": 3}, "`num_classes` is no argument for a study to set: the number of classes follows"),
        ({"pretrained": True}, 'write `weights = "default"`'),
        ({"drop_rate": 20}, "`drop_rate` is a probability, at least 0 and less than 1, not 20"),
        ({"drop_path_rate": "0.1"}, "`drop_path_rate` is a probability"),
        ({"init_values": float("nan")}, "init_values is a finite number"),
    ],
)
def test_what_can_be_known_without_timm_is_told_before_anything_is_built(fields: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        TimmModel(name="timm:resnet18", **fields)


def test_without_timm_the_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match="need a package") as caught:
        build()
    assert caught.value.cure == "Type `pip install 'ablate-lab[timm]'`."


def test_arguments_are_part_of_the_key():
    def key(**model: object) -> str:
        tables = {"data": {"name": "digits"}, "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}}}
        return Recipe.model_validate({**tables, "model": {"name": "timm:resnet18", **model}}).key

    assert key() == key(weights="none", hidden=[])
    assert len({key(), key(drop_rate=0.1), key(drop_rate=0.2), key(weights="default")}) == 4


def test_a_study_is_read_without_timm_and_pytorch():
    code = """if True:
        import sys
        from ablate.study import parse_study
        study = parse_study('''
            name = "x"
            baseline.data.name = "digits"
            baseline.model = { name = "timm:resnet18", drop_rate = 0.1 }
            baseline.training = { epochs = 1, optimizer = { name = "SGD", lr = 0.1 } }
            factors.rate = { path = "model.drop_rate", levels = [0.2, 0.3] }
        ''')
        print(len(study.variants()), {"timm", "torch"} & sys.modules.keys())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "3 set()\n"
