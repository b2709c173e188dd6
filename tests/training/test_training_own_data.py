"""Data sets of the user's own: pairs, map-style data sets, parts; images, features, tokens; and what is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ablate.recipe import Recipe
from ablate.recipe.data import OwnData
from ablate.training import RecipeError, probe, train
from ablate.training.data.load import LatelyLoaded, load_dataset

DATA = '''\
import numpy as np
import torch
from PIL import Image
from torch.utils.data import TensorDataset

rng = np.random.default_rng(0)
BYTES = rng.integers(0, 256, (60, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3


def pair(count=60):
    return BYTES[:count], LABELS[:count]


def grey():
    return torch.from_numpy(BYTES[..., 0].copy()), torch.from_numpy(LABELS)


def features(data_root):
    assert data_root.is_absolute()
    x = rng.normal(size=(90, 7)) * 5 + LABELS.repeat(2)[:90, None]
    return {"train": (x[:60], LABELS), "test": (x[60:], LABELS[:30])}


def tokens():
    return TensorDataset(torch.from_numpy(BYTES[:, 0, :, 0].astype(np.int64)), torch.from_numpy(LABELS))


def names():
    return BYTES, np.array(["cat", "dog", "bird"])[LABELS]


def parts():
    return pair(), (BYTES[:9], LABELS[:9])


def three():
    return pair(), (BYTES[:9], LABELS[:9]), (BYTES[9:21], LABELS[9:21])


class Pictures:
    """As torchvision's data sets: `train` says which part, items are pictures of any size."""

    classes = ("a", "b", "c")

    def __init__(self, root, train, shift=0):
        self.count, self.shift = (40, shift) if train else (8, shift)

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        size = (8 + number % 3, 9)
        return Image.new("RGB", size, (number * 5, 0, self.shift)), number % 3


def nothing():
    return 3


def unequal():
    return BYTES, LABELS[:-1]


def floats():
    return BYTES, LABELS / 2


def negative():
    return BYTES, LABELS - 1


def infinite():
    return np.full((60, 3), np.inf), LABELS


def texts():
    return np.array(["a b c"] * 60), LABELS


def channels_last():
    return torch.from_numpy(BYTES), LABELS


def breaks():
    raise OSError("no such table")


def parts_apart():
    return {"train": pair(), "test": (BYTES[:9, :4], LABELS[:9])}


def wrong_key():
    return {"train": pair(), "tset": pair()}
