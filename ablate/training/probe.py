"""Two steps of a recipe, to learn in a second what hours of training would stumble over."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ablate.errors import AblateError
from ablate.recipe import AnyRecipe, OwnRecipe, PretrainedModel, Recipe, own_sections
from ablate.training.batches import Batch
from ablate.training.data import LATEST, stand_in
from ablate.training.data.portions import TEST_SHARE
from ablate.training.device import determinism, prepare_process
from ablate.training.failures import RecipeError
from ablate.training.fingerprints import fingerprints
from ablate.training.measure import count_parameters
from ablate.training.models import reseed_dropout, training_mode
from ablate.training.own_code import own_code, told
from ablate.training.setup import Setup, Stage, set_up
from ablate.training.stepping import take_step
from ablate.training.streams import seed_global_generators

#: Steps of a probe; the second shows what the first did to the weights.
STEPS = 2


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What two steps of a recipe tell."""

    #: Parameters, trained or not.
    parameters: int
    #: Parameters that are trained.
    trainable_parameters: int
    #: Multiply-adds times two of one image's forward pass.
    flops: int
    #: Shape of the logits of one batch, (N, classes).
    output_shape: tuple[int, ...]
    #: Weights, gradients, optimizer state, and what one batch's backward pass keeps; bytes.
    memory_bytes: int
    #: Mean loss of each step's batch before the step, nats.
    losses: tuple[float, ...]
    #: What tells recipes apart that train the same thing, see `Outcome.fingerprints`.
    fingerprints: Mapping[str, str]


def probe(
    recipe: AnyRecipe,
    *,
    seed: int = 0,
    device: str = "cpu",
    data_root: Path | None = None,
    real_data: bool = True,
    code_root: Path | None = None,
) -> Probe | None:
    """Build a recipe's network and take two steps; None where the user's own trainer would have to.

    Of such a trainer only that it is there and takes what it will be given is looked at.

    Args:
        recipe: What would be trained.
        seed: Seed index.
        device: `cpu` or `cuda:0`.
        data_root: Folder of the data sets; None means the default one.
        real_data: Step on the data set's images; else on random ones of their shape, and with random weights where
            pretrained ones are named, so that nothing is read or downloaded.
        code_root: Folder from which a file in the model's name is meant; its code is imported anew and forgotten.

    Raises:
        DataMissingError: The data set or pretrained weights are nowhere.
        RecipeError: The recipe does not fit the data set, or PyTorch refuses a part of it.
    """
    if isinstance(recipe, OwnRecipe):
        from ablate.training.own_trainer import look_for_trainer

        look_for_trainer(recipe.training.trainer, code_root)
        return None
    target = torch.device(device)
    prepare_process(target, threads=1, tf32=recipe.training.tf32)
    with own_code(code_root):
        if real_data:
            dataset = LATEST.load(recipe.data, data_root, code_root)
        else:
            recipe = _without_files(recipe)
            dataset = stand_in(recipe.data, _enough(recipe), data_root)
        run = set_up(recipe, dataset, seed=seed, device=target, code_root=code_root)
        with determinism(recipe.training.deterministic):
            return _stepped(run, code_root)


def _stepped(run: Setup, code_root: Path | None) -> Probe:
    """Steps of the first phase; the later ones are begun as well, so that what PyTorch refuses there is found."""
    for phase in run.recipe.training.parts[:0:-1]:
        run.begin(phase)
    stage = run.begin(run.recipe.training.parts[0])
    seed_global_generators("global", run.seed, 1)
    reseed_dropout(run.model, run.seed, 1, run.device)
    training_mode(run.model)
    kept, losses = 0, []
    shape: tuple[int, ...] = ()
    for batches in itertools.islice(run.steps(1), STEPS):
        try:
            shape, loss, saved = _step(run, stage, batches)
        except AblateError:
            raise
        except Exception as error:
            if not any(own_sections(run.recipe)) and not isinstance(error, ValueError | RuntimeError):
                raise
            raise RecipeError(
                f"A step on a batch of shape {tuple(batches[-1].images.shape)} fails: {told(error, code_root)}"
            ) from error
        kept = max(kept, saved)
        losses.append(loss)
    return Probe(
        parameters=count_parameters(run.model),
        trainable_parameters=run.trainable_parameters,
        flops=run.flops,
        output_shape=shape,
        memory_bytes=kept + _held(run, stage.optimizer),
        losses=tuple(losses),
        fingerprints=fingerprints(run, losses[0] if losses else None),
    )


def _step(run: Setup, stage: Stage, batches: Sequence[Batch]) -> tuple[tuple[int, ...], float, int]:
    """One step: shape of the outputs, loss before it, and bytes that the backward pass kept."""
    saved: dict[int, int] = {}

    def remember(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in run.model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        taken = take_step(run, stage, batches)
    activations = sum(size for place, size in saved.items() if place not in weights)
    return tuple(taken.outputs.shape), taken.loss.item(), activations


def _held(run: Setup, optimizer: torch.optim.Optimizer) -> int:
    """Bytes of weights, their average, buffers, gradients and optimizer state."""
    networks = [run.model, *([run.average.network] if run.average is not None else [])]
    tensors = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    tensors += [parameter.grad for parameter in run.model.parameters() if parameter.grad is not None]
    for state in optimizer.state.values():
        tensors += [value for value in state.values() if isinstance(value, Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _enough(recipe: Recipe) -> int:
    """Training images that leave some batches beside what is held out."""
    data = recipe.data
    wanted = max(100, STEPS * data.batch_size, data.train_images or 0)
    kept = 1 - (data.validation if data.validation != "own" else 0) - (data.test or TEST_SHARE)
    return math.ceil(1.1 * wanted / max(kept, 0.01))


def _without_files(recipe: Recipe) -> Recipe:
    """The recipe with random weights in place of pretrained ones."""
    if not isinstance(recipe.model, PretrainedModel):
        return recipe
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": "none"})})
