"""Study files -> `Study`: read, check everything, note all mistakes, expand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ablate.errors import UsageError
from ablate.metrics import direction_of
from ablate.recipe import OwnRecipe
from ablate.study import positions
from ablate.study.axes import Plan, read_designs
from ablate.study.baseline import Baseline, below
from ablate.study.designs import LISTED
from ablate.study.factors import read_factors
from ablate.study.faults import Faults, counted, printable, shown
from ablate.study.file import StudyFile, parsed_budget
from ablate.study.model import Design, Study
from ablate.study.outline import StatisticsSettings
from ablate.study.overrides import found, with_settings
from ablate.study.overrides import settings as parsed_settings
from ablate.study.own_code import OwnCode
from ablate.study.report_table import check_report, outlined
from ablate.study.seeds import Budget, Seeds
from ablate.study.source import MAX_BYTES, LimitError, Source, decoded, parsed, plain
from ablate.study.tuning import check_tuning
from ablate.study.variants import Expansion, check_listed
from ablate.study.wording import Finding, explained

#: Seeds where the file says nothing.
DEFAULT_SEEDS = 3


def load_study(path: Path | str, *, settings: Sequence[str] = ()) -> Study:
    """Read a study file.

    Args:
        path: The TOML file.
        settings: `--set path=value` texts, applied to the baseline or to the keys at the top of the file.

    Raises:
        UsageError: The file is missing or cannot be read, or a setting is not of the form path=value.
        StudyError: The study is not valid; carries every mistake.
    """
    path = Path(path)
    text = decoded(_read(path), str(path))
    return parse_study(text, source=str(path), folder=path.parent, settings=settings, path=path)


def parse_study(
    text: str,
    *,
    source: str = "study.toml",
    folder: Path | None = None,
    settings: Sequence[str] = (),
    path: Path | None = None,
    sources: Mapping[str, str] | None = None,
) -> Study:
    """Read a study from text.

    Args:
        text: TOML.
        source: Name of the text in messages.
        folder: Folder from which relative names in the study are meant.
        settings: As for `load_study`.
        path: The file that holds the text, if one does.
        sources: Texts of the user's own files by path, in place of those in `folder`.

    Raises:
        UsageError: A setting is not of the form path=value.
        StudyError: The study is not valid; carries every mistake.
    """
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    read = Source(name=source, text=text)
    return _study(parsed(read), read, source, text, settings, folder, path, OwnCode(folder, sources))


def study_of_mapping(mapping: Mapping[str, Any], *, source: str, folder: Path | None, settings: Sequence[str]) -> Study:
    """A study written in Python; see `Study.from_dict`."""
    faults = Faults()
    try:
        document = plain(mapping)
    except LimitError as error:
        faults.add(error.path, str(error), value=True)
        faults.stop(None, source, {})
        raise AssertionError from None
    import tomlkit

    return _study(document, None, source, tomlkit.dumps(document), settings, folder, None, OwnCode(folder))


def _study(
    document: dict[str, Any],
    source: Source | None,
    name: str,
    text: str,
    settings: Sequence[str],
    folder: Path | None,
    path: Path | None,
    code: OwnCode,
) -> Study:
    wanted = parsed_settings(settings, list(StudyFile.model_fields))
    set_by = {place: setting for place, (setting, _) in wanted.items()}
    faults = Faults()

    def stop() -> None:
        faults.stop(source, name, set_by)

    document = with_settings(document, wanted)
    try:
        plain(document)
    except LimitError as error:
        faults.add(error.path, str(error), value=True)
        stop()
    file, numbers = _read_file(document, faults)
    told = faults if "baseline" in document else Faults()
    baseline = Baseline(
        file.baseline,
        file.select,
        told,
        code,
        own_code=_names_own_code(document),
        own_trainer=_names_trainer(document),
    )
    check_figures(document, file, faults)
    is_own = isinstance(baseline.recipe, OwnRecipe)
    if not is_own and file.metric.startswith("val_") and found(baseline.document, "data.validation") == 0:
        faults.add(
            ("metric",),
            f"`{file.metric}` needs validation images, and `data.validation = 0` holds none out",
            value=True,
        )
    factors = read_factors(file.factors, baseline, faults)
    names = [str(key) for key in _table(document.get("factors"))]
    designs = None if file.designs is None else list(zip(numbers["designs"], file.designs, strict=True))
    plans = read_designs(designs, factors, names, listed=bool(file.variants), faults=faults)
    variants = list(zip(numbers["variants"], file.variants, strict=True))
    check_listed(variants, faults)
    if faults or baseline.recipe is None:
        for number, table in variants:
            if table.base is None:
                place: positions.Path = ("variants", number)
                baseline.vary(table.set, faults, place, below((*place, "set")))
        stop()
    seeds = _seeds(file)
    product = 1 + sum(plan.table.count(plan.axes) - 1 for plan in plans) + len(variants)
    _check_size(file, plans, product, seeds, faults)
    stop()
    expansion = Expansion(baseline, factors, faults)
    made = [expansion.design(plan) for plan in plans]
    expansion.listed(variants)
    stop()
    most = seeds.looks[-1] if seeds.looks else seeds.count
    check_tuning(expansion.variants(), seeds.retune_seeds, file.max_jobs, product * most, faults)
    stop()
    if variants:
        made.append(Design(name=LISTED, kind=LISTED, factors=(), cells=len(variants)))
    if baseline.recipe is None:
        raise AssertionError
    variants_made = expansion.variants()
    check_report(file.report, variants_made, faults)
    stop()
    return Study(
        name=file.name,
        title=file.title or file.name,
        metric=file.metric,
        direction=file.direction or direction_of(file.metric) or "max",
        select=baseline.recipe.select,
        seeds=tuple(range(seeds.count)),
        seed_plan=seeds,
        baseline=baseline.recipe,
        factors=factors,
        designs=tuple(made),
        statistics=StatisticsSettings(**file.statistics.model_dump()),
        report=outlined(file.report),
        max_jobs=file.max_jobs,
        keep=file.keep,
        text=text,
        settings=tuple(settings),
        path=path,
        folder=folder,
        expanded=variants_made,
        product=product,
        sources=MappingProxyType(code.of(variant.recipe for variant in variants_made)),
    )


def _names_own_code(value: object) -> bool:
    """Whether a text anywhere in the document may name code that takes arguments: the user's own, or timm's."""
    if isinstance(value, dict):
        return any(_names_own_code(item) for item in value.values())
    if isinstance(value, list):
        return any(_names_own_code(item) for item in value)
    return isinstance(value, str) and ":" in value and not value.startswith("torchvision:")


def _names_trainer(value: object) -> bool:
    """Whether anything in the document, a level too, sets a trainer of the user's own."""
    if isinstance(value, dict):
        return (
            any(str(key).rpartition(".")[2] == "trainer" or _names_trainer(item) for key, item in value.items())
            or value.get("path") == "training.trainer"
        )
    return isinstance(value, list) and any(_names_trainer(item) for item in value)


