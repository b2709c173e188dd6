"""The JSON schema of the study file, with which editors complete keys and mark mistakes."""

from __future__ import annotations

from typing import Any

from ablate.recipe import Recipe
from ablate.recipe.signatures import names
from ablate.study.file import LevelTable, StudyFile

_PLACE = "#/$defs/{model}"


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) as plain JSON values. Editors find it by `#:schema ./ablate.schema.json`."""
    file = StudyFile.model_json_schema(ref_template=_PLACE)
    recipe = Recipe.model_json_schema(ref_template=_PLACE)
    level = LevelTable.model_json_schema(ref_template=_PLACE)
    definitions: dict[str, Any] = {**file.pop("$defs"), **recipe["$defs"]}
    definitions["Baseline"] = {
        "type": "object",
        "description": "The recipe from which everything else departs.",
        "properties": {key: recipe["properties"][key] for key in ("data", "model", "training")},
        "required": ["data", "training"],
        "additionalProperties": False,
    }
    definitions["Level"] = {
        "type": "object",
        "description": "What the level sets, by dotted path in quotes, and what is said of it.",
        "properties": level["properties"],
        "additionalProperties": True,
    }
    ends: dict[str, Any] = {
        "type": "array",
        "prefixItems": [{"type": "number"}, {"type": "number"}, {"type": "integer", "minimum": 2}],
    }
    ends |= {"minItems": 3, "maxItems": 3}
    definitions["Levels"] = {
        "description": "Values for `path`, a range, or a table for each level.",
        "anyOf": [
            {"type": "array", "minItems": 1},
            *(
                {"type": "object", "properties": {kind: ends}, "required": [kind], "additionalProperties": False}
                for kind in ("linspace", "geomspace")
            ),
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/Level"}},
        ],
    }
    definitions["FactorTable"]["properties"]["levels"] = {"$ref": "#/$defs/Levels"}
    definitions["Optimizer"]["properties"]["name"]["enum"] = list(names("optimizers"))
    definitions["Scheduler"]["properties"]["name"]["enum"] = ["none", *names("schedulers")]
    # where there are phases, `epochs` is the sum of theirs
    training = definitions["Training"]
    training["required"].remove("epochs")
    training["anyOf"] = [{"required": ["epochs"]}, {"required": ["phases"]}]
    file["properties"]["baseline"] = {"$ref": "#/$defs/Baseline"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ablate study",
        **{key: value for key, value in file.items() if key != "title"},
        "$defs": dict(sorted(definitions.items())),
    }
