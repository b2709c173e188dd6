"""MATLAB's files, in which some publishers keep labels and images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate.training.data.source import damaged


def read_matlab(path: Path, *names: str) -> tuple[npt.NDArray[Any], ...]:
    """The arrays with these names in a `.mat` file, of two axes at least.

    Raises:
        DataMissingError: It is no such file, or lacks one of them.
    """
    from scipy.io import loadmat  # a third of a second, needed once for each machine

    try:
        held = loadmat(path, variable_names=names)
    except Exception as error:  # whatever a broken file makes the reader raise
        raise damaged(path, " ".join(str(error).split()) or type(error).__name__) from error
    for name in names:
        if name not in held:
            raise damaged(path, f"it holds no {name!r}")
    return tuple(np.asarray(held[name]) for name in names)
