"""Names of variants and metrics are free text; names of folders, files and tags are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

#: Longest name of a folder or file, characters (all ASCII) and bytes.
LONGEST_FOLDER, LONGEST_NAME = 60, 200


def folder_names(variants: Mapping[str, str]) -> dict[str, str]:
    """A folder for each variant, by its key: its name where that may stand in a path, else what is left of it and key.

    Letters, digits and `._=+-` are kept; a folder begins with a letter or digit. No two are alike, capitals aside.

    Args:
        variants: Names of variants by key.
    """
    safe = {key: _folder(name) for key, name in variants.items()}
    alike = [name.lower() for name in safe.values()]
    return {
        key: safe[key] if safe[key] == name and alike.count(name.lower()) == 1 else _with_key(safe[key], key)
        for key, name in variants.items()
    }


def _folder(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._=+-]+", "_", name).lstrip("._=+-")[:LONGEST_FOLDER].rstrip("._")


def _with_key(folder: str, key: str) -> str:
    """Keys are hashes in hexadecimal."""
    return f"{folder}-{key[:12]}" if folder else key[:12]


def tag_names(names: Iterable[str]) -> dict[str, str]:
    """What each metric or setting is called in a tracker: letters and digits of any script, `_`, `-`, `.` and blanks.

    What would leave its folder (`../x`) cannot, since there are no slashes, and none begins with a dot.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        bare = re.sub(r"[^\w. -]", "_", name).strip()
        if bare.startswith(".") or not bare:
            bare = f"_{bare}"
        bare = tag = bare.encode()[:LONGEST_NAME].decode(errors="ignore")
        number = 2
        while tag.lower() in taken:
            tag = f"{bare}_{number}"
            number += 1
        taken.add(tag.lower())
        found[name] = tag
    return found
