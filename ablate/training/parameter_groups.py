"""Which parameters have optimizer arguments of their own: weight decay that is left out, rates by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ablate.recipe import Training
from ablate.training.models.patterns import inner, matches, refuse_what_matches_nothing

#: Layers whose parameters the word `norm` means, batch and instance normalisations of any dimension among them.
NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
#: What `no_weight_decay` knows beside patterns.
WORDS = ("norm", "bias")

#: Arguments of the optimizer by the name of the parameter; those of which nothing is said are not there.
OwnArguments = Mapping[str, Mapping[str, Any]]


def own_arguments(model: nn.Module, training: Training) -> OwnArguments:
    """What a recipe says of single parameters; a group's `weight_decay` counts for more than `no_weight_decay`.

    Args:
        model: The network.
        training: The `training` table of its recipe.

    Raises:
        ModelError: A pattern matches no parameter.
    """
    network = inner(model)
    words = training.no_weight_decay or ()
    patterns = [word for word in words if word not in WORDS]
    listed = [pattern for group in training.parameter_groups for pattern in group.match]
    refuse_what_matches_nothing(network, (*patterns, *listed))
    norms = _of_norms(network) if "norm" in words else frozenset()
    found: dict[str, Mapping[str, Any]] = {}
    for name, _ in network.named_parameters():
        bare = name in norms or ("bias" in words and name.endswith("bias")) or matches(name, patterns)
        group = next((group for group in training.parameter_groups if matches(name, group.match)), None)
        arguments = ({"weight_decay": 0.0} if bare else {}) | (group.arguments if group is not None else {})
        if arguments:
            found[name] = arguments
    return found


def grouped(model: nn.Module, own: OwnArguments) -> list[dict[str, Any]]:
    """The parameters that take a gradient as groups of an optimizer, those without arguments of their own first.

    Args:
        model: The network.
        own: See `own_arguments`.
    """
    groups: list[dict[str, Any]] = [{"params": []}]
    for name, parameter in inner(model).named_parameters():
        if not parameter.requires_grad:
            continue
        arguments = own.get(name, {})
        for group in groups:
            if {key: value for key, value in group.items() if key != "params"} == arguments:
                group["params"].append(parameter)
                break
        else:
            groups.append({"params": [parameter], **arguments})
    return [group for group in groups if group["params"]]


def differing(own: OwnArguments, arguments: Mapping[str, Any]) -> OwnArguments:
    """Without what an optimizer has for all parameters anyway."""
    found = {
        name: {key: value for key, value in given.items() if arguments.get(key) != value} for name, given in own.items()
    }
    return {name: given for name, given in found.items() if given}


def _of_norms(network: nn.Module) -> frozenset[str]:
    """Names of the parameters of normalisations."""
    return frozenset(
        f"{place}.{name}" if place else name
        for place, module in network.named_modules()
        if isinstance(module, NORMS)
        for name, _ in module.named_parameters(recurse=False)
    )
