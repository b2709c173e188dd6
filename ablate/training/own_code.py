"""The user's own code: found by file, module or entry point, and called with checked arguments."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ablate.recipe.own import MODELS, OwnKind, own_file
from ablate.recipe.signatures import did_you_mean
from ablate.training.failures import ModelError, RecipeError

#: Begins the names under which files are imported, so that a file called `random.py` hides nothing.
PREFIX = "ablate_own_"
#: Files that are imported while `own_code` lasts, by path: a file that several parts of a recipe name runs once.
_loaded: dict[Path, ModuleType] = {}
_lasting: list[Path] = []


@contextmanager
def own_code(root: Path | None) -> Iterator[None]:
    """Let files below `root` import each other while this lasts, and forget them afterwards."""
    if root is None:
        yield
        return
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    _lasting.append(root)
    try:
        yield
    finally:
        _lasting.remove(root)
        sys.path[:] = [entry for entry in sys.path if not _below(entry, root)]
        for name, module in list(sys.modules.items()):
            about = getattr(module, "__dict__", {})
            if any(_below(place, root) for place in (about.get("__file__"), *(about.get("__path__") or ()))):
                del sys.modules[name]
        for path in [path for path in _loaded if path.is_relative_to(root)]:
            del _loaded[path]


def resolve(name: str, kind: OwnKind, code_root: Path | None) -> Callable[..., object]:
    """The class or function that a name means.

    Args:
        name: `file.py:Name`, `package.module:Name`, or the name of an entry point.
        kind: What it should be.
        code_root: Folder from which a file is meant.

    Raises:
        RecipeError: It cannot be imported, or there is no such class or function; a `ModelError` for networks.
    """
    where, colon, what = name.partition(":")
    if not colon:
        return _offered(name, kind)
    try:
        module = importlib.import_module(where) if own_file(name) is None else _module(where, kind, code_root)
    except RecipeError:
        raise
    except (Exception, SystemExit) as error:
        cure = ""
        if isinstance(error, ModuleNotFoundError):
            cure = (
                "Files in the study's folder are stored with it where an `import` names them; everything else must be "
                "installed where the study runs."
            )
        raise _error(kind)(f"{name} cannot be imported: {told(error, code_root)}", cure=cure) from error
    found = getattr(module, what, None)
    if isinstance(found, nn.Module) or not callable(found):
        names = [key for key, value in vars(module).items() if inspect.isclass(value) or inspect.isfunction(value)]
        own = [key for key in names if getattr(vars(module)[key], "__module__", "") == module.__name__]
        lacks = "nothing called" if found is None else "no class or function"
        raise _error(kind)(f"{where} has {lacks} {what!r}{did_you_mean(what, own)}")
    target: Callable[..., object] = found
    return target


def called(
    name: str,
    kind: OwnKind,
    target: Callable[..., object],
    given: Mapping[str, Any],
    *,
    known: Mapping[str, Any],
    code_root: Path | None,
) -> object:
    """What a class or function gives for the recipe's arguments.

    Args:
        name: How the recipe names it.
        kind: What it makes.
        target: The class or function.
        given: Arguments of the recipe, checked against the signature.
        known: What ablate knows, passed where the signature has parameters of these names.
        code_root: Folder of the user's own files.

    Raises:
        RecipeError: An argument is unknown or missing, or the call fails; a `ModelError` for networks.
    """
    arguments = checked_arguments(name, kind, target, given, known=known)
    try:
        return target(**arguments)
    except (Exception, SystemExit) as error:
        raise _error(kind)(f"{name} cannot be built: {told(error, code_root)}") from error


def as_function(
    name: str, kind: OwnKind, given: Mapping[str, Any], *, takes: int = 0, code_root: Path | None
) -> Callable[..., Any]:
    """A function with the recipe's arguments put in, or an instance of a class that is called like one.

    Args:
        name: How the recipe names it.
        kind: What it is.
        given: Arguments of the recipe: of the class, or of the function besides those that ablate passes.
        takes: Positional arguments that ablate passes to a function; 0 where it passes by name.
        code_root: Folder of the user's own files.

    Raises:
        RecipeError: It cannot be found or made, or an argument does not fit.
    """
    target = resolve(name, kind, code_root)
    if inspect.isclass(target):
        made = called(name, kind, target, given, known={}, code_root=code_root)
        if not callable(made):
            raise RecipeError(f"{name} is a class whose instances cannot be called; give it a method `__call__`.")
        return made
    passed = _positional(target)[:takes] if takes else ()
    return partial(target, **checked_arguments(name, kind, target, given, known={}, passed=passed, partly=not takes))


def checked_arguments(
    name: str,
    kind: OwnKind,
    target: Callable[..., object],
    given: Mapping[str, Any],
    *,
    known: Mapping[str, Any],
    passed: Collection[str] = (),
    partly: bool = False,
) -> dict[str, Any]:
    """What the recipe gives, checked against the signature, and what is known where it is asked for.

    Args:
        name: How the recipe names it.
        kind: What it is.
        target: The class or function.
        given: Arguments of the recipe.
        known: What ablate passes by name.
        passed: Parameters that ablate passes by position.
        partly: Parameters that are not given may be passed later.

    Raises:
        RecipeError: An argument is unknown or missing; a `ModelError` for networks.
    """
    own = copy.deepcopy(dict(given))
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        return own
    keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    takes = {one.name: one for one in parameters if one.kind in keyword and one.name not in passed}
    if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        for key in own:
            if key not in takes:
                raise _error(kind)(f"{name} takes no argument {key!r}{did_you_mean(key, list(takes))}")
    arguments = {key: value for key, value in known.items() if key in takes} | own
    missing = [key for key, one in takes.items() if one.default is inspect.Parameter.empty and key not in arguments]
    if missing and not partly:
        raise _error(kind)(
            f"{name} needs {' and '.join(missing)}", cure=f"Write it into {kind.table}, as `{missing[0]} = ...`."
        )
    return arguments


def parameters_of(target: Callable[..., object]) -> frozenset[str]:
    """Names of the parameters that can be passed by name; none where the signature is not known."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(one.name for one in parameters if one.kind in keyword)


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


