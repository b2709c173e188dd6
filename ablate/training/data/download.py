"""Fetches a data set with torchvision, which knows mirrors and checksums; the only place that imports it."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import io
import logging
import socket
import tempfile
from pathlib import Path

from ablate.training.data.progress import Progress
from ablate.training.data.source import Download

log = logging.getLogger(__name__)

#: Seconds without a byte after which a server counts as silent.
PATIENCE = 30.0


class DownloadError(Exception):
    """A data set could not be fetched; the message is the reason in one line."""


def download(name: str, how: Download, target: Path, progress: Progress) -> None:
    """Fetch a data set and keep what is wanted of it in `target`.

    What is half downloaded never lies where the data set is looked for.

    Args:
        name: The data set, for the log.
        how: Where it comes from.
        target: Folder to keep it in; made where needed.
        progress: Says whether torchvision may draw its bar.

    Raises:
        DownloadError: No connection, a wrong checksum, or no right to write.
    """
    silence = socket.getdefaulttimeout()
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target) as folder:
            log.info("downloading %s to %s", name, target)
            socket.setdefaulttimeout(PATIENCE)
            with contextlib.ExitStack() as stack:
                stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
                if not progress.draw_downloads:
                    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
                _fetch(how, folder)
            for pattern in how.kept or how.files:
                for path in list(Path(folder).rglob(pattern)):
                    path.replace(target / path.name)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise DownloadError(" ".join(str(error).split()) or type(error).__name__) from error
    finally:
        socket.setdefaulttimeout(silence)


def checksums(how: Download) -> dict[str, str]:
    """MD5 of the archives of a data set, hexadecimal, by their names; as torchvision checks them."""
    if how.md5:
        return dict(how.md5)
    kind = getattr(importlib.import_module("torchvision.datasets"), how.torchvision)
    if hasattr(kind, "resources"):
        return dict(kind.resources)
    return {kind.filename: kind.tgz_md5}


def _fetch(how: Download, folder: str) -> None:
    datasets = importlib.import_module("torchvision.datasets")  # seconds, so only here
    if how.torchvision:
        getattr(datasets, how.torchvision)(root=folder, download=True, **how.arguments)
        return
    for file in how.files:
        datasets.utils.download_url(f"{how.url}{file}", folder, file, how.md5.get(file))
