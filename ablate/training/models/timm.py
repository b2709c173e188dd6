"""Classifiers of timm (Wightman 2019, https://github.com/huggingface/pytorch-image-models), an optional dependency."""

from __future__ import annotations

import http.client
import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ablate.errors import DataMissingError
from ablate.recipe import TimmModel
from ablate.recipe.signatures import did_you_mean
from ablate.training.failures import ModelError
from ablate.training.models.freezing import always_train, freeze
from ablate.training.models.grey import GreyAsColour
from ablate.training.models.pretrained import WEIGHT_FILES, load_weights, put_head, try_out
from ablate.training.streams import seed_global_generators

#: How Python tells an argument that a class or function does not have: its name, then the argument's.
_UNEXPECTED = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(.*?)'")


def build_timm(recipe: TimmModel, *, channels: int, image_size: tuple[int, int], classes: int, seed: int) -> nn.Module:
    """The network; its new weights are drawn under global generators seeded from the `init` stream.

    Its own dropout and its stochastic depth draw from PyTorch's global generator, which is seeded for each epoch. The
    head is trained whatever `recipe.freeze` says.

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the images, 1 or 3.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.
        seed: Seed index of the run.

    Raises:
        ModelError: timm is not installed, has no such network or weights, refuses an argument, or the images do not
            fit.
        DataMissingError: The weights are not here and cannot be downloaded.
    """
    name = recipe.name.removeprefix("timm:")
    timm = _imported()
    if not timm.is_model(name):
        raise ModelError(f"timm {timm.__version__} has no model {name!r}{did_you_mean(name, timm.list_models())}")
    with torch.random.fork_rng(devices=[]):
        seed_global_generators("init", seed)
        network = _network(timm, recipe, name, classes)
    freeze(network, recipe.freeze)
    model = GreyAsColour(network) if channels == 1 else network
    side = image_size[0] if image_size[0] == image_size[1] else list(image_size)
    try_out(
        model,
        f"timm's {name}",
        (1, channels, *image_size),
        f"Tell it the size, as `img_size = {side}`, if it is made for one; or use a larger `data.resize`.",
    )
    return model


def _imported() -> Any:  # noqa: ANN401 - a module that need not be there
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise ModelError("Networks of timm need a package.", cure="Type `pip install 'ablate-lab[timm]'`.") from error


def _network(timm: ModuleType, recipe: TimmModel, name: str, classes: int) -> nn.Module:
    """The network with its weights and its head."""
    weights = recipe.weights
    from_file = weights.endswith(WEIGHT_FILES)
    tag = None if from_file or weights == "none" else _tag(timm, name, weights)
    network = _created(timm, recipe, name, tag, classes)
    lasts = _last_layers(network)
    if from_file:
        load_weights(network, f"timm's {name}", lasts, Path(weights))
    if recipe.hidden:
        if len(lasts) != 1 or not isinstance(network.get_submodule(lasts[0]), nn.Linear | nn.Conv2d):
            raise ModelError(f"timm's {name} has no single last layer that `hidden` layers could stand in front of.")
        put_head(network, lasts[0], recipe, classes)
    for last in () if recipe.hidden else lasts:
        always_train(network.get_submodule(last))
    return network


def _tag(timm: ModuleType, name: str, weights: str) -> str:
    """The tag of the weights that are meant.

    Raises:
        ModelError: timm has none of that name.
    """
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{name}*") if full.partition(".")[0] == name]
    if not tags:
        raise ModelError(f"timm has no weights for its {name}.", cure='Write `weights = "none"`, or name a file.')
    if weights == "default":
        return str(timm.get_pretrained_cfg(name).tag)
    if weights not in tags:
        raise ModelError(f"timm's {name} has no weights {weights!r}{did_you_mean(weights, ['default', *tags])}")
    return weights


def _created(timm: ModuleType, recipe: TimmModel, name: str, tag: str | None, classes: int) -> nn.Module:
    """The network under its tag, by whose weights; None for none."""
    full = f"{name}.{tag}" if tag else name
    told = {"pretrained": tag is not None, "num_classes": classes}
    try:
        network: nn.Module = timm.create_model(full, **told, **recipe.arguments)
    except (OSError, http.client.HTTPException) as error:
        raise _missing(timm, full, " ".join(str(error).split())) from error
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        raise _refused(timm, recipe, name, error) from error
    return network


def _last_layers(network: nn.Module) -> list[str]:
    """Names of the layers that make the logits; a network that was distilled has two."""
    told = getattr(network, "pretrained_cfg", {}).get("classifier") or ()
    names = (told,) if isinstance(told, str) else tuple(told)
    layers = [name for name, _ in network.named_modules() if name in names]
    if not layers:
        raise ModelError(f"timm does not tell the last layer of its {type(network).__name__}.")
    return layers


def _missing(timm: ModuleType, full: str, reason: str) -> DataMissingError:
    """The error for weights that could not be downloaded, with where they come from and where they belong."""
    known = timm.get_pretrained_cfg(full)
    if known.hf_hub_id:
        cache = importlib.import_module("huggingface_hub.constants").HF_HUB_CACHE
        cure = (
            f"Where there is a network, type\n    hf download {known.hf_hub_id}\nand copy the folder\n    "
            f"models--{known.hf_hub_id.replace('/', '--')}\nfrom the cache there into\n    {cache}\n"
        )
    else:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        cure = f"Fetch by hand\n    {known.url}\nand put it into\n    {folder}\n"
    return DataMissingError(
        f"The weights {full} of timm are not here and could not be downloaded: {reason}",
        cure=f"{cure}Then type the same command again.",
    )


def _refused(timm: ModuleType, recipe: TimmModel, name: str, error: Exception) -> ModelError:
    """The error for arguments that timm does not take."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if match := _UNEXPECTED.search(reason):
        kind = getattr(sys.modules[timm.model_entrypoint(name).__module__], match[1], None)
        known = list(inspect.signature(kind).parameters) if kind is not None else []
        return ModelError(f"timm's {name} takes no argument {match[2]!r}{did_you_mean(match[2], known)}")
    given = ", ".join(recipe.arguments) or "no arguments"
    return ModelError(f"timm cannot build its {name} ({given}): {reason}")
