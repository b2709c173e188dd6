"""Networks from the user's own code, tried out before anything is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ablate.recipe import OwnModel
from ablate.recipe.own import MODELS
from ablate.training.failures import ModelError
from ablate.training.own_code import called, resolve, told
from ablate.training.streams import seed_global_generators

#: Examples of the try-outs: several, so that a lost first dimension is noticed, and one, as a last batch may hold.
TRIED = (2, 1)


def build_own(recipe: OwnModel, *, example: Tensor, classes: int, seed: int, code_root: Path | None) -> nn.Module:
    """The network; its initial weights are drawn under global generators seeded from the `init` stream.

    `input_shape` (C, H, W), `channels` C, `image_size` (H, W) and `classes` are passed on where the signature has
    parameters of these names. Of examples that are no images, `channels` is the first number of their shape.

    Args:
        recipe: The `model` table of a recipe.
        example: An example of zeros, (1, *input_shape).
        classes: Number of classes.
        seed: Seed index of the run.
        code_root: Folder from which the file in the model's name is meant.

    Raises:
        ModelError: The code cannot be imported or called, or what it makes is no network for these examples.
    """
    shape = tuple(example.shape[1:])
    with torch.random.fork_rng(devices=[]):
        seed_global_generators("init", seed)
        target = resolve(recipe.name, MODELS, code_root)
        known = {"input_shape": shape, "channels": shape[0], "image_size": shape[1:], "classes": classes}
        seed_global_generators("init", seed)  # whatever the import drew
        network = called(recipe.name, MODELS, target, recipe.arguments, known=known, code_root=code_root)
        if not isinstance(network, nn.Module):
            raise ModelError(f"{recipe.name} gives a {type(network).__name__}, and a network is a torch.nn.Module.")
        network.eval()
        for count in TRIED:
            _try_out(network, recipe.name, example.expand(count, *shape), classes, code_root)
    return network.train()


def _try_out(network: nn.Module, name: str, examples: Tensor, classes: int, code_root: Path | None) -> None:
    """Zeros through the network; lazy layers get their weights here."""
    shape = tuple(examples.shape)
    what = "images" if len(shape) == 4 else "examples"
    try:
        with torch.no_grad():
            logits = network(examples.clone())
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} fails on {what} of shape {shape}: {told(error, code_root)}") from error
    wanted = (shape[0], classes)
    if not isinstance(logits, Tensor):
        raise ModelError(f"{name} gives a {type(logits).__name__} for {what} of shape {shape}, not logits {wanted}.")
    if tuple(logits.shape) != wanted or not logits.is_floating_point():
        raise ModelError(
            f"{name} gives {logits.dtype} of shape {tuple(logits.shape)} for {what} of shape {shape}; logits of "
            f"{classes} classes are floats of shape {wanted}.",
            cure="A parameter called `classes` is given the number of classes.",
        )
