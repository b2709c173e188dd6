"""Runs that a trainer of the user's own trains: a function, or a command that prints lines of JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ablate.metrics import Outcome
from ablate.recipe import CommandTrainer, OwnRecipe, OwnTrainer
from ablate.recipe.own import TRAINERS
from ablate.training.command import run_command
from ablate.training.context import Context, OnReport, usable
from ablate.training.data.prepare import data_root as default_data_root
from ablate.training.device import prepare_process
from ablate.training.failures import RecipeError
from ablate.training.own_code import own_code, parameters_of, resolve
from ablate.training.streams import seed_global_generators


def train_own(
    recipe: OwnRecipe,
    *,
    seed: int,
    device: str,
    data_root: Path | None,
    on_epoch: OnReport | None,
    should_stop: Callable[[], bool],
    resume: Mapping[str, Any] | None,
    threads: int,
    code_root: Path | None,
    folder: Path | None,
) -> Outcome:
    """Let the user's trainer train; arguments and errors as of `loop.train`.

    The global generators of Python, NumPy and PyTorch are seeded before it begins.

    Args:
        recipe: What to train.
        seed: Seed index.
        device: `cpu` or `cuda:0`; several GPUs have commas between them.
        data_root: Folder of the data sets; None means the default one.
        on_epoch: Called with each reported epoch, and a function that makes a checkpoint where a state was saved.
        should_stop: Whether the run is to stop.
        resume: A checkpoint to go on from.
        threads: Threads of PyTorch on the CPU.
        code_root: Folder of the user's own files.
        folder: A folder of this job alone; None makes one for this call.

    Raises:
        RecipeError: The trainer cannot be found, or what it reports makes no sense.
        Exception: Whatever the trainer raises.
    """
    prepare_process(torch.device(device.partition(",")[0]), threads)
    with own_code(code_root), _given(folder) as place:
        context = Context(
            recipe,
            seed=seed,
            device=device,
            threads=threads,
            data_root=default_data_root(data_root),
            folder=place,
            code_root=code_root,
            on_epoch=on_epoch,
            should_stop=should_stop,
            resume=usable(resume),
        )
        seed_global_generators("global", seed)
        trainer = recipe.training.trainer
        if isinstance(trainer, CommandTrainer):
            run_command(trainer, context, code_root)
        else:
            find_trainer(trainer, code_root)(context)
        return context.outcome()


def find_trainer(trainer: OwnTrainer, code_root: Path | None) -> Callable[[Context], object]:
    """The function that a recipe names.

    Raises:
        RecipeError: It cannot be imported, or does not take one argument.
    """
    function = resolve(trainer.name, TRAINERS, code_root)
    names = parameters_of(function)
    if len(names) != 1:
        raise RecipeError(
            f"{trainer.name} takes {', '.join(sorted(names)) or 'no arguments'}; a trainer takes one, the context.",
            cure="Write `def train(ctx):`; its knobs are `ctx.recipe.params`.",
        )
    return function


@contextmanager
def _given(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="ablate-job-") as name:
        yield Path(name)
