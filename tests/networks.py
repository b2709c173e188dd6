"""Networks held against others that were written by hand."""

import torch
from torch import nn


def parameters(model: nn.Module) -> int:
    """Numbers in all parameters."""
    return sum(p.numel() for p in model.parameters())


def assert_same_function(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> None:
    """Equal outputs, in training and in evaluation, once the weights are copied in their order."""
    assert parameters(ours) == parameters(theirs)
    own, other = ours.state_dict(), theirs.state_dict()
    assert [value.shape for value in own.values()] == [value.shape for value in other.values()]
    theirs.load_state_dict(dict(zip(other, own.values(), strict=True)))
    images = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        with torch.no_grad():
            assert torch.equal(ours(images), theirs(images))
