"""How many workers share a GPU, by made-up rates: the decision alone, and what the database tells of running jobs."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.launch import pacing
from ablate.launch.local import LocalWorkers, Placement, place
from ablate.launch.pacing import Pacing
from ablate.launch.probing import MEMORY_SHARE, PROCESS_BYTES, RISE, UNMEASURED, Load, Probe, gain
from ablate.orchestrate.progress import Progress
from ablate.protocol import Failure, FailureKind, JobState, WorkerInfo
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.reading import out_of_memory
from ablate.store.records import RunningRecord
from ablate.worker.devices import cuda_memory
from tests.store.store_cases import submit_small

GIB = 2**30


def load(width: int, total: float, *, first: int = 0, memory: int = 0, variants: Sequence[str] = ("a",)) -> Load:
    """Equal jobs with so many images a second together."""
    jobs = range(first, first + width)
    return Load(
        rates=dict.fromkeys(jobs, total / width),
        memory={f"w{job}": memory for job in jobs} if memory else {},
        variants=frozenset(variants),
    )


def settled(probe: Probe, total: Callable[[int], float], **options: int) -> list[int]:
    """The widths that were tried until one was found."""
    tried = []
    while not probe.settled:
        tried.append(probe.width)
        probe.measured(load(probe.width, total(probe.width), **options))
    return tried


def test_it_doubles_while_the_total_rate_rises_and_takes_the_last_step_back() -> None:
    probe = Probe(most=64, memory=None)
    rates = {1: 100.0, 2: 190.0, 4: 330.0, 8: 340.0}
    assert settled(probe, rates.__getitem__) == [1, 2, 4, 8]
    assert probe.width == 4
    assert probe.measured(load(4, 1.0)) == 4  # it has been found


@given(
    most=st.integers(1, 100),
    rises=st.lists(st.floats(0.5, 2.0).filter(lambda rise: abs(rise - RISE) > 1e-6), min_size=7, max_size=7),
)
def test_it_ends_where_the_last_doubling_paid(most: int, rises: list[float]) -> None:
    totals, width = {1: 100.0}, 1
    for rise in rises:
        wider = min(2 * width, most)
        if wider > width:
            totals[wider] = totals[width] * rise
            width = wider
    probe = Probe(most=most, memory=None)
    tried = settled(probe, totals.__getitem__)
    widths = list(totals)
    paid = [widths[0]]
    for before, after in itertools.pairwise(widths):
        if totals[after] / totals[before] < RISE:
            break
        paid.append(after)
    assert probe.width == paid[-1]
    assert tried == widths[: len(paid) + 1]


@given(
    events=st.lists(st.one_of(st.none(), st.tuples(st.floats(1, 1e6), st.sampled_from("abcd"))), max_size=40),
    most=st.integers(1, 40),
)
def test_whatever_happens_the_number_stays_within_its_bounds(events: list[tuple[float, str] | None], most: int) -> None:
    probe = Probe(most=most, memory=None)
    for event in events:
        before = probe.width
        if event is None:
            assert probe.out_of_memory({"a"}) == max(1, before // 2)
        else:
            rate, variant = event
            assert probe.measured(load(before, rate, variants=[variant])) <= 2 * before
        assert 1 <= probe.width <= most


@given(each=st.integers(1, 40), memory=st.integers(2, 141))
def test_no_more_jobs_are_started_than_the_memory_is_expected_to_hold(each: int, memory: int) -> None:
    probe = Probe(most=64, memory=memory * GIB)
    settled(probe, lambda width: 100.0 * width, memory=each * GIB)
    assert probe.width == 1 or probe.width * (each * GIB + PROCESS_BYTES) <= MEMORY_SHARE * memory * GIB
    assert probe.width == 64 or 2 * probe.width * (each * GIB + PROCESS_BYTES) > MEMORY_SHARE * memory * GIB


def test_want_of_memory_halves_the_number_until_other_variants_run() -> None:
    probe = Probe(most=64, memory=None)
    for width in (1, 2, 4):
        probe.measured(load(width, 100.0 * width))
    assert probe.width == 8
    assert probe.out_of_memory({"a"}) == 4
    assert probe.measured(load(4, 1000.0)) == 4
    assert probe.measured(load(4, 100.0, variants=["b"])) == 8
    assert probe.measured(load(8, 102.0, variants=["b"])) == 4


def test_jobs_that_are_in_both_loads_stand_for_all() -> None:
    """A fast variant that joins a slow one would look like a gain, and a slow one like a loss."""
    before = Load(rates={1: 100.0}, memory={}, variants=frozenset("a"))
    fast = Load(rates={1: 50.0, 2: 900.0}, memory={}, variants=frozenset("ab"))
    slow = Load(rates={1: 90.0, 2: 5.0}, memory={}, variants=frozenset("ab"))
    assert gain(before, fast) == pytest.approx(1.0)
    assert gain(before, slow) == pytest.approx(1.8)
    assert gain(before, replace(fast, rates={3: 300.0, 4: 100.0})) == pytest.approx(4.0)


# --- from the database to workers


class Crew:
    """Workers that only have names."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = list(devices)

    @property
    def names(self) -> frozenset[str]:
        """One for each."""
        return frozenset(f"w{number}" for number in range(len(self.devices)))

    def resize(self, devices: Sequence[str]) -> None:
        """As asked."""
        self.devices = list(devices)


