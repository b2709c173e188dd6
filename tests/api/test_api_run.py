"""`ablate.run` with real workers, stopped and gone on with from any thread; and arguments that do not fit."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from api_cases import study

import ablate


def test_a_run_is_stopped_by_a_signal_and_goes_on_in_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = study(seeds=3, epochs=40)
    before = signal.getsignal(signal.SIGINT)
    sent: list[threading.Thread] = []

    def stop_button(now: ablate.Progress) -> None:
        if not sent and any(job.epoch for job in now.running):
            sent.append(threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)))
            sent[0].start()

    with pytest.raises(ablate.InterruptedRunError, match=r"of 6 jobs of tiny done\.\nThe same call goes on"):
        ablate.run(asked, workers=1, progress=stop_button)
    assert sent
    assert signal.getsignal(signal.SIGINT) is before
    stopped = ablate.open().results("tiny")
    assert stopped.status().jobs["running"] == 0
    assert stopped.status().left > 0
    done = stopped.runs().query("state == 'succeeded'")

    seen: list[ablate.Progress] = []
    with ThreadPoolExecutor(1) as pool:  # where no handler of signals can be set
        results = pool.submit(ablate.run, asked, workers=2, progress=seen.append).result()
    runs = results.runs()
    assert (runs["state"] == "succeeded").all()
    assert len(runs) == 6
    assert len(results.epochs()) == 6 * 40
    pd.testing.assert_frame_equal(runs.loc[done.index], done)
    assert seen[0].left > 0
    assert seen[-1].left == 0
    assert results.comparisons()["n"].tolist() == [3]


def test_a_run_in_another_thread_is_stopped_by_its_progress_function(tmp_path: Path) -> None:
    def stop(_now: ablate.Progress) -> None:
        raise KeyboardInterrupt

    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ablate.InterruptedRunError, match="stopped with 0 of 4 jobs of tiny done"),
    ):
        pool.submit(ablate.run, study(), db=tmp_path / "results.db", workers=1, progress=stop).result()
    jobs = ablate.open(tmp_path / "results.db").results("tiny").status().jobs
    assert jobs["queued"] == 4


def test_failed_jobs_raise_when_all_is_stored_unless_they_may_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "results.db"
    deep = study(variants=[{"name": "too deep", "set": {"model.channels": [4, 4, 4, 4, 4]}}])
    part: dict[str, Any] = {"db": place, "seeds": [0], "variants": ["too deep"]}
    with pytest.raises(ablate.JobsFailedError, match="1 of 2 jobs of tiny failed"):
        ablate.run(deep, workers=1, progress=True, **part)
    told = capsys.readouterr()
    assert "tiny, revision 1: 2 of 2 jobs to run\n" in told.err
    assert "tiny: 2/2 runs, 1 failed, ETA 0:00, " in told.err
    assert not told.out
    results = ablate.run(deep, progress=False, check=False, **part)
    runs = results.runs().set_index("variant")
    assert runs["state"].to_dict() == {"baseline": "succeeded", "too deep": "failed"}
    assert "channels" in runs.loc["too deep", "error"]
    assert capsys.readouterr().err == ""


WRONG: dict[str, Any] = {
    r"workers=0 is no number of workers": {"workers": 0},
    r"workers='many' is no number of workers": {"workers": "many"},
    r"workers=True is no number of workers": {"workers": True},
    r"there is no device 'tpu'": {"devices": "tpu"},
    r"devices names no device": {"devices": []},
    r"factors='dropout' is no list of factors": {"factors": "dropout"},
    r"study tiny has no factor 'droput'; did you mean 'dropout'": {"factors": ["droput"]},
    r"variants=\[\] is no list of variants": {"variants": []},
    r"seeds=0 is no list of seeds": {"seeds": 0},
    r"study tiny has no seed 7": {"seeds": [7]},
    r"stale='drop' is no choice": {"stale": "drop"},
}


@pytest.mark.parametrize("told", WRONG)
def test_arguments_that_do_not_fit_are_refused_before_anything_is_done(told: str, tmp_path: Path) -> None:
    with pytest.raises(ablate.UsageError, match=told):
        ablate.run(study(), db=tmp_path / "results.db", **WRONG[told])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", [ablate.run, ablate.submit, ablate.check])
def test_a_path_is_no_study(call: Any) -> None:
    with pytest.raises(ablate.UsageError, match=r"'tiny\.toml' is no Study\.\nMake one by `ablate\.load_study"):
        call("tiny.toml")


def test_a_check_builds_all_variants_with_the_users_own_files(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n\n\ndef net(classes, width):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Linear(width, classes))\n",
        "utf-8",
    )
    own = {"name": "mine.py:net", "width": 4}
    variants = [
        {"name": "own", "set": {"model": own}},
        {"name": "too deep", "set": {"model.channels": [4, 4, 4, 4, 4]}},
        {"name": "not asked for", "set": {"model.dropout": 0.5}},
    ]
    asked = study("own", folder=tmp_path, variants=variants).only(variants=["own", "too deep"])
    checked = ablate.check(asked, no_data=True).set_index("variant")
    assert checked["trains"].to_dict() == {"baseline": True, "own": True, "too deep": False}
    assert checked.loc["own", "parameters"] == 64 * 4 + 4 + 4 * 10 + 10
    assert pd.isna(checked.loc["too deep", "parameters"])
    assert "channels" in checked.loc["too deep", "findings"]


def test_python_is_left_without_pytorch_and_loads_pandas_for_the_first_frame(tmp_path: Path) -> None:
    code = (
        "import sys, ablate\n"
        "loaded = lambda: [name for name in ('torch', 'pandas', 'matplotlib') if name in sys.modules]\n"
        "results = ablate.submit(ablate.parse_study(sys.stdin.read()))\n"
        "ablate.run, ablate.check, ablate.open().results('tiny').status()\n"
        "print(loaded())\n"
        "results.runs(), results.comparisons(), results._repr_html_()\n"
        "print(loaded())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=study().text,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "['pandas']"]
