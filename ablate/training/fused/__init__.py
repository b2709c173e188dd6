"""The fused tier: jobs of one architecture trained as one stacked network."""

from ablate.training.fused.network import Unpackable
from ablate.training.fused.pack import Crew, Member, train_pack

__all__ = ["Crew", "Member", "Unpackable", "train_pack"]
