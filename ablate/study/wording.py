"""pydantic's errors in our words: the thing, what it must be, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ablate.recipe.key import Keyed
from ablate.recipe.model import FAMILIES
from ablate.recipe.signatures import did_you_mean
from ablate.study.faults import MAX_PROBLEMS, printable, shown
from ablate.study.positions import MISSING, Path, inside
from ablate.study.vocabulary import elsewhere, fields_at, no_key

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
#: What to write for a key that is missing or is no table, by dotted path without indices.
_EXAMPLES = {
    "name": 'name = "my_study"',
    "baseline": '[baseline.data] with `name = "digits"`, and [baseline.training] with `epochs = 10` and '
    '`optimizer = { name = "SGD", lr = 0.01 }`',
    "data": '[baseline.data] with `name = "digits"`',
    "data.name": 'name = "digits"',
    "data.augment.name": 'name = "horizontal_flip"',
    "data.augment.augment": 'augment = ["rotation"]',
    "data.folder": 'folder = "flowers"',
    "data.normalize": "normalize = { mean = [0.5], std = [0.5] }",
    "data.normalize.mean": "mean = [0.5]",
    "data.normalize.std": "std = [0.5]",
    "model": '[baseline.model] with `name = "convnet"`',
    "model.name": 'name = "convnet"',
    "model.stem.channels": "channels = 32",
    "training": '[baseline.training] with `epochs = 10` and `optimizer = { name = "SGD", lr = 0.01 }`',
    "training.epochs": "epochs = 10",
    "training.phases.epochs": "epochs = 10",
    "training.early_stopping.patience": "patience = 10",
    "training.warmup.epochs": "epochs = 5",
    "training.ema": "ema = { decay = 0.999 }",
    "training.parameter_groups": 'parameter_groups = [{ match = ["head.*"], lr = 0.001 }]',
    "training.parameter_groups.match": 'match = ["head.*"]',
    "training.no_weight_decay": 'no_weight_decay = ["norm", "bias"]',
    "training.optimizer": 'optimizer = { name = "Adam", lr = 0.001 }',
    "training.optimizer.name": 'name = "SGD"',
    "training.optimizer.lr": "lr = 0.01",
    "training.scheduler": 'scheduler = { name = "StepLR", step_size = 5, gamma = 0.5 }',
    "designs": '[[designs]] with `kind = "one-at-a-time"`',
    "designs.kind": 'kind = "one-at-a-time"',
    "designs.resolution": "resolution = 4",
    "designs.runs": "runs = 20",
    "designs.factors": 'factors = ["dropout", "norm"]',
    "factors": '[factors.dropout] with `path = "model.dropout"` and `levels = [0.3]`',
    "factors.levels": "levels = [0.1, 0.3]",
    "variants": '[[variants]] with `name = "..."` and `set = { "training.epochs" = 30 }`',
    "variants.name": 'name = "wide"',
    "variants.set": 'set = { "model.channels" = [64, 64] }',
    "seeds": "[seeds] with `count = 5`",
    "report": '[report] with `curves = ["val_accuracy"]`',
    "report.curves": 'curves = ["val_accuracy"]',
    "report.epochs": '[[report.epochs]] with `metric = "val_accuracy"`',
    "report.epochs.metric": 'metric = "val_accuracy"',
    "report.epochs.variants": 'variants = ["baseline"]',
}
#: Shares: a number above 1 is probably meant in percent.
_SHARES = ("validation", "dropout", "p", "label_smoothing")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake in a document."""

    #: Keys and indices that exist in the document, plus a missing key at the end.
    path: Path
    message: str
    #: The value is wrong, not the key.
    value: bool


def explained(
    error: ValidationError, document: object, root: type[BaseModel], speak: Callable[[Path], str]
) -> Iterator[Finding]:
    """The mistakes behind a validation error, one for each place.

    Args:
        error: What pydantic raised.
        document: What it was given.
        root: The model it was given to.
        speak: How messages name a path.
    """
    places: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        places.setdefault(_real(details, document), []).append(details)
    around = {path[:length] for path in places for length in range(len(path))}
    for index, (path, found) in enumerate(places.items()):
        if index > 2 * MAX_PROBLEMS:  # nobody reads them: no time is spent on what was meant
            yield Finding(path=path, message=f"`{speak(path)}` does not fit here", value=False)
        elif path in around and all(
            details["type"] in _TYPES or details["type"] in ("literal_error", "too_short") for details in found
        ):
            continue  # the branch of a union that was not meant
        else:
            yield _finding(path, found, document, root, speak)


