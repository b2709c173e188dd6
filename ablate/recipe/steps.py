"""What a step makes of its gradients: the keys of `training` from the loss that is differentiated to the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from ablate.recipe.section import Section, canonical_value, refuse_unbounded
from ablate.recipe.signatures import checked

Pattern = Annotated[str, Field(min_length=1, max_length=200)]
Patterns = Annotated[tuple[Pattern, ...], Field(strict=False, min_length=1, max_length=100)]
Positive = Annotated[float, Field(gt=0)]


class Ema(Section):
    """An exponential moving average of the weights, which are what is validated, selected and tested."""

    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """Share of the average that each step keeps."""
    warmup: bool = True
    """After n steps keep at most (1 + n) / (10 + n), so that the average forgets the initial weights."""


class ParameterGroup(Section):
    """Parameters with arguments of their own; every other key is an argument of the optimizer, `lr` among them."""

    model_config = ConfigDict(extra="allow")

    match: Patterns
    """Patterns (as in a shell) of the parameters' names. The first group that matches a parameter has it."""

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, data: Any) -> Any:  # noqa: ANN401 - what pydantic hands over
        """1 and 1.0 are the same recipe."""
        if not isinstance(data, dict):
            return data
        refuse_unbounded({key: value for key, value in data.items() if key != "match"})
        return {key: value if key == "match" else _as_float(value) for key, value in data.items()}

    @model_validator(mode="after")
    def _differs(self) -> ParameterGroup:
        if not self.arguments:
            raise ValueError("a parameter group says what is different there, as `lr = 0.01`")
        lr = self.arguments.get("lr", 1.0)
        if not isinstance(lr, float) or lr <= 0:
            raise ValueError(f"lr is a number above 0, not {lr}; `freeze` in a phase keeps parameters as they are")
        for key in ("weight_decay", "momentum"):
            value = self.arguments.get(key)
            if isinstance(value, float) and value < 0:
                raise ValueError(f"{key} is 0 or more, not {value:g}")
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the optimizer that differ for these parameters."""
        return dict(self.model_extra or {})

    def canonical(self) -> dict[str, Any]:
        """The patterns and every argument that is given."""
        return {"match": list(self.match)} | {key: canonical_value(value) for key, value in self.arguments.items()}


class Steps(Section):
    """From the loss that is differentiated to the weights."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each label that is spread evenly over all classes (Szegedy et al. 2016), in training only."""
    class_weights: Literal["balanced"] | Annotated[tuple[Positive, ...], Field(strict=False, min_length=2)] | None = (
        None
    )
    """Weight of each class in the training loss; `balanced`: so that each class weighs the same in sum; None: all 1."""
    accumulate: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Batches whose gradients make one step; a last step of an epoch may have fewer."""
    clip_grad_norm: Positive | None = None
    """Largest norm of the gradient of all parameters together; longer ones are shortened. None: any."""
    clip_grad_value: Positive | None = None
    """Largest absolute value in the gradient; what is beyond is cut. None: any."""
    grad_norm: bool = False
    """Keep the mean norm of an epoch's gradients, before they are clipped; kept too where `clip_grad_norm` is set."""
    no_weight_decay: Patterns | None = None
    """Parameters that do not decay: `norm` (of normalisations), `bias`, or patterns of names. None: all do."""
    parameter_groups: tuple[ParameterGroup, ...] = Field(default=(), strict=False, max_length=100)
    """Parameters with optimizer arguments of their own."""
    ema: Ema | None = None
    """Average the weights over the steps, as `{ decay = 0.999 }`, for all but training. None: do not."""

    @property
    def keeps_grad_norm(self) -> bool:
        """Whether epochs have the metric `grad_norm`."""
        return self.grad_norm or self.clip_grad_norm is not None

    def refuse_unfit_groups(self, optimizers: Iterable[str]) -> None:
        """Hold the arguments of all groups against the optimizers that get them.

        Args:
            optimizers: Their class names.

        Raises:
            ValueError: One of them takes no such argument, or knows no weight decay.
        """
        for name in sorted(optimizers):
            if self.no_weight_decay is not None and not _takes(name, "weight_decay"):
                raise ValueError(f"{name} has no weight decay: leave `no_weight_decay` out")
            for group in self.parameter_groups:
                given = {key: value for key, value in group.arguments.items() if key != "lr"}
                try:
                    checked("optimizers", name, given)
                except ValueError as error:
                    raise ValueError(f"`parameter_groups`: {error}") from error


def _takes(optimizer: str, argument: str) -> bool:
    try:
        checked("optimizers", optimizer, {argument: 0.0})
    except ValueError:
        return False
    return True


def _as_float(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_as_float(item) for item in value]
    return float(value) if type(value) is int else value
