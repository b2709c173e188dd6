"""The command `ablate`, in this process or in one of its own, on a study that trains in a second."""

import contextlib
import gc
import io
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

from ablate.cli import main

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

Done = subprocess.CompletedProcess[str]
Ablate = Callable[..., Done]


def clean_environment() -> dict[str, str]:
    """This environment without what would steer ablate, and with a terminal that is wide and plain."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ABLATE_")}
    return kept | {"COLUMNS": "120", "NO_COLOR": "1"}


def call_here(words: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> Done:
    """What a command does when it is typed in `folder`, done by this process: its imports are paid for once.

    Workers are processes all the same, and so is the command `worker`, since it is given signals and sets up logging.
    """
    if words[:1] == ("worker",):
        return call_apart(words, folder, environment)
    output, errors, thresholds = io.StringIO(), io.StringIO(), gc.get_threshold()
    with (
        contextlib.chdir(folder),
        patch.dict(os.environ, clean_environment() | environment, clear=True),
        patch.object(sys, "argv", ["ablate", *words]),
        patch.object(sys, "stdin", io.StringIO()),
        patch.object(urllib.request, "_opener", None),  # it remembers the proxies of its first use
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
        finally:
            gc.set_threshold(*thresholds)
            if torch := sys.modules.get("torch"):
                torch.set_flush_denormal(False)  # `check` sets it for its whole process
    assert isinstance(status, int)
    return Done(words, status, output.getvalue(), errors.getvalue())


def call_apart(words: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> Done:
    """What a command does when it is typed in `folder`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ablate", *words],
        cwd=folder,
        env=clean_environment() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