def _finding(
    path: Path, found: list[ErrorDetails], document: object, root: type[BaseModel], speak: Callable[[Path], str]
) -> Finding:
    kinds = [details["type"] for details in found]
    first = next((item for item in found if item["type"] not in _TYPES and item["type"] != "literal_error"), found[0])
    kind, value, context = first["type"], first["input"], first.get("ctx", {})
    name = f"`{speak(path)}`"
    keys = [part for part in path if isinstance(part, str)]
    plain = ".".join(keys[:1] + keys[2:] if keys[:1] == ["factors"] else keys)
    example = _EXAMPLES.get(plain, "")
    if kind == "value_error":
        return _told(path, str(context["error"]), value, name if path else "")
    if kind == "missing":
        write = f": write {example if example.startswith('[') else f'`{example}`'}" if example else ""
        return Finding(path=path, message=f"{name} is missing{write}", value=False)
    if kind == "extra_forbidden":
        return Finding(path=path, message=_unknown(path, document, root, speak), value=False)
    if kind.startswith("union_tag"):
        return _untagged(path, str(context.get("expected_tags", "")), value, name, plain)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        bound = context[key]
        bound = int(bound) if isinstance(bound, float) and bound.is_integer() else bound
        share = path and path[-1] in _SHARES and isinstance(value, int | float) and 5 <= value <= 100
        hint = f"; it is a share: write {value / 100:g} for {value:g} %" if share else ""
        message = f"{name} must be {words} {bound}, not {shown(value)}{hint}"
    elif kind in ("too_short", "too_long"):
        words, key = ("at least", "min_length") if kind == "too_short" else ("at most", "max_length")
        message = f"{name} must have {words} {context[key]} entries, not {context.get('actual_length', len(value))}"
    elif kind == "finite_number":
        message = f"{name} must be a finite number, not {shown(value)}"
    elif kind == "string_pattern_mismatch" and plain == "model.name":
        message = f"{name}: {_no_network(value)}"
    elif kind == "string_pattern_mismatch" and plain == "model.weights":
        message = f"{name}: {shown(value)} is no name of weights and no file that ends in .pth, .pt or .safetensors"
    elif "literal_error" in kinds:
        message = _not_among(name, found, value)
    elif kind in _TYPES:
        expected = " or ".join(dict.fromkeys(_TYPES[item] for item in kinds if item in _TYPES))
        message = f"{name} must be {expected}, not {shown(value)}{_type_hint(expected, value, example)}"
    else:
        message = f"{name}: {shown(value)} does not fit here ({first['msg'].lower()})"
    return Finding(path=path, message=message, value=True)


def _no_network(given: str) -> str:
    """That a name of a library's network is none that the library could know."""
    library, _, name = given.partition(":")
    model, dot, tag = name.partition(".")
    if library == "timm" and dot:
        return f'write the tag of the weights apart: `name = "timm:{printable(model)}"`, `weights = "{printable(tag)}"`'
    what = "model" if library == "timm" else "builder"
    return f'{library} has no {what} {shown(given)}; they are written in small letters, as "{library}:resnet18"'


def _real(details: ErrorDetails, document: object) -> Path:
    """The location without the names of union members that pydantic puts in between."""
    path: Path = ()
    loc = details["loc"]
    for index, part in enumerate(loc):
        inner = inside(document, part)
        if inner is not MISSING:
            document = inner
        elif not (details["type"] == "missing" and index == len(loc) - 1):
            continue
        path = (*path, part)
    return path


def _told(path: Path, message: str, value: object, name: str) -> Finding:
    """A message of a validator of our own; it stands at the key that it speaks of."""
    if isinstance(value, dict):
        words = re.findall(r"[`']([\w.]+)(?: = [^`]*)?[`']", message) + re.findall(r"\b\w+\b", message)
        if " has no class " in message:
            words.insert(0, "name")
        for word in words:
            inner: object = value
            parts = word.split(".")
            for part in parts:
                inner = inner.get(part) if isinstance(inner, dict) else None
            if inner is not None:
                path = (*path, *parts)
                break
        if isinstance(path[-1] if path else None, int):
            name = ""
    return Finding(path=path, message=f"{name}: {message}" if name else message, value=False)


