"""Real disks that are full or cannot be written: small ones, mounted for the test alone."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

#: Words that run a command where it may mount file systems that nobody else sees.
_APART = ("unshare", "--map-root-user", "--mount", "--")

_COMMON = """\
import hashlib, subprocess, sys
from pathlib import Path

from ablate.errors import DatabaseAwayError, DatabaseError
from ablate.store import Database, patience
from ablate.store.patience import Patience, PatientQueue
from ablate.store.queue import Queue
from ablate.store.reading import counts
from store_cases import claim, metrics, outcome, rows, submit_small

disk = Path(sys.argv[1])
file = disk / "results.db"

def mount(*words):
    subprocess.run(["mount", *words, str(disk)], check=True)

mount("-t", "tmpfs", "-o", "size=2m", "none")
"""

_FULL = """\
patience.PAUSE_SECONDS = (0.0, 0.0)
filler = disk / "filler"

def fill():
    with filler.open("wb", buffering=0) as rest:
        try:
            while rest.write(bytes(1024)):
                pass
        except OSError:
            pass

with Database.open(file, create=True) as db:
    submit_small(db, seeds=(0,), batch_sizes=(64,))
    queue = Queue(db)
    ticket = claim(queue).ticket
    told = []
    fill()
    try:
        for epoch in range(1, 1000):
            queue.record_epoch(ticket, metrics(epoch))
            told.append((epoch,))
    except DatabaseAwayError as error:
        assert "disk is full" in str(error), error
        assert "df -h" in error.cure, error
        assert error.exit_code == 6
    else:
        raise SystemExit("the disk was never full")
    assert rows(db, "SELECT epoch FROM epochs ORDER BY epoch") == told
    assert rows(db, "PRAGMA integrity_check") == [("ok",)]

    def make_room():  # asked while the queue waits
        filler.unlink(missing_ok=True)
        return False

    PatientQueue(queue, Patience(stopping=make_room)).record_epochs([(ticket, metrics(len(told) + 1), None)])
    assert not filler.exists(), "nobody waited"
    assert rows(db, "SELECT count(*) FROM epochs") == [(len(told) + 1,)]
fill()
for fresh in (disk / "results.db", disk / "new.db"):
    try:
        with Database.open(fresh, create=True) as db, db.write() as connection:
            for number in range(100_000):
                connection.exec_driver_sql(
                    "INSERT INTO studies (name, created_at) VALUES (?, 0)", (f"s{number}",)
                )
    except DatabaseAwayError as error:
        assert "disk is full" in str(error), error
    else:
        raise SystemExit(f"{fresh} found room")
filler.unlink()
with Database.open(file) as db:
    assert rows(db, "SELECT count(*) FROM epochs") == [(len(told) + 1,)]
    assert rows(db, "SELECT count(*) FROM studies") == [(1,)]
"""

_READONLY = """\
with Database.open(file, create=True) as db:
    submit_small(db)
digest = hashlib.sha256(file.read_bytes()).hexdigest()
mount("-o", "remount,ro")
try:
    Database.open(file, create=True)
except DatabaseError as error:
    assert "read-only medium" in str(error), error
    assert error.exit_code == 6
else:
    raise SystemExit("a read-only medium was opened for writing")
with Database.open(file) as db:
    assert db.readonly
    assert counts(db)["small"]["queued"] == 4
    try:
        Queue(db).claim("w1")
    except DatabaseError as error:
        assert "read-only medium" in str(error), error
    else:
        raise SystemExit("a job was claimed on a read-only medium")
assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
assert [each.name for each in disk.iterdir()] == ["results.db"]
"""

_UNFINISHED_LOG = """\
import shutil
with Database.open(file, create=True) as db:
    submit_small(db)
    for each in ("results.db", "results.db-wal"):  # as a machine that lost its power leaves them
        shutil.copy(disk / each, disk / each.replace("results", "left"))
left = disk / "left.db"
assert (disk / "left.db-wal").stat().st_size
mount("-o", "remount,ro")
try:
    Database.open(left)
except DatabaseError as error:
    assert "-wal" in str(error), error
    assert error.exit_code == 6
else:
    raise SystemExit("rows that wait in the log were passed over")
"""


def _may_mount() -> bool:
    try:
        return subprocess.run([*_APART, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not _may_mount(), reason="this machine lets nobody mount a file system of his own (`unshare -rm`)")
@pytest.mark.parametrize("what", [_FULL, _READONLY, _UNFINISHED_LOG], ids=["full", "read-only", "unfinished-log"])
def test_a_disk(tmp_path, what):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(_COMMON + what), encoding="utf-8")
    disk = tmp_path / "disk"
    disk.mkdir()
    here = Path(__file__).parent
    done = subprocess.run(
        [*_APART, sys.executable, str(script), str(disk)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])},
    )
    assert done.returncode == 0, done.stderr + done.stdout
