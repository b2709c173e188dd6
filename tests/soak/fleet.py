"""Worker processes without PyTorch: the real queue, fence, files and protocol, and a trainer that adds numbers.

The state after an epoch is a hash of the state before, the seed and the epoch, so that a job which goes on from a wrong
state ends with wrong numbers. Workers are forked, so that a new one is there at once.
"""

import hashlib
import os
import random
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ablate.metrics import EpochMetrics, Outcome
from ablate.protocol import Claim, ReplacedError, WorkerInfo
from ablate.store import Database
from ablate.store.patience import Patience, PatientQueue
from ablate.store.queue import Queue, release_worker
from ablate.worker import files
from tests.witness import Told


def state_after(before: bytes, seed: int, epoch: int) -> bytes:
    """The state of the stub after one more epoch."""
    return hashlib.sha256(before + f"{seed}:{epoch}".encode()).digest()


def loss_of(state: bytes) -> float:
    """The training loss that a state shows."""
    return int.from_bytes(state[:6], "little") / 2**48


def expected_losses(seed: int, epochs: int) -> list[float]:
    """What an undisturbed job measures."""
    found, state = [], b""
    for epoch in range(1, epochs + 1):
        state = state_after(state, seed, epoch)
        found.append(loss_of(state))
    return found


def measured(epoch: int, loss: float) -> EpochMetrics:
    """An epoch's row."""
    return EpochMetrics(
        epoch=epoch, train_loss=loss, train_accuracy=0.5, val_accuracy=0.5, lr=0.1, seconds=0.1,
        images_per_second=1.0, peak_memory_bytes=1,
    )  # fmt: skip


def reached(epochs: int) -> Outcome:
    """A job's outcome."""
    return Outcome(
        selected_epoch=epochs, test_loss=1.0, test_accuracy=0.5, parameters=1, trainable_parameters=1, flops=1,
        seconds=1.0, fingerprints={},
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Stub:
    """One worker, as it runs in its own process."""

    url: str
    artifacts: Path
    #: What the database told is appended here.
    told: Path
    #: Of each job.
    epochs: int
    #: Time that an epoch takes, seconds.
    epoch_seconds: float = 0.0
    #: Time without a beat after which an attempt counts as lost, seconds.
    lease_seconds: float = 60.0
    #: Called in the process before it opens the database, to weaken it for a test.
    prepare: Callable[[], None] = lambda: None
    #: Whether to wait for a database that is away.
    patient: bool = False

    def run(self, worker: str) -> None:
        """Claim and train until nothing is left and nobody holds a job."""
        self.prepare()
        with Database.open(self.url, artifacts=self.artifacts) as db, self.told.open("ab", buffering=0) as told:
            plain = Queue(db, lease_seconds=self.lease_seconds)
            queue = PatientQueue(plain, Patience(seconds=120)) if self.patient else plain
            queue.introduce(
                WorkerInfo(id=worker, host="box", pid=os.getpid(), device="cpu", device_name="", provenance={})
            )
            while True:
                claims = queue.claim_pack(worker)
                if claims:
                    (claim,) = claims  # its jobs belong to no pack
                    try:
                        self._train(queue, claim, lambda one: told.write(one.line()))
                    except ReplacedError:
                        continue
                elif not Patience(seconds=120)(lambda: _unfinished(db)):
                    return
                else:
                    time.sleep(0.02)

    def _train(self, queue: Queue | PatientQueue, claim: Claim, tell: Callable[[Told], object]) -> None:
        ticket = claim.ticket
        content = files.newest_whole(claim.checkpoints, self.artifacts)
        epoch, state = (int(content[:4]), content[4:]) if content else (0, b"")
        while epoch < self.epochs:
            epoch += 1
            time.sleep(self.epoch_seconds)
            state = state_after(state, claim.seed, epoch)
            pointer = files.store(
                f"{epoch:04}".encode() + state, attempt=ticket.attempt, epoch=epoch, artifacts=self.artifacts
            )
            done = queue.record_epochs([(ticket, measured(epoch, loss_of(state)), pointer)])
            if done.replaced:
                return
            tell(Told(job=ticket.job, attempt=ticket.attempt, epoch=epoch, loss=loss_of(state)))
            for name in done.unneeded:
                (self.artifacts / name).unlink(missing_ok=True)
        dropped = queue.finish(ticket, reached(self.epochs))
        tell(Told(job=ticket.job, attempt=ticket.attempt, epoch=None))
        for name in dropped:
            (self.artifacts / name).unlink(missing_ok=True)


def _unfinished(db: Database) -> int:
    with db.read() as connection:
        question = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        return int(connection.exec_driver_sql(question).scalar_one())


@dataclass
class Fleet:
    """Processes of one stub, replaced when they die, as a launcher does it."""

    stub: Stub
    #: Worker's id by process.
    alive: dict[int, str] = field(default_factory=dict)

    def start(self, count: int = 1) -> None:
        """Fork workers."""
        for _ in range(count):
            worker = str(uuid.uuid4())
            process = os.fork()
            if process == 0:
                status = 1
                try:
                    self.stub.run(worker)
                    status = 0
                except BaseException as error:  # noqa: BLE001 - the parent is told by a file
                    with self.stub.told.with_name("errors").open("a") as file:
                        file.write(f"{type(error).__name__}: {error}\n")
                finally:
                    os._exit(status)
            self.alive[process] = worker

    def kill_one(self, db: Database, chance: random.Random) -> None:
        """Kill a worker without warning, give its job back, and start another."""
        process = chance.choice(sorted(self.alive))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        release_worker(db, self.alive.pop(process))
        self.start()

    def ended(self) -> bool:
        """Whether all have ended; errors of theirs are raised."""
        for process in list(self.alive):
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                del self.alive[process]
                if status != 0:
                    self.end()
                    raise AssertionError(self.stub.told.with_name("errors").read_text())
        return not self.alive

    def end(self) -> None:
        """Kill all."""
        for process in self.alive:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        self.alive.clear()
