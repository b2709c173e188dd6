"""2,000 damaged study files: each is a study or a list of problems, never a traceback."""

import random
from pathlib import Path

import pytest

from ablate.errors import AblateError
from ablate.study import parse_study

#: A study with most words of the language.
RICH = """
name = "rich"
metric = "val_loss"

[seeds]
looks = [2, 4]
budget = "3 hours"

[baseline.data]
name = "digits"

[baseline.training]
epochs = 3
optimizer = { name = "SGD", lr = 0.1 }

[factors.norm]
path = "model.norm"
levels = ["batch", "group"]
labels = { batch = "with BN" }
remove = "group"

[factors.place]
path = "model.norm_place"
levels = ["pool"]
requires = ["norm=batch"]

[factors.dropout]
path = "model.dropout"
levels = { linspace = [0.1, 0.5, 3] }
when = { "model.name" = "convnet" }

[factors.batch]
path = "data.batch_size"
levels = { geomspace = [128, 512, 3] }

[factors.epochs]
path = "training.epochs"
levels = [4, 5, 6]
linked = "batch"

[factors.momentum]
path = "training.optimizer.momentum"
levels = [0.9]
retune = { "training.optimizer.lr" = [0.1, 0.2] }

[[designs]]
kind = "pairs"
factors = ["norm", "place", "dropout", "batch"]

[[designs]]
kind = "random"
factors = ["norm", "place", "dropout", "batch"]
runs = 4

[[designs]]
kind = "ladder"
factors = ["norm", "dropout"]
levels = { norm = "batch", dropout = 0.3 }
reverse = true

[[designs]]
kind = "leave-one-out"
factors = ["norm", "momentum"]

[[designs]]
kind = "fraction"
resolution = 3
factors = ["norm", "dropout", "batch"]
levels = { norm = "batch", dropout = 0.5, batch = 128 }

[[variants]]
name = "long"
set = { "training.epochs" = 9 }

[[variants]]
name = "longer"
base = "long"
set = { "training.epochs" = 99 }
"""
ROOT = Path(__file__).parents[2]
VALID = [RICH, *(path.read_text("utf-8") for path in sorted((ROOT / "studies").glob("*.toml")))]
BROKEN = [path.read_text("utf-8") for path in sorted((Path(__file__).parent / "mistakes").glob("*.toml"))]
WORDS = [
    *"[]{}=,.\"'#\n\t \\",
    *(
        "[[",
        "]]",
        '"""',
        "'''",
        "true",
        "False",
        "nan",
        "-inf",
        "0",
        "-1",
        "1e400",
        "0.3",
        "9" * 30,
        "0x1F",
        "1979-05-27",
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        '""',
        '"\\u0000"',
        '"\\ud800"',
        "\u202e",
        "\ufeff",
        "\x00",
        "\r",
        "é",
        "𝔘",
        "grid",
        "name",
        "data",
    ),
    *('path = "model.norm"', "levels = [1]", '"model" = 1', "[factors.a]", "[[designs]]", "[[variants]]", "[baseline]"),
    *(
        'kind = "pairs"',
        'kind = "fraction"\nresolution = 3',
        "factors = []",
        "linked = 'dropout'",
        "retune = { a = [1] }",
    ),
    *(
        "base = 'x'",
        "set = { 'data' = {} }",
        "when = { 'model.name' = 1 }",
        "requires = ['a=b']",
        "levels = { linspace = [1, 2, 3] }",
    ),
]


def damaged(text, draw):
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(text) + 1)
        to = min(len(text), at + draw.choice((1, 1, 3, 10, 60)))
        action = draw.randrange(5)
        if action == 0:
            text = text[:at] + text[to:]
        elif action == 1:
            text = text[:at] + draw.choice(WORDS) + text[at:]
        elif action == 2:
            text = text[:at] + draw.choice(WORDS) + text[to:]
        elif action == 3:
            text = text[:at] + text[at:to] * 2 + text[to:]
        else:
            lines = text.split("\n")
            one, two = draw.randrange(len(lines)), draw.randrange(len(lines))
            lines[one], lines[two] = lines[two], lines[one]
            text = "\n".join(lines)
    return text


@pytest.mark.parametrize("part", range(8))
def test_a_damaged_file_is_a_study_or_a_list_of_problems(part):
    draw = random.Random(part)
    told = []
    for _ in range(250):
        text = damaged(draw.choice(VALID if draw.random() < 0.6 else BROKEN), draw)
        try:
            study = parse_study(text, settings=draw.choice([(), (), ("training.epochs=2",), ("model.norm=batch",)]))
        except AblateError as error:
            told.append(str(error))
        else:
            study.outline().model_dump_json()
    assert all(told)
    assert 0 < len(told) < 250


def test_the_files_that_are_damaged_were_sound():
    assert all(parse_study(text).variants() for text in VALID)
