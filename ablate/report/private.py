"""What runs said, fit for somebody else's eyes: a report is sent on, where the database and its logs stay at home.

Files are still named, since a failure is hardly understood without; what goes is whose they are and how one machine is
laid out. `ablate logs` tells everything.
"""

from __future__ import annotations

import re

#: Where an absolute path may begin: not within another, nor within an address of the web.
_START = r"(?<![\w.~/\\-])"
#: Folders up to one in which installed packages, or Python's own modules, lie; a bounded number of them, for speed.
_PACKAGES = re.compile(
    _START + r"(?:[A-Za-z]:)?[/\\](?:[^/\\\s\"'<>|:]+[/\\]){0,40}?"
    r"(?=(?:site|dist)-packages[/\\]|python3\.\d+[/\\](?!(?:site|dist)-packages))"
)
#: Folders up to somebody's home, whose name may have blanks in it on Windows alone.
_HOME = re.compile(
    _START + r"(?:(?:/[^/\s\"'<>|:]+){0,40}?/(?:home|Users|users)/[^/\s\"'<>|:]+|/root(?=/)"
    r"|[A-Za-z]:\\Users\\[^\\/:*?\"<>|\r\n]+(?=\\))"
)


def without_machine(text: str) -> str:
    """The text with packages named from their folder on, as `site-packages/torch`, and homes as `~`."""
    return _HOME.sub("~", _PACKAGES.sub("", text))
