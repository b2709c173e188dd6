"""Made-up images: the same everywhere, of any size, and learnable."""

import subprocess
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from ablate.recipe import SyntheticData
from ablate.training.data import Dataset, load_dataset, stand_in


def load(root: Path, **changes: object) -> Dataset:
    return load_dataset(SyntheticData(name="synthetic", **changes), root)


def test_they_have_the_numbers_and_sizes_that_were_asked_for(tmp_path: Path):
    dataset = load(tmp_path, images=30, test_images=12, classes=7, size=11)
    assert dataset.train.images.shape == (30, 3, 11, 11)
    assert dataset.test is not None
    assert dataset.test.images.shape == (12, 3, 11, 11)
    assert dataset.train.labels.bincount().tolist() == [5, 5, 4, 4, 4, 4, 4]
    assert len(dataset.classes) == 7
    assert not dataset.train.images[:12].equal(dataset.test.images)


def test_they_are_the_same_for_everybody_and_each_image_is_its_own(tmp_path: Path):
    one = load(tmp_path / "one", images=40, test_images=10, size=8)
    other = load(tmp_path / "other", images=40, test_images=10, size=8)
    assert one.train.images.equal(other.train.images)
    assert one.digest == other.digest
    assert load(tmp_path / "one", images=80, test_images=10, size=8).train.images[:40].equal(one.train.images)
    assert not one.train.images[0].equal(one.train.images[10])
    assert load(tmp_path / "one", images=40, test_images=10, size=8, noise=2.0).digest != one.digest


def test_without_noise_all_images_of_a_class_are_one(tmp_path: Path):
    images = load(tmp_path, images=20, test_images=10, noise=0.0, size=8).train.images
    assert images[0].equal(images[10])
    assert not images[0].equal(images[1])


def test_scaling_applies_to_them_too(tmp_path: Path):
    assert load(tmp_path, images=20, test_images=10, resize=6, channels=1).train.images.shape == (20, 1, 6, 6)
    data = SyntheticData(name="synthetic", classes=3, size=9, channels=1)
    assert stand_in(data, 30).train.images.shape == (30, 1, 9, 9)


def test_a_small_network_learns_them_in_three_epochs(tmp_path: Path):
    dataset = load(tmp_path, images=1000, test_images=300, size=12)
    assert dataset.test is not None
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    images, test = ((part.images.float() / 127.5 - 1) for part in (dataset.train, dataset.test))
    for _ in range(3):
        for batch in torch.randperm(1000).split(40):
            loss = F.cross_entropy(model(images[batch]), dataset.train.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = (model(test).argmax(1) == dataset.test.labels).float().mean()
    assert accuracy > 0.5  # chance is 0.1


def test_a_data_set_is_made_ready_without_pytorch(tmp_path: Path):
    code = """if True:
        import sys
        from pathlib import Path
        from ablate.orchestrate.data import prepare
        from ablate.recipe import Recipe
        training = {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}}
        for name, more in (("digits", {}), ("synthetic", {"images": 20, "test_images": 10, "resize": 8})):
            prepare([Recipe.model_validate({"data": {"name": name, **more}, "training": training})], Path(sys.argv[1]))
        assert "torch" not in sys.modules and "torchvision" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=100)
    assert len(list((tmp_path / ".cache").glob("*/cache.json"))) == 2
