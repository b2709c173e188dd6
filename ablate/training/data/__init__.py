"""Data sets: found or downloaded, decoded once, shared by all workers, split by the study."""

from ablate.training.data.dataset import Dataset, Labelled, Portion, Unlabelled
from ablate.training.data.registry import default_root, load_dataset, stand_in
from ablate.training.data.split import Split, split

__all__ = ["Dataset", "Labelled", "Portion", "Split", "Unlabelled", "default_root", "load_dataset", "split", "stand_in"]
