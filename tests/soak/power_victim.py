"""The process whose power is cut: `power_victim.py FOLDER WEAKNESS`; trains one long job with the stub."""

import hashlib
import os
import stat
import sys
from pathlib import Path

from ablate.protocol import CHECKPOINTS_FOLDER, Checkpoint
from ablate.store import connections
from ablate.worker import files
from tests.soak.fleet import Stub

EPOCHS = 120


def _weaken(weakness: str) -> None:
    if weakness == "synchronous = NORMAL":
        plain = connections._connect

        def careless(*words):
            made = plain(*words)
            made.execute("PRAGMA synchronous = NORMAL")
            return made

        connections._connect = careless
    elif weakness in ("no fsync of files", "no fsync of folders"):
        fsync, skipped = os.fsync, stat.S_ISREG if weakness.endswith("files") else stat.S_ISDIR
        os.fsync = lambda handle: None if skipped(os.fstat(handle).st_mode) else fsync(handle)
    elif weakness == "pointer before file":
        store, late = files.store, []

        def pointer_first(content, *, attempt, epoch, artifacts):
            for write in late:
                write()
            name = f"{CHECKPOINTS_FOLDER}/{attempt}-{epoch}.pt"

            def write() -> None:
                made = store(content, attempt=attempt, epoch=epoch, artifacts=artifacts)
                (artifacts / made.name).rename(artifacts / name)

            late[:] = [write]
            return Checkpoint(epoch=epoch, name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())

        files.store = pointer_first


if __name__ == "__main__":
    folder, weakness = Path(sys.argv[1]), sys.argv[2]
    _weaken(weakness)
    Stub(url=str(folder / "results.db"), artifacts=folder / "artifacts", told=folder / "told", epochs=EPOCHS).run(
        "victim"
    )
