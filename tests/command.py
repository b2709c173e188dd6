"""The real command, run in a temporary folder on a study that trains in a second."""

import os
import subprocess
from collections.abc import Callable

TINY_STUDY = """\
name = "tiny"
title = "Does dropout help a tiny network?"

[seeds]
count = 2

[baseline.data]
name = "digits"
batch_size = 64
train_images = 256

[baseline.model]
name = "convnet"
channels = [4]
hidden = [16]

[baseline.training]
epochs = 2
optimizer = { name = "SGD", lr = 0.05, momentum = 0.9 }

[factors.dropout]
path = "model.dropout"
levels = [0.25]

[[designs]]
kind = "one-at-a-time"
"""

Ablate = Callable[..., subprocess.CompletedProcess[str]]


def clean_environment() -> dict[str, str]:
    """This environment without what would steer ablate, and with a terminal that is wide and plain."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ABLATE_")}
    return kept | {"COLUMNS": "120", "NO_COLOR": "1"}
