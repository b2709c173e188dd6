"""Code of the user's own that exits, loops, shouts, or breaks its process: its job alone bears it, and says why."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Ablate, clean_environment
from tests.workers import epochs, gone, query, trainer_of, wait_until, worker

STUDY = """\
name = "bad"

[seeds]
count = 1

[baseline.data]
name = "digits"
batch_size = 32
train_images = 128

[baseline.model]
name = "my_models.py:Net"
does = "nothing"

[baseline.training]
epochs = 1
optimizer = { name = "SGD", lr = 0.05 }
"""
NETS = '''
import logging, os, pathlib, signal, subprocess, sys, threading, time, warnings
import numpy as np
import torch


class Net(torch.nn.Module):
    """Does something in its third step."""

    def __init__(self, does):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
        self.does = does
        self.steps = 0

    def forward(self, images):
        self.steps += self.training
        if self.training and self.steps == 3:
            getattr(self, self.does)()
        return self.inner(images.flatten(1))

    def nothing(self):
        pass

    def exit(self):
        sys.exit(3)

    def loop(self):
        while True:
            pass

    def shout(self):
        os.write(1, b"the first words\\n")
        subprocess.run(["sh", "-c", "head -c 8000000 /dev/zero | tr '\\\\0' z >&2"], check=True)
        print("the last words")

    def disturb(self):
        os.chdir("/")
        os.environ["HOME"] = "/nowhere"
        del os.environ["PATH"]
        sys.argv.append("more")
        sys.path.insert(0, "/nowhere")
        sys.stdout = open(os.devnull, "w")
        warnings.simplefilter("error")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.alarm(1)
        logging.disable(logging.CRITICAL)
        logging.getLogger("ablate.worker.trainer").setLevel(logging.CRITICAL)
        np.seterr(all="raise")
        torch.set_default_device("cpu")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = True
        self.after = lambda: torch.set_default_dtype(torch.float64)
        threading.Timer(0.0, self.after).start()

    def witness(self):
        print("witness:", os.getcwd() != "/", os.environ["HOME"] != "/nowhere", "PATH" in os.environ,
              "more" in sys.argv, "/nowhere" in sys.path,
              signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, signal.alarm(0),
              logging.root.manager.disable, np.geterr()["over"], torch.are_deterministic_algorithms_enabled(),
              torch.backends.cudnn.benchmark, torch.get_default_dtype(), torch.zeros(1).dtype)

    def leave_a_thread(self):
        threading.Thread(target=time.sleep, args=(600,), name="mine").start()

    def leave_a_process(self):
        pathlib.Path("beside").write_text(str(subprocess.Popen(["sleep", "600"]).pid))

    def fork_and_loop(self):
        print("here I am")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        child = os.fork()
        if child == 0:
            time.sleep(600)
        with open("forked", "a") as file:
            file.write(f"{child}\\n")
        self.loop()
'''
#: In the order of their claims. The first three cost their trainers, the next three share one.
VARIANTS = ("exit", "loop", "shout", "disturb", "witness", "leave_a_process", "leave_a_thread")


def written(folder: Path, *variants: str, baseline: str = "nothing") -> None:
    text = STUDY.replace('does = "nothing"', f'does = "{baseline}"')
    text += "".join(f'\n[[variants]]\nname = "{name}"\nset = {{ "model.does" = "{name}" }}\n' for name in variants)
    (folder / "bad.toml").write_text(text, encoding="utf-8")
    (folder / "my_models.py").write_text(NETS, encoding="utf-8")


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one worker has served every kind of misbehaviour."""
    folder = tmp_path_factory.mktemp("bad")
    written(folder, *VARIANTS)
    words = ("run", "bad.toml", "--workers", "1", "--devices", "cpu", "--stall-timeout", "3s")
    command = [sys.executable, "-m", "ablate", *words]
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 4, done.stderr
    return folder


