"""A power cut loses nothing that was told, and leaves no pointer without its file; each weaker way does."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ablate.store import Database
from tests.soak.power import Disk, record
from tests.store.store_cases import submit_small

CUTS = 300


def _bad(folder: Path, told: bytes) -> list[str]:
    """What is wrong after the power came back."""
    found = []
    with closing(sqlite3.connect(folder / "results.db")) as connection:
        try:
            [(said,)] = connection.execute("PRAGMA quick_check(1)")
            epochs = {epoch for (epoch,) in connection.execute("SELECT epoch FROM epochs")}
            pointers = connection.execute("SELECT name, sha256 FROM artifacts").fetchall()
        except sqlite3.DatabaseError as error:
            return [f"damaged: {error}"]
    if said != "ok":
        found.append(f"damaged: {said}")
    lines = [json.loads(line) for line in told.splitlines()]
    found += [f"lost: epoch {one['epoch']}" for one in lines if one["epoch"] and one["epoch"] not in epochs]
    for name, sha256 in pointers:
        file = folder / "artifacts" / name
        if not file.exists():
            found.append(f"dangling: {name}")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            found.append(f"torn: {name}")
    return found


def _after_cuts(tmp_path: Path, weakness: str) -> list[str]:
    root, begin = tmp_path / "disk", tmp_path / "begin"
    root.mkdir()
    with Database.open(root / "results.db", create=True, artifacts=root / "artifacts") as db:
        submit_small(db, seeds=(0,), batch_sizes=(64,))
    (root / "artifacts" / "checkpoints").mkdir(parents=True)
    shutil.copytree(root, begin)
    home = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{home}{os.pathsep}{home / 'tests' / 'store'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    victim = [sys.executable, str(Path(__file__).with_name("power_victim.py")), str(root), weakness]
    record(victim, tmp_path / "trace", environment)
    chance, found, states = random.Random(11), [], 0

    def disk() -> Disk:
        made = Disk(root=root, told=root / "told")
        made.load(begin)
        return made

    with (tmp_path / "trace").open() as lines:
        steps = sum(1 for _ in disk().replay(lines))
    assert steps > CUTS
    cuts = set(chance.sample(range(steps), CUTS))
    with (tmp_path / "trace").open() as lines:
        now = disk()
        for step, _ in enumerate(now.replay(lines)):
            if step in cuts:
                after = tmp_path / "after"
                now.after_cut(after, chance)
                wrong = _bad(after, now.words)
                found, states = found + wrong, states + bool(wrong)
                shutil.rmtree(after)
    print(f"\n{weakness}: {states} bad states of {CUTS} cuts at {steps} calls")
    return found


@pytest.mark.soak
def test_nothing_that_was_told_is_lost(tmp_path):
    assert _after_cuts(tmp_path, "as it is") == []


@pytest.mark.soak
@pytest.mark.parametrize(
    ("weakness", "harm"),
    [
        ("synchronous = NORMAL", "lost"),
        ("no fsync of files", "torn"),
        ("no fsync of folders", "dangling"),
        ("pointer before file", "dangling"),
    ],
)
def test_each_weaker_way_is_found_out(tmp_path, weakness, harm):
    assert any(found.startswith(harm) for found in _after_cuts(tmp_path, weakness))
