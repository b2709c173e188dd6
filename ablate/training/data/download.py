"""Fetches a data set through torchvision's own classes, which know its mirrors and checksums."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import io
import logging
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger(__name__)

#: Seconds without a byte after which a server counts as silent.
PATIENCE = 30.0


class DownloadError(Exception):
    """A data set could not be fetched; the message is the reason in one line."""


def download(class_name: str, target: Path, patterns: Sequence[str]) -> None:
    """Download with the class `torchvision.datasets.<class_name>` and keep the files that match, in `target`.

    What is half downloaded never lies where the data set is looked for.

    Raises:
        DownloadError: No connection, a wrong checksum, or no right to write.
    """
    silence = socket.getdefaulttimeout()
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target) as folder:
            log.info("downloading %s to %s", class_name, target)
            socket.setdefaulttimeout(PATIENCE)
            torchvision_datasets = importlib.import_module("torchvision.datasets")  # seconds, so only here
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                getattr(torchvision_datasets, class_name)(root=folder, train=True, download=True)
            for pattern in patterns:
                for path in Path(folder).rglob(pattern):
                    path.replace(target / path.name)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise DownloadError(" ".join(str(error).split()) or type(error).__name__) from error
    finally:
        socket.setdefaulttimeout(silence)