def _unknown(path: Path, document: object, root: type[BaseModel], speak: Callable[[Path], str]) -> str:
    key = str(path[-1])
    known = list(fields_at(root, path[:-1], document))
    of_recipe = issubclass(root, Keyed)
    if path[0] not in root.model_fields or not of_recipe:
        if of_recipe and key == "select":
            return "`select` stands at the top of the file, above the tables"
        if of_recipe and key == "params":
            return 'there is no key `params`; it is for a trainer of your own: `trainer = "my_train.py:train"`'
        if of_recipe:
            return no_key([], key, known)
        near = did_you_mean(key, known)
        there = elsewhere(key) if len(path) == 1 and "did you mean" not in near else []
        if there:
            table = there[0].rpartition(".")[0]
            belongs = f"[baseline.{key}]" if not table else f"`{there[0].rpartition('.')[2]}` in [baseline.{table}]"
            return f"there is no key `{key}` here; write it as {belongs}"
        return f"there is no key `{printable(speak(path))}` here{near}"
    where = ""
    if path[0] == "model" and isinstance(document, dict):
        name = document["model"].get("name")
        where = f" in {printable(str(name))}" if name != "convnet" else ""
    return no_key(path[:-1], key, known, where=where)


def _untagged(path: Path, expected: str, value: object, name: str, plain: str) -> Finding:
    """A table whose `name` or `kind` is missing or says nothing that is known."""
    key = "kind" if plain == "designs" else "name"
    given = value.get(key) if isinstance(value, dict) else value
    known = [name for name in re.findall(r"'([^']*)'", expected) if name != "own"]
    if isinstance(value, dict) and key not in value:
        what = "a design" if plain == "designs" else name
        write = _EXAMPLES.get(f"{plain}.{key}", f"{key} = ...")
        return Finding(path=(*path, key), message=f"{what} needs a `{key}`: write `{write}`", value=False)
    inner = (*path, key) if isinstance(value, dict) else path
    if plain == "model":
        builder = re.sub(r"[^a-z0-9_]", "", given.lower()) if isinstance(given, str) else ""
        meant = f'"torchvision:{builder}"' if re.match(r"[a-z]", builder) else '"torchvision:resnet18"'
        near = did_you_mean(str(given), sorted(FAMILIES))
        others = (
            f"; write one of ablate's, {', '.join(sorted(FAMILIES))}, a builder of torchvision as {meant} "
            'or of timm as "timm:NAME", or your own as "my_models.py:Net"'
        )
        hint = near if "did you mean" in near else others
        if not isinstance(value, dict):
            hint = '; it is a table: `[baseline.model]` with `name = "convnet"`'
        return Finding(path=inner, message=f"{name}: there is no model {shown(given)}{hint}", value=True)
    what = {"designs": "design", "data.augment": "augmentation"}.get(plain, "choice")
    hint = did_you_mean(str(given), known)
    prefix = "" if plain == "designs" else f"{name}: "
    return Finding(path=inner, message=f"{prefix}there is no {what} {shown(given)}{hint}", value=True)


def _not_among(name: str, found: list[ErrorDetails], value: object) -> str:
    """A text that is none of the texts which are allowed."""
    expected = next(item for item in found if item["type"] == "literal_error").get("ctx", {}).get("expected", "")
    known = re.findall(r"'([^']*)'", str(expected))
    if not known:
        return f"{name} must be {expected}, not {shown(value)}"
    types = list(dict.fromkeys(_TYPES[item["type"]] for item in found if item["type"] in _TYPES))
    if isinstance(value, str) and len(known) > 1:
        return f"{name} cannot be {shown(value)}{did_you_mean(value, known)}"
    words = " or ".join([*(f'"{item}"' for item in known), *types])
    if isinstance(value, str) and types == ["a list"]:
        hint = did_you_mean(value, known)
    else:
        hint = _type_hint(" or ".join(types), value, "")
    return f"{name} must be {words}, not {shown(value)}{hint}"


def _type_hint(expected: str, value: Any, example: str) -> str:  # noqa: ANN401 - any value of a file
    if isinstance(value, str) and ("number" in expected or "true" in expected):
        if re.fullmatch(r"[+-]?\d[\d_]*(\.\d+)?([eE][+-]?\d+)?", value) or value in ("true", "false"):
            return f"; write it without quotes: {value}"
        if percent := re.fullmatch(r"(\d+(?:\.\d+)?) ?%", value):
            return f"; write {float(percent[1]) / 100:g}"
    elif "whole number" in expected and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    elif "true" in expected and value in (0, 1):
        return f"; write {'true' if value else 'false'}"
    elif expected == "a list" and not isinstance(value, dict):
        return f"; write [{shown(value)}]"
    elif "text" in expected and isinstance(value, int | float):
        return f"; write {shown(str(value))}"
    if expected == "a table" and example:
        return f"; write `{example}`" if " = " in example and "[" not in example else f"; write {example}"
    return ""
