"""Many writers at once, and a PostgreSQL server that dies under its workers."""

import os
import signal
import statistics
import time
from pathlib import Path

import pytest

from ablate.store import Database
from ablate.store.queue import Queue
from tests.soak.fleet import Fleet, Stub, measured
from tests.store.store_cases import claim, rows, submit_small
from tests.witness import damage, read_told

WRITERS = 8


def _write(url: str, seconds: float, times: Path) -> None:
    """Write epochs as fast as can be, and keep how long each took."""
    taken = []
    with Database.open(url) as db:
        queue = Queue(db)
        ticket = claim(queue, f"writer-{os.getpid()}").ticket
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = time.perf_counter()
            queue.record_epoch(ticket, measured(len(taken) + 1, 0.5))
            taken.append(time.perf_counter() - before)
    times.write_text("\n".join(map(str, taken)))


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.soak)])
def test_writers_at_once_are_never_locked_out(tmp_path, seconds):
    file = tmp_path / "results.db"
    with Database.open(file, create=True) as db:
        submit_small(db, seeds=range(WRITERS), batch_sizes=(64,))
    started = []
    for number in range(WRITERS):
        process = os.fork()
        if process == 0:
            status = 1
            try:
                _write(str(file), seconds, tmp_path / f"times-{number}")
                status = 0
            finally:
                os._exit(status)
        started.append(process)
    assert [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in started] == [0] * WRITERS
    times = [[float(line) for line in file.read_text().split()] for file in tmp_path.glob("times-*")]
    every = [one for each in times for one in each]
    shares = [len(each) for each in times]
    p99 = statistics.quantiles(every, n=100)[98]
    print(
        f"\n{WRITERS} writers, {seconds} s: {len(every)} epochs, {len(every) / seconds:.0f} a second, "
        f"median {statistics.median(every) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, worst {max(every) * 1000:.0f} ms, "
        f"shares {min(shares)} to {max(shares)}"
    )
    with Database.open(file) as db:
        assert rows(db, "SELECT count(*) FROM epochs") == [(len(every),)]
    assert min(shares) > 0


def _start_again(server) -> None:
    """Start a server that was killed; it refuses while processes of the dead one end."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return server.start()
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_server_that_is_killed_loses_nothing(server, tmp_path):
    with Database.open(server.new("ablate_template"), artifacts=tmp_path / "artifacts") as db:
        submit_small(db, batch_sizes=range(1, 21), seeds=range(5))
        stub = Stub(
            url=db.secret_url, artifacts=db.artifacts, told=tmp_path / "told", epochs=5, epoch_seconds=0.1, patient=True
        )
        fleet, longest = Fleet(stub), 0.0
        db._engine.dispose()  # what is forked must not share a connection
        try:
            fleet.start(6)
            for _ in range(4):
                time.sleep(2.0)
                os.kill(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
                _start_again(server)
                back, known = time.monotonic(), len(read_told(stub.told))
                while len(read_told(stub.told)) < known + 6 and not fleet.ended():
                    time.sleep(0.05)
                longest = max(longest, time.monotonic() - back)
            while not fleet.ended():
                time.sleep(0.1)
        finally:
            fleet.end()
        print(f"\nworkers wrote again within {longest:.1f} s of the server's return")
        assert longest <= 30
        assert damage(read_told(stub.told), db) == []
        assert rows(db, "SELECT state, count(*) FROM jobs GROUP BY state") == [("succeeded", 100)]