'''


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "mine.py").write_text(DATA, encoding="utf-8")
    (folder / "nets.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "def linear(input_shape, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(input_shape).numel(), classes))\n\n\n"
        "class Words(nn.Module):\n"
        "    def __init__(self, classes):\n"
        "        super().__init__()\n"
        "        self.table = nn.Embedding(256, classes)\n\n"
        "    def forward(self, tokens):\n"
        "        return self.table(tokens).mean(dim=1)\n",
        encoding="utf-8",
    )
    return folder


def table(name: str, **more: Any) -> OwnData:
    return OwnData.model_validate({"name": f"mine.py:{name}", **more})


def recipe(name: str, model: str = "nets.py:linear", **data: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"name": f"mine.py:{name}", "batch_size": 16, **data},
            "model": {"name": model},
            "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.05}},
        }
    )


def test_arrays_are_images_and_their_channels_come_last(code: Path) -> None:
    found = load_dataset(table("pair", count=30), code_root=code)
    assert found.train.images.shape == (30, 3, 6, 5)
    assert found.train.images.dtype == torch.uint8
    assert found.classes == ("0", "1", "2")
    assert found.test is None
    grey = load_dataset(table("grey"), code_root=code)
    assert grey.train.images.shape == (60, 1, 6, 5)
    assert torch.equal(grey.train.images[:30, 0], found.train.images[:, 0])


def test_names_of_classes_become_numbers(code: Path) -> None:
    found = load_dataset(table("names"), code_root=code)
    assert found.classes == ("bird", "cat", "dog")
    assert found.train.labels[:4].tolist() == [1, 2, 0, 1]


@pytest.mark.parametrize(("name", "sizes"), [("parts", (60, None, 9)), ("three", (60, 9, 12))])
def test_several_parts_are_taken_in_their_order(code: Path, name: str, sizes: tuple[int | None, ...]) -> None:
    found = load_dataset(table(name), code_root=code)
    held = (found.train, found.validation, found.test)
    assert tuple(None if part is None else len(part.labels) for part in held) == sizes


def test_pictures_are_scaled_and_train_and_test_are_asked_for(code: Path) -> None:
    found = load_dataset(table("Pictures", resize=[4, 6], channels=3, shift=200), code_root=code)
    assert found.train.images.shape == (40, 3, 4, 6)
    assert found.test is not None
    assert found.test.images.shape == (8, 3, 4, 6)
    assert found.classes == ("a", "b", "c")
    assert set(found.train.images[:, 2].flatten().tolist()) == {200}
    with pytest.raises(RecipeError, match=r"differ in shape(?s:.*)data\.resize = 64"):
        load_dataset(table("Pictures"), code_root=code)


def test_what_a_data_set_holds_is_known_by_its_digest(code: Path) -> None:
    digests = [load_dataset(table("pair", count=count), code_root=code).digest for count in (30, 30, 40)]
    assert digests[0] == digests[1] != digests[2]


def test_features_train_a_network_of_ones_own_standardised_by_the_training_part(code: Path) -> None:
    found = load_dataset(table("features"), code_root=code)
    assert (found.train.images.dtype, found.input_shape) == (torch.float32, (7,))
    losses: list[float | None] = []
    outcome = train(recipe("features"), seed=0, code_root=code, on_epoch=lambda row, _: losses.append(row.train_loss))
    assert outcome.parameters == 7 * 3 + 3
    assert losses[0] is not None
    assert losses[0] < 3  # raw features of this size give far more
    seen = probe(recipe("features"), code_root=code)
    assert seen is not None
    assert seen.output_shape == (16, 3)


def test_tokens_stay_whole_numbers(code: Path) -> None:
    outcome = train(recipe("tokens", "nets.py:Words", test=0.2), seed=0, code_root=code)
    assert outcome.parameters == 256 * 3


def test_images_of_ones_own_train_ablates_networks_with_its_augmentations(code: Path) -> None:
    asked = recipe("parts", augment=["horizontal_flip"]).model_copy(
        update={"model": Recipe.model_validate({**recipe("parts").model_dump(), "model": {"name": "convnet"}}).model}
    )
    outcome = train(asked, seed=0, code_root=code)
    assert outcome.predictions is not None
    assert outcome.predictions.count == 9


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "gives a int, and a data set is a pair"),
        ("unequal", "has 60 examples, 59 labels"),
        ("floats", "gives labels of type float64"),
        ("negative", "labels from -1 to 1; classes are numbered from 0"),
        ("infinite", "infinite values"),
        ("texts", "of type <U5, and a network needs numbers"),
        ("channels_last", r"channels come second(?s:.*)permute"),
        ("breaks", r"mine\.py:\d+: OSError: no such table"),
        ("parts_apart", "The parts of mine.py:parts_apart differ"),
        ("wrong_key", "a part 'tset'; did you mean 'test'"),
        ("missing", "nothing called 'missing'"),
    ],
)
def test_what_is_no_data_set_is_told_why(code: Path, name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_dataset(table(name), code_root=code)


@pytest.mark.parametrize(
    ("data", "model", "message"),
    [
        ({"augment": ["horizontal_flip"]}, "nets.py:linear", "`horizontal_flip` is for images"),
        ({"resize": 8}, "nets.py:linear", "`data.resize` is for images"),
        ({"normalize": "imagenet"}, "nets.py:linear", "is for images"),
        ({}, "resnet", "'resnet' is a network for images"),
    ],
)
def test_what_only_images_have_is_refused_for_features(
    code: Path, data: dict[str, Any], model: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        train(recipe("features", model, **data), seed=0, code_root=code)


def test_the_data_are_read_again_when_their_code_changes(code: Path) -> None:
    latest = LatelyLoaded()
    first = latest.load(table("pair"), None, code)
    assert latest.load(table("pair"), None, code) is first
    (code / "mine.py").write_text(DATA.replace("default_rng(0)", "default_rng(1)"), encoding="utf-8")
    assert not torch.equal(latest.load(table("pair"), None, code).train.images, first.train.images)
    assert np.array_equal(first.train.labels.numpy(), np.arange(60) % 3)
