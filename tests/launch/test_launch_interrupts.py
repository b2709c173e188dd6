"""Ctrl-C and SIGTERM: raised at once, and once more where Python lost them."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from ablate.launch.interrupts import Interrupts

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Loses:
    """Its finalizer is where the signal arrives."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        for _ in range(1000):  # where the interpreter looks at signals
            pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_interrupt(number: int) -> None:
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        interrupts.answered()
        interrupts.check()  # nothing more
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_a_finalizer_swallowed_is_raised_at_the_next_look(number: int) -> None:
    with Interrupts() as interrupts:
        lost = Loses(number)
        del lost  # Python prints the exception and goes on
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        interrupts.answered()
        interrupts.check()


def test_in_another_thread_the_handlers_stay_as_they_are() -> None:
    def look() -> list[object]:
        with Interrupts() as interrupts:
            interrupts.check()
            return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(look).result() == before
