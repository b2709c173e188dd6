"""Our augmentations and torchvision's have the same distributions. All seeds are fixed."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from ablate.recipe.augment import (
    Augmentation,
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
from ablate.training.augment.crops import RESIZED_CROP_WORDS, random_resized_crop, random_windows
from ablate.training.augment.erasing import ERASING_WORDS, erased_windows
from ablate.training.streams import Stream

#: Above this a difference as large as the one found is no surprise.
LEAST_P = 0.001


class InFloats(torch.nn.Module):
    """A transform done in floats: on bytes torchvision rounds between scaling rows and scaling columns, too."""

    def __init__(self, transform: Callable) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.transform(image.to(torch.float32)).round().clamp(0, 255).to(torch.uint8)


#: Black outside, with edges that are not made darker twice: torchvision's `fill=0` multiplies by their cover once more.
TURN = v2.RandomRotation(50, v2.InterpolationMode.BILINEAR, fill=None)

CASES: list[tuple[Augmentation, Callable, int]] = [
    (HorizontalFlip(p=0.3), v2.RandomHorizontalFlip(0.3), 2000),
    (RandomCrop(padding=3), v2.RandomCrop(12, padding=3), 2000),
    (Rotation(degrees=50), TURN, 2000),
    (RandomResizedCrop(), InFloats(v2.RandomResizedCrop(12)), 2000),
    (RandomResizedCrop(scale=(0.5, 0.9), ratio=(0.4, 2)),
     InFloats(v2.RandomResizedCrop(12, (0.5, 0.9), (0.4, 2))), 2000),
    (ColorJitter(brightness=0.4, contrast=0.5, saturation=1, hue=0.2), v2.ColorJitter(0.4, 0.5, 1, 0.2), 1000),
    (AutoAugment(), v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10), 1000),
    (AutoAugment(policy="svhn"), v2.AutoAugment(v2.AutoAugmentPolicy.SVHN), 1000),
    (RandAugment(operations=1, magnitude=12), v2.RandAugment(1, 12), 1000),
    (TrivialAugment(), v2.TrivialAugmentWide(), 1000),
    (RandomErasing(), v2.RandomErasing(), 2000),
    (RandomErasing(p=0.8, scale=(0.3, 0.9), ratio=(0.2, 1.5), value=99),
     v2.RandomErasing(0.8, (0.3, 0.9), (0.2, 1.5), 99), 2000),  # often no rectangle fits
    (AugMix(severity=5, width=2), v2.AugMix(5, 2), 400),
    (RandomApply(augment=[Rotation(degrees=50)], p=0.4), v2.RandomApply([TURN], p=0.4), 1000),
]  # fmt: skip


def picture() -> torch.Tensor:
    """A colour image of 12x12 pixels on which every place and every direction looks different, (3, 12, 12)."""
    down, across = torch.meshgrid(torch.linspace(0, 1, 12), torch.linspace(0, 1, 12), indexing="ij")
    return (torch.stack([down, across**2, (down + 1 - across) / 2]) * 200 + 30).to(torch.uint8)


def features(images: torch.Tensor) -> dict[str, np.ndarray]:
    """Numbers of each image that any change of colour, place or shape moves, (B,) each."""
    floats = images.to(torch.float64)
    return {
        "mean": floats.mean(dim=(1, 2, 3)).numpy(),
        "std": floats.std(dim=(1, 2, 3)).numpy(),
        "red": floats[:, 0].mean(dim=(1, 2)).numpy(),
        "corner": floats[:, 1, 0, 0].numpy(),
        "edge": floats[:, 2, 6, -1].numpy(),
        "middle": floats[:, 0, 6, 5].numpy(),
    }


@pytest.mark.parametrize(("section", "transform", "n"), CASES, ids=[section.name for section, _, _ in CASES])
def test_our_images_are_distributed_like_torchvisions(section: Augmentation, transform: Callable, n: int):
    image = picture()
    batch = image.expand(n, -1, -1, -1).contiguous()
    ours = Pipeline([section], seed=0, examples=n).epoch(1, np.arange(n))(batch, slice(0, n))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        theirs = torch.stack([transform(image) for _ in range(n)])
    other = features(theirs)
    for name, values in features(ours).items():
        assert stats.ks_2samp(values, other[name], method="asymp").pvalue > LEAST_P, name


def test_the_test_above_would_notice_a_slightly_different_distribution():
    n = 2000
    batch = picture().expand(n, -1, -1, -1).contiguous()
    one, two = (
        features(Pipeline([section], seed=seed, examples=n).epoch(1, np.arange(n))(batch, slice(0, n)))
        for seed, section in enumerate([RandomResizedCrop(), RandomResizedCrop(scale=(0.16, 1))])
    )
    assert stats.ks_2samp(one["std"], two["std"], method="asymp").pvalue < LEAST_P


@pytest.mark.parametrize(
    ("size", "crop"),
    [
        ((32, 32), RandomResizedCrop()),
        ((20, 50), RandomResizedCrop()),
        ((50, 20), RandomResizedCrop(scale=(0.5, 1.0))),  # often no part fits
    ],
)
def test_random_parts_are_drawn_like_torchvisions(size: tuple[int, int], crop: RandomResizedCrop):
    n = 3000
    ours = random_windows(Stream("test", 0).draws(1, n, RESIZED_CROP_WORDS), crop, *size)
    transform = v2.RandomResizedCrop(8, crop.scale, crop.ratio)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        theirs = [transform.make_params([torch.zeros(3, *size)]) for _ in range(n)]
    for name in ("top", "left", "height", "width"):
        drawn = [params[name] for params in theirs]
        assert stats.ks_2samp(getattr(ours, name), drawn, method="asymp").pvalue > LEAST_P, name
    assert (ours.top + ours.height <= size[0]).all()
    assert (ours.left + ours.width <= size[1]).all()
    assert min(ours.top.min(), ours.left.min()) == 0


@pytest.mark.parametrize(
    ("size", "erasing"),
    [
        ((32, 32), RandomErasing(p=1)),
        ((20, 50), RandomErasing(p=1, scale=(0.2, 0.9))),
        ((7, 3), RandomErasing(p=1, ratio=(0.1, 0.5))),
    ],
)
def test_erased_rectangles_are_drawn_like_torchvisions(size: tuple[int, int], erasing: RandomErasing):
    n = 3000
    ours = erased_windows(Stream("test", 0).draws(1, n, ERASING_WORDS), erasing, *size)
    transform = v2.RandomErasing(1, erasing.scale, erasing.ratio)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        theirs = [transform.make_params([torch.zeros(3, *size)]) for _ in range(n)]
    drawn = [params for params in theirs if params["v"] is not None and params["h"] and params["w"]]
    there = (ours.height > 0) & (ours.width > 0)
    counts = [[there.sum() + 1, n - there.sum() + 1], [len(drawn) + 1, n - len(drawn) + 1]]
    assert stats.chi2_contingency(counts).pvalue > LEAST_P
    for name, letter in (("top", "i"), ("left", "j"), ("height", "h"), ("width", "w")):
        values = [params[letter] for params in drawn]
        assert stats.ks_2samp(getattr(ours, name)[there], values, method="asymp").pvalue > LEAST_P, name
    assert (ours.top + ours.height <= size[0]).all()
    assert (ours.left + ours.width <= size[1]).all()


@pytest.mark.parametrize("size", [(8, 8), (30, 11), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_part_is_scaled_as_torchvision_scales_it(size: tuple[int, int], channels: int):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (30, channels, 23, 29), dtype=np.uint8))
    words = Stream("test", 0).draws(1, 30, RESIZED_CROP_WORDS)
    windows = random_windows(words, RandomResizedCrop(), 23, 29)
    scaled = random_resized_crop(images, words, RandomResizedCrop(), size)
    for image, ours, *window in zip(images, scaled, *windows, strict=True):
        theirs = functional.resized_crop(image, *map(int, window), list(size), antialias=True)
        assert (ours.int() - theirs.int()).abs().max() <= 1  # rounding


@pytest.mark.parametrize(("size", "middle"), [((10, 60), (0, 25, 10, 10)), ((60, 10), (25, 0, 10, 10))])
def test_where_no_part_fits_the_middle_is_taken(size: tuple[int, int], middle: tuple[int, int, int, int]):
    words = Stream("test", 0).draws(1, 5, RESIZED_CROP_WORDS)
    windows = random_windows(words, RandomResizedCrop(scale=(1.0, 1.0), ratio=(1.0, 1.0)), *size)
    assert all(window == middle for window in zip(*windows, strict=True))


def test_cutout_is_its_plain_definition():
    """For each of the 30 centres the square is blackened by hand; each of these images is equally likely."""
    image = torch.from_numpy(np.random.default_rng(0).integers(1, 256, (3, 6, 5), dtype=np.uint8))
    expected = []
    for row in range(6):
        for column in range(5):
            blackened = image.clone()
            blackened[:, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 0
            expected.append(blackened.numpy().tobytes())
    batch = image.expand(6000, -1, -1, -1).contiguous()
    cut = Pipeline([Cutout(size=3)], seed=0, examples=6000).epoch(1, np.arange(6000))(batch, slice(0, 6000))
    counts = np.bincount([expected.index(result.numpy().tobytes()) for result in cut], minlength=30)
    assert stats.chisquare(counts).pvalue > LEAST_P
