"""Durations behind options."""

import pytest

from ablate.cli.durations import seconds
from ablate.cli.options import stall_limit, time_limit
from ablate.errors import UsageError
from tests.command import Ablate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1.5d", 129_600),
        ("1h30m", 5400),
        (" 4H ", 14_400),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_a_duration_is_read(text: str, expected: float) -> None:
    assert seconds("--max-time", text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("30", "--max-time '30' has no unit.\nWrite `--max-time 30m` for minutes"),
        ("soon", "--max-time 'soon' is no duration.\nWrite it as `--max-time 90s`"),
        ("", "--max-time '' is no duration"),
        ("-5m", "is no duration"),
        ("1e9s", "is no duration"),
        ("٣m", "is no duration"),
        ("1001d", "more than a thousand days"),
        ("9" * 5000 + "d", "more than a thousand days"),
    ],
)
def test_what_is_no_duration_is_told_with_what_to_write(text: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        seconds("--max-time", text)
    assert told in str(refused.value)


def test_limits_may_be_left_out() -> None:
    assert (stall_limit("0"), stall_limit("2s"), time_limit(None), time_limit("4h")) == (None, 2, None, 14_400)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "tiny.toml", "--max-time", "0"], "--max-time 0 leaves no time to train."),
        (["worker", "--stall-timeout", "0.5s"], "--stall-timeout '0.5s' is shorter than a second."),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(ablate: Ablate, words: list[str], told: str) -> None:
    done = ablate(*words)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
