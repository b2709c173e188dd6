"""Training by a function or a command of the user's own: the recipe of such a run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from ablate.recipe.data import AnyData
from ablate.recipe.key import Keyed
from ablate.recipe.model import Model
from ablate.recipe.optim import Optimizer, Scheduler
from ablate.recipe.own import CodeSection, NamedCode, Place, TrainerName, by_name, checked_file
from ablate.recipe.section import Section, refuse_unbounded
from ablate.recipe.signatures import did_you_mean

#: What stands in braces in a command, as `{params.lr}`; doubled braces are braces.
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
#: What a command may ask for beside the recipe's values.
KNOWN = ("seed", "device", "threads", "data_root", "folder", "recipe")
#: Tables of the recipe whose values a command may ask for.
TABLES = ("data", "model", "training", "params")


class OwnTrainer(NamedCode):
    """A training function of your own, called with one argument, the context."""

    name: TrainerName
    """`my_train.py:train`, `package.module:train`, or an entry point of the group `ablate.trainers`."""


def _asked_of_recipe(command: str) -> Iterator[str]:
    """Paths of the recipe's values that a command asks for."""
    for found in PLACEHOLDER.finditer(command):
        path = found[1]
        if path is not None and path not in KNOWN:
            yield path


def _checked_command(command: str) -> str:
    """A command that can be taken apart into words.

    Raises:
        ValueError: It cannot, or it asks for something that no recipe has.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"`command` cannot be taken apart into words: {str(error).lower()}") from None
    if not words:
        raise ValueError('`command` is empty: write it as in "python train.py --lr {params.lr}"')
    for path in _asked_of_recipe(command):
        if path.partition(".")[0] not in TABLES:
            raise ValueError(
                f"`command` asks for {{{path}}}, and there is no such value{did_you_mean(path, [*KNOWN, *TABLES])}"
            )
    return command


class CommandTrainer(CodeSection):
    """A script that is run as a command and reports by printing lines of JSON."""

    command: Annotated[str, AfterValidator(_checked_command), Field(min_length=1, max_length=4_000)]
    """The command, as `"python train.py --lr {params.lr} --seed {seed}"`. No shell looks at it. In braces stand values
    of the recipe by their path, and `seed`, `device`, `threads`, `data_root`, `folder` (kept until the job ends) and
    `recipe` (a JSON file)."""
    files: tuple[Annotated[str, AfterValidator(checked_file)], ...] = Field(default=(), strict=False, max_length=100)
    """Further files of the study's folder that it needs, besides the Python files in the command and what these
    import."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command, values not yet put in."""
        return tuple(shlex.split(self.command))

    def files_named(self) -> tuple[tuple[Place, str], ...]:
        """The Python files in the command, and those that are listed besides."""
        scripts = (word for word in self.words if word.endswith(".py") and not word.startswith(("/", "-", "../")))
        files = dict.fromkeys((*map(checked_file, scripts), *self.files))
        return tuple((("files", number), file) for number, file in enumerate(files))


def _tag(value: object) -> str:
    is_command = "command" in value if isinstance(value, dict) else isinstance(value, CommandTrainer)
    return "command" if is_command else "function"


Trainer = Annotated[
    Annotated[OwnTrainer, Tag("function")] | Annotated[CommandTrainer, Tag("command")],
    Discriminator(_tag),
    BeforeValidator(by_name, json_schema_input_type=str | dict[str, Any]),
]


class OwnTraining(Section):
    """How a trainer of your own trains. Its further knobs stand in `[baseline.params]`."""

    trainer: Trainer
    """The function, as `"my_train.py:train"`, or a command, as `{ command = "python train.py --lr {params.lr}" }`."""
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Epochs that it will report, for progress and time left; None where only the trainer knows."""
    optimizer: Optimizer | None = None
    """Optimizer and its arguments, for the trainer to use."""
    scheduler: Scheduler | None = None
    """Learning-rate schedule and its arguments, for the trainer to use."""
    devices: Annotated[int, Field(ge=1, le=64)] = 1
    """Devices that one run is given."""

    @model_validator(mode="after")
    def _resolve(self) -> OwnTraining:
        if self.scheduler is not None and self.epochs is not None:
            object.__setattr__(self, "scheduler", self.scheduler.resolved(self.epochs))
        return self


class OwnRecipe(Keyed):
    """Every knob of a run that a trainer of the user's own trains, without the seed."""

    data: AnyData | None = None
    """Images that the trainer may load through the context; None: it has data of its own."""
    model: Model | None = None
    """A network that the trainer may build through the context; None: it has one of its own."""
    training: OwnTraining
    """The trainer, and what ablate knows of its work."""
    params: dict[str, Any] = Field(default_factory=dict, max_length=1_000)
    """The trainer's own knobs, by free names."""
    select: Literal["best_val", "best_val_loss", "last"] = "last"
    """Which of the reported epochs counts: the one with the best `val_accuracy`, the smallest `val_loss`, or the
    last."""

    @field_validator("params")
    @classmethod
    def _finite(cls, params: dict[str, Any]) -> dict[str, Any]:
        refuse_unbounded(params)
        return params

    @model_validator(mode="after")
    def _answerable(self) -> OwnRecipe:
        """A command asks for nothing that this recipe lacks."""
        if isinstance(self.training.trainer, CommandTrainer):
            for path in _asked_of_recipe(self.training.trainer.command):
                self.value(path)
        return self

    def value(self, path: str) -> Any:  # noqa: ANN401 - any value of a recipe
        """What stands at a dotted path.

        Raises:
            ValueError: Nothing does.
        """
        value: Any = self.model_dump()
        for key in path.split("."):
            known = value if isinstance(value, dict) else {}
            value = known.get(key)
            if value is None:
                near = did_you_mean(key, list(known))
                raise ValueError(f"`command` asks for {{{path}}}, and the recipe has no such value{near}")
        return value
