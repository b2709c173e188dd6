"""All messages of the code: what `say` and its sisters are called with, in Python, templates and scripts."""

import ast
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

import ablate
from ablate.report.html.page import SPOKEN
from ablate.report.language import FILES

ROOT = Path(ablate.__file__).parent
#: Places of literals among a call's arguments: context, message, plural.
CALLS = {"say": (None, 0, None), "told": (None, 0, None), "say_number": (None, 1, 2), "say_as": (0, 1, None)}


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a language file has an entry for."""

    text: str
    plural: str = ""
    context: str = ""

    @property
    def id(self) -> str | tuple[str, str]:
        """As catalogs have it."""
        return (self.text, self.plural) if self.plural else self.text


@dataclass(frozen=True, kw_only=True)
class Use:
    """Where a message is said."""

    #: Path below the package.
    file: str
    #: The values that it gets there.
    names: frozenset[str]


def messages() -> dict[Message, list[Use]]:
    """Every message with its uses, in the order of the files."""
    found: dict[Message, list[Use]] = {}
    for path in sorted(ROOT.rglob("*")):
        text = path.read_text(encoding="utf-8") if path.suffix in (".py", ".html", ".js") else ""
        if "say" not in text and "told" not in text:
            continue
        read = {".py": _of_python, ".html": _of_template, ".js": _of_script}[path.suffix]
        for message, names in read(text):
            use = Use(file=path.relative_to(ROOT).as_posix(), names=frozenset(names))
            found.setdefault(message, []).append(use)
    return found


def formatted_calls() -> list[str]:
    """Calls whose message is put together before it is looked up: no language can have it."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (name := _name(node)) in CALLS:
                wanted = [node.args[place] for place in CALLS[name] if place is not None and place < len(node.args)]
                if any(isinstance(each, ast.JoinedStr | ast.BinOp) for each in wanted):
                    found.append(f"{path.relative_to(ROOT).as_posix()}:{node.lineno}")
    return found


def names_in(text: str) -> frozenset[str]:
    """The values that a message shows."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def catalog(code: str) -> Catalog:
    """The messages of a language file."""
    with (FILES / f"{code}.po").open("rb") as file:
        return read_po(file)


def renewed(code: str) -> str:
    """The text of a language file with an entry for each message, empty where it had none, and no others."""
    old = catalog(code)
    made = Catalog(locale=old.locale)
    for message, uses in messages().items():
        known = old.get(message.text, context=message.context or None)
        translated = known.string if known is not None and known.string else ("",) if message.plural else ""
        files = [(file, 0) for file in dict.fromkeys(use.file for use in uses)]
        made.add(message.id, translated, locations=files, context=message.context or None)
    body = BytesIO()
    write_po(body, made, width=120, include_lineno=False, omit_header=True)
    head, _, _ = (FILES / f"{code}.po").read_text(encoding="utf-8").partition("\n\n")
    return f"{head}\n\n{body.getvalue().decode().strip()}\n"


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _of_python(text: str) -> Iterator[tuple[Message, Collection[str]]]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and _name(node) in CALLS]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        context, message, plural = (None if place is None else _literal(node, place) for place in CALLS[_name(node)])
        if message:
            names = {keyword.arg or "" for keyword in node.keywords} | ({"n"} if plural else set())
            yield Message(text=message, plural=plural or "", context=context or ""), names


def _literal(call: ast.Call, place: int) -> str | None:
    given = call.args[place] if place < len(call.args) else None
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _of_template(text: str) -> Iterator[tuple[Message, Collection[str]]]:
    for _, _, said in extract_from_ast(Environment().parse(text), ("say",)):
        message = said if isinstance(said, str) else str(said[0])
        yield Message(text=message), names_in(message)


def _of_script(text: str) -> Iterator[tuple[Message, Collection[str]]]:
    for literal in SPOKEN.findall(text):
        yield Message(text=json.loads(literal)), names_in(json.loads(literal))
