"""The split into training, validation and test images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.recipe.data import Data
from ablate.training import RecipeError
from ablate.training.data import Dataset, Labelled, Portion, load_dataset, split


def digits(**changes: object) -> Data:
    return Data(name="digits", **changes)


def caltech(**changes: object) -> Data:
    return Data(name="caltech101", **changes)


def without_test(images: int, classes: int = 3) -> Dataset:
    """A data set without test images of its own, its classes of unequal size."""
    random = np.random.default_rng(images)
    labels = torch.from_numpy(np.minimum(random.geometric(0.4, images) - 1, classes - 1))
    part = Labelled(images=torch.zeros(images, 1, 1, 1, dtype=torch.uint8), labels=labels)
    return Dataset(name="bare", classes=tuple("abcdefgh"[:classes]), train=part, test=None)


def places(portion: Portion) -> set[int]:
    return set(portion.index.tolist())


shares = st.floats(0.02, 0.4).map(lambda share: round(share, 3))


@settings(max_examples=80, deadline=None)
@given(images=st.integers(50, 400), validation=st.just(0.0) | shares, test=st.none() | shares, seed=st.integers(0, 99))
def test_parts_never_overlap_and_have_exactly_their_shares(
    images: int, validation: float, test: float | None, seed: int
) -> None:
    dataset = without_test(images)
    parts = split(dataset, caltech(validation=validation, test=test, split_seed=seed))
    train, held, tested = places(parts.train), places(parts.validation), places(parts.test)
    assert len(held) == parts.validation.count == round(validation * images)
    assert len(tested) == parts.test.count == round((0.1 if test is None else test) * images)
    assert train | held | tested == set(range(images))
    assert len(train) + len(held) + len(tested) == images
    for part in (parts.train, parts.validation, parts.test):
        assert part.index.tolist() == sorted(part.index.tolist())


@settings(max_examples=40, deadline=None)
@given(images=st.integers(50, 400), one=st.just(0.0) | shares, other=shares, test=shares)
def test_neither_share_moves_the_others_images(images: int, one: float, other: float, test: float) -> None:
    dataset = without_test(images)

    def parts(validation: float, tested: float) -> tuple[set[int], set[int]]:
        found = split(dataset, caltech(validation=validation, test=tested))
        return places(found.validation), places(found.test)

    assert parts(one, test)[1] == parts(other, test)[1]
    assert parts(other, test)[0] == parts(other, 0.1)[0]
    assert parts(other, test)[1] <= parts(other, min(test + 0.1, 0.5))[1]


def test_a_set_without_test_images_is_split_8_to_1_to_1() -> None:
    parts = split(without_test(1000), caltech(validation=0.1))
    assert (parts.train.count, parts.validation.count, parts.test.count) == (800, 100, 100)


@pytest.mark.parametrize("validation", [0.0, 0.1, 0.5])
def test_training_and_validation_images_never_overlap_and_use_everything(validation: float) -> None:
    dataset = load_dataset(digits())
    parts = split(dataset, digits(validation=validation))
    assert parts.validation.count == round(validation * 1437)
    assert sorted([*parts.train.index.tolist(), *parts.validation.index.tolist()]) == list(range(1437))
    assert parts.test.images is dataset.test.images
    assert parts.test.count == 360


@pytest.mark.parametrize("part", ["train", "validation"])
def test_both_parts_hold_the_classes_in_their_proportions(part: str) -> None:
    labels = load_dataset(digits()).train.labels
    index = getattr(split(load_dataset(digits()), digits(validation=0.2)), part).index
    share = len(index) / len(labels)
    expected = np.bincount(labels.numpy()) * share
    found = np.bincount(labels[index].numpy(), minlength=10)
    assert np.abs(found - expected).max() <= 1.5


def test_only_the_split_seed_moves_the_split() -> None:
    dataset = load_dataset(digits())
    first = split(dataset, digits())
    again = split(dataset, digits(batch_size=7, normalize="none"))
    other = split(dataset, digits(split_seed=1))
    assert torch.equal(first.train.index, again.train.index)
    assert torch.equal(first.validation.index, again.validation.index)
    assert not torch.equal(first.validation.index, other.validation.index)
    assert torch.equal(split(dataset, digits(train_images=100)).validation.index, first.validation.index)


def test_fewer_training_images_are_a_stratified_part_of_more() -> None:
    dataset = load_dataset(digits())
    few = split(dataset, digits(train_images=100)).train
    more = split(dataset, digits(train_images=500))
    assert few.count == 100
    assert places(few) < places(more.train)
    assert not places(more.train) & places(more.validation)
    counts = np.bincount(dataset.train.labels[few.index].numpy(), minlength=10)
    assert counts.min() >= 8
    assert counts.max() <= 12


def test_own_validation_images_are_taken_whole() -> None:
    own = Labelled(images=torch.ones(7, 1, 1, 1, dtype=torch.uint8), labels=torch.arange(7) % 3)
    dataset = replace(without_test(100), validation=own)
    parts = split(dataset, caltech(validation="own"))
    assert (parts.train.count, parts.validation.count, parts.test.count) == (90, 7, 10)
    assert parts.validation.images is own.images
    with pytest.raises(RecipeError, match="has validation images of its own"):
        split(dataset, caltech(validation=0.1))
    with pytest.raises(RecipeError, match="has no validation images of its own"):
        split(without_test(100), caltech(validation="own"))


def test_a_test_share_of_a_set_with_its_own_test_images_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"has test images of its own \(360\)"):
        split(load_dataset(digits()), digits(test=0.1))


def test_more_training_images_than_there_are_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"`data.train_images = 1,400`, but 'digits' has 1,293 training images"):
        split(load_dataset(digits()), digits(train_images=1400))


def test_a_validation_share_of_no_image_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"`data.validation = 0.0001` of the 1,437 .* is no image"):
        split(load_dataset(digits()), digits(validation=0.0001))