def standing(jobs: Sequence[tuple[int, int, float]], *, done: int = 0, queued: int = 100, epochs: int = 9) -> Progress:
    """Running jobs by number, epoch and rate, each of the worker in its place."""
    running = [
        RunningRecord(
            job=job,
            study="small",
            variant="a",
            seed=0,
            worker=f"w{place}",
            epoch=epoch,
            epochs_total=epochs,
            val_accuracy=None,
            train_loss=None,
            images_per_second=rate if epoch else None,
            peak_memory_bytes=GIB if epoch else None,
            started_at=datetime.now(UTC),
        )
        for place, (job, epoch, rate) in enumerate(jobs)
    ]
    states = {str(state): 0 for state in JobState}
    states |= {JobState.RUNNING: len(running), JobState.QUEUED: queued, JobState.SUCCEEDED: done}
    return Progress(study="small", jobs=states, running=running, workers=(), eta_seconds=None)


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with a small study, on a machine that does not say how large its GPUs are."""
    monkeypatch.setattr(pacing, "cuda_memory", tuple)
    database = Database.open(tmp_path / "results.db", create=True)
    submit_small(database)
    return database


def test_workers_are_added_once_every_job_was_measured_beside_the_others(db: Database) -> None:
    crew = Crew(["cuda:0", "cuda:1"])
    pace = Pacing(db, "small", crew.devices, most=8)
    for jobs in ([], [(1, 1, 50.0)], [(1, 2, 50.0), (2, 1, 50.0)]):
        pace.look(standing(jobs), crew)
        assert len(crew.devices) == 2
    pace.look(standing([(1, 3, 50.0), (2, 2, 50.0)]), crew)
    assert crew.devices == ["cuda:0", "cuda:1"] * 2
    partly_before = [(1, 4, 49.0), (2, 3, 49.0), (3, 1, 49.0), (4, 1, 49.0)]
    pace.look(standing(partly_before), crew)
    assert len(crew.devices) == 4
    pace.look(standing([(1, 5, 26.0), (2, 4, 26.0), (3, 2, 26.0), (4, 2, 26.0)]), crew)
    assert crew.devices == ["cuda:0", "cuda:1"]  # 1.04 is too little


def test_short_jobs_are_measured_one_after_the_other(db: Database) -> None:
    crew = Crew(["cuda:0", "cuda:1"])
    pace = Pacing(db, "small", crew.devices, most=8)
    pace.look(standing([(1, 2, 50.0), (2, 0, 0.0)]), crew)
    assert len(crew.devices) == 2
    pace.look(standing([(3, 0, 0.0), (2, 2, 50.0)], done=1), crew)
    assert len(crew.devices) == 4


def test_a_worker_with_a_pack_counts_with_all_its_jobs() -> None:
    def held(*jobs: int) -> list[RunningRecord]:
        return list(standing([(job, 3, 10.0) for job in jobs]).running)

    found = pacing.load_of({"w0": held(1, 2, 3), "w1": held(4)})
    assert found.rates == {1: 10.0, 2: 10.0, 3: 10.0, 4: 10.0}
    assert found.memory == {"w0": GIB, "w1": GIB}


def test_jobs_of_one_epoch_are_measured_by_it_and_others_by_none_end_the_search(db: Database) -> None:
    crew = Crew(["cuda:0"])
    Pacing(db, "small", crew.devices, most=8).look(standing([(1, 1, 50.0)], epochs=1), crew)
    assert len(crew.devices) == 2
    crew = Crew(["cuda:0"])
    pace = Pacing(db, "small", crew.devices, most=8)
    for done in range(4):
        assert len(crew.devices) == 1
        pace.look(standing([(done, 0, 0.0)], done=done, epochs=1), crew)
    assert len(crew.devices) == UNMEASURED


def test_there_are_no_more_workers_than_jobs(db: Database) -> None:
    crew = Crew(["cuda:0", "cuda:1"])
    pace = Pacing(db, "small", crew.devices, most=8)
    pace.look(standing([(1, 2, 50.0), (2, 2, 50.0)], queued=1), crew)
    assert len(crew.devices) == 3


def test_an_attempt_that_ran_out_of_memory_halves_the_workers(db: Database) -> None:
    crew = Crew(["cuda:0"])
    pace = Pacing(db, "small", crew.devices, most=8)
    pace.look(standing([(101, 2, 50.0)]), crew)
    pace.look(standing([(101, 4, 49.0), (102, 2, 49.0)]), crew)
    assert len(crew.devices) == 4
    queue = Queue(db)
    for name in ("w1", "w2"):
        queue.introduce(WorkerInfo(id=name, host="", pid=1, device="cuda:0", device_name="", provenance={}))
    claims = [queue.claim(name) for name in ("w1", "w2")]
    assert claims[0] is not None
    queue.fail(claims[0].ticket, Failure(kind=FailureKind.OUT_OF_MEMORY, message="", details="", facts={}))
    assert out_of_memory(db, "small") == 1
    pace.look(standing([(101, 6, 49.0), (102, 4, 49.0)]), crew)
    assert len(crew.devices) == 2
    pace.look(standing([(101, 8, 49.0), (102, 6, 49.0)]), crew)
    assert len(crew.devices) == 2


def test_a_number_that_is_given_is_not_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\ncase $1 in *memory*) echo 143771;; *) echo 'NVIDIA H200';; esac\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("ablate.launch.local.usable_cores", lambda: 16)
    assert place(3) == Placement(devices=("cuda:0",) * 3)
    assert place(None) == Placement(devices=("cuda:0",), most=16)
    assert cuda_memory() == (143771 * 2**20,)
    assert pacing.smallest_memory(["cuda:0"]) == 143771 * 2**20
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8f6d")
    assert cuda_memory() == (None,)
    assert pacing.smallest_memory(["cuda:0"]) is None


def test_surplus_workers_give_their_jobs_back_and_the_oldest_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = tmp_path / "python"
    waits.write_text("#!/bin/sh\nexec sleep 60\n", encoding="ascii")
    waits.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(waits))
    given_back: list[str] = []
    crew = LocalWorkers(
        placement=Placement(devices=("cuda:0",), most=4),
        database="",
        study="small",
        artifacts=tmp_path,
        data_root=None,
        on_death=given_back.append,
    )
    with crew:
        first = crew.names
        crew.resize(["cuda:0", "cuda:0", "cuda:1"])
        later = crew.names - first
        assert len(later) == 2
        crew.resize(["cuda:0"])
        assert crew.names == first
        while crew.alive > 1:
            crew.look(progressed=False, work_left=True)
        assert set(given_back) == later
