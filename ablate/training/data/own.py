"""Data sets of the user's own: what their code gives, as tensors.

Images are bytes, as everywhere in ablate; whatever else a data set may hold (features, tokens) is kept as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ablate.recipe import OwnData
from ablate.recipe.own import DATASETS
from ablate.recipe.signatures import did_you_mean
from ablate.training.data.dataset import Dataset, Labelled, is_images
from ablate.training.data.images import ArrayImages
from ablate.training.data.own_values import Array, as_example, as_examples, as_labels
from ablate.training.data.progress import SILENT
from ablate.training.data.scaling import Scaling
from ablate.training.failures import RecipeError
from ablate.training.own_code import called, parameters_of, resolve, told

#: Parts that a data set may have, the first of which it must have.
PARTS = ("train", "validation", "test")
#: Bytes that are hashed at a time.
HASHED = 64 << 20


class _Part(NamedTuple):
    """One part as the user's code gave it: examples and labels, still of any kind."""

    examples: Tensor
    labels: Array
    #: Names of the classes; empty where the code does not say.
    classes: tuple[str, ...]


def load_own(data: OwnData, root: Path, code_root: Path | None) -> Dataset:
    """Call the user's code and take what it gives.

    It may give one part or several, as `{"train": ..., "test": ...}` or `(train, test)` or `(train, validation, test)`.
    A part is a pair of examples and labels (tensors, arrays, or anything that numpy makes an array of), or a map-style
    data set whose items are such pairs. Code with a parameter `train` or `split` that the recipe leaves open is called
    twice, for the training and for the test part.

    Bytes of shape (N, C, H, W) or (N, H, W) are images; arrays, not tensors, may also be (N, H, W, C). Pillow's images
    are scaled as the recipe says. Floats of any shape become float32, other whole numbers int64.

    Args:
        data: The `data` table of a recipe.
        root: The data root, passed as `data_root` or `root` where the code has such a parameter.
        code_root: Folder of the user's own files.

    Raises:
        RecipeError: The code fails, or what it gives is no data set.
    """
    given = _given(data, root, code_root)
    try:
        parts = {name: _part(one, data) for name, one in given.items()}
    except RecipeError:
        raise
    except (Exception, SystemExit) as error:
        raise RecipeError(f"{data.name} fails while it is read: {told(error, code_root)}") from error
    classes, labels = _classes(data.name, parts)
    examples = {name: part.examples for name, part in parts.items()}
    if all(is_images(one) for one in examples.values()):
        examples = {name: _scaled(data, one) for name, one in examples.items()}
    else:
        _refuse_scaling(data)
    if len({(one.dtype, one.shape[1:]) for one in examples.values()}) > 1:
        shown = ", ".join(f"{name}: {one.dtype} {tuple(one.shape[1:])}" for name, one in examples.items())
        raise RecipeError(f"The parts of {data.name} differ: {shown}.")
    held = {name: Labelled(images=examples[name], labels=labels[name]) for name in parts}
    return Dataset(
        name=data.name.rpartition(":")[2],
        classes=classes,
        train=held["train"],
        validation=held.get("validation"),
        test=held.get("test"),
        digest=_digest([*examples.values(), *labels.values()]),
    )


def _given(data: OwnData, root: Path, code_root: Path | None) -> dict[str, object]:
    """What the code gives for each part."""
    target = resolve(data.name, DATASETS, code_root)
    takes = parameters_of(target)
    known: dict[str, Any] = {"data_root": root, "root": str(root)}

    def call(**which: object) -> object:
        return called(data.name, DATASETS, target, data.arguments, known=known | which, code_root=code_root)

    for name, values in (("train", (True, False)), ("split", ("train", "test"))):
        if name in takes and name not in data.arguments:
            return {"train": call(**{name: values[0]}), "test": call(**{name: values[1]})}
    whole = call()
    if isinstance(whole, Mapping):
        for key in whole:
            if key not in PARTS:
                raise RecipeError(f"{data.name} gives a part {key!r}{did_you_mean(str(key), list(PARTS))}")
        if "train" not in whole:
            raise RecipeError(f"{data.name} gives no part `train`, only {', '.join(map(repr, whole)) or 'nothing'}.")
        return {name: whole[name] for name in PARTS if name in whole}
    if isinstance(whole, tuple) and len(whole) in (2, 3) and all(_is_pair(one) or _is_map(one) for one in whole):
        return dict(zip(PARTS if len(whole) == 3 else ("train", "test"), whole, strict=True))
    return {"train": whole}


