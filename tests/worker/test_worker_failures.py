"""What is told of an exception, whatever the user's code makes of it."""

from pathlib import Path

import pytest
import torch

from ablate.errors import AblateError, DataMissingError
from ablate.protocol import FailureKind
from ablate.recipe import Recipe
from ablate.worker.failures import broke
from ablate.worker.messages import Broke, Train
from ablate.worker.wording import DETAILS_LENGTH, MESSAGE_LENGTH

#: What a cut may add: the words that tell of it.
WORDS = 100


class NamelessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def report(error: BaseException, folder: Path) -> Broke:
    recipe = Recipe.model_validate(
        {
            "data": {"name": "digits", "batch_size": 48},
            "training": {"epochs": 1, "optimizer": {"name": "SGD", "lr": 0.1}},
        }
    )
    order = Train(
        job=7, attempt=1, recipe=recipe, seed=0, device="cpu", threads=1, data_root=None, artifacts=folder,
        checkpoints=(), checkpoint_every=0.0, alive_every=2.0, sources={}, folder=folder, study="mine",
        keep="none",
    )  # fmt: skip
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001 - any
        return broke(raised, order)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (SystemExit(), FailureKind.USER_ERROR, "the code of job 7 called sys.exit()"),
        (SystemExit("no data"), FailureKind.USER_ERROR, "the code of job 7 called sys.exit('no data')"),
        (KeyboardInterrupt(), FailureKind.USER_ERROR, "the code of job 7 raised KeyboardInterrupt"),
        (ValueError("first\nsecond"), FailureKind.USER_ERROR, "ValueError: first"),
        (NamelessError(), FailureKind.USER_ERROR, "NamelessError: (RuntimeError where its text should be)"),
        (AblateError("not so", cure="So."), FailureKind.USER_ERROR, "not so\nSo."),
        (DataMissingError("no images"), FailureKind.DATA_MISSING, "no images"),
    ],
)
def test_each_exception_has_its_kind_and_a_line(
    tmp_path: Path, error: BaseException, kind: FailureKind, message: str
) -> None:
    told = report(error, tmp_path)
    assert (told.kind, told.message) == (kind, message)
    assert ("Traceback" in told.details) == (not isinstance(error, AblateError))


def test_want_of_memory_is_told_with_batch_size_and_peak(tmp_path: Path) -> None:
    for error in (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), MemoryError()):
        told = report(error, tmp_path)
        assert told.kind is FailureKind.OUT_OF_MEMORY
        assert told.message.startswith("out of memory with a batch size of 48 and ")
        assert told.facts["batch_size"] == 48
        assert told.facts["peak_memory_bytes"] > 1_000_000


def test_gigantic_messages_are_cut_and_what_led_to_them_stays_visible(tmp_path: Path) -> None:
    error: BaseException = ValueError("the cause" + "x" * 5_000_000 + "its end")
    for number in range(3):
        outer = RuntimeError(f"outcome {number}" + "y\n" * 2_000_000)
        outer.__cause__ = error
        error = outer
    told = report(error, tmp_path)
    assert told.message == "RuntimeError: outcome 2y"
    assert len(told.details) <= DETAILS_LENGTH + WORDS
    for words in ("the cause", "its end", "outcome 0", "outcome 1", "outcome 2", "direct cause", "left out"):
        assert words in told.details
    assert len(report(ValueError("z" * 5_000_000), tmp_path).message) <= MESSAGE_LENGTH + WORDS


def test_a_chain_without_end_is_cut_in_the_middle(tmp_path: Path) -> None:
    error: BaseException = ValueError("the first")
    for number in range(2000):
        outer = RuntimeError(f"outcome {number}")
        outer.__cause__ = error
        error = outer
    details = report(error, tmp_path).details
    assert len(details) <= DETAILS_LENGTH + WORDS
    assert "the first" in details
    assert "outcome 1999" in details
