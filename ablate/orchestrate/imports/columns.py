"""What the columns of a sheet mean, whatever the tool that wrote them calls them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ablate.metrics import OF_EPOCHS
from ablate.orchestrate.imports.cells import CellError, Reader, TextError, number, share, whole, with_comma
from ablate.orchestrate.imports.options import ImportOptions
from ablate.orchestrate.imports.sheet import Faults, Sheet
from ablate.recipe.signatures import did_you_mean
from ablate.store.imported import OF_ATTEMPTS

#: Whole numbers, with the least that each may be.
WHOLE: Mapping[str, int] = {
    "selected_epoch": 1,
    "parameters": 0,
    "trainable_parameters": 0,
    "flops": 0,
    "peak_memory_bytes": 0,
}
TEXTS = ("device", "device_name", "error")
#: What `ablate export` writes and an import makes anew.
MADE_ANEW = ("variant_key", "attempt")
#: Where a column of another tool comes from: settings of a run are no metrics of it.
SETTINGS = ("config.", "params.", "tags.")
MEASURED = ("summary.", "metrics.")
LEVEL = "level:"
#: Longest name of a metric, characters.
LONGEST = 128
_PORTIONS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_KINDS = {"loss": "loss", "acc": "accuracy", "accuracy": "accuracy"}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A column of numbers."""

    #: Its place among the columns, from 0.
    index: int
    #: As the source calls it.
    column: str
    #: As ablate calls it.
    name: str
    read: Reader


@dataclass(kw_only=True)
class Layout:
    """Where in a sheet things stand: each a place among its columns, from 0."""

    variant: int = -1
    seed: int = -1
    #: None: a row is a run.
    epoch: int | None = None
    state: int | None = None
    reported: int | None = None
    texts: dict[str, int] = field(default_factory=dict)
    #: By factor.
    levels: dict[str, int] = field(default_factory=dict)
    #: Of the whole run; in a sheet of epochs they repeat.
    of_run: list[Measure] = field(default_factory=list)
    of_epoch: list[Measure] = field(default_factory=list)
    #: Columns of text that mean nothing here.
    left_out: list[str] = field(default_factory=list)
    #: Columns that were recognised under another name: theirs, by ours.
    read_as: dict[str, str] = field(default_factory=dict)


def layout(sheet: Sheet, options: ImportOptions, faults: Faults) -> Layout | None:
    """What the columns of a sheet mean; None where it lacks what every row needs, which is noted."""
    found, names = Layout(), _named(sheet, options, faults)
    for index, (column, name) in enumerate(zip(sheet.columns, names, strict=True)):
        if name == "epoch":
            found.epoch = index
        elif name in ("variant", "seed", "state", "reported"):
            setattr(found, name, index)
        elif name in TEXTS:
            found.texts[name] = index
        elif name.startswith(LEVEL):
            found.levels[name.removeprefix(LEVEL)] = index
        elif name and (measure := _measure(sheet, index, column, name, options)):
            (found.of_epoch if _is_of_epochs(name) else found.of_run).append(measure)
            if name != column and name not in options.names:
                found.read_as[name] = column
        elif name:
            found.left_out.append(column)
    if found.epoch is None:
        found.of_run, found.of_epoch = [*found.of_run, *found.of_epoch], []
    missing = [name for name, index in (("variant", found.variant), ("seed", found.seed)) if index < 0]
    for name in missing:
        near = did_you_mean(name, [column for column in sheet.columns if column])
        faults.add(
            sheet.head, f"there is no column `{name}`{near}; rename one, or say which it is: `--map {name}=COLUMN`"
        )
    return None if missing else found


def _is_of_epochs(name: str) -> bool:
    return name in OF_EPOCHS or (name not in OF_ATTEMPTS and not name.startswith("test_"))


def _named(sheet: Sheet, options: ImportOptions, faults: Faults) -> list[str]:
    """Our name for each column; empty for those that are passed over."""
    mapped = {theirs: ours for ours, theirs in options.names.items()}
    all_factors = (*options.known_factors, *options.factors)
    factors = {matching(sheet.columns, factor): factor for factor in all_factors}
    names: list[str] = []
    for column in sheet.columns:
        if column in mapped:
            name = mapped[column]
            name = LEVEL + name if name in all_factors else name
        elif column and column in factors:
            name = LEVEL + factors[column]
        else:
            name = _meant(column, sheet.columns)
        names.append(name)
    for index, name in enumerate(names):
        if name and name in names[:index]:
            first = sheet.columns[names.index(name)]
            two = f"`{first}` and `{sheet.columns[index]}`" if first != sheet.columns[index] else f"`{first}`, twice,"
            faults.add(
                sheet.head,
                f"{two} would both be `{name.removeprefix(LEVEL)}`: take one out, or give it another name by `--map`",
            )
            names[index] = ""
    return names


def matching(columns: Collection[str], name: str) -> str:
    """The column that holds a setting: by its own name, or with the tool's word in front; empty where there is none."""
    candidates = (name, *(prefix + name for prefix in SETTINGS))
    return next((one for one in candidates if one in columns), "")


def _meant(column: str, columns: Sequence[str]) -> str:
    """What a column is by its name alone."""
    bare = column
    for prefix in SETTINGS:
        if column.startswith(prefix):
            bare = column.removeprefix(prefix)
            is_identity = bare in ("variant", "seed") and matching(columns, bare) == column
            return bare if is_identity else ""
    for prefix in MEASURED:
        bare = bare.removeprefix(prefix)
    if bare in MADE_ANEW or not bare or bare.startswith(("_", "Unnamed:")):
        return ""
    if bare in (*OF_EPOCHS, *OF_ATTEMPTS, *TEXTS, "variant", "seed", "epoch", "state", "reported") or LEVEL in bare:
        return bare
    words = [word for word in re.split(r"[/_. -]+", bare.lower()) if word]
    if len(words) == 2:
        for portion, kind in (words, reversed(words)):
            if portion in _PORTIONS and kind in _KINDS:
                return f"{_PORTIONS[portion]}_{_KINDS[kind]}"
    return re.sub(r"\W+", "_", bare).strip("_")[:LONGEST]


def _measure(sheet: Sheet, index: int, column: str, name: str, options: ImportOptions) -> Measure | None:
    """A column of numbers; None where its first value is none, for then it is text."""
    read: Reader = with_comma if options.decimal_comma else number
    known = name in OF_EPOCHS or name in OF_ATTEMPTS or name in options.names
    for _, cells in () if known else sheet.rows:
        try:
            if read(cells[index]) is None:
                continue
        except TextError:
            return None
        except CellError:  # a number after all, which is told of when its row is read
            pass
        break
    if name.endswith("accuracy"):
        read = share(read, percent=options.percent)
    elif name in WHOLE:
        read = whole(read, least=WHOLE[name])
    return Measure(index=index, column=column, name=name, read=read)
