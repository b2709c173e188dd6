"""Stopping when the time is over, and the parts of a supervisor that watch and keep: watchdog, output, wording."""

from pathlib import Path

import pytest

from ablate.worker.last_words import MOST_LETTERS, last_words
from ablate.worker.logs import BEGINS, ENDS, JOINS, PACK, announces, excerpt, log_file
from ablate.worker.output import KEPT_BYTES, RECENT_BYTES, Kept
from ablate.worker.stalled import stalled
from ablate.worker.watchdog import LOOK_SECONDS, START_SECONDS, Watchdog
from ablate.worker.wording import as_written, duration, shortened
from tests.command import Ablate
from tests.workers import LONG_STUDY, query


def test_a_worker_whose_time_is_over_gives_its_job_back(folder: Path, ablate: Ablate) -> None:
    (folder / "tiny.toml").write_text(LONG_STUDY, encoding="utf-8")
    assert ablate("submit", "tiny.toml").returncode == 0
    done = ablate("worker", "--device", "cpu", "--max-time", "3s")
    assert done.returncode == 0, done.stderr
    assert query(folder, "select state, fruitless_attempts from jobs") == [("queued", 0)] * 2
    assert query(folder, "select state from attempts") == [("preempted",)]


def test_a_run_whose_time_is_over_says_how_to_go_on(folder: Path, ablate: Ablate) -> None:
    (folder / "tiny.toml").write_text(LONG_STUDY, encoding="utf-8")
    done = ablate("run", "tiny.toml", "--workers", "1", "--devices", "cpu", "--max-time", "10s")
    assert done.returncode == 130, done.stderr
    assert "the time is over" in done.stderr
    assert "stopped with 0 of 2 jobs done." in done.stderr
    assert "Type the same command again to go on." in done.stderr
    assert query(folder, "select state from jobs") == [("queued",)] * 2
    assert set(query(folder, "select state from attempts")) <= {("preempted",)}


def test_the_watchdog_waits_for_the_first_batch_and_then_for_signs_of_life() -> None:
    dog = Watchdog(30.0, now=0.0)
    assert dog.due == START_SECONDS
    for now in range(0, int(START_SECONDS), 10):
        assert not dog.barks(now)
    dog.sign(600.0)
    assert [dog.barks(now) for now in (610.0, 620.0, 629.0)] == [False, False, False]
    assert dog.barks(630.0)


def test_time_in_which_nobody_looked_is_not_held_against_a_trainer() -> None:
    dog = Watchdog(30.0, now=0.0)
    dog.sign(1.0)
    assert not dog.barks(5000.0)  # the machine was asleep
    assert not dog.barks(5000.0 + LOOK_SECONDS / 2)
    assert dog.barks(5000.0 + LOOK_SECONDS)


def test_no_limit_never_barks() -> None:
    dog = Watchdog(None, now=0.0)
    dog.sign(1.0)
    assert not any(dog.barks(10.0 * now) for now in range(100_000))


