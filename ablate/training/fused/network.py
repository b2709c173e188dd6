"""K networks of one architecture as one: a forward and a backward pass for all of them.

Weights of network k are row k of one tensor (K, P). The networks themselves stay whole: their parameters and buffers
become views of their rows, so that whatever reads or writes one network (state dicts, averages, evaluations, the
selection of the best weights) needs to know nothing of the others.

The idea of horizontal fusion is Wang et al. 2021 ("Horizontally Fused Training Array").
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ablate.training.fused.layers import Masks, Tensors, stacked
from ablate.training.models.dropout import Masked

#: Modules that only call others, or add what these put out.
CONTAINERS = frozenset({"Sequential", "Block"})


class Unpackable(Exception):  # noqa: N818 - a wish that cannot be granted, not an error
    """Networks cannot be trained as one; each can be trained alone."""


@dataclass(frozen=True)
class Slot:
    """Where a parameter of a network lies in its row."""

    name: str
    start: int
    stop: int
    shape: torch.Size


class Network:
    """K networks of one architecture.

    Args:
        example: One of them, in the memory format of all, on their device.
        size: K.

    Raises:
        Unpackable: A layer has no form for several networks.
    """

    def __init__(self, example: nn.Module, size: int) -> None:
        self.size = size
        parameters = dict(example.named_parameters())
        first = next(iter(parameters.values()))
        self._channels_last = any(
            one.ndim == 4 and one.is_contiguous(memory_format=torch.channels_last) and not one.is_contiguous()
            for one in parameters.values()
        )
        self.layout = tuple(_layout(parameters))
        #: Weights, (K, P).
        self.rows = torch.zeros(size, self.layout[-1].stop, dtype=first.dtype, device=first.device)
        #: What gradients are taken of, views of the rows, (K, ...).
        self._weights = [
            self.rows[:, slot.start : slot.stop].view(size, *slot.shape).detach().requires_grad_()
            for slot in self.layout
        ]
        self._buffers = {
            name: torch.stack([buffer] * size) for name, buffer in example.named_buffers()
        }  # whole tensors: where they are views, statistics would be written into copies
        self._masks: dict[str, Masks] = {}
        tensors = {slot.name: weight for slot, weight in zip(self.layout, self._weights, strict=True)}
        self._module = self._built(example, tensors | self._buffers)
        self._input_format = torch.channels_last if self._channels_last else torch.contiguous_format

    @torch.no_grad()
    def load(self, number: int, model: nn.Module) -> None:
        """Copy a network's weights and buffers into place `number`, and copies of its dropouts.

        Raises:
            Unpackable: The network has another architecture.
        """
        for slot, (name, parameter) in zip(self.layout, model.named_parameters(), strict=True):
            if name != slot.name or parameter.shape != slot.shape:
                raise Unpackable(f"{name} of shape {tuple(parameter.shape)} stands where {slot.name} should")
            self._weight(number, slot).copy_(parameter)
        for name, buffer in model.named_buffers():
            self._buffers[name][number].copy_(buffer)
        for path, masks in self._masks.items():
            masks.layers[number] = copy.copy(cast("Masked", model.get_submodule(path)))  # one for each place

    def reseed(self, number: int, seed: int, epoch: int) -> None:
        """Start the masks of an epoch in place `number`, as `reseed_dropout` does in a network by itself."""
        for path, masks in self._masks.items():
            masks.layers[number].reseed(seed, epoch, path, self.rows.device)

    def place(self, number: int, model: nn.Module) -> None:
        """Put a network in place `number`; its parameters and buffers become views of what is there."""
        self.load(number, model)
        for slot, parameter in zip(self.layout, model.parameters(), strict=True):
            parameter.data = self._weight(number, slot)
        for name, buffer in model.named_buffers():
            buffer.data = self._buffers[name][number]  # the tensor stays the same one: an average may know it

    def buffers(self, number: int) -> list[Tensor]:
        """The buffers of the network in place `number`."""
        return [buffer[number] for buffer in self._buffers.values()]

    def train(self, mode: bool = True) -> None:
        """Training or evaluation mode of all networks as one; the networks themselves keep theirs."""
        self._module.train(mode)

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor:
        """Inputs (B, C, H, W) of each network to outputs (K, B, classes)."""
        together = torch.cat(list(inputs), dim=1).contiguous(memory_format=self._input_format)
        outputs: Tensor = self._module(together)
        return outputs

    def gradients(self, loss: Tensor) -> Tensor:
        """Gradients of a sum of the networks' losses, (K, P)."""
        found = torch.autograd.grad(loss, self._weights)
        return torch.cat([gradient.flatten(1) for gradient in found], dim=1)

    def _weight(self, number: int, slot: Slot) -> Tensor:
        return self.rows[number, slot.start : slot.stop].view(slot.shape)

    def _built(self, example: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
        """The module tree of the example with layers for all networks in place of its own."""
        whole = copy.deepcopy(example)
        for path, layer in list(whole.named_modules()):
            if type(layer).__name__ in CONTAINERS and not _own_tensors(layer):
                continue
            new = stacked(layer, self.size)
            if new is None or not path:
                raise Unpackable(f"{type(layer).__name__} has no form for several networks")
            if isinstance(new, Tensors):
                new.tensors = {name: tensors[f"{path}.{name}"] for name in _own_tensors(layer)}
            if isinstance(new, Masks):
                self._masks[path] = new
            whole.set_submodule(path, new)
        return whole


def _layout(parameters: dict[str, nn.Parameter]) -> Iterator[Slot]:
    start = 0
    for name, parameter in parameters.items():
        yield Slot(name, start, start + parameter.numel(), parameter.shape)
        start += parameter.numel()


def _own_tensors(module: nn.Module) -> list[str]:
    """Names of parameters and buffers that are the module's own."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return [name for name, _ in own]
