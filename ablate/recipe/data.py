"""The `data` table of a recipe: which images, how they are split, batched, augmented and normalised."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from ablate.recipe.augment import Augmentation
from ablate.recipe.own import DATASETS, DatasetName, OwnSection, is_own
from ablate.recipe.section import Section

Side = Annotated[int, Field(ge=1, le=2048)]
#: Longest path of a folder, characters.
_MAX_PATH = 500


class FixedNormalization(Section):
    """Subtract a fixed mean and divide by a fixed standard deviation; images are in [0, 1]."""

    mean: tuple[float, ...] = Field(min_length=1, max_length=4, strict=False)
    """Mean of each channel, or one for all."""
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, max_length=4, strict=False)
    """Standard deviation of each channel, or one for all."""


class DataSection(Section):
    """What every `data` table says of the images that a run sees, wherever they come from."""

    name: str
    """Data set."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Images a step."""
    validation: Literal["own"] | Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of the images held out for validation, stratified by class; 0 means none. `own`: the data set's own
    validation images (`flowers102` has some, an `image_folder` may)."""
    test: Annotated[float, Field(gt=0, le=0.9)] | None = None
    """Share of the images held out as the test set, for data sets without one of their own; None means a tenth there.
    With `validation = 0.1` that is a split of 8:1:1."""
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the split, the same for every variant and seed of the study."""
    train_images: Annotated[int, Field(ge=1)] | None = None
    """Train on only this many of the training images (a seeded draw); None means all."""
    resize: Side | Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    """Images are scaled once, before anything else. A number: the shorter side, pixels, then the middle square;
    `[height, width]`: exactly so, whatever the proportions were; None: as they are."""
    channels: Literal[1, 3] | None = None
    """Turn images to grey (1) or to colour (3); None: as the data set has them."""
    crop: Side | None = None
    """Side of the square that the network sees, pixels: the middle of each image, unless an augmentation cuts out
    another part in training; None: the whole image."""
    augment: tuple[Augmentation, ...] = Field(default=(), strict=False)
    """Augmentations of the training images, in this order."""
    normalize: Literal["train", "imagenet", "none"] | FixedNormalization = "train"
    """`train`: mean and standard deviation of each channel over the training images; `imagenet`: ImageNet's, which
    pretrained networks expect; `none`: [0, 1] as it is."""


class Data(DataSection):
    """A data set that ablate knows."""

    name: Literal[
        "digits",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "cifar100",
        "svhn",
        "stl10",
        "eurosat",
        "imagenette_160",
        "imagenette",
        "flowers102",
        "caltech101",
        "tiny_imagenet",
        "image_folder",
        "synthetic",
    ]
    """Data set."""


def _checked_folder(folder: str) -> str:
    """A folder's path in its shortest form.

    Raises:
        ValueError: It is empty, too long or holds control characters.
    """
    if not folder.strip() or not folder.isprintable() or len(folder) > _MAX_PATH:
        raise ValueError(f"`folder` is a path of at most {_MAX_PATH} characters, below the data root or absolute")
    return posixpath.normpath(folder)


class FolderData(Data):
    """Images of your own in folders, one for each class; below `train`, `val` and `test`, or all to be split.

    A `test` folder without folders of classes holds unlabelled images: they are classified at the end of each run.
    """

    name: Literal["image_folder"]
    """Data set."""
    folder: Annotated[str, AfterValidator(_checked_folder)]
    """Where the images are: a path below the data root, or an absolute one."""


class SyntheticData(Data):
    """Made-up images of any number and size that a network can learn: a blurred pattern for each class, with noise."""

    name: Literal["synthetic"]
    """Data set."""
    images: Annotated[int, Field(ge=10, le=100_000_000)] = 5_000
    """Training images, those held out for validation among them."""
    test_images: Annotated[int, Field(ge=10, le=10_000_000)] = 1_000
    """Test images."""
    classes: Annotated[int, Field(ge=2, le=1_000)] = 10
    """Classes."""
    size: Annotated[int, Field(ge=4, le=1_024)] = 32
    """Height and width, pixels."""
    noise: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Standard deviation of the noise, in standard deviations of the patterns."""


class OwnData(DataSection, OwnSection):
    """A data set of your own: a function, or a map-style `Dataset`; keys that are not ablate's are its arguments.

    `data_root`, and `train` or `split`, are passed where the signature has parameters of these names.
    """

    name: DatasetName
    """`my_data.py:load`, relative to the study file, `package.module:Dataset`, or the name of an entry point of the
    group `ablate.datasets`."""


def _kind(value: object) -> str:
    """Which class a table of data means."""
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    if is_own(name, DATASETS):
        return "own"
    return name if name in ("image_folder", "synthetic") else "named"


AnyData = Annotated[
    Annotated[Data, Tag("named")]
    | Annotated[FolderData, Tag("image_folder")]
    | Annotated[SyntheticData, Tag("synthetic")]
    | Annotated[OwnData, Tag("own")],
    Discriminator(_kind),
]
