"""The `model` table of a recipe for a network of the user's own."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from ablate.recipe.section import Section, canonical_value, refuse_unbounded

#: Entry points under which installed packages offer networks by a plain name.
ENTRY_POINTS = "ablate.models"
#: Longest path of a file of the user's own, characters.
_MAX_PATH = 500
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
#: The same for editors, which cannot know what is a path.
_SCHEMA_PATTERN = r"^(?!torchvision:)[^:]+:[^:.\s]+$"


@cache
def installed_models() -> frozenset[str]:
    """Plain names of networks that installed packages offer."""
    return frozenset(entry_points(group=ENTRY_POINTS).names)


def _checked_name(name: str) -> str:
    """A name from the user's own code, its path in the shortest form.

    Raises:
        ValueError: It is no `file.py:Name` inside the study's folder, no `package.module:Name`, and no name that an
            installed package offers.
    """
    if name in installed_models():
        return name
    where, _, what = name.partition(":")
    if not what.isidentifier():
        example = f"{where}:Net" if where.endswith(".py") else "my_models.py:Net"
        raise ValueError(f'after the colon stands the name of a class or function, as in "{example}"')
    if not where.endswith(".py"):
        if not _MODULE.fullmatch(where):
            raise ValueError(
                'before the colon stands a file, as in "my_models.py:Net", or a module, "package.module:Net"'
            )
        return name
    path = posixpath.normpath(where)
    if "\\" in path or not path.isprintable() or len(path) > _MAX_PATH:
        raise ValueError(f"a file's path has at most {_MAX_PATH} characters, and slashes between its folders")
    if path.startswith(("/", "../")):
        raise ValueError(
            f'"{where}" lies outside the study\'s folder: put it beside the study file, with which it is stored'
        )
    return f"{path}:{what}"


def own_file(name: str) -> str | None:
    """The file behind the name of a model, relative to the study file with slashes; None where it names none."""
    where, colon, _ = name.partition(":")
    return where if colon and where.endswith(".py") else None


class OwnModel(Section):
    """A network of your own: a class or function by its file, module or entry point; other keys are arguments of it.

    `channels`, `image_size` and `classes` of the data set are passed where the signature has parameters of these names.
    """

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, AfterValidator(_checked_name), Field(json_schema_extra={"pattern": _SCHEMA_PATTERN})]
    """`my_models.py:Net`, relative to the study file, `package.module:Net` of an installed package, or the name of an
    entry point of the group `ablate.models`."""

    @model_validator(mode="after")
    def _finite(self) -> OwnModel:
        refuse_unbounded(self.arguments)
        return self

    @property
    def file(self) -> str | None:
        """The file, relative to the study file with slashes; None for a module or an entry point."""
        return own_file(self.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments that the recipe gives."""
        return dict(self.model_extra or {})

    def canonical(self) -> dict[str, Any]:
        """Name and every argument that is given; which ones are defaults only the code knows."""
        return {"name": self.name, **{key: canonical_value(value) for key, value in self.arguments.items()}}
