"""The networks: one file for each family, and `build_model` in front of them."""

from ablate.training.models.build import build_model
from ablate.training.models.dropout import Dropout, reseed_dropout
from ablate.training.models.own import own_code

__all__ = ["Dropout", "build_model", "own_code", "reseed_dropout"]