def _read(path: Path) -> bytes:
    try:
        if path.is_file():
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1) if path.stat().st_size <= MAX_BYTES else path.read_bytes()
        if path.is_dir():
            found = _studies(path)
            listed = f" In it are {', '.join(found[:8])}." if found else ""
            raise UsageError(f"{path} is a folder, not a study file", cure=f"Name a file.{listed}")
        if path.exists():
            raise UsageError(f"{path} is not an ordinary file")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    raise UsageError(f"there is no study file {printable(str(path), 200)}", cure=_nearby(path))


def _nearby(path: Path) -> str:
    """Study files with similar names, or those that exist at all."""
    found = [*_studies(path.parent), *(_studies(Path("studies")) if path.parent != Path("studies") else [])]
    stems = {Path(name).stem: name for name in found}
    close = get_close_matches(path.stem, list(stems), n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(stems[stem] for stem in close)}?"
    if found:
        return f"Study files nearby: {', '.join(found[:8])}."
    return "`ablate init` writes a first study file."


def _studies(folder: Path) -> list[str]:
    try:
        return sorted(os.path.normpath(folder / entry.name) for entry in folder.glob("*.toml"))
    except OSError:
        return []


def _read_file(document: dict[str, Any], faults: Faults) -> tuple[StudyFile, dict[str, list[int]]]:
    """The file's tables as far as they are sound, and the numbers in the file of its designs and variants."""
    try:
        file = StudyFile.model_validate(document)
    except ValidationError as error:
        findings = list(explained(error, document, StudyFile, _spoken))
        for finding in findings:
            faults.add(finding.path, finding.message, value=finding.value)
        file = StudyFile.model_validate(_sound(document, findings))
        broken = {finding.path[:2] for finding in findings}
    else:
        broken = set()
    numbers = {}
    for key in ("designs", "variants"):
        entries = document.get(key)
        count = len(entries) if isinstance(entries, list) and (key,) not in broken else 0
        numbers[key] = [index for index in range(count) if (key, index) not in broken]
    return file, numbers


