"""Networks from the user's own code: found, called with checked arguments, and tried out before anything is trained."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ablate.recipe import OwnModel
from ablate.recipe.own import ENTRY_POINTS
from ablate.recipe.signatures import did_you_mean
from ablate.training.failures import ModelError
from ablate.training.streams import seed_global_generators

#: Images of the try-outs: several, so that a lost first dimension is noticed, and one, as a last batch may hold.
TRIED_IMAGES = (2, 1)
#: Begins the names under which files are imported, so that a file called `random.py` hides nothing.
PREFIX = "ablate_own_"


@contextmanager
def own_code(root: Path | None) -> Iterator[None]:
    """Let files below `root` import each other while this lasts, and forget them afterwards."""
    if root is None:
        yield
        return
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [entry for entry in sys.path if not _below(entry, root)]
        for name, module in list(sys.modules.items()):
            about = getattr(module, "__dict__", {})
            if any(_below(place, root) for place in (about.get("__file__"), *(about.get("__path__") or ()))):
                del sys.modules[name]


def build_own(
    recipe: OwnModel,
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    seed: int,
    code_root: Path | None,
) -> nn.Module:
    """The network; its initial weights are drawn under global generators seeded from the `init` stream.

    Args:
        recipe: The `model` table of a recipe.
        channels: Channels of the images; passed on where the signature has a parameter `channels`, as are the next two.
        image_size: Height and width of the images, pixels.
        classes: Number of classes.
        seed: Seed index of the run.
        code_root: Folder from which the file in the model's name is meant.

    Raises:
        ModelError: The code cannot be imported or called, or what it makes is no network for these images.
    """
    with torch.random.fork_rng(devices=[]):
        seed_global_generators("init", seed)
        target = _target(recipe, code_root)
        known = {"channels": channels, "image_size": image_size, "classes": classes}
        arguments = _arguments(recipe, target, known)
        seed_global_generators("init", seed)  # whatever the import drew
        try:
            network = target(**arguments)
        except (Exception, SystemExit) as error:
            raise ModelError(f"{recipe.name} cannot be built: {told(error, code_root)}") from error
        if not isinstance(network, nn.Module):
            raise ModelError(f"{recipe.name} gives a {type(network).__name__}, and a network is a torch.nn.Module.")
        network.eval()
        for images in TRIED_IMAGES:
            _try_out(network, recipe.name, (images, channels, *image_size), classes, code_root)
    return network.train()


def told(error: BaseException, code_root: Path | None) -> str:
    """An exception in one line, after the place in the user's own files where it was raised."""
    where = ""
    if isinstance(error, SyntaxError) and _below(error.filename, code_root):
        where = f"{_shown(str(error.filename), code_root)}:{error.lineno}: "
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _below(frame.filename, code_root)]
        if frames:
            where = f"{_shown(frames[-1].filename, code_root)}:{frames[-1].lineno}: "
    reason = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{where}{type(error).__name__}{f': {reason}' if reason else ''}"


def _target(recipe: OwnModel, code_root: Path | None) -> Callable[..., object]:
    where, colon, name = recipe.name.partition(":")
    if not colon:
        return _offered(recipe.name)
    try:
        module = importlib.import_module(where) if recipe.file is None else _loaded(where, code_root)
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        cure = ""
        if isinstance(error, ModuleNotFoundError):
            cure = (
                "Files in the study's folder are stored with it where an `import` names them; everything else must be "
                "installed where the study runs."
            )
        raise ModelError(f"{recipe.name} cannot be imported: {told(error, code_root)}", cure=cure) from error
    found = getattr(module, name, None)
    if isinstance(found, nn.Module) or not callable(found):
        names = [key for key, value in vars(module).items() if inspect.isclass(value) or inspect.isfunction(value)]
        own = [key for key in names if getattr(vars(module)[key], "__module__", "") == module.__name__]
        what = "nothing called" if found is None else "no class or function"
        raise ModelError(f"{where} has {what} {name!r}{did_you_mean(name, own)}")
    target: Callable[..., object] = found
    return target


def _offered(name: str) -> Callable[..., object]:
    """What an installed package offers under a plain name."""
    offers = {entry.value: entry for entry in entry_points(group=ENTRY_POINTS, name=name)}
    if not offers:
        raise ModelError(
            f"No installed package offers a network called {name!r}.",
            cure=f"Install here the package that has {name!r} among its entry points of the group {ENTRY_POINTS!r}.",
        )
    if len(offers) > 1:
        raise ModelError(
            f"Several installed packages offer a network called {name!r}: {', '.join(map(_origin, offers.values()))}.",
            cure=f'Say which by its module, as `name = "{min(offers)}"`.',
        )
    (entry,) = offers.values()
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"{name} cannot be loaded: it stands for {_origin(entry)}, and {told(error, None)}.",
            cure="Repair or reinstall that package.",
        ) from error
    if isinstance(found, nn.Module) or not callable(found):
        raise ModelError(f"{name} stands for {_origin(entry)}, and that is no class or function.")
    target: Callable[..., object] = found
    return target


def _origin(entry: EntryPoint) -> str:
    return f"{entry.value} of {entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _loaded(path: str, code_root: Path | None) -> ModuleType:
    if code_root is None:
        raise ModelError(f"The model comes from {path}, but `code_root` does not say in which folder that file lies.")
    file = code_root / path
    if not file.is_file():
        raise ModelError(f"There is no file {path} in {code_root}.")
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(PREFIX + file.stem, file)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and the like look their module up
    spec.loader.exec_module(module)
    return module


def _arguments(recipe: OwnModel, target: Callable[..., object], known: Mapping[str, Any]) -> dict[str, Any]:
    """What the recipe gives, checked against the signature, and what is known of the images where it is asked for."""
    given = copy.deepcopy(recipe.arguments)
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        return given
    keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes = {parameter.name: parameter for parameter in parameters if parameter.kind in keyword}
    if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        for key in given:
            if key not in takes:
                raise ModelError(f"{recipe.name} takes no argument {key!r}{did_you_mean(key, list(takes))}")
    arguments = {key: value for key, value in known.items() if key in takes} | given
    missing = [
        name
        for name, parameter in takes.items()
        if parameter.default is inspect.Parameter.empty and name not in arguments
    ]
    if missing:
        raise ModelError(
            f"{recipe.name} needs {' and '.join(missing)}",
            cure=f"Write it into the model's table, as `{missing[0]} = ...`.",
        )
    return arguments


def _try_out(network: nn.Module, name: str, shape: tuple[int, ...], classes: int, code_root: Path | None) -> None:
    """Black images through the network; lazy layers get their weights here."""
    try:
        with torch.no_grad():
            logits = network(torch.zeros(shape))
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} fails on images of shape {shape}: {told(error, code_root)}") from error
    wanted = (shape[0], classes)
    if not isinstance(logits, Tensor):
        raise ModelError(f"{name} gives a {type(logits).__name__} for images of shape {shape}, not logits {wanted}.")
    if tuple(logits.shape) != wanted or not logits.is_floating_point():
        raise ModelError(
            f"{name} gives {logits.dtype} of shape {tuple(logits.shape)} for images of shape {shape}; logits of "
            f"{classes} classes are floats of shape {wanted}.",
            cure="A parameter called `classes` is given the number of classes.",
        )


def _below(place: object, root: Path | None) -> bool:
    return root is not None and isinstance(place, str) and Path(place).is_relative_to(root)


def _shown(file: str, root: Path | None) -> str:
    return Path(file).relative_to(root).as_posix() if root is not None else file
