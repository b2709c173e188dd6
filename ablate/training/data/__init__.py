"""Data sets: found or downloaded, decoded once, shared by all workers, split by the study."""

from ablate.training.data.dataset import Dataset
from ablate.training.data.registry import default_root, load_dataset, stand_in
from ablate.training.data.split import split

__all__ = ["Dataset", "default_root", "load_dataset", "split", "stand_in"]
