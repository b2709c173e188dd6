"""Where in the text of a study file a key or a value stands; read only when there is a mistake to point at."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

#: Stands for "nothing there" where None could be a value.
MISSING: Any = object()
#: Keys and list indices from the top of the document.
Path = tuple[str | int, ...]
#: Line and column, counted from 1.
Place = tuple[int, int]


def inside(document: object, part: str | int) -> Any:  # noqa: ANN401 - any value of a file
    """What stands under a key or an index; `MISSING` where nothing does."""
    if isinstance(document, dict) and isinstance(part, str):
        return document.get(part, MISSING)
    if isinstance(document, list | tuple) and isinstance(part, int) and 0 <= part < len(document):
        return document[part]
    return MISSING


class Positions:
    """The place of every key and value of a TOML text.

    Args:
        text: Valid TOML.
    """

    def __init__(self, text: str) -> None:
        import tree_sitter_toml
        from tree_sitter import Language, Parser

        raw = text.encode("utf-8", "surrogatepass")
        self._lines = raw.split(b"\n")
        self._keys: dict[Path, Place] = {}
        self._values: dict[Path, Place] = {}
        #: Entries so far of each list of tables.
        self._entries: dict[Path, int] = {}
        for node in Parser(Language(tree_sitter_toml.language())).parse(raw).root_node.named_children:
            if node.type == "pair":
                self._pair(node, ())
            elif node.type in ("table", "table_array_element"):
                self._table(node)

    def find(self, path: Path, *, value: bool = False) -> Place | None:
        """The place of a key (or of its value), or of the nearest table around it that stands in the text."""
        for length in range(len(path), 0, -1):
            part = path[:length]
            if value and length == len(path) and part in self._values:
                return self._characters(self._values[part])
            for places in (self._keys, self._values):
                if part in places:
                    return self._characters(places[part])
        return None

    def _characters(self, place: Place) -> Place:
        """Row and byte, counted from 0, as line and character, counted from 1."""
        row, column = place
        line = self._lines[row] if row < len(self._lines) else b""
        return row + 1, len(line[:column].decode("utf-8", "replace")) + 1

    @staticmethod
    def _place(node: Node) -> Place:
        return node.start_point.row, node.start_point.column

    def _table(self, node: Node) -> None:
        children = [child for child in node.named_children if child.type != "comment"]
        if not children:
            return
        key, *pairs = children
        names = _names(key)
        path: Path = ()
        for index, name in enumerate(names):
            path = (*path, name)
            self._keys.setdefault(path, self._place(key))
            last = index == len(names) - 1
            if last and node.type == "table_array_element":
                self._entries[path] = self._entries.get(path, 0) + 1
            if path in self._entries:
                path = (*path, self._entries[path] - 1)
                self._keys.setdefault(path, self._place(key))
        for pair in pairs:
            if pair.type == "pair":
                self._pair(pair, path)

    def _pair(self, node: Node, table: Path) -> None:
        children = [child for child in node.named_children if child.type != "comment"]
        if len(children) != 2:
            return
        key, value = children
        path = table
        for name in _names(key):
            path = (*path, name)
            self._keys.setdefault(path, self._place(key))
        self._value(value, path)

    def _value(self, node: Node, path: Path) -> None:
        self._values.setdefault(path, self._place(node))
        if node.type == "inline_table":
            for pair in node.named_children:
                if pair.type == "pair":
                    self._pair(pair, path)
        elif node.type == "array":
            items = (child for child in node.named_children if child.type != "comment")
            for index, item in enumerate(items):
                self._value(item, (*path, index))


def _names(key: Node) -> list[str]:
    """The parts of a bare, quoted or dotted key, from the outside to the inside."""
    if key.type == "dotted_key":
        return [name for part in key.named_children if part.type.endswith("_key") for name in _names(part)]
    text = (key.text or b"").decode("utf-8", "replace")
    if key.type != "quoted_key":
        return [text]
    return [str(tomllib.loads(f"key = {text}")["key"]) if "\\" in text else text[1:-1]]
