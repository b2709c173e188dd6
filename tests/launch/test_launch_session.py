"""A run whose workers gave up on the database."""

import sys
from pathlib import Path

import pytest

from ablate.errors import DatabaseAwayError, DatabaseError
from ablate.launch import session
from ablate.launch.local import Placement
from ablate.store import Database
from tests.store.store_cases import submit_small


def test_a_worker_that_waited_for_the_database_is_not_waited_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gave_up = tmp_path / "python"
    gave_up.write_text("#!/bin/sh\nexit 6\n")  # without a word, as on a full disk
    gave_up.chmod(0o755)

    def away(_db: Database, _worker: str) -> None:
        raise DatabaseAwayError("the disk is full")

    monkeypatch.setattr(session, "release_worker", away)
    monkeypatch.setattr(sys, "executable", str(gave_up))
    with Database.open(tmp_path / "results.db", create=True) as db:
        submit_small(db)
        with pytest.raises(DatabaseError, match="found no room in its log"):
            session.train_queued(
                db,
                "small",
                Placement(devices=("cpu",)),
                data_root=None,
                watch=lambda _: None,
                on_interrupt=lambda: None,
                on_time_over=lambda: None,
            )
