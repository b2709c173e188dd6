"""Final weights of a run as safetensors files, which no other code is needed to read and which run none."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ablate.metrics import Weights
from ablate.protocol import Keep
from ablate.recipe import AnyRecipe
from ablate.training.durable import write_durably
from ablate.training.failures import RecipeError

log = logging.getLogger(__name__)

#: How PyTorch calls what a module adds to its state beside tensors.
_EXTRA = "_extra_state"


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Which final weights are kept, and where."""

    keep: Keep
    #: Folder from which names of files are meant.
    artifacts: Path
    #: How the names begin, with slashes; `-best.safetensors` and `-last.safetensors` follow.
    stem: str

    @property
    def wants_last(self) -> bool:
        """Whether the weights after the last epoch are kept too."""
        return self.keep == "best+last"


@dataclass(frozen=True, kw_only=True)
class WeightsInfo:
    """What a file of weights says of itself."""

    #: The recipe in its canonical form.
    recipe: Mapping[str, Any]
    #: Names of the classes, in the order of the network's outputs.
    classes: tuple[str, ...]
    #: Epoch after which the network had them, counted from 1.
    epoch: int
    #: Seed index of the run.
    seed: int


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Copies of a network's tensors on the CPU, in plain memory order and none shared with another.

    What a module of the user's own adds as extra state is no tensor as a rule, and is left out.
    """
    state = model.state_dict()
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    if left_out := sorted(set(state) - set(tensors)):
        log.warning("%s cannot be kept: weights are tensors", ", ".join(left_out))
    return {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def save_weights(
    tensors: Mapping[str, Tensor],
    keeping: Keeping,
    which: Literal["best", "last"],
    *,
    recipe: AnyRecipe,
    classes: Sequence[str],
    epoch: int,
    seed: int,
) -> Weights:
    """Write a file durably and return the pointer to store.

    Args:
        tensors: From `weights_of`.
        keeping: Where.
        which: The selected epoch's, or the last one's.
        recipe: What was trained.
        classes: Names of the classes, in the order of the network's outputs.
        epoch: Epoch after which the network had them.
        seed: Seed index of the run.
    """
    about = {
        "format": "pt",
        "recipe": json.dumps(recipe.canonical()),
        "classes": json.dumps(list(classes)),
        "epoch": str(epoch),
        "seed": str(seed),
    }
    content = save(dict(tensors), metadata=about)
    name = f"{keeping.stem}-{which}.safetensors"
    write_durably(keeping.artifacts / name, content)
    digest = hashlib.sha256(content).hexdigest()
    return Weights(which=which, epoch=epoch, name=name, size=len(content), sha256=digest)


def load_weights(model: nn.Module, path: Path | str) -> WeightsInfo:
    """Put stored weights into a network that was built alike, on whatever device it is.

        info = load_weights(model, ".ablate/weights/first/0f3c...-0-best.safetensors")

    Args:
        model: The network, as `build_model` makes it from the recipe of the file.
        path: The file; `ablate show JOB` names it.

    Raises:
        RecipeError: There is no such file, it is none of ablate's, or the network is another one.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except FileNotFoundError:
        raise RecipeError(
            f"there is no file {path}.", cure="`ablate show JOB` names the weights that a job has kept."
        ) from None
    except (SafetensorError, OSError) as error:
        raise RecipeError(f"{path} is no safetensors file: {error}") from error
    if not {"recipe", "classes", "epoch", "seed"} <= set(about):
        raise RecipeError(f"{path} was not written by ablate: it names no recipe.")
    differing = set(model.state_dict()) ^ set(tensors)
    strange = sorted(name for name in differing if not name.endswith(_EXTRA))
    if strange:
        raise RecipeError(
            f"{path} holds the weights of another network: they differ in {', '.join(strange[:5])}"
            f"{' and more' if len(strange) > 5 else ''}.",
            cure="Build the network by the recipe that the file names.",
        )
    try:
        model.load_state_dict(tensors, strict=False)
    except RuntimeError as error:  # shapes
        raise RecipeError(f"{path} holds the weights of another network: {error}") from error
    return WeightsInfo(
        recipe=json.loads(about["recipe"]),
        classes=tuple(json.loads(about["classes"])),
        epoch=int(about["epoch"]),
        seed=int(about["seed"]),
    )
