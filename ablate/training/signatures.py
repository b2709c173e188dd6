"""Writes `ablate/recipe/signatures.json`: what the optimizers and schedulers of the installed PyTorch take.

Run `python -m ablate.training.signatures` after a new PyTorch brought new classes or arguments.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import torch

#: Need a closure, sparse gradients, or matrices only: nothing that every network can be trained by.
UNFIT_OPTIMIZERS = {"Optimizer", "LBFGS", "SparseAdam", "Muon"}
#: Take functions, other schedules, or weights, none of which a study file can write down.
UNFIT_SCHEDULERS = {
    "LRScheduler",
    "_LRScheduler",
    "LambdaLR",
    "MultiplicativeLR",
    "SequentialLR",
    "ChainedScheduler",
    "SWALR",
}
#: Arguments that ablate sets itself or that are about execution, not about the recipe.
UNFIT_ARGUMENTS = {
    "self", "params", "optimizer", "lr", "last_epoch", "verbose", "foreach", "fused", "capturable", "differentiable",
    "maximize", "scale_fn",
}  # fmt: skip


def signatures() -> dict[str, dict[str, dict[str, Any]]]:
    """Argument names and defaults of every usable optimizer and scheduler of the installed PyTorch."""
    return {
        "optimizers": _classes(torch.optim, torch.optim.Optimizer, UNFIT_OPTIMIZERS),
        "schedulers": _classes(torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler, UNFIT_SCHEDULERS),
    }


def _classes(module: object, base: type, unfit: set[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, item in sorted(vars(module).items()):
        if inspect.isclass(item) and issubclass(item, base) and name not in unfit and not name.startswith("_"):
            found[name] = {
                parameter.name: _default(parameter.default)
                for parameter in inspect.signature(item.__init__).parameters.values()
                if parameter.name not in UNFIT_ARGUMENTS
            }
    return found


def _default(default: object) -> object:
    if default is inspect.Parameter.empty:
        return "<required>"
    if isinstance(default, torch.Tensor):
        return default.item()
    return list(default) if isinstance(default, tuple) else default


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "recipe" / "signatures.json"
    target.write_text(json.dumps(signatures(), indent=1) + "\n", encoding="utf-8")
