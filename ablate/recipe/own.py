"""The user's own code in a recipe: classes and functions named by file, module or entry point."""

from __future__ import annotations

import posixpath
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from typing import Annotated

from pydantic import AfterValidator, Field

from ablate.recipe.section import OpenSection, Section

#: Keys and indices from the top of a recipe.
Place = tuple[str | int, ...]
#: Longest path of a file of the user's own, characters.
_MAX_PATH = 500
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
#: The same for editors, which cannot know what is a path.
_SCHEMA_PATTERN = r"^(?!torchvision:|timm:)[^:]+:[^:.\s]+$"


@dataclass(frozen=True, kw_only=True)
class OwnKind:
    """What the user's own code can be in a recipe."""

    #: For messages, as `network`.
    what: str
    #: Entry points under which installed packages offer such things by a plain name.
    group: str
    #: A name of one, for messages.
    example: str
    #: Where its arguments stand, for messages.
    table: str

    @property
    def module_example(self) -> str:
        """The same in an installed module."""
        return f"package.module:{self.example.partition(':')[2]}"


MODELS = OwnKind(what="network", group="ablate.models", example="my_models.py:Net", table="the model's table")
DATASETS = OwnKind(what="data set", group="ablate.datasets", example="my_data.py:load", table="the table of the data")
AUGMENTATIONS = OwnKind(
    what="augmentation",
    group="ablate.augmentations",
    example="my_augmentations.py:Blur",
    table="the augmentation's table",
)
LOSSES = OwnKind(what="loss", group="ablate.losses", example="my_losses.py:FocalLoss", table="the loss's table")
METRICS = OwnKind(what="metric", group="ablate.metrics", example="my_metrics.py:macro_f1", table="the metric's table")
TRAINERS = OwnKind(what="trainer", group="ablate.trainers", example="my_train.py:train", table="[baseline.params]")


@cache
def installed(kind: OwnKind) -> frozenset[str]:
    """Plain names of a kind that installed packages offer."""
    return frozenset(entry_points(group=kind.group).names)


def is_own(name: object, kind: OwnKind) -> bool:
    """Whether a text names the user's own code, rather than something of ablate's."""
    return isinstance(name, str) and (":" in name or name.endswith(".py") or name in installed(kind))


def own_file(name: str) -> str | None:
    """The file behind a name, relative to the study file with slashes; None where it names none."""
    where, colon, _ = name.partition(":")
    return where if colon and where.endswith(".py") else None


def checked_file(given: str) -> str:
    """A file of the study's folder, its path in the shortest form.

    Raises:
        ValueError: It lies elsewhere, or its path is none.
    """
    path = posixpath.normpath(given)
    if "\\" in path or not path.isprintable() or len(path) > _MAX_PATH:
        raise ValueError(f"a file's path has at most {_MAX_PATH} characters, and slashes between its folders")
    if path.startswith(("/", "../")):
        raise ValueError(
            f'"{given}" lies outside the study\'s folder: put it beside the study file, with which it is stored'
        )
    return path


def _checked_name(kind: OwnKind, name: str) -> str:
    """A name of the user's own code, its path in the shortest form.

    Raises:
        ValueError: It is no `file.py:Name` inside the study's folder, no `package.module:Name`, and no name that an
            installed package offers.
    """
    if name in installed(kind):
        return name
    where, _, what = name.partition(":")
    if not what.isidentifier():
        example = f"{where}:{kind.example.partition(':')[2]}" if where.endswith(".py") else kind.example
        raise ValueError(f'after the colon stands the name of a class or function, as in "{example}"')
    if not where.endswith(".py"):
        if not _MODULE.fullmatch(where):
            raise ValueError(
                f'before the colon stands a file, as in "{kind.example}", or a module, "{kind.module_example}"'
            )
        return name
    return f"{checked_file(where)}:{what}"


def _named(kind: OwnKind) -> Callable[[str], str]:
    return partial(_checked_name, kind)


