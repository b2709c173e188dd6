"""The user's own files that a study names: which there are, what they import, their SHA-256. Never run here."""

from __future__ import annotations

import ast
import hashlib
import posixpath
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ablate.errors import UsageError
from ablate.recipe import AnyRecipe, own_places
from ablate.recipe.signatures import did_you_mean
from ablate.study.positions import Path as Place

#: Largest file, bytes.
MAX_FILE_BYTES = 1 << 20

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class CodeError(ValueError):
    """A file of the user's own cannot be stored with the study."""


class OwnCode:
    """The user's own files beside a study file, each read once.

    Args:
        folder: Folder of the study file; None where the study has none.
        stored: Texts by path as the database keeps them, in place of the folder's files.
    """

    def __init__(self, folder: Path | None, stored: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._stored = stored
        self._texts: dict[str, str | None] = {}

    def problems(self, recipe: AnyRecipe) -> Iterator[tuple[Place, str]]:
        """Files that a recipe names and that cannot be stored: the place of each name in the recipe, and why."""
        for place, path in own_places(recipe):
            if (reason := self._problem(path)) is not None:
                yield place, reason

    def _problem(self, path: str) -> str | None:
        if self._folder is None and self._stored is None:
            return f"`{path}` is looked for beside the study file, and this study has none: give its `folder`"
        try:
            if self.text(path) is None:
                return f"there is no file `{path}` in the study's folder{did_you_mean(path, self._nearby(path))}"
            together(path, self.text)
        except CodeError as error:
            return str(error)
        return None

    def of(self, recipes: Iterable[AnyRecipe]) -> dict[str, str]:
        """Texts by path of all files that these recipes need."""
        found: dict[str, str] = {}
        for path in dict.fromkeys(file for recipe in recipes for file in named_files(recipe)):
            found |= together(path, self.text)
        return dict(sorted(found.items()))

    def text(self, path: str) -> str | None:
        """A file's text; None where there is no such file.

        Raises:
            CodeError: It is there but cannot be stored.
        """
        if self._stored is not None:
            return self._stored.get(path)
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path: str) -> str | None:
        if self._folder is None:
            return None
        file = self._folder / path
        try:
            if not file.is_file():
                return None
            if not file.resolve().is_relative_to(self._folder.resolve()):
                raise CodeError(f"`{path}` is a link that leads out of the study's folder: put a copy in its place")
            if (size := file.stat().st_size) > MAX_FILE_BYTES:
                raise CodeError(
                    f"`{path}` has {size:,} bytes, and a file that is stored has at most {MAX_FILE_BYTES:,}"
                )
            text = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise CodeError(f"`{path}` is not UTF-8: save it as UTF-8 text") from None
        except OSError as error:
            raise CodeError(f"`{path}` cannot be read: {error.strerror or error}") from None
        if "\0" in text:
            raise CodeError(f"`{path}` holds a NUL character, so it is no text")
        return text

    def _nearby(self, path: str) -> list[str]:
        if self._stored is not None or self._folder is None:
            return sorted(self._stored or ())
        places = {self._folder, (self._folder / path).parent}
        try:
            files = [file for place in places for file in place.glob(f"*{posixpath.splitext(path)[1]}")]
        except OSError:
            return []
        return sorted(file.relative_to(self._folder).as_posix() for file in files)


def named_files(recipe: AnyRecipe) -> tuple[str, ...]:
    """The files of the user's own that a recipe names, each once."""
    return tuple(dict.fromkeys(path for _, path in own_places(recipe)))


def used(files: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """Those of `texts` that files need: they themselves and what they import."""
    found: dict[str, str] = {}
    for path in files:
        if path in texts:
            found |= together(path, texts.get)
    return dict(sorted(found.items()))


def sha256(text: str) -> str:
    """SHA-256 of a file's text as it is stored, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def together(path: str, text_of: Callable[[str], str | None]) -> dict[str, str]:
    """A file and all files that it imports, directly or by others, by path.

    Modules are looked for as Python will find them: from the study's folder and from that of the first file. What is
    not there is taken to be installed.

    Args:
        path: The first file.
        text_of: The text of a file; None where there is none.
    """
    bases = tuple(dict.fromkeys((posixpath.dirname(path), "")))
    found: dict[str, str] = {}
    waiting = [path]
    while waiting:
        current = waiting.pop()
        text = None if current in found else text_of(current)
        if text is None:
            continue
        found[current] = text
        for level, name in _imports(text) if current.endswith(".py") else ():
            above = posixpath.normpath(posixpath.join(posixpath.dirname(current), *[".."] * (level - 1)))
            for base in bases if level == 0 else (above,):
                if base != ".." and not base.startswith("../"):
                    waiting += _files("" if base == "." else base, name)
    return dict(sorted(found.items()))


@contextmanager
def laid_out(sources: Mapping[str, str], under: Path | None = None) -> Iterator[Path | None]:
    """A temporary folder that holds these files while the context lasts; None where there are none.

    Args:
        sources: Texts by path.
        under: Where to make it; the system's place for temporary files where it is None.

    Raises:
        UsageError: A path leads out of the folder.
    """
    if not sources:
        yield None
        return
    if under is not None:
        under.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="code-", dir=under, ignore_cleanup_errors=True) as name:
        root = Path(name).resolve()
        for path, text in sources.items():
            file = root / path
            if not file.resolve().is_relative_to(root):
                raise UsageError(f"the stored file {path!r} leads out of its folder, so it is not written.")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        yield root


def _files(base: str, name: str) -> Iterator[str]:
    """Where a dotted module and the packages around it may stand."""
    parts = name.split(".") if name else []
    for length in range(len(parts) + 1):
        place = posixpath.join(base, *parts[:length])
        if length:
            yield f"{place}.py"
        if place:
            yield f"{place}/__init__.py"


@lru_cache(maxsize=256)
def _imports(text: str) -> tuple[tuple[int, str], ...]:
    """Level (leading dots) and dotted name of everything that a file imports; nothing where it is not valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its style: that is the user's business
            tree = ast.parse(text.removeprefix(_MARK))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: dict[tuple[int, str], None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys((0, alias.name) for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names if alias.name != "*")]
            found.update(dict.fromkeys((node.level, name) for name in names))
    return tuple(found)
