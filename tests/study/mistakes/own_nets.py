"""A model of the user's own, for the mistakes that studies make around it."""

from torch import nn


class Net(nn.Module):
    """Never built here: a study does not run what it names."""