def _sound(document: dict[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    """The document without what is broken, so that the rest can be checked in the same round."""
    broken = {finding.path[:2] for finding in findings}
    result: dict[str, Any] = {"name": "study", "baseline": {}, "metric": "test_accuracy"}
    for key, value in document.items():
        if (key,) in broken or key not in StudyFile.model_fields:
            continue
        if key in ("factors", "baseline") and isinstance(value, dict):
            result[key] = {inner: item for inner, item in value.items() if (key, inner) not in broken}
        elif key in ("designs", "variants") and isinstance(value, list):
            result[key] = [item for index, item in enumerate(value) if (key, index) not in broken]
        elif not any(path[:1] == (key,) for path in broken):
            result[key] = value
    try:
        StudyFile.model_validate(result)
    except ValidationError:
        # What is wrong stands between keys (metric and direction): the defaults take their place.
        result = {
            key: value for key, value in result.items() if key in ("name", "baseline", "factors", "designs", "variants")
        }
    return result


def _spoken(path: positions.Path) -> str:
    """A key of the file as messages name it: by itself, the line is shown beside it."""
    keys = [part for part in path if isinstance(part, str)]
    if keys and keys[0] in ("seeds", "statistics", "report"):
        return printable(".".join(keys))
    return printable(keys[-1]) if keys else "study"


def _seeds(file: StudyFile) -> Seeds:
    plan = file.seeds
    budget = None
    if plan.budget is not None and (read := parsed_budget(plan.budget)) is not None:
        budget = Budget(amount=read[0], unit=read[1])
    looks = tuple(plan.looks or ())
    count = plan.count or (looks[0] if looks else DEFAULT_SEEDS)
    return Seeds(
        count=count,
        looks=looks,
        strict=plan.strict,
        budget=budget,
        budget_text=plan.budget or "",
        retune_seeds=plan.retune_seeds,
    )


def _check_size(file: StudyFile, plans: Sequence[Plan], product: int, seeds: Seeds, faults: Faults) -> None:
    """Refuse, before anything is expanded, what would be too many jobs."""
    most = seeds.looks[-1] if seeds.looks else seeds.count
    jobs = product * most
    if jobs <= file.max_jobs:
        return
    largest = max(plans, key=lambda plan: plan.table.count(plan.axes), default=None)
    where: positions.Path = ("seeds",) if "seeds" in file.model_fields_set else ("max_jobs",)
    largest_part = ""
    if largest is not None and (cells := largest.table.count(largest.axes)) > 1:
        where = largest.where
        sizes = [str(len(axis.levels)) for axis in largest.axes]
        shape = " x ".join([*sizes[:12], *(["..."] if len(sizes) > 12 else [])])
        largest_part = f"`{printable(largest.name)}` has {counted(cells)} cells"
        largest_part += f" ({shape}), so " if largest.table.kind == "grid" else ", so "
    faults.add(
        where,
        f"{largest_part}this study would have {counted(product)} variants with {most:,} seeds each, "
        f"{counted(jobs)} jobs, "
        f'more than `max_jobs = {file.max_jobs:,}`: combine fewer factors, take `kind = "pairs"` or `"fraction"`, '
        "or raise `max_jobs`",
    )


def check_figures(document: Mapping[str, Any], file: StudyFile, faults: Faults) -> None:
    """Reported accuracies are shares, as ours are."""
    if not file.metric.endswith("accuracy"):
        return
    figures: list[tuple[positions.Path, object]] = []
    for name, factor in _table(document.get("factors")).items():
        own = _table(_table(factor).get("reported"))
        figures += [(("factors", name, "reported", level), figure) for level, figure in own.items()]
        levels = _table(_table(factor).get("levels"))
        figures += [
            (("factors", name, "levels", level, "reported"), _table(table).get("reported"))
            for level, table in levels.items()
        ]
    listed = document.get("variants")
    for number, table in enumerate(listed if isinstance(listed, list) else []):
        figures.append((("variants", number, "reported"), _table(table).get("reported")))
    for place, figure in figures:
        if isinstance(figure, int | float) and not isinstance(figure, bool) and not 0 <= figure <= 1:
            write = f"; write {figure / 100:g} for {figure:g} %" if 1 < figure <= 100 else ""
            faults.add(
                place, f"`reported` accuracies are shares between 0 and 1, not {shown(figure)}{write}", value=True
            )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
