"""The optimizer, the learning-rate schedule and the warm-up in front of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from ablate.recipe.section import Section, canonical_value, refuse_unbounded
from ablate.recipe.signatures import checked, without_defaults


class Optimizer(Section):
    """An optimizer of `torch.optim` by its class name; every other key is an argument of that class."""

    model_config = ConfigDict(extra="allow")

    name: str
    """Class name in `torch.optim`, as `SGD` or `AdamW`."""
    lr: Annotated[float, Field(gt=0)]
    """Learning rate."""

    @model_validator(mode="before")
    @classmethod
    def _check_arguments(cls, data: Any) -> Any:  # noqa: ANN401 - what pydantic hands over
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            return data
        given = {key: value for key, value in data.items() if key not in ("name", "lr")}
        refuse_unbounded(given)
        result = checked("optimizers", data["name"], given, supplied=("lr",))
        for key in ("weight_decay", "momentum"):
            if isinstance(result.get(key), float) and result[key] < 0:
                raise ValueError(f"{data['name']}: {key} is 0 or more, not {result[key]:g}")
        return {"name": data["name"], **({"lr": data["lr"]} if "lr" in data else {}), **result}

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the class, the learning rate among them."""
        return {"lr": self.lr, **(self.model_extra or {})}

    def canonical(self) -> dict[str, Any]:
        """Name, learning rate, and the arguments that differ from PyTorch's defaults."""
        extra = without_defaults("optimizers", self.name, self.model_extra or {})
        return {
            "name": self.name,
            "lr": self.lr,
            **{key: canonical_value(value) for key, value in extra.items()},
        }


class Scheduler(Section):
    """A schedule of `torch.optim.lr_scheduler` by its class name, or `none`; other keys are arguments of that class."""

    model_config = ConfigDict(extra="allow")

    name: str = "none"
    """`none`, or a class name in `torch.optim.lr_scheduler`, as `StepLR`."""
    interval: Literal["epoch", "step"] = "epoch"
    """When the schedule moves on: after each epoch or after each optimizer step."""

    @model_validator(mode="before")
    @classmethod
    def _check_arguments(cls, data: Any) -> Any:  # noqa: ANN401 - what pydantic hands over
        if not isinstance(data, dict) or not isinstance(data.get("name", "none"), str):
            return data
        own = {key: value for key, value in data.items() if key in ("name", "interval")}
        given = {key: value for key, value in data.items() if key not in own}
        name = data.get("name", "none")
        if name == "none":
            if given:
                raise ValueError(
                    f'the schedule `none` takes no argument {next(iter(given))!r}; give a name, as `name = "StepLR"`'
                )
            return own
        refuse_unbounded(given)
        if name == "ReduceLROnPlateau" and own.get("interval") == "step":
            raise ValueError(
                "ReduceLROnPlateau looks at the validation loss, so it moves after each epoch: leave `interval` out"
            )
        return {**own, **checked("schedulers", name, given, supplied=("T_max", "total_steps"))}

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the class."""
        return dict(self.model_extra or {})

    def resolved(self, epochs: int) -> Scheduler:
        """The same schedule with `T_max` or `total_steps`, where not given, set to a length in epochs.

        With `interval = "step"` the length depends on the data set and is filled in by the training loop.
        """
        length = {"CosineAnnealingLR": "T_max", "OneCycleLR": "total_steps"}.get(self.name)
        if length is None or self.interval == "step" or length in self.arguments:
            return self
        if self.name == "OneCycleLR" and "epochs" in self.arguments:
            return self
        return Scheduler.model_validate(
            {"name": self.name, "interval": self.interval, **self.arguments, length: epochs}
        )

    def canonical(self) -> dict[str, Any]:
        """Name, interval if not the epoch, and the arguments that differ from PyTorch's defaults."""
        if self.name == "none":
            return {"name": "none"}
        extra = without_defaults("schedulers", self.name, self.model_extra or {})
        interval = {"interval": self.interval} if self.interval != "epoch" else {}
        return {
            "name": self.name,
            **interval,
            **{key: canonical_value(value) for key, value in extra.items()},
        }


class Warmup(Section):
    """A learning rate that rises linearly, step by step, before the schedule begins (Goyal et al. 2017)."""

    epochs: Annotated[float, Field(gt=0, le=10_000)]
    """Length, epochs; 0.5 is half of the first one."""
    start: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the learning rate from which it rises."""

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers_too(cls, data: Any) -> Any:  # noqa: ANN401 - what pydantic hands over
        """1 and 1.0 are the same recipe."""
        if isinstance(data, dict):
            whole = {key: float(value) for key, value in data.items() if type(value) is int}
            return {**data, **whole}
        return data
