"""Losses, metrics and augmentations of the user's own."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.metrics import EpochMetrics
from ablate.recipe import Recipe, own_places
from ablate.training import Diverged, RecipeError, train
from ablate.training.augment import Pipeline

PARTS = """\
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def same(outputs, labels):
    return F.cross_entropy(outputs, labels)


def each(outputs, labels, scale=1.0):
    return scale * F.cross_entropy(outputs, labels, reduction="none")


class Focal(nn.Module):
    def __init__(self, gamma):
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs, labels):
        ce = F.cross_entropy(outputs, labels, reduction="none")
        return ((1 - torch.exp(-ce)) ** self.gamma * ce).mean()


def matrix(outputs, labels):
    return outputs


def detached(outputs, labels):
    return F.cross_entropy(outputs.detach(), labels)


def nan(outputs, labels):
    return outputs.sum() * float("nan")


def right(predictions, labels):
    return (predictions == labels).float().mean()


def top(probabilities, labels, k=2):
    return (probabilities.topk(k).indices == labels[:, None]).any(dim=1).float().mean().item()


def unnamed(x, y):
    return 0.0


def several(labels):
    return labels


def noise(image, size):
    return (image + torch.randint(size, image.shape) + random.randrange(size) + np.random.randint(size)).to(image.dtype)


def floats(image):
    return image / 255


class Half:
    def __call__(self, image):
        return image // 2


class Uncallable:
    pass
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(PARTS, encoding="utf-8")
    return tmp_path


def recipe(*, augment: Any = (), **training: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"name": "digits", "train_images": 128, "augment": list(augment)},
            "model": {"name": "convnet", "channels": [4]},
            "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}, **training},
        }
    )


def rows(code: Path, **asked: Any) -> list[EpochMetrics]:
    found: list[EpochMetrics] = []
    train(recipe(**asked), seed=0, code_root=code, on_epoch=lambda row, _: found.append(row))
    return found


def test_a_loss_of_ones_own_trains_as_the_same_loss_of_ablate_does(code: Path) -> None:
    ours = [(row.train_loss, row.val_loss, row.val_accuracy) for row in rows(code)]
    for name in ("same", "each"):
        theirs = [(row.train_loss, row.val_loss, row.val_accuracy) for row in rows(code, loss=f"mine.py:{name}")]
        assert theirs == [pytest.approx(row, rel=1e-5) for row in ours]


def test_arguments_and_classes_make_another_loss(code: Path) -> None:
    plain = rows(code, loss={"name": "mine.py:Focal", "gamma": 0.0})
    focal = rows(code, loss={"name": "mine.py:Focal", "gamma": 2.0})
    doubled = rows(code, loss={"name": "mine.py:each", "scale": 2.0})
    assert plain[0].train_loss == pytest.approx(rows(code)[0].train_loss, rel=1e-5)
    assert focal[0].train_loss is not None
    assert plain[0].train_loss is not None
    assert focal[0].train_loss < plain[0].train_loss
    assert doubled[0].train_loss != plain[0].train_loss


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("mine.py:matrix", "a loss is the mean over them, a scalar, or one number for each"),
        ("mine.py:detached", "gives a loss without a gradient"),
        ("mine.py:Focal", "needs gamma(?s:.*)the loss's table"),
        ({"name": "mine.py:each", "scal": 1}, "takes no argument 'scal'; did you mean 'scale'"),
        ("mine.py:Uncallable", "instances cannot be called"),
        ("mine.py:focal", "nothing called 'focal'; did you mean 'Focal'"),
        ("torch.nn:NoSuchLoss", "nothing called 'NoSuchLoss'"),
    ],
)
def test_a_wrong_loss_is_told_why(code: Path, loss: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        rows(code, loss=loss)


def test_a_loss_of_an_installed_module_is_a_loss_as_well(code: Path) -> None:
    smoothed = rows(code, loss={"name": "torch.nn:CrossEntropyLoss", "label_smoothing": 0.1})
    assert smoothed[0].train_loss != rows(code)[0].train_loss


def test_a_loss_that_is_no_number_is_a_divergence(code: Path) -> None:
    with pytest.raises(Diverged):
        rows(code, loss="mine.py:nan")


def test_metrics_are_measured_after_each_epoch_and_at_the_end(code: Path) -> None:
    found: list[EpochMetrics] = []
    asked = recipe(metrics=["mine.py:right", {"name": "mine.py:top", "k": 3}])
    outcome = train(asked, seed=0, code_root=code, on_epoch=lambda row, _: found.append(row))
    assert [row.custom["val_right"] for row in found] == [pytest.approx(row.val_accuracy) for row in found]
    assert all(row.custom["val_top"] > row.custom["val_right"] for row in found)
    assert outcome.metrics["test_right"] == pytest.approx(outcome.test_accuracy)
    assert set(outcome.metrics) == {"test_right", "test_top"}


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("mine.py:unnamed", "no parameter called outputs, probabilities, predictions or labels"),
        ("mine.py:several", "a tensor of shape .*, and a metric is one number"),
    ],
)
def test_a_wrong_metric_is_told_why(code: Path, metric: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        rows(code, metrics=[metric])


def augmented(code: Path, augment: Any, seed: int = 0, epoch: int = 1) -> torch.Tensor:
    pictures = torch.arange(6, dtype=torch.uint8).reshape(6, 1, 1, 1).expand(6, 1, 4, 4).contiguous()
    section = recipe(augment=augment).data.augment
    pipeline = Pipeline(section, seed=seed, examples=6, code_root=code)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(epoch)).numpy()
    result = torch.empty_like(pictures)
    result[order] = pipeline.epoch(epoch, order)(pictures[order], slice(0, 6))
    return result


def test_draws_of_an_augmentation_belong_to_seed_epoch_and_example(code: Path) -> None:
    noisy = [{"name": "mine.py:noise", "size": 50}]
    first = augmented(code, noisy)
    torch.rand(7)
    assert torch.equal(augmented(code, noisy), first)
    assert not torch.equal(augmented(code, noisy, seed=1), first)
    assert not torch.equal(augmented(code, noisy, epoch=2), first)


def test_classes_functions_and_torchvisions_transforms_augment(code: Path) -> None:
    assert augmented(code, ["mine.py:Half"])[:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    inverted = augmented(code, ["torchvision.transforms.v2.functional:invert"])
    assert inverted[:, 0, 0, 0].tolist() == [255, 254, 253, 252, 251, 250]
    blurred = augmented(code, [{"name": "torchvision.transforms.v2:GaussianBlur", "kernel_size": 3}])
    assert blurred.shape == (6, 1, 4, 4)
    sometimes = augmented(code, [{"name": "random_apply", "p": 0.5, "augment": ["mine.py:Half"]}])
    assert 0 < int((sometimes[1:, 0, 0, 0] < torch.arange(1, 6)).sum()) < 5


def test_an_augmentation_gives_bytes_back(code: Path) -> None:
    with pytest.raises(RecipeError, match=r"gives torch.float32(?s:.*)until they are normalised"):
        augmented(code, ["mine.py:floats"])


def test_arguments_called_as_keys_of_ours_are_arguments_all_the_same() -> None:
    model = {"name": "package.module:Net", "own_files": ["a.py"], "file": "b.py"}
    asked = Recipe.model_validate({**recipe().model_dump(), "model": model})
    assert asked.model.canonical() == model
    assert list(own_places(asked)) == []
