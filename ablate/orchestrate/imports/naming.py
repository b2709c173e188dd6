"""Variant and seed of a run from the path of its folder or from its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ablate.errors import UsageError
from ablate.orchestrate.imports.columns import matching
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.sheet import Faults

#: `VARIANT/3`, `VARIANT/seed3`, `VARIANT-seed3` and the like; a bare number behind a `-` may be a size.
_USUAL = re.compile(r"(?P<variant>.+?)(?:/(?:seed[ =_-]?)?|[-_ ,./]+seed[ =_-]?)(?P<seed>\d+)", re.IGNORECASE)
_CURE = "say where variant and seed stand, as `--pattern '{variant}/seed{seed}'` (`*` stands for anything)"


class Naming:
    """Takes names of runs apart.

    Args:
        pattern: As `{variant}/seed{seed}`, where `*` stands for anything; None: the usual ways.

    Raises:
        UsageError: The pattern names neither.
    """

    def __init__(self, pattern: str | None) -> None:
        self._pattern = _USUAL if pattern is None else _compiled(pattern)

    def parts(self, name: str) -> tuple[str, str]:
        """Variant and seed as they stand in a name; each empty where the name does not tell it."""
        found = self._pattern.fullmatch(name)
        if found is None:
            return "", ""
        parts = found.groupdict()
        return parts.get("variant") or "", parts.get("seed") or ""

    def columns(
        self, source: str, names: Sequence[str], faults: Faults, *, wanted: Sequence[str] = ("variant", "seed")
    ) -> dict[str, list[str]]:
        """What names tell of variants and seeds, and which name does not is noted.

        Args:
            source: As messages call it.
            names: Of the runs.
            faults: Where mistakes go.
            wanted: What has to stand in each name; where the seed need not, a whole name can be the variant.
        """
        found: dict[str, list[str]] = {part: [] for part in wanted}
        for name in names:
            parts = dict(zip(("variant", "seed"), self.parts(name), strict=True))
            if self._pattern is _USUAL and "seed" not in wanted:
                parts["variant"] = parts["variant"] or name
            if missing := [part for part in wanted if not parts[part]]:
                faults.add(
                    f"{source}, {name}" if name else source, f"its name tells no {' and no '.join(missing)}; {_CURE}"
                )
            for part in wanted:
                found[part].append(parts[part])
        return found


def untold(columns: Collection[str], options: ImportOptions) -> tuple[str, ...]:
    """What of variant and seed no column tells, so that the name of the run must."""
    return tuple(part for part in ("variant", "seed") if part not in options.names and not matching(columns, part))


def _compiled(pattern: str) -> re.Pattern[str]:
    if "{seed}" not in pattern and "{variant}" not in pattern:
        raise UsageError(f"--pattern {pattern!r} tells neither variant nor seed.", cure=f"To {_CURE}.")
    text = re.escape(pattern).replace(r"\*", ".*?")
    text = text.replace(r"\{variant\}", "(?P<variant>.+?)", 1).replace(r"\{seed\}", r"(?P<seed>\d+)", 1)
    if r"\{" in text:
        raise UsageError(
            f"--pattern {pattern!r} holds `{{...}}` other than one variant and one seed.", cure=f"{_CURE}."
        )
    return re.compile(text)