def _part(given: object, data: OwnData) -> _Part:
    if _is_pair(given):
        assert isinstance(given, Sequence)  # noqa: S101 - what `_is_pair` says
        return _Part(as_examples(given[0], data.name), as_labels(given[1], data.name), ())
    if not _is_map(given):
        raise RecipeError(
            f"{data.name} gives a {type(given).__name__}, and a data set is a pair (examples, labels) of tensors or "
            "arrays, or has `__len__` and items that are such pairs.",
            cure='Several parts come as `{"train": ..., "test": ...}`.',
        )
    return _listed(given, data)


def _listed(given: Any, data: OwnData) -> _Part:  # noqa: ANN401 - a data set of any class
    """All items of a map-style data set."""
    examples, labels = [], []
    for number in range(len(given)):
        item = given[number]
        if not isinstance(item, Sequence) or isinstance(item, str) or len(item) < 2:
            raise RecipeError(
                f"Item {number} of {data.name} is a {type(item).__name__}, and items are pairs (example, label)."
            )
        examples.append(as_example(item[0], data, number))
        labels.append(item[1].item() if isinstance(item[1], Tensor | np.generic) else item[1])
    shapes = {tuple(one.shape) for one in examples}
    if len(shapes) > 1:
        some = " and ".join(str(shape) for shape in sorted(shapes)[:2])
        raise RecipeError(
            f"The examples of {data.name} differ in shape, as {some}, and a batch needs one shape.",
            cure="Pillow's images are scaled by `data.resize = 64`; let the code give all else in one shape.",
        )
    if not examples:
        raise RecipeError(f"{data.name} has a part without examples.")
    names = getattr(given, "classes", ())
    classes = tuple(map(str, names)) if isinstance(names, Sequence) and not isinstance(names, str) else ()
    return _Part(torch.stack(examples), as_labels(labels, data.name), classes)


def _classes(name: str, parts: Mapping[str, _Part]) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    """Names of the classes, and the labels of each part as their numbers."""
    for key, part in parts.items():
        if len(part.labels) != len(part.examples) or not len(part.labels):
            raise RecipeError(f"{name}: its part `{key}` has {len(part.examples)} examples, {len(part.labels)} labels.")
    together = np.concatenate([part.labels for part in parts.values()])
    told_names = next((part.classes for part in parts.values() if part.classes), ())
    if together.dtype.kind in "UO":
        found = sorted({str(one) for one in together})
        numbers = {one: place for place, one in enumerate(found)}
        encoded = {key: np.array([numbers[str(one)] for one in part.labels]) for key, part in parts.items()}
    else:
        low, high = int(together.min()), int(together.max())
        count = len(told_names) if len(told_names) > high else high + 1
        if low < 0 or count > 2**16:
            raise RecipeError(f"{name} gives labels from {low} to {high}; classes are numbered from 0.")
        found = list(told_names) if len(told_names) == count else [str(number) for number in range(count)]
        encoded = {key: part.labels for key, part in parts.items()}
    if len(found) < 2:
        raise RecipeError(f"{name} gives examples of {len(found)} class; a classifier needs two at least.")
    return tuple(found), {key: torch.from_numpy(one.astype(np.int64)) for key, one in encoded.items()}


def _scaled(data: OwnData, images: Tensor) -> Tensor:
    """Images of the size and channels that the recipe asks for."""
    scaling = Scaling.of(data)
    channels, height, width = images.shape[1:]
    wanted = (scaling.channels or channels, *(scaling.size or (height, width)))
    if wanted == (channels, height, width):
        return images.contiguous()
    if channels not in (1, 3):
        raise RecipeError(f"Images of {data.name} have {channels} channels; only grey and colour can be scaled.")
    out = np.empty((len(images), *wanted), np.uint8)
    ArrayImages.of(images.numpy()).decode(scaling, out, f"scaling {data.name}", SILENT)
    return torch.from_numpy(out)


def _refuse_scaling(data: OwnData) -> None:
    for key in ("resize", "channels", "crop"):
        if getattr(data, key) is not None:
            raise RecipeError(
                f"`data.{key}` is for images, and {data.name} gives none: bytes (uint8) of shape (N, C, H, W)",
                cure="Leave it out, or let the code give bytes.",
            )


def _digest(tensors: Sequence[Tensor]) -> str:
    """Hash of what the tensors hold."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        flat = tensor.contiguous().reshape(-1)
        for piece in torch.split(flat, max(1, HASHED // tensor.element_size())):
            found.update(piece.numpy().tobytes())
    return found.hexdigest()


def _is_array(value: object) -> bool:
    return isinstance(value, Tensor | list) or (hasattr(value, "__array__") and hasattr(value, "__len__"))


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(_is_array(one) for one in value)


def _is_map(value: object) -> bool:
    plain = isinstance(value, Tensor | np.ndarray | list | tuple | Mapping | str)
    return not plain and hasattr(value, "__getitem__") and hasattr(value, "__len__")
