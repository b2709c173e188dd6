"""A worker that dies at any step of checkpoint and commit loses nothing that it was told."""

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from ablate.store import Database
from ablate.store.queue import release_worker
from tests.soak.fleet import Stub, expected_losses
from tests.store.store_cases import rows, submit_small
from tests.witness import damage, read_told

EPOCHS = 3
#: Steps at which workers are killed, and how often at each of these names.
STEPS = {f"{when} {what}" for when in ("before", "after") for what in ("fsync", "replace", "unlink", "COMMIT")} | {
    f"before {statement}" for statement in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
}
DEATHS = 200


class _Steps:
    """Counts the steps of this process, and kills it before a given one."""

    def __init__(self, deadly: int, log: Path) -> None:
        self._left = deadly
        self._log = log

    def step(self, name: str) -> None:
        self._left -= 1
        if self._left == 0:
            self._log.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Step before each change of a file, each statement and each commit, and after the last of them."""
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink")):
            plain = getattr(owner, name)

            def stepped(*words, _plain=plain, _name=name, **more):
                self.step(f"before {_name}")
                done = _plain(*words, **more)
                self.step(f"after {_name}")
                return done

            setattr(owner, name, stepped)
        event.listen(Engine, "before_cursor_execute", lambda *words: self.step(f"before {words[2].split()[0]}"))
        event.listen(Engine, "commit", lambda _: self.step("before COMMIT"))
        told = Stub._train

        def train(stub, queue, claim, tell):
            def telling(one) -> None:
                self.step("after COMMIT")
                tell(one)

            told(stub, queue, claim, telling)

        Stub._train = train


def _run(stub: Stub, worker: str) -> int:
    """Exit status of a worker in a process of its own; negative for a signal."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            stub.run(worker)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _die_at_every(tmp_path: Path, steps: Iterable[int]) -> dict[int, str]:
    """Jobs whose worker died at each of these steps, until one is never reached; the names of those steps."""
    names: dict[int, str] = {}
    with Database.open(tmp_path / "results.db", create=True, artifacts=tmp_path / "artifacts") as db:
        for deadly in steps:
            folder = tmp_path / str(deadly)
            folder.mkdir()
            submit_small(db, name=f"s{deadly}", seeds=(deadly,), batch_sizes=(64,))
            how = {"url": db.secret_url, "artifacts": db.artifacts, "told": tmp_path / "told", "epochs": EPOCHS}
            log = folder / "step"
            status = _run(Stub(**how, prepare=_Steps(deadly, log).watch), f"victim-{deadly}")
            assert damage(read_told(how["told"]), db) == []
            for name, size in rows(db, "SELECT name, size FROM artifacts"):
                assert (db.artifacts / name).stat().st_size == size
            if status == 0:
                return names
            assert status == -signal.SIGKILL
            names[deadly] = log.read_text()
            known = rows(
                db, "SELECT coalesce(max(epoch), 0) FROM epochs JOIN jobs ON jobs.id = job WHERE state = 'running'"
            )
            release_worker(db, f"victim-{deadly}")
            assert _run(Stub(**how), f"successor-{deadly}") == 0
            told = read_told(how["told"])
            assert damage(told, db) == []
            epochs = [(one.job, one.epoch) for one in told]
            assert len(epochs) == len(set(epochs)), "an epoch was told twice"
            resumed = rows(db, "SELECT resumed_from FROM attempts ORDER BY id DESC LIMIT 1")
            assert resumed[0][0] is None or resumed == known
            job = "(SELECT max(id) FROM jobs)"
            losses = [loss for (loss,) in rows(db, f"SELECT train_loss FROM epochs WHERE job = {job} ORDER BY epoch")]
            assert losses == expected_losses(deadly, EPOCHS)
    return names


def test_a_worker_may_die_at_some_steps(tmp_path):
    assert len(_die_at_every(tmp_path, range(20, 80, 15))) >= 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_worker_may_die_at_every_step(tmp_path):
    deaths: Counter[str] = Counter()
    steps: Iterable[int] = range(1, 10_000)
    while steps:
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            names = _die_at_every(Path(folder), steps)
        deaths.update(names.values())
        steps = [step for step, name in names.items() if deaths[name] < DEATHS]
    print(f"\n{deaths.total()} deaths: {', '.join(f'{count} {name}' for name, count in sorted(deaths.items()))}")
    assert deaths.keys() >= STEPS
    assert min(deaths.values()) >= DEATHS
