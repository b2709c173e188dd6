"""Which parameters of a network are trained, and batch normalisations that stand still where theirs are not."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ablate.training.models.patterns import inner, matches, refuse_what_matches_nothing

#: Attribute of a module that no pattern freezes.
_ALWAYS = "ablate_always_trained"
#: Attribute of a batch normalisation without parameters that a pattern freezes.
_STILL = "ablate_still"
#: Attribute of a network: names of the parameters that its own code has frozen.
_BORN_FROZEN = "ablate_born_frozen"


def always_train(module: nn.Module) -> None:
    """Let no pattern freeze a module: the new head of a pretrained network."""
    setattr(module, _ALWAYS, True)


def freeze(model: nn.Module, patterns: Iterable[str], but: Iterable[str] = ()) -> None:
    """Choose the parameters that are trained; what earlier calls chose is forgotten.

    A parameter is not trained if its name matches one of `patterns` and none of `but`. The new head of a torchvision
    network is always trained. What a network's own code has frozen stays so, unless one of `but` matches.

    Args:
        model: Any network; of one that is shown grey images as colour, names are those of the network inside.
        patterns: As in a shell, for names as `layer1.0.conv1.weight`: `*` stands for anything, dots too.
        but: The same, for exceptions.

    Raises:
        ModelError: A pattern matches nothing.
    """
    patterns, but = tuple(patterns), tuple(but)
    network = inner(model)
    refuse_what_matches_nothing(network, (*patterns, *but), also=[name for name, _ in _bare_norms(network)])
    if not hasattr(network, _BORN_FROZEN):
        born = frozenset(name for name, parameter in network.named_parameters() if not parameter.requires_grad)
        setattr(network, _BORN_FROZEN, born)
    always = {id(parameter) for part in network.modules() if hasattr(part, _ALWAYS) for parameter in part.parameters()}
    for name, parameter in network.named_parameters():
        frozen = name in getattr(network, _BORN_FROZEN) or matches(name, patterns)
        parameter.requires_grad_(id(parameter) in always or not frozen or matches(name, but))
        if not parameter.requires_grad:
            parameter.grad = None  # an optimizer would go on with it
    for name, norm in _bare_norms(network):
        setattr(norm, _STILL, matches(name, patterns) and not matches(name, but))


def training_mode(model: nn.Module) -> None:
    """Switch a network to training, all but the batch normalisations of which every parameter is frozen.

    These normalise by the statistics that they have and leave them as they are, so frozen parts do not move by one bit.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm) and _stands_still(module):
            module.eval()


def _stands_still(norm: _BatchNorm) -> bool:
    parameters = list(norm.parameters(recurse=False))
    if parameters:
        return not any(parameter.requires_grad for parameter in parameters)
    return getattr(norm, _STILL, False)


def _bare_norms(network: nn.Module) -> list[tuple[str, _BatchNorm]]:
    """Batch normalisations without parameters, each under the name of its first buffer, as patterns are written."""
    return [
        (f"{name}.running_mean", module)
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm) and not module.affine
    ]