_PATTERN = Field(json_schema_extra={"pattern": _SCHEMA_PATTERN})
ModelName = Annotated[str, AfterValidator(_named(MODELS)), _PATTERN]
DatasetName = Annotated[str, AfterValidator(_named(DATASETS)), _PATTERN]
AugmentationName = Annotated[str, AfterValidator(_named(AUGMENTATIONS)), _PATTERN]
LossName = Annotated[str, AfterValidator(_named(LOSSES)), _PATTERN]
MetricName = Annotated[str, AfterValidator(_named(METRICS)), _PATTERN]
TrainerName = Annotated[str, AfterValidator(_named(TRAINERS)), _PATTERN]


class CodeSection(Section):
    """A table that names the user's own code."""

    @abstractmethod
    def files_named(self) -> tuple[tuple[Place, str], ...]:
        """The files of the study's folder that it names, each with its place in the table."""


class NamedCode(CodeSection):
    """A class or function of the user's own."""

    name: str
    """`file.py:Name`, relative to the study file; `package.module:Name`; or the name of an entry point."""

    def files_named(self) -> tuple[tuple[Place, str], ...]:
        """The file in its name; none for a module or an entry point."""
        file = own_file(self.name)
        return () if file is None else ((("name",), file),)


class OwnSection(NamedCode, OpenSection):
    """A class or function of the user's own that is called; every key that is not ablate's is an argument of it."""


class OwnModel(OwnSection):
    """A network of your own: a class or function by its file, module or entry point; other keys are arguments of it.

    `input_shape`, `channels`, `image_size` and `classes` of the data set are passed where the signature has parameters
    of these names.
    """

    name: ModelName
    """`my_models.py:Net`, relative to the study file, `package.module:Net` of an installed package, or the name of an
    entry point of the group `ablate.models`."""


class OwnLoss(OwnSection):
    """A loss of your own: a function of outputs and labels, or a class whose instances are called with them."""

    name: LossName
    """`my_losses.py:FocalLoss`, `package.module:Loss`, or an entry point of the group `ablate.losses`."""


class OwnMetric(OwnSection):
    """A metric of your own: a function, or a class whose instances are called.

    It is given what its parameters are called: `outputs`, `probabilities`, `predictions`, `labels`.
    """

    name: MetricName
    """`my_metrics.py:macro_f1`, `package.module:metric`, or an entry point of the group `ablate.metrics`."""

    @property
    def title(self) -> str:
        """What the metric is called in tables, after `val_` and `test_`."""
        return self.name.rpartition(":")[2]


class OwnAugmentation(OwnSection):
    """An augmentation of your own: a function of one image, or a class whose instances are called with one.

    Transforms of torchvision are such classes, as `torchvision.transforms.v2:GaussianBlur`.
    """

    name: AugmentationName
    """`my_augmentations.py:Blur`, `package.module:Transform`, or an entry point of the group `ablate.augmentations`."""


def by_name(value: object) -> object:
    """A name alone is short for a table with that name."""
    return {"name": value} if isinstance(value, str) else value


def own_sections(value: object, place: Place = ()) -> Iterator[tuple[Place, CodeSection]]:
    """The tables of a recipe (or of a part of it) that name the user's own code, each with its place.

    Args:
        value: A section, or what stands in one.
        place: Where it stands.
    """
    if isinstance(value, Section):
        if isinstance(value, CodeSection):
            yield place, value
        for key, item in vars(value).items():
            if isinstance(item, Section | tuple):  # asked at every claim: most values are numbers
                yield from own_sections(item, (*place, key))
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from own_sections(item, (*place, number))


def own_places(value: object) -> Iterator[tuple[Place, str]]:
    """The files of the user's own that a recipe names, each with the place of its name."""
    for place, section in own_sections(value):
        for inside, file in section.files_named():
            yield (*place, *inside), file
