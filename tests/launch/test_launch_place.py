"""How many workers run, and where, on machines with and without GPUs."""

from pathlib import Path

import pytest

from ablate.errors import UsageError
from ablate.launch.local import place
from ablate.worker.devices import device_name, usable_cores


@pytest.fixture
def three_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose `nvidia-smi` lists three GPUs."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf 'NVIDIA A100\\nNVIDIA A100\\nNVIDIA T4\\n'\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without GPUs."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.mark.usefixtures("no_gpu")
def test_without_gpus_a_worker_runs_on_each_core() -> None:
    assert place(None).devices == ("cpu",) * usable_cores()
    assert place(3).devices == ("cpu",) * 3


@pytest.mark.usefixtures("three_gpus")
def test_workers_share_gpus_evenly() -> None:
    assert place(5).devices == ("cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1")
    assert place(3, ["0", "cuda:2"]).devices == ("cuda:0", "cuda:2", "cuda:0")
    assert place(2, ["cpu"]).devices == ("cpu", "cpu")
    assert set(place(None).devices) == {"cuda:0", "cuda:1", "cuda:2"}


@pytest.mark.usefixtures("three_gpus")
def test_workers_of_a_study_that_spreads_its_jobs_get_so_many_gpus() -> None:
    assert place(None, each=2).devices == ("cuda:0,cuda:1",)
    assert place(2, ["2", "0"], each=2).devices == ("cuda:2,cuda:0",) * 2
    assert place(1, ["cpu"], each=2).devices == ("cpu",)
    assert device_name("cuda:0,cuda:1") == "NVIDIA A100 x 2"
    with pytest.raises(UsageError, match="over 2 devices, and 1 are to be used: cuda:1"):
        place(None, ["1"], each=2)


@pytest.mark.usefixtures("three_gpus")
def test_only_visible_gpus_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    assert set(place(4).devices) == {"cuda:0", "cuda:1"}
    assert device_name("cuda:0") == "NVIDIA T4"
    with pytest.raises(UsageError, match="cuda:0 to cuda:1"):
        place(1, ["2"])


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("device", ["0", "cuda:1", "tpu"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(UsageError, match=f"no device '{device}': this machine has no GPU"):
        place(1, [device])
