"""Augmentation yields the size that the network sees, from images of any size, and says when it cannot."""

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms.v2 import functional

from ablate.recipe.augment import Augmentation, ColorJitter, HorizontalFlip, RandomApply, RandomCrop, RandomResizedCrop
from ablate.training import RecipeError
from ablate.training.augment import Pipeline, centre_crop

Size = tuple[int, int]


def random_images(n: int, size: Size, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(1, 256, (n, channels, *size), dtype=np.uint8))


def augmented(images: torch.Tensor, size: Size | None, *augmentations: Augmentation) -> torch.Tensor:
    n = len(images)
    return Pipeline(augmentations, seed=0, examples=n, size=size).epoch(1, np.arange(n))(images, slice(0, n))


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 2), (6, 7), (9, 12), (10, 13)])
def test_the_middle_is_torchvisions(size: Size):
    images = random_images(2, (10, 13))
    assert torch.equal(centre_crop(images, size), functional.center_crop(images, list(size)))


def test_images_of_the_right_size_are_not_copied():
    images = random_images(2, (10, 13))
    assert centre_crop(images, (10, 13)) is images


def test_larger_images_are_cut_to_the_middle_after_all_augmentations():
    images = random_images(3, (10, 14))
    middle = centre_crop(images, (6, 8))
    assert torch.equal(augmented(images, (6, 8)), middle)
    assert torch.equal(augmented(images, (6, 8), HorizontalFlip(p=1)), middle.flip(3))


def test_a_random_crop_takes_its_windows_from_the_whole_image():
    image = random_images(1, (5, 6))
    windows = {image[0, :, i : i + 3, j : j + 2].numpy().tobytes(): (i, j) for i in range(3) for j in range(5)}
    crops = augmented(image.expand(6000, -1, -1, -1), (3, 2), RandomCrop(padding=0))
    places = list(windows)
    counts = np.bincount([places.index(crop.numpy().tobytes()) for crop in crops], minlength=15)
    assert stats.chisquare(counts).pvalue > 0.001


def test_padding_lets_a_random_crop_be_larger_than_the_image():
    crops = augmented(random_images(50, (4, 4)), (6, 6), RandomCrop(padding=1))
    assert crops.shape == (50, 3, 6, 6)
    assert (crops[:, :, 0] == 0).all()
    assert (crops[:, :, 1:5, 1:5] > 0).all()


@pytest.mark.parametrize("size", [(6, 8), (20, 9)])
def test_a_random_resized_crop_has_the_size_whatever_the_image_had(size: Size):
    images = random_images(20, (10, 13))
    assert augmented(images, size, RandomResizedCrop()).shape == (20, 3, *size)


@pytest.mark.parametrize("ratio", [(100.0, 100.0), (0.01, 0.01)])
def test_a_part_of_extreme_proportions_has_a_pixel_at_least(ratio: tuple[float, float]):
    images = torch.full((5, 3, 10, 10), 77, dtype=torch.uint8)
    assert (augmented(images, (4, 4), RandomResizedCrop(ratio=ratio)) == 77).all()


@pytest.mark.parametrize("augmentations", [[], [HorizontalFlip()], [RandomCrop(padding=1)]])
def test_images_that_are_too_small_are_refused_with_the_cure(augmentations: list[Augmentation]):
    with pytest.raises(RecipeError, match=r"8x8 pixels cannot be cut out of images of \d+x\d+") as caught:
        augmented(random_images(2, (9, 5)), (8, 8), *augmentations)
    assert "`data.resize`" in caught.value.cure
    assert "`data.crop`" in caught.value.cure


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_all_or_none_of_a_list_happens_to_the_share_of_images_that_it_should(p: float):
    images = random_images(4000, (6, 6))
    both = RandomApply(augment=[HorizontalFlip(p=1), RandomCrop(padding=0)], p=p)
    result = augmented(images, (6, 6), both)
    mirrored = (result == images.flip(3)).all(dim=(1, 2, 3))
    assert bool((mirrored ^ (result == images).all(dim=(1, 2, 3))).all())
    assert stats.binomtest(int(mirrored.sum()), 4000, p).pvalue > 0.001


def test_images_that_a_list_passes_by_are_cut_to_the_middle_where_it_crops():
    images = random_images(40, (10, 10))
    result = augmented(images, (6, 6), RandomApply(augment=[RandomResizedCrop()], p=0.5))
    untouched = (result == centre_crop(images, (6, 6))).all(dim=(1, 2, 3))
    assert 5 < untouched.sum() < 35


def test_a_list_that_does_not_crop_leaves_the_size_to_what_follows():
    images = random_images(40, (10, 10))
    jitter = RandomApply(augment=["color_jitter"], p=0.5)  # changes nothing, by its defaults
    assert torch.equal(
        augmented(images, (6, 6), jitter, RandomCrop(padding=0)), augmented(images, (6, 6), RandomCrop(padding=0))
    )


def test_lists_may_be_nested_and_draw_from_streams_of_their_own():
    images = random_images(400, (6, 6))
    flip = HorizontalFlip(p=0.5)
    inner, outer = RandomApply(augment=[flip], p=0.5), RandomApply(augment=[RandomApply(augment=[flip], p=0.5)], p=1)
    shares = [
        (augmented(images, None, augmentation) != images).any(dim=(1, 2, 3)).float().mean()
        for augmentation in (inner, outer)
    ]
    assert all(0.15 < share < 0.35 for share in shares)
    assert not torch.equal(augmented(images, None, inner), augmented(images, None, outer))


def test_grey_images_have_neither_saturation_nor_hue():
    images = random_images(20, (6, 6), channels=1)
    assert torch.equal(augmented(images, None, ColorJitter(saturation=3, hue=0.5)), images)
    assert not torch.equal(augmented(images, None, ColorJitter(brightness=1, saturation=3, hue=0.5)), images)
