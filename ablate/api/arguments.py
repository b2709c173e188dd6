"""Arguments as people write them in Python, checked before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import SupportsIndex, TypeGuard

from ablate.errors import UsageError
from ablate.launch.local import MAX_WORKERS
from ablate.orchestrate.stale import Stale
from ablate.study import Study


def is_study(study: object) -> None:
    """See that a study is one.

    Raises:
        UsageError: It is something else, perhaps the name of its file.
    """
    if not isinstance(study, Study):
        raise UsageError(
            f"{study!r} is no Study.",
            cure="Make one by `ablate.load_study(path)`, `ablate.Study.from_dict({...})` or "
            "`ablate.open(db).study(name)`.",
        )


def part_of(
    study: Study, *, factors: Iterable[str] | None, variants: Iterable[str] | None, seeds: Iterable[int] | None
) -> Study | None:
    """The part of a study that was asked for; None for the whole.

    Raises:
        UsageError: There is no such part, or nothing is left of the study.
    """
    if factors is None and variants is None and seeds is None:
        return None
    return study.only(
        factors=_names("factors", factors),
        variants=_names("variants", variants),
        seeds=_seeds(seeds),
    )


def worker_count(workers: object) -> int | None:
    """A number of workers; None for `auto`.

    Raises:
        UsageError: It is neither.
    """
    if workers == "auto":
        return None
    count = index(workers) if _is_whole(workers) else 0
    if not 1 <= count <= MAX_WORKERS:
        raise UsageError(f"workers={workers!r} is no number of workers.", cure='Write `workers=4` or `workers="auto"`.')
    return count


def device_names(devices: str | Sequence[int | str] | None) -> list[str] | None:
    """Devices as `place` takes them; None for all.

    Raises:
        UsageError: The list is empty.
    """
    if devices is None:
        return None
    names = devices.split(",") if isinstance(devices, str) else [str(device) for device in devices]
    if not names:
        raise UsageError("devices names no device.", cure='Write `devices=[0, 1]` or `devices="cpu"`, or leave it out.')
    return names


def stale_choice(stale: object) -> Stale:
    """What becomes of stale results.

    Raises:
        UsageError: It is no choice.
    """
    known = [str(choice) for choice in Stale]
    if stale not in known:
        raise UsageError(f"stale={stale!r} is no choice.", cure=f"Write one of {', '.join(map(repr, known))}.")
    return Stale(stale)


def _names(what: str, given: object) -> list[str] | None:
    """A list of names; a single text is refused, since it would be taken letter by letter."""
    if given is None:
        return None
    names = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"{what}={given!r} is no list of {what}.", cure=f'Write `{what}=["NAME", "NAME"]`, or leave it out.'
        )
    return names


def _seeds(given: object) -> list[int] | None:
    """A list of seeds, NumPy's numbers too."""
    if given is None:
        return None
    seeds = list(given) if isinstance(given, Iterable) else []
    if not seeds or not all(_is_whole(seed) for seed in seeds):
        raise UsageError(f"seeds={given!r} is no list of seeds.", cure="Write `seeds=[0, 1]`, or leave it out.")
    return [index(seed) for seed in seeds]


def _is_whole(value: object) -> TypeGuard[SupportsIndex]:
    return isinstance(value, SupportsIndex) and not isinstance(value, bool)
