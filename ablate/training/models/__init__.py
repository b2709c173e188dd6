"""The networks: one file for each family, and `build_model` in front of them."""

from ablate.training.models.build import build_model
from ablate.training.models.dropout import Dropout, StochasticDepth, dropout_generators, reseed_dropout
from ablate.training.models.freezing import freeze, training_mode

__all__ = [
    "Dropout",
    "StochasticDepth",
    "build_model",
    "dropout_generators",
    "freeze",
    "reseed_dropout",
    "training_mode",
]
