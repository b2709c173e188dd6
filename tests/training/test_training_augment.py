"""Augmentation: right values, right frequencies, and draws that belong to (seed, epoch, example)."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from ablate.recipe.augment import (
    AugMix,
    AutoAugment,
    ColorJitter,
    Cutout,
    HorizontalFlip,
    RandAugment,
    RandomApply,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    TrivialAugment,
)
from ablate.training.augment import Pipeline
from ablate.training.augment.crops import random_crop
from ablate.training.augment.erasing import ERASING_WORDS, random_erasing
from ablate.training.augment.geometry import cutout, horizontal_flip, rotation
from ablate.training.streams import Stream, uniform

ALL = [
    RandomCrop(padding=2), HorizontalFlip(), Rotation(), Cutout(size=3),
    AutoAugment(p=0.5), RandAugment(p=0.5), AugMix(p=0.5), TrivialAugment(p=0.5),
    RandomErasing(value=128), RandomErasing(p=1, value="random"),
    RandomResizedCrop(), ColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.2),
    RandomApply(augment=[RandomResizedCrop(), HorizontalFlip(), ColorJitter(brightness=0.5)]),
]  # fmt: skip


def random_images(n: int, channels: int = 3, height: int = 8, width: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(1, 256, (n, channels, height, width), dtype=np.uint8))


def draws(n: int, words: int, epoch: int = 1) -> np.ndarray:
    return Stream("test", 0).draws(epoch, n, words)


def windows(image: torch.Tensor, padding: int) -> list[bytes]:
    """Every window of the padded image, row by row."""
    height, width = image.shape[1:]
    padded = np.pad(image.numpy(), ((0, 0), (padding, padding), (padding, padding)))
    return [
        padded[:, top : top + height, left : left + width].tobytes()
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    ]


def test_a_crop_is_a_window_of_the_padded_image_and_every_window_is_equally_likely():
    image = random_images(1, height=6, width=5)[0]
    batch = image.expand(10_000, -1, -1, -1).contiguous()
    cropped = random_crop(batch, draws(10_000, 2), RandomCrop(padding=2), (6, 5))
    assert cropped.shape == batch.shape
    assert cropped.dtype == torch.uint8
    places = {window: place for place, window in enumerate(windows(image, 2))}
    assert len(places) == 25
    counts = np.bincount([places[crop.numpy().tobytes()] for crop in cropped], minlength=25)
    assert stats.chisquare(counts).pvalue > 0.001


def test_each_image_of_a_batch_is_cropped_from_itself():
    batch = random_images(200)
    cropped = random_crop(batch, draws(200, 2), RandomCrop(padding=3), (8, 8))
    for image, crop in zip(batch, cropped, strict=True):
        assert crop.numpy().tobytes() in windows(image, 3)


def test_crops_are_distributed_like_torchvisions():
    image = random_images(1, channels=1, height=3, width=3)[0]
    places = {window: place for place, window in enumerate(windows(image, 1))}
    ours = random_crop(image.expand(4000, -1, -1, -1), draws(4000, 2), RandomCrop(padding=1), (3, 3))
    transform = v2.RandomCrop(3, padding=1)
    torch.manual_seed(0)
    theirs = [transform(image) for _ in range(4000)]
    table = [np.bincount([places[crop.numpy().tobytes()] for crop in crops], minlength=9) for crops in (ours, theirs)]
    assert stats.chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_flip_mirrors_the_share_of_images_that_it_should(p: float):
    batch = random_images(5000)
    flipped = horizontal_flip(batch, draws(5000, 1), HorizontalFlip(p=p))
    mirrored = (flipped == batch.flip(3)).all(dim=(1, 2, 3))
    same = (flipped == batch).all(dim=(1, 2, 3))
    assert bool((mirrored ^ same).all())
    assert stats.binomtest(int(mirrored.sum()), 5000, p).pvalue > 0.001
    assert torch.equal(batch, random_images(5000))  # a new batch, the old one untouched


def test_cutout_blackens_one_square_cut_off_at_the_border():
    batch = random_images(3000, height=6, width=6)
    cut = cutout(batch, draws(3000, 2), Cutout(size=3))
    black = (cut == 0).all(dim=1)
    assert torch.equal(torch.where(black[:, None], batch, cut), batch)
    rows, columns = black.any(dim=2).sum(dim=1), black.any(dim=1).sum(dim=1)
    assert torch.equal(rows * columns, black.sum(dim=(1, 2)))  # a full rectangle
    for sides in (rows, columns):  # the centre is on any of 6 pixels; on the two outermost the square is cut to 2
        counts = np.bincount(sides.numpy(), minlength=4)
        assert counts[:2].tolist() == [0, 0]
        assert stats.chisquare(counts[2:], [1000, 2000]).pvalue > 0.001


@pytest.mark.parametrize(("height", "width"), [(16, 16), (12, 20)])
def test_a_rotation_is_torchvisions_by_the_drawn_angle(height: int, width: int):
    batch = random_images(30, height=height, width=width)
    words = draws(30, 1)
    turned = rotation(batch, words, Rotation(degrees=40))
    angles = (2 * uniform(words[:, 0]) - 1) * 40
    assert angles.min() < -20
    assert angles.max() > 20
    for image, ours, angle in zip(batch, turned, angles, strict=True):
        theirs = functional.rotate(image, float(angle), interpolation=v2.InterpolationMode.BILINEAR)
        assert (ours.int() - theirs.int()).abs().max() <= 1  # rounding


@pytest.mark.parametrize(
    "section",
    [
        AutoAugment(),
        RandAugment(),
        AugMix(),
        TrivialAugment(),
        ColorJitter(brightness=0.4, contrast=0.3, saturation=2, hue=0.1),
    ],
)
def test_a_policy_is_torchvisions_under_a_generator_for_each_image(section):
    transform, words = {
        "auto_augment": (v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10), 2),
        "rand_augment": (v2.RandAugment(2, 9), 2),
        "augmix": (v2.AugMix(3, 3), 2),
        "trivial_augment": (v2.TrivialAugmentWide(), 2),
        "color_jitter": (v2.ColorJitter(0.4, 0.3, 2, 0.1), 1),
    }[section.name]
    batch = random_images(12, height=16, width=16)
    order = np.arange(12)
    before = torch.random.get_rng_state()
    result = Pipeline([section], seed=3, examples=12).epoch(2, order)(batch, slice(0, 12))
    assert torch.equal(torch.random.get_rng_state(), before)
    seeds = Stream(f"augment/{section.name}/0", 3).draws(2, 12, words)[:, -1] >> np.uint64(1)
    for image, ours, seed in zip(batch, result, seeds, strict=True):
        torch.manual_seed(int(seed))
        assert torch.equal(transform(image), ours)
    torch.random.set_rng_state(before)


@pytest.mark.parametrize(
    "section", [AutoAugment(p=0), RandAugment(p=0), AugMix(p=0), TrivialAugment(p=0), RandomErasing(p=0)]
)
def test_a_policy_with_probability_zero_changes_nothing(section):
    batch = random_images(6)
    assert torch.equal(Pipeline([section], seed=0, examples=6).epoch(1, np.arange(6))(batch, slice(0, 6)), batch)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("section", ALL, ids=lambda section: section.name)
def test_what_happens_to_an_example_depends_on_seed_epoch_and_example_only(section, channels: int):
    batch = random_images(20, channels=channels, height=16, width=16)

    def augmented(order: np.ndarray, epoch: int = 1, seed: int = 0, size: int = 20) -> torch.Tensor:
        augment = Pipeline([section], seed=seed, examples=20).epoch(epoch, order)
        parts = [slice(start, min(start + size, len(order))) for start in range(0, len(order), size)]
        return torch.cat([augment(batch[order[part]], part) for part in parts])

    everything = np.arange(20)
    result = augmented(everything)
    order = np.random.default_rng(0).permutation(20)
    assert torch.equal(augmented(order), result[order])
    assert torch.equal(augmented(order, size=3), result[order])
    assert torch.equal(augmented(np.array([4, 17])), result[[4, 17]])
    assert not torch.equal(augmented(everything, epoch=2), result)
    assert not torch.equal(augmented(everything, seed=1), result)


def test_an_augmentation_keeps_its_draws_when_another_joins_it():
    batch = random_images(50)
    order = np.arange(50)
    crop = Pipeline([RandomCrop(padding=2)], seed=0, examples=50).epoch(1, order)(batch, slice(0, 50))
    both = Pipeline([RandomCrop(padding=2), HorizontalFlip(p=1)], seed=0, examples=50).epoch(1, order)
    assert torch.equal(both(batch, slice(0, 50)), crop.flip(3))


def test_the_same_augmentation_twice_draws_twice():
    batch = random_images(50)
    order = np.arange(50)
    twice = Pipeline([HorizontalFlip(), HorizontalFlip()], seed=0, examples=50).epoch(1, order)
    assert not torch.equal(twice(batch, slice(0, 50)), batch)


@pytest.mark.parametrize("section", ALL, ids=lambda section: section.name)
def test_equal_images_of_a_batch_become_different(section):
    batch = random_images(1, height=16, width=16).expand(40, -1, -1, -1).contiguous()
    result = Pipeline([section], seed=0, examples=40).epoch(1, np.arange(40))(batch, slice(0, 40))
    least = {"horizontal_flip": 2, "auto_augment": 5}.get(section.name, 12)
    assert len({image.numpy().tobytes() for image in result}) >= least


@pytest.mark.cuda
@pytest.mark.parametrize("section", ALL, ids=lambda section: section.name)
def test_a_gpu_augments_as_the_processor_does(section):
    batch = random_images(40, height=16, width=16)
    augment = Pipeline([section], seed=0, examples=40).epoch(1, np.arange(40))
    there = augment(batch.to("cuda"), slice(0, 40))
    assert there.device.type == "cuda"
    difference = (there.cpu().int() - augment(batch, slice(0, 40)).int()).abs()
    if section.name in ("random_crop", "horizontal_flip", "cutout", "random_erasing"):
        assert difference.max() == 0
    else:  # floating point rounds differently, and the nearest pixel may be another one
        assert (difference > 1).float().mean() < 0.02


def test_an_erased_rectangle_has_the_grey_level_and_all_else_stays():
    batch = random_images(2000, height=9, width=7)
    words = draws(2000, ERASING_WORDS)
    erased = random_erasing(batch, words, RandomErasing(p=0.4, value=0))
    hole = (erased == 0).all(dim=1)
    assert torch.equal(torch.where(hole[:, None], batch, erased), batch)
    rows, columns = hole.any(dim=2).sum(dim=1), hole.any(dim=1).sum(dim=1)
    assert torch.equal(rows * columns, hole.sum(dim=(1, 2)))  # a full rectangle
    assert stats.binomtest(int((rows > 0).sum()), 2000, 0.4).pvalue > 0.001
    grey = random_erasing(batch, words, RandomErasing(p=0.4, value=200))
    assert torch.equal(grey, torch.where(hole[:, None], 200, batch))


def test_an_area_erased_at_random_has_all_grey_levels_equally_often():
    batch = torch.full((400, 3, 16, 16), 7, dtype=torch.uint8)
    section = RandomErasing(p=1, scale=(0.3, 0.3), ratio=(1, 1), value="random")
    erased = random_erasing(batch, draws(400, ERASING_WORDS), section)
    hole = random_erasing(batch, draws(400, ERASING_WORDS), section.model_copy(update={"value": 0}))[:, 0] == 0
    assert (erased.permute(0, 2, 3, 1)[~hole] == 7).all()
    noise = erased.permute(0, 2, 3, 1)[hole]
    assert stats.chisquare(np.bincount(noise.flatten().numpy(), minlength=256)).pvalue > 0.001
    assert abs(np.corrcoef(noise.T.numpy())[0, 1]) < 0.02  # channels differ


@pytest.mark.parametrize("field", ["scale", "ratio"])
def test_a_range_that_falls_is_told_in_the_right_order(field: str):
    for section in (RandomErasing, RandomResizedCrop):
        with pytest.raises(ValidationError, match=rf"`{field}` is the least and the largest value.*: \[0.2, 0.4\]"):
            section(**{field: (0.4, 0.2)})
