"""What a page tells of runs that took several attempts or went wrong: all of it, within bounds, and nobody's name."""

from collections.abc import Mapping
from dataclasses import replace

from page_cases import Reader, page_of
from report_cases import attempt, whole, wounded

from ablate.protocol import AttemptState
from ablate.report.html import attempts as bounds
from ablate.report.html.attempts import history, letters_each
from ablate.store.history import AttemptRecord
from ablate.verdicts.results import Results

LOST = attempt(1, AttemptState.LOST, resumed_from=0)
KILLED = attempt(
    2,
    resumed_from=3,
    failure_message="the trainer was ended by SIGSEGV",
    printed='step 40 of 90\n  File "/home/ada/venv/lib/python3.11/site-packages/torch/nn.py", line 9 in forward',
)


def job_of(given: Results, variant: str, seed: int) -> int:
    return next(run.job for run in given.runs if (run.variant_key, run.seed) == (variant, seed))


def page_with(given: Results, attempts: Mapping[int, tuple[AttemptRecord, ...]]) -> Reader:
    return Reader(page_of(replace(given, attempts=attempts)))


def test_a_run_that_took_several_attempts_tells_each_and_what_was_printed_last() -> None:
    given = whole()
    done = attempt(3, AttemptState.SUCCEEDED, resumed_from=4)
    page = page_with(given, {job_of(given, "key of optimizer=Adam", 2): (LOST, KILLED, done)})
    [told] = page.all("div", class_="history")
    assert told.said.startswith("Seed 2, succeeded: 3 attempts")
    [table] = page.all("table", class_="attempts")
    rows = [row.said for row in page.elements[page.elements.index(table) :] if row.tag == "tr"][1:4]
    assert rows == [
        "1 lost 2025-03-01 01:00:00 90.0 cuda:0 · NVIDIA H200 its worker gave no sign of life",
        "2 failed 2025-03-01 02:00:00 90.0 3 cuda:0 · NVIDIA H200 the trainer was ended by SIGSEGV",
        "3 succeeded 2025-03-01 03:00:00 90.0 4 cuda:0 · NVIDIA H200",
    ]
    [printed] = [one for one in page.all("pre") if "step 40" in one.said]
    assert 'File "site-packages/torch/nn.py", line 9 in forward' in printed.said


def test_a_page_names_neither_machine_nor_its_owner() -> None:
    given = wounded()
    seen = f"no file /home/ada/thesis/cat.png {'of all ' * 100}"
    tried = attempt(failure_message=seen, failure_details='File "/Users/ada/nets.py"', printed="\u202ereversed\x1b")
    runs = tuple(replace(one, error=seen) if one.error else one for one in given.runs)
    job = job_of(given, "key of optimizer=Adam", 4)
    text = page_of(replace(given, runs=runs, attempts={job: (tried,)}))
    assert "~/thesis/cat.png" in text
    for word in ("ada/", "adas-laptop", "\u202e", "\x1b"):
        assert word not in text


def test_what_went_well_at_once_has_no_history() -> None:
    given = whole()
    running = attempt(state=AttemptState.RUNNING)
    page = page_with(given, {job_of(given, "b", 0): (running,)})
    assert not page.all("div", class_="history")
    assert history([LOST, running], 10) is not None


def test_of_many_attempts_the_newest_are_there() -> None:
    tries = [replace(KILLED, number=number) for number in range(1, 31)]
    found = history(tries, 1000)
    assert found is not None
    assert found.told == f"30 attempts, the last {bounds.MOST_ATTEMPTS} of them here"
    assert [one.number for one in found.attempts] == ["25", "26", "27", "28", "29", "30"]
    assert [bool(one.printed) for one in found.attempts] == [False, False, False, True, True, True]


def test_all_that_was_printed_stays_within_bounds_and_the_end_is_kept() -> None:
    shouting = replace(KILLED, printed="x" * 60_000 + "the end", failure_details="y" * 60_000)
    few = history([shouting], letters_each([[shouting]]))
    assert few is not None
    assert few.attempts[0].printed.endswith("the end")
    assert len(few.attempts[0].printed) == bounds.MOST_LETTERS + 2
    many = [[shouting] * 40] * 1000
    letters = letters_each(many)
    assert letters * 1000 * bounds.MOST_TOLD * 2 <= bounds.ALL_LETTERS
    long = replace(shouting, failure_message="z" * 9000)
    told = history([long] * 40, letters)
    assert told is not None
    assert sum(len(one.message) for one in told.attempts) <= bounds.MOST_ATTEMPTS * (bounds.MOST_MESSAGE + 1)
