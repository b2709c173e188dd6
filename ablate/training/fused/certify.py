"""Whether K networks as one compute what each computes alone, and the same in every place: asked once for each kind.

Two questions are answered by trying. With numbers of 64 bits outputs, gradients and statistics must agree with those of
single networks; and with the numbers that are trained in, a network must get the very same bits in the first and in the
last place, whoever is beside it: which place a job gets is chance, and must not change its results.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ablate.training.fused.network import Network, Unpackable
from ablate.training.models import reseed_dropout
from ablate.training.streams import Stream

#: Largest difference that rounding makes of 64-bit numbers; a wrong pairing of channels makes far larger ones.
TOLERANCE = 1e-10
#: Networks and images of the probe in double precision; few, because only the wiring is asked about.
NETWORKS = PROBED = 3


def certify(model: nn.Module, example: Tensor, size: int, batch_sizes: Sequence[int]) -> None:
    """Raise where K networks of an architecture cannot stand for K single ones.

    Args:
        model: A network of the architecture on its device, its weights initial; it is not changed.
        example: What it sees, of any numbers, (1, C, H, W).
        size: K.
        batch_sizes: Images of the batches that it will be trained on.

    Raises:
        Unpackable: They compute something else, or something else in another place.
    """
    _agrees(model, example)
    for batch_size in sorted(set(batch_sizes)):
        _same_everywhere(model, example, size, batch_size)


def _agrees(model: nn.Module, example: Tensor) -> None:
    """Hold some networks as one against each of them alone, in double precision."""
    networks = [_varied(model, number) for number in range(NETWORKS)]
    images = [_images(example, PROBED, number).double() for number in range(NETWORKS)]
    found = _passed(networks, images, seeds=range(NETWORKS))
    for number, network in enumerate(networks):
        reseed_dropout(network, number, 1, example.device)
        for ours, theirs in zip(found[number], _alone(network, images[number]), strict=True):
            if not torch.allclose(ours.double(), theirs.double(), rtol=TOLERANCE, atol=TOLERANCE):
                raise Unpackable(f"{NETWORKS} networks as one differ from single ones")


def _same_everywhere(model: nn.Module, example: Tensor, size: int, batch_size: int) -> None:
    """Hold the places against each other, bit by bit, with the same network and images in all of them."""
    found = _passed([model] * size, [_images(example, batch_size, 0)] * size, seeds=[0] * size)
    for values in zip(*found, strict=True):
        if not all(torch.equal(values[0], value) for value in values[1:]):
            raise Unpackable(f"the bits of a network depend on its place among {size}")


def _passed(networks: Sequence[nn.Module], images: Sequence[Tensor], seeds: Sequence[int]) -> list[list[Tensor]]:
    """Of each network: outputs in training, gradients, outputs in evaluation, and its buffers after both."""
    together = Network(networks[0], len(networks))
    for number, network in enumerate(networks):
        together.load(number, network)
        together.reseed(number, seeds[number], 1)
    together.train()
    outputs = together(images)
    labels = _labels(images[0])
    losses = torch.stack([F.cross_entropy(one, labels) for one in outputs])
    gradients = together.gradients(losses.sum())
    together.train(False)
    with torch.no_grad():
        judged = together(images)
    return [
        [outputs[number].detach(), gradients[number], judged[number], *together.buffers(number)]
        for number in range(len(networks))
    ]


def _alone(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The same of a single network."""
    network.train()
    outputs = network(images)
    F.cross_entropy(outputs, _labels(images)).backward()  # type: ignore[no-untyped-call]
    gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
    network.eval()
    with torch.no_grad():
        judged = network(images)
    return [outputs.detach(), gradient, judged, *network.buffers()]


def _varied(model: nn.Module, number: int) -> nn.Module:
    """A copy of a network in double precision whose weights differ from those of other numbers."""
    varied = copy.deepcopy(model).double()
    generator = Stream("certify/weights", number).generator()
    with torch.no_grad():
        for parameter in varied.parameters():
            noise = torch.empty(parameter.shape, dtype=torch.float64).uniform_(0.9, 1.1, generator=generator)
            parameter.mul_(noise.to(parameter.device)).add_(0.01)
    return varied


def _images(example: Tensor, count: int, number: int) -> Tensor:
    """Made-up images of the example's shape and order in memory."""
    generator = Stream("certify/images", number).generator()
    drawn = torch.randn(count, *example.shape[1:], generator=generator).to(example.device)
    last = example.stride()[1] == 1
    return drawn.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _labels(images: Tensor) -> Tensor:
    """Two classes in turn."""
    return torch.arange(len(images), device=images.device) % 2
