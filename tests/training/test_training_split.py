"""The split into training and validation images."""

import numpy as np
import pytest
import torch

from ablate.recipe.data import Data
from ablate.training import RecipeError
from ablate.training.data import load_dataset, split


def digits(**changes: object) -> Data:
    return Data(name="digits", **changes)


@pytest.mark.parametrize("validation", [0.0, 0.1, 0.5])
def test_training_and_validation_images_never_overlap_and_use_everything(validation: float):
    dataset = load_dataset("digits")
    train, val = split(dataset, digits(validation=validation))
    assert len(val) == round(validation * 1437)
    assert sorted([*train.tolist(), *val.tolist()]) == list(range(1437))


@pytest.mark.parametrize("part", [0, 1])
def test_both_parts_hold_the_classes_in_their_proportions(part: int):
    labels = load_dataset("digits").train_labels
    index = split(load_dataset("digits"), digits(validation=0.2))[part]
    share = len(index) / len(labels)
    expected = np.bincount(labels.numpy()) * share
    found = np.bincount(labels[index].numpy(), minlength=10)
    assert np.abs(found - expected).max() <= 1.5


def test_only_the_split_seed_moves_the_split():
    dataset = load_dataset("digits")
    train, val = split(dataset, digits())
    again = split(dataset, digits(batch_size=7, normalize="none"))
    other = split(dataset, digits(split_seed=1))
    assert torch.equal(train, again[0])
    assert torch.equal(val, again[1])
    assert not torch.equal(val, other[1])
    assert torch.equal(split(dataset, digits(train_images=100))[1], val)


def test_fewer_training_images_are_a_stratified_part_of_more():
    dataset = load_dataset("digits")
    few, _ = split(dataset, digits(train_images=100))
    more, val = split(dataset, digits(train_images=500))
    assert len(few) == 100
    assert set(few.tolist()) < set(more.tolist())
    assert not set(more.tolist()) & set(val.tolist())
    counts = np.bincount(dataset.train_labels[few].numpy(), minlength=10)
    assert counts.min() >= 8
    assert counts.max() <= 12


def test_more_training_images_than_there_are_is_an_error():
    with pytest.raises(RecipeError, match=r"`data.train_images = 1,400`, but 'digits' has 1,293 training images"):
        split(load_dataset("digits"), digits(train_images=1400))


def test_a_validation_share_of_no_image_is_an_error():
    with pytest.raises(RecipeError, match=r"`data.validation = 0.0001` of the 1,437 .* is no image"):
        split(load_dataset("digits"), digits(validation=0.0001))
