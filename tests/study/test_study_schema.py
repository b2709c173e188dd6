"""The JSON schema that editors use agrees with what is read."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from ablate.study import load_study, schema

STUDIES = Path(__file__).parents[2] / "studies"
FILES = sorted(STUDIES.glob("*.toml"))


@pytest.fixture(scope="module")
def validator():
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_study_is_valid_by_the_schema_and_by_the_reader(path, validator):
    assert path.read_text("utf-8").startswith("#:schema ./ablate.schema.json\n")
    assert [error.message for error in validator.iter_errors(tomllib.loads(path.read_text("utf-8")))] == []
    assert load_study(path).variants()


def test_the_committed_schema_is_the_one_that_is_made():
    assert json.loads((STUDIES / "ablate.schema.json").read_text("utf-8")) == schema()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('titel = "?"', "titel"),
        ("baseline.data.nmae = 1", "nmae"),
        ("baseline.model.name = 'convnet'\nbaseline.model.droput = 0.1", "droput"),
        ("baseline.model.name = 'convnett'", "convnett"),
        ("baseline.model.name = 'nets.py'", "nets.py"),
        ("baseline.training.optimizer.name = 'Adm'", "Adm"),
        ("factors.f.pathe = 'model.norm'", "pathe"),
        ("factors.f.levels = 3", "3"),
        ("[[designs]]\nkind = 'gird'", "gird"),
        ("[[variants]]\nnmae = 'x'", "nmae"),
        ("seeds.count = 0", "0"),
        ("name = 'a/b'", "a/b"),
    ],
)
def test_the_schema_marks_mistakes(text, told, validator):
    errors = list(validator.iter_errors(tomllib.loads(text)))
    flat = [inner for error in errors for inner in (error, *(error.context or ()))]
    assert any(told in error.message for error in flat)


def test_the_schema_lets_own_models_have_any_argument(validator):
    text = """
        name = "own"
        baseline.data.name = "digits"
        baseline.training = { epochs = 1, optimizer = { name = "SGD", lr = 0.1 } }
        baseline.model = { name = "code/nets.py:Net", width = 3, blocks = [{ kind = "a" }] }
    """
    assert list(validator.iter_errors(tomllib.loads(text))) == []


@pytest.mark.parametrize(
    ("model", "valid"),
    [
        ('{ name = "timm:resnet18", weights = "a1_in1k", drop_rate = 0.1 }', True),
        ('{ name = "timm:resnet18.a1_in1k" }', False),
        ('{ name = "timm:resnet18", freeze = 3 }', False),
        ('{ name = "torchvision:resnet18", drop_rate = 0.1 }', False),
    ],
)
def test_the_schema_knows_what_networks_of_libraries_take(model, valid, validator):
    text = """
        name = "libraries"
        baseline.data.name = "flowers102"
        baseline.training = { epochs = 1, optimizer = { name = "SGD", lr = 0.1 } }
    """
    assert (not list(validator.iter_errors(tomllib.loads(f"{text}\nbaseline.model = {model}")))) == valid


def test_epochs_may_be_left_out_where_phases_have_theirs(validator):
    text = """
        name = "phased"
        baseline.data.name = "digits"
        baseline.training.optimizer = { name = "SGD", lr = 0.1 }
    """
    phases = "baseline.training.phases = [{ epochs = 1 }]"
    assert list(validator.iter_errors(tomllib.loads(text + phases))) == []
    assert any("valid under any" in error.message for error in validator.iter_errors(tomllib.loads(text)))


def explained(made, value):
    named = value.get("$ref", "").rpartition("/")[2]
    return "description" in value or (named and "description" in made["$defs"][named])


def test_every_key_is_explained():
    made = schema()
    unexplained = [
        f"{name}.{key}"
        for name, definition in {**made["$defs"], "file": made}.items()
        for key, value in definition.get("properties", {}).items()
        if key not in ("name", "kind", "p") and name != "Baseline" and not explained(made, value)
    ]
    assert unexplained == []
