"""How many networks as one a processor is fastest with: what the rule in `ablate.recipe.packing` rests on.

Run `python benchmarks/packs.py`. One optimizer step of one network by itself, against one of K as a stack, on one
thread and without images to load; processor time, so that other work on the machine matters less. The rule goes by two
figures of a recipe: the numbers that layers put out for a batch, and the products of a forward pass. What it chooses is
marked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablate.recipe import ConvNet, Recipe, ResNet
from ablate.recipe.packing import image_shape, layers_of, pack_of
from ablate.training.fused.network import Network
from ablate.training.models import build_model

from measuring import Spread, arguments, interleaved, machine, publish, table

SIZES = (2, 4, 8)
#: Processor time of a measurement, seconds.
SECONDS = 0.3
LAB_C = {"kernel_size": 5, "padding": 0, "hidden": (120, 84)}
#: Title, data set, network, batch sizes.
CASES: tuple[tuple[str, str, ConvNet | ResNet, tuple[int, ...]], ...] = (
    ("digits_net", "digits", ConvNet(channels=(8, 16), blocks=1, hidden=(32,)), (16, 32, 128)),
    ("digits_net, batch norm", "digits", ConvNet(channels=(8, 16), blocks=1, hidden=(32,), norm="batch"), (32,)),
    ("digits, 16 and 32 channels", "digits", ConvNet(channels=(16, 32), blocks=1, hidden=(32,)), (32, 128)),
    ("digits, 32 and 64 channels", "digits", ConvNet(channels=(32, 64), blocks=1, hidden=(32,)), (32, 64)),
    ("28x28, 8 and 16 channels", "fashion_mnist", ConvNet(channels=(8, 16), hidden=(64,)), (16, 32, 64)),
    ("28x28, 16 and 32 channels", "fashion_mnist", ConvNet(channels=(16, 32), hidden=(64,)), (32, 64)),
    ("lab C", "cifar10", ConvNet(channels=(6, 16), **LAB_C), (16, 64)),
    ("lab C, twice the channels", "cifar10", ConvNet(channels=(12, 32), **LAB_C), (16, 64)),
    ("ResNet-20", "cifar10", ResNet(), (32,)),
)


def network(recipe: Recipe, seed: int) -> nn.Module:
    """As a run on a processor has it."""
    shape = image_shape(recipe.data)
    assert shape is not None
    model = build_model(recipe.model, channels=shape[0], image_size=shape[1:], classes=10, seed=seed)
    return model.to(memory_format=torch.channels_last)


def batches(recipe: Recipe, count: int) -> tuple[list[Tensor], Tensor]:
    """Images and labels of one step of so many networks."""
    shape, size = image_shape(recipe.data), recipe.data.batch_size
    assert shape is not None
    images = [torch.randn(size, *shape).contiguous(memory_format=torch.channels_last) for _ in range(count)]
    return images, torch.randint(0, 10, (count, size))


def alone(recipe: Recipe) -> Callable[[], None]:
    """A step of one network."""
    model, (images, labels) = network(recipe, 0), batches(recipe, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images[0]), labels[0]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def together(recipe: Recipe, size: int) -> Callable[[], None]:
    """A step of so many as one."""
    stack, (images, labels) = Network(network(recipe, 0), size), batches(recipe, size)
    for place in range(size):
        stack.load(place, network(recipe, place))
    rows = [nn.Parameter(row) for row in stack.rows]
    optimizers = [torch.optim.SGD([row], lr=0.01, momentum=0.9, fused=True) for row in rows]

    def step() -> None:
        outputs = stack(images).flatten(0, 1)
        losses = F.cross_entropy(outputs, labels.flatten(), reduction="none").view(labels.shape).mean(dim=1)
        for row, optimizer, gradient in zip(rows, optimizers, stack.gradients(losses.sum()), strict=True):
            row.grad = gradient
            optimizer.step()

    return step


def steps_a_second(step: Callable[[], None], networks: int, seconds: float) -> float:
    """Steps of one network for each second of processor time."""
    step()
    done, started = 0, time.process_time()
    while (taken := time.process_time() - started) < seconds:
        step()
        done += networks
    return done / taken


def row(title: str, recipe: Recipe, rounds: int, seconds: float) -> list[str]:
    """What a network gains, and what the rule chooses."""
    shape = image_shape(recipe.data)
    assert shape is not None
    sides = {"alone": partial(steps_a_second, alone(recipe), 1, seconds)}
    sides |= {str(size): partial(steps_a_second, together(recipe, size), size, seconds) for size in SIZES}
    found = interleaved(sides, rounds, said=f"{title}, ")
    chosen = pack_of(recipe)
    layers = list(layers_of(recipe.model, shape))  # type: ignore[arg-type]
    gains = [
        f"**{text}**" if chosen is not None and chosen.size == size else text
        for size in SIZES
        for text in [Spread.ratio(found[str(size)], found["alone"]).text()]
    ]
    outputs, products = sum(one.outputs for one in layers), sum(one.outputs * one.inputs for one in layers)
    batch = recipe.data.batch_size
    return [title, str(batch), f"{batch * outputs:,}", f"{batch * products / 1e6:,.0f} M", *gains]


def main() -> None:
    """Measure all networks, or two."""
    parser = arguments(__doc__, rounds=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    cases = [(title, data, model, batch) for title, data, model, sizes in CASES for batch in sizes]
    rounds, seconds = (1, 0.01) if options.quick else (options.rounds, SECONDS)
    training = {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.01}}
    rows = [
        row(
            title,
            Recipe.model_validate({"data": {"name": data, "batch_size": batch}, "model": model, "training": training}),
            rounds,
            seconds,
        )
        for title, data, model, batch in (cases[:2] if options.quick else cases)
    ]
    head = ["network", "batch", "numbers put out", "products", *(f"K = {size}" for size in SIZES)]
    publish(
        "Networks as one",
        [
            "Steps of one network a second of processor time, K as one against one alone, one thread; median and range "
            f"of {rounds} interleaved rounds. Bold is what the rule chooses; where nothing is, runs are trained alone.",
            table(head, rows),
            machine(["torch"]),
        ],
        write=not options.quick,
    )


if __name__ == "__main__":
    main()