def _positional(target: Callable[..., object]) -> tuple[str, ...]:
    """Names of the parameters that can be passed by position, in their order."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return ()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(one.name for one in parameters if one.kind in kinds)


def _offered(name: str, kind: OwnKind) -> Callable[..., object]:
    """What an installed package offers under a plain name."""
    offers = {entry.value: entry for entry in entry_points(group=kind.group, name=name)}
    if not offers:
        raise _error(kind)(
            f"No installed package offers a {kind.what} called {name!r}.",
            cure=f"Install here the package that has {name!r} among its entry points of the group {kind.group!r}.",
        )
    if len(offers) > 1:
        raise _error(kind)(
            f"Several installed packages offer a {kind.what} called {name!r}: "
            f"{', '.join(map(_origin, offers.values()))}.",
            cure=f'Say which by its module, as `name = "{min(offers)}"`.',
        )
    (entry,) = offers.values()
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        raise _error(kind)(
            f"{name} cannot be loaded: it stands for {_origin(entry)}, and {told(error, None)}.",
            cure="Repair or reinstall that package.",
        ) from error
    if isinstance(found, nn.Module) or not callable(found):
        raise _error(kind)(f"{name} stands for {_origin(entry)}, and that is no class or function.")
    target: Callable[..., object] = found
    return target


def _origin(entry: EntryPoint) -> str:
    return f"{entry.value} of {entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _module(path: str, kind: OwnKind, code_root: Path | None) -> ModuleType:
    if code_root is None:
        raise _error(kind)(
            f"The {kind.what} comes from {path}, but `code_root` does not say in which folder that file lies."
        )
    file = code_root / path
    if file in _loaded:
        return _loaded[file]
    if not file.is_file():
        raise _error(kind)(f"There is no file {path} in {code_root}.")
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(
        PREFIX + "_".join(file.relative_to(code_root).with_suffix("").parts), file
    )
    if spec is None or spec.loader is None:
        raise _error(kind)(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and the like look their module up
    spec.loader.exec_module(module)
    if code_root in _lasting:
        _loaded[file] = module
    return module


def _error(kind: OwnKind) -> type[RecipeError]:
    return ModelError if kind is MODELS else RecipeError


def _below(place: object, root: Path | None) -> bool:
    return root is not None and isinstance(place, str) and Path(place).is_relative_to(root)


def _shown(file: str, root: Path | None) -> str:
    return Path(file).relative_to(root).as_posix() if root is not None else file
