"""docs/studies.md says what is so: every snippet is executed, every key of the language has its row."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from ablate.recipe import (
    AlexNet,
    ConvNet,
    Data,
    FolderData,
    Phase,
    ResNet,
    Stem,
    SyntheticData,
    TimmModel,
    TorchvisionModel,
    Training,
)
from ablate.recipe import augment as augment_module
from ablate.recipe.section import Section as Table
from ablate.recipe.section import canonical_value
from ablate.study import parse_study
from ablate.study.designs.base import DesignTable
from ablate.study.faults import shown
from ablate.study.file import FactorTable, SeedsTable, StatisticsTable, StudyFile, VariantTable
from ablate.study.report_table import EpochsTable, ReportTable
from tests.docs.snippets import Reader, sections

PAGE = Path(__file__).parents[2] / "docs" / "studies.md"
SECTIONS = sections(PAGE)
DESIGNS = DesignTable.__subclasses__()

#: The tables of keys on the page, and the models that they must agree with.
KEYS: dict[str, list[type[BaseModel]]] = {
    "At the top of the file": [StudyFile],
    "`[seeds]`": [SeedsTable],
    "`[baseline.data]`": [Data, FolderData, SyntheticData],
    '`[baseline.model]` with `name = "convnet"`': [ConvNet],
    '`[baseline.model]` with `name = "resnet"`': [ResNet],
    "Stem of a convnet or resnet": [Stem],
    '`[baseline.model]` with `name = "alexnet"`': [AlexNet],
    "`[baseline.model]` with a name of torchvision": [TorchvisionModel],
    "`[baseline.model]` with a name of timm": [TimmModel],
    "`[baseline.training]`": [Training],
    "`[[baseline.training.phases]]`": [Phase],
    "`[factors.NAME]`": [FactorTable],
    "`[[designs]]`": DESIGNS,
    "`[[variants]]`": [VariantTable],
    "`[statistics]`": [StatisticsTable],
    "`[report]`": [ReportTable],
    "`[[report.epochs]]`": [EpochsTable],
}


@pytest.mark.parametrize("number", range(len(SECTIONS)), ids=[section.title for section in SECTIONS])
def test_what_the_page_shows_is_so(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for section in SECTIONS[:number]:
        reader.catch_up(section)
    reader.read(SECTIONS[number])


#: Rows of the page's table of growth: edits of the page's first study, and how its variants' keys are related.
GROWTH = {
    "a level, factor, design, variant or seed is added": (
        set.__lt__,
        [
            ("levels = [0.25, 0.5]", "levels = [0.25, 0.5, 0.6]"),
            ("[factors.norm]", '[factors.pool]\npath = "model.pool"\nlevels = ["average"]\n\n[factors.norm]'),
            ("[factors.norm]", '[[designs]]\nkind = "grid"\n\n[factors.norm]'),
            ("[factors.norm]", '[[variants]]\nname = "long"\nset = { "training.epochs" = 30 }\n\n[factors.norm]'),
        ],
    ),
    "one is taken out": (set.__gt__, [("levels = [0.25, 0.5]", "levels = [0.25]")]),
    "names, labels, titles, `reported`, comments, the order of the file": (
        set.__eq__,
        [
            ("[factors.norm]", '[factors.normalisation]\nlabel = "batch normalisation"'),
            ('title = "Do dropout', "# a comment\ntitle = \"Don't dropout"),
            ("[factors.norm]", "[factors.norm]\nreported = { batch = 0.9 }"),
            ("levels = [0.25, 0.5]", "levels = [0.5, 0.25]"),
        ],
    ),
    "`metric`, `[statistics]`": (
        set.__eq__,
        [("[seeds]", "[statistics]\nmargin = 0.01\n\n[seeds]"), ("title", 'metric = "test_loss"\ntitle')],
    ),
    "a default is written out, as `dropout = 0.0`": (set.__eq__, [("hidden =", "dropout = 0.0\nhidden =")]),
    "a value of the baseline, or `select`": (
        set.isdisjoint,
        [("epochs = 10", "epochs = 11"), ("title", 'select = "last"\ntitle')],
    ),
}


@pytest.mark.parametrize("row", GROWTH)
def test_the_table_of_growth_is_so(row):
    assert f"\n| {row} |" in PAGE.read_text("utf-8")
    related, edits = GROWTH[row]
    first = SECTIONS[1].snippets[0].text
    before = {variant.key for variant in parse_study(first).variants()}
    for old, new in edits:
        assert old in first
        after = {variant.key for variant in parse_study(first.replace(old, new, 1)).variants()}
        assert related(before, after), new


def test_the_table_of_growth_has_no_other_rows():
    table = PAGE.read_text("utf-8").partition("| you change | trained again |\n|---|---|\n")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^\| (.*?) \|", table) == list(GROWTH)


def _rows(heading: str) -> Iterator[tuple[str, str]]:
    """Key and default of each row of the first table below a heading."""
    _, _, below = PAGE.read_text("utf-8").partition(f"\n### {heading}\n")
    assert below, f"docs/studies.md has no heading `### {heading}`"
    for line in re.split(r"\n#{2,3} |\n\n\| augmentation", below)[0].splitlines():
        if match := re.match(r"\| `([^`]+)` \| ([^|]*) ?\|", line):
            yield match[1], match[2].strip()


@pytest.mark.parametrize("heading", KEYS)
def test_every_key_has_a_row_with_its_default(heading):
    fields = {name: field for model in KEYS[heading] for name, field in model.model_fields.items()}
    rows = dict(_rows(heading))
    assert set(rows) == set(fields)
    for name, told in rows.items():
        tells_between_models = name == "name" and KEYS[heading] in ([ConvNet], [ResNet], [AlexNet])
        assert (told == "required") == (fields[name].is_required() or tells_between_models), name
        default = fields[name].get_default(call_default_factory=True)
        if told.startswith("`") and default is not None:  # else: in words, or what None comes to
            assert told == f"`{shown(canonical_value(default))}`", name


def test_every_design_and_augmentation_has_a_row():
    text = PAGE.read_text("utf-8")
    kinds = {model.model_fields["kind"].annotation.__args__[0] for model in DESIGNS}
    assert len(kinds) == len(DESIGNS) >= 7
    assert set(re.findall(r"(?m)^\| `([a-z-]+)` \| [^|]*(?:1 \+|product|\.\.\.)[^|]* \|", text)) == kinds
    augmentations = {
        model.model_fields["name"].default: ", ".join(
            f"`{name} = {'required' if field.is_required() else shown(canonical_value(field.default))}`"
            for name, field in model.model_fields.items()
            if name != "name"
        )
        for model in vars(augment_module).values()
        if isinstance(model, type) and issubclass(model, Table) and "policy" not in vars(model)
        if "name" in model.model_fields and isinstance(model.model_fields["name"].default, str)
    }
    table = text.partition("| augmentation |")[2].partition("\n\n")[0]
    assert dict(re.findall(r"(?m)^\| `([a-z_]+)` \| (`[^|]+`) \|", table)) == augmentations


def test_the_links_of_the_page_lead_somewhere():
    text = PAGE.read_text("utf-8")
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        page, _, anchor = target.partition("#")
        assert not page or (PAGE.parent / page).is_file(), target
        assert page or anchor in anchors, target
