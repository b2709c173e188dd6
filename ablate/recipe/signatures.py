"""What optimizers and schedulers of PyTorch take, known without importing PyTorch.

`signatures.json` is written by `python -m ablate.training.signatures`; a test compares it with the installed PyTorch.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["optimizers", "schedulers"]

#: What people write out where PyTorch has a short form.
SHORT_FORMS = {"learning_rate": "lr", "learningrate": "lr"}


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    table: dict[str, dict[str, dict[str, Any]]] = json.loads(
        (files("ablate.recipe") / "signatures.json").read_text("utf-8")
    )
    return table


def names(kind: Kind) -> tuple[str, ...]:
    """Class names of a kind, in alphabetical order."""
    return tuple(sorted(_table()[kind]))


def arguments(kind: Kind, name: str) -> dict[str, Any]:
    """Argument names of a class and their defaults; a required argument has the default `"<required>"`.

    Raises:
        ValueError: There is no such class; the message suggests the nearest.
    """
    known = _table()[kind]
    if name not in known:
        what = "torch.optim" if kind == "optimizers" else "torch.optim.lr_scheduler"
        raise ValueError(f"{what} has no class {name!r} that fits here{did_you_mean(name, list(known))}")
    return known[name]


def checked(kind: Kind, name: str, given: dict[str, Any], *, supplied: tuple[str, ...] = ()) -> dict[str, Any]:
    """`given` with integers turned to floats where the signature has a float, checked against the signature.

    Args:
        kind: Whether `name` is an optimizer or a scheduler.
        name: Class name.
        given: The arguments that the study file gives.
        supplied: Required arguments that ablate fills in by itself.

    Raises:
        ValueError: An argument is unknown, missing, or of another type than its default.
    """
    known = arguments(kind, name)
    result: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            choice = [*known, *(["lr"] if kind == "optimizers" else [])]
            raise ValueError(f"{name} takes no argument {key!r}{did_you_mean(key, choice)}")
        default = known[key]
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"{name}: {key} is a switch, so true or false, not {value!r}")
        elif isinstance(default, int | float) and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{name}: {key} is a number, not {value!r}")
        elif isinstance(default, float) or (kind == "optimizers" and isinstance(default, int)):
            value = float(value)  # 1 and 1.0 are the same recipe
        elif isinstance(default, list) and isinstance(value, list | tuple):
            if len(value) != len(default) or not all(isinstance(item, int | float) for item in value):
                raise ValueError(f"{name}: {key} is a list of {len(default)} numbers, as {default}, not {list(value)}")
            value = [float(item) for item in value]
        result[key] = value
    missing = [
        key for key, default in known.items() if default == "<required>" and key not in given and key not in supplied
    ]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}")
    return result


def without_defaults(kind: Kind, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """`given` without the arguments that say what the signature says anyway."""
    known = arguments(kind, name)
    return {key: value for key, value in given.items() if value != known[key]}


def nearest(word: str, known: list[str]) -> str:
    """What was probably meant; empty where nothing is like it."""
    lowered = {item.lower(): item for item in known} | {
        long: short for long, short in SHORT_FORMS.items() if short in known
    }
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else ""


def did_you_mean(word: str, known: list[str]) -> str:
    """A suggestion to append to a message: `; did you mean 'Adam'?`, or the whole choice when it is short."""
    if close := nearest(word, known):
        return f"; did you mean {close!r}?"
    return f"; choose from {', '.join(sorted(known))}" if 0 < len(known) <= 24 else ""