def test_of_a_stream_the_beginning_and_the_end_are_kept() -> None:
    out = bytearray()
    kept = Kept(out.extend)
    kept.add(b"short")
    kept.close()
    assert out == b"short\n"
    out.clear()
    for number in range(5 * KEPT_BYTES // 1024):
        kept.add(f"{number:1023}\n".encode())
    assert len(out) == KEPT_BYTES
    kept.close()
    lines = out.decode().split("\n")
    assert lines[0].strip() == "0"
    assert lines[-2].strip() == str(5 * KEPT_BYTES // 1024 - 1)
    assert f"[... {3 * KEPT_BYTES:,} bytes of output left out ...]" in lines
    out.clear()
    kept.add(b"the next attempt\n")
    assert out == b"the next attempt\n"


def test_the_end_of_a_stream_is_at_hand_until_the_attempt_is_over() -> None:
    kept = Kept(lambda chunk: None)
    kept.add(b"x" * 3 * RECENT_BYTES + b"the end")
    assert kept.recent.endswith(b"xthe end")
    assert len(kept.recent) == RECENT_BYTES
    kept.close()
    assert kept.recent == b""


def test_last_words_are_what_a_terminal_would_show(tmp_path: Path) -> None:
    begins = "INFO ablate.worker.trainer: " + BEGINS % (3, 1, 0)
    bar = "".join(f"\r{percent:3} %|{'█' * (percent // 25)}" for percent in range(0, 101, 25))
    said = f'{begins}\n\x1b[31mred\x1b[0m\x00\r\n{bar}\n  File "{tmp_path}/code/code-1/my.py"\n\n'
    assert last_words(said, tmp_path) == 'red\n100 %|████\n  File "my.py"'
    assert last_words(f"{begins}\n", tmp_path) == ""
    long = last_words("\n".join(f"line {number}" for number in range(5000)), tmp_path)
    assert len(long) <= MOST_LETTERS
    assert long.endswith("\nline 4999")
    assert long.startswith("line ")


def test_long_texts_lose_their_middle_and_say_so() -> None:
    assert shortened("as it is", 8) == "as it is"
    assert shortened("a" * 50 + "b" * 50, 20) == "a" * 10 + " [... 80 characters left out ...] " + "b" * 10
    assert shortened("a\n" * 50, 20) == "a\n" * 5 + "\n[... 80 characters left out ...]\n" + "a\n" * 5


@pytest.mark.parametrize(
    ("seconds", "told"), [(3.0, "3 s"), (90.0, "90 s"), (1800.0, "30 min"), (3600.0, "1 h"), (5400.0, "90 min")]
)
def test_durations_are_told_in_their_largest_unit(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_files_are_named_as_in_the_study(tmp_path: Path) -> None:
    text = f'  File "{tmp_path}/code/code-ab_1/nets/my.py", line 3 in forward'
    assert as_written(text, tmp_path) == '  File "nets/my.py", line 3 in forward'


def test_a_stalled_job_is_told_with_its_innermost_line_of_own_code(tmp_path: Path) -> None:
    stack = (
        'Thread 0x1 (most recent call first):\n  File "other.py", line 1 in run\n\n'
        'Current thread 0x2 (most recent call first):\n  File "/lib/torch/nn.py", line 9 in forward\n'
        f'  File "{tmp_path}/code/code-x/my.py", line 7 in forward\n  File "/lib/torch/loop.py", line 8 in loop\n'
    )
    report = stalled(stack, 1800.0, tmp_path)
    assert report.message == "no sign of life for 30 min; it was at my.py:7, in forward"
    assert 'File "my.py", line 7' in report.details
    silent = stalled("", 60.0, tmp_path)
    assert (silent.message, "did not answer" in silent.details) == ("no sign of life for 1 min", True)


def test_the_log_of_a_job_ends_where_the_next_begins_and_those_of_a_pack_lie_over_each_other(tmp_path: Path) -> None:
    lines = (
        BEGINS % (1, 1, 0), "one", PACK % (2, 4), JOINS % (2, 2, 0), JOINS % (3, 3, 5), "both", ENDS % (2, 2),
        JOINS % (4, 4, 0), "others", PACK % (1, 4), JOINS % (5, 5, 0), "five", BEGINS % (6, 6, 0), "six",
    )  # fmt: skip
    file = log_file(tmp_path, "w")
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(f"INFO trainer: {line}" for line in lines), encoding="utf-8")

    def told(attempt: int) -> str:
        return (excerpt(tmp_path, worker="w", attempt=attempt) or "").replace("INFO trainer: ", "")

    assert [line for line in lines if not announces(line)] == ["one", "both", "others", "five", "six"]
    assert told(1).splitlines() == [lines[0], "one"]
    assert told(2).splitlines() == list(lines[3:7])
    assert told(3).splitlines() == list(lines[4:9])  # it was killed with all that were beside it
    assert [told(attempt).splitlines()[1:] for attempt in (4, 5, 6, 7)] == [["others"], ["five"], ["six"], []]