def attempts(folder: Path, variant: str) -> list[tuple[object, ...]]:
    return query(
        folder,
        "select attempts.state, failure_kind, failure_message, failure_details, attempts.job from attempts "
        "join jobs on jobs.id = attempts.job join variants on variants.id = jobs.variant "
        f"where variants.name = '{variant}' order by attempts.id",
    )


def logged(folder: Path, variant: str) -> str:
    """What `ablate logs` prints of a variant's job."""
    command = [sys.executable, "-m", "ablate", "logs", str(attempts(folder, variant)[0][4])]
    return subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True
    ).stdout


def test_an_exit_is_the_fault_of_its_job(after: Path) -> None:
    [(state, kind, message, details, job)] = attempts(after, "exit")
    assert (state, kind, message) == ("failed", "user_error", f"the code of job {job} called sys.exit(3)")
    assert 'File "my_models.py", line' in str(details)
    assert "sys.exit(3)" in str(details)


def test_a_job_that_shows_no_sign_of_life_is_stalled_where_it_stands(after: Path) -> None:
    [(state, kind, message, details, _)] = attempts(after, "loop")
    assert (state, kind) == ("failed", "stalled")
    line = NETS.splitlines().index("            pass", NETS.splitlines().index("        while True:")) + 1
    assert str(message) in {f"no sign of life for 3 s; it was at my_models.py:{at}, in loop" for at in (line - 1, line)}
    assert 'File "my_models.py", line' in str(details)
    assert "in forward" in str(details)
    assert "stalled: no sign of life" in logged(after, "loop")


def test_of_much_output_the_beginning_and_the_end_are_kept(after: Path) -> None:
    assert [state for state, *_ in attempts(after, "shout")] == ["succeeded"]
    told = logged(after, "shout")
    assert "the first words" in told
    assert "the last words" in told
    assert "bytes of output left out ...]" in told
    assert len(told) < 3_000_000


def test_a_job_finds_the_process_as_if_it_were_the_first(after: Path) -> None:
    assert [state for state, *_ in attempts(after, "disturb")] == ["succeeded"]
    assert [state for state, *_ in attempts(after, "witness")] == ["succeeded"]
    expected = "witness: True True True False False True 0 0 warn False False torch.float32 torch.float32"
    assert expected in logged(after, "witness")


def test_a_trainer_with_leftovers_is_replaced(after: Path) -> None:
    for variant, left in (("leave_a_process", "a process"), ("leave_a_thread", "a thread")):
        [(state, *_, job)] = attempts(after, variant)
        assert state == "succeeded"
        log = next((after / ".ablate" / "logs").iterdir()).read_text("utf-8", "replace")
        assert f"the code of job {job} changed more than its own: it left {left} running" in log
    assert gone(int((after / "beside").read_text("ascii")))


def test_a_job_that_hears_nothing_is_given_back_and_leaves_nothing_behind(folder: Path, ablate: Ablate) -> None:
    written(folder, baseline="fork_and_loop")
    assert ablate("submit", "bad.toml").returncode == 0

    def forked() -> list[int]:
        file = folder / "forked"
        return [int(line) for line in file.read_text("ascii").splitlines()] if file.exists() else []

    with worker(folder) as process:
        wait_until(forked, folder, process)
        assert "here I am" in (folder / "worker.log").read_text("utf-8")
        os.kill(trainer_of(process.pid), signal.SIGKILL)  # its pipes stay open in what it has forked
        wait_until(lambda: len(forked()) == 2, folder, process)
        assert gone(forked()[0])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert gone(forked()[1])
    printed = "select state, json_extract(failure_facts, '$.printed') from attempts order by id"
    assert query(folder, printed) == [("failed", "here I am"), ("released", None)]
    with worker(folder) as process:
        wait_until(lambda: len(forked()) == 3, folder, process)
        trainer = trainer_of(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: gone(trainer) and gone(forked()[2]), folder)
    assert epochs(folder) == 0
