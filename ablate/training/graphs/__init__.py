"""Steps that are recorded once and replayed: on a GPU, as CUDA graphs.

A small network's step is some sixty kernels of a few microseconds, each of which Python launches in ten. A replay
launches them all at once. The kernels, their shapes and their order are those of the eager loop, and so are the bits.

`recordable.py` says which recipes qualify, `step.py` makes a step of a phase a function without arguments, on tensors
that stay where they are, `recorder.py` records such a function, `epoch.py` is the epoch of steps. Not yet measured on a
GPU.
"""

from ablate.training.graphs.epoch import epochs_of
from ablate.training.graphs.recordable import why_eager
from ablate.training.graphs.streams import own_stream

__all__ = ["epochs_of", "own_stream", "why_eager"]
