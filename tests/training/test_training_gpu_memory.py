"""A real GPU without room: the job's failure has its kind, and half as many jobs run side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from ablate.launch.pacing import Pacing
from ablate.orchestrate.progress import progress
from ablate.protocol import Failure, FailureKind, WorkerInfo
from ablate.recipe import Recipe
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.training import train
from ablate.worker.failures import broke
from ablate.worker.messages import Train
from tests.store.store_cases import submit_small

MakeRecipe = Callable[..., Recipe]


class Crew:
    """Workers that only have a number."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = list(devices)
        self.names = frozenset(f"w{number}" for number in range(len(devices)))

    def resize(self, devices: Sequence[str]) -> None:
        """As asked."""
        self.devices = list(devices)


@pytest.mark.cuda
def test_want_of_memory_on_a_gpu_halves_the_workers(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = make_recipe({"model.channels": [2048, 512], "training.graphs": True, "data.batch_size": 250})
    torch.cuda.set_per_process_memory_fraction(1e-3)
    try:
        with pytest.raises(torch.OutOfMemoryError) as caught:
            train(recipe, seed=0, device="cuda:0")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    order = Train(
        job=1,
        attempt=1,
        recipe=recipe,
        seed=0,
        device="cuda:0",
        threads=1,
        data_root=None,
        artifacts=tmp_path,
        folder=tmp_path / "job",
        checkpoints=(),
        checkpoint_every=0.0,
        alive_every=1.0,
        sources={},
        study="small",
        keep="none",
    )
    failure = broke(caught.value, order)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    with Database.open(tmp_path / "results.db", create=True) as db:
        submit_small(db)
        crew = Crew(["cuda:0"] * 4)
        pace = Pacing(db, "small", ["cuda:0"], most=8)
        pace._probe.width = 4
        queue = Queue(db)
        queue.introduce(WorkerInfo(id="w0", host="", pid=1, device="cuda:0", device_name="", provenance={}))
        claim = queue.claim("w0")
        assert claim is not None
        told = Failure(kind=failure.kind, message=failure.message, details=failure.details, facts=failure.facts)
        queue.fail(claim.ticket, told)
        pace.look(progress(db, "small"), crew)
        assert len(crew.devices) == 2
