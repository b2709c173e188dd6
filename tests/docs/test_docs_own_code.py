"""docs/own_code.md is executed: its studies are read, its networks take steps, its trainers train."""

import inspect
import re
from pathlib import Path

import pytest

from ablate.recipe import OwnRecipe
from ablate.study import Study, load_study
from ablate.study.own_code import laid_out
from ablate.training import probe, train
from ablate.training.context import Context
from tests.docs.snippets import Reader, sections

PAGE = Path(__file__).parents[2] / "docs" / "own_code.md"
STUDIES = ("mixer", "upside_down", "salted", "focal", "descent", "script")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies that somebody has who typed everything that the page shows."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        reader = Reader(folder)
        for section in sections(PAGE):
            reader.read(section)
    return {path.stem: load_study(path) for path in folder.glob("*.toml")}


@pytest.mark.parametrize("name", STUDIES)
def test_every_variant_of_the_page_can_be_trained(name: str, studies: dict[str, Study]) -> None:
    study = studies[name]
    assert set(studies) == set(STUDIES)
    with laid_out(study.sources) as root:
        for variant in study.variants():
            if isinstance(variant.recipe, OwnRecipe):
                outcome = train(variant.recipe, seed=0, code_root=root)
                assert study.metric in outcome.metrics
            else:
                seen = probe(variant.recipe, code_root=root)
                assert seen is not None
                assert seen.output_shape == (variant.recipe.data.batch_size, 10)


def test_features_of_the_page_have_names_as_labels(studies: dict[str, Study]) -> None:
    from ablate.recipe.data import OwnData
    from ablate.training.data.load import load_dataset

    with laid_out(
        {"my_data.py": (studies["mixer"].folder or Path()).joinpath("my_data.py").read_text("utf-8")}
    ) as root:
        found = load_dataset(OwnData.model_validate({"name": "my_data.py:wine"}), code_root=root)
    assert found.classes == ("class_0", "class_1", "class_2")
    assert found.input_shape == (13,)


def test_the_page_tells_all_that_the_context_has() -> None:
    told = set(re.findall(r"`ctx\.(\w+)", PAGE.read_text("utf-8")))
    public = {name for name, _ in inspect.getmembers(Context) if not name.startswith("_")} - {"outcome"}
    assert public <= told
    assert {"recipe", "seed", "device", "threads", "epoch", "folder", "data_root"} <= told


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text("utf-8")):
        assert (PAGE.parent / target).exists(), target
