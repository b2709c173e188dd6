"""`import ablate`: light, complete, and known to type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ablate
from ablate import errors


def test_the_import_loads_nothing_and_a_study_neither_torch_nor_pandas():
    code = (
        "import sys; import ablate; print(*sorted(m for m in sys.modules if m.startswith('ablate'))); "
        "print(*(m for m in ('pydantic', 'numpy') if m in sys.modules)); "
        "study = ablate.parse_study(sys.stdin.read()); "
        "print(*(m for m in ('torch', 'pandas', 'numpy', 'sqlalchemy') if m in sys.modules))"
    )
    text = (
        'name = "x"\n[baseline.data]\nname = "digits"\n'
        '[baseline.training]\nepochs = 2\noptimizer = { name = "SGD", lr = 0.1 }\n'
    )
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["ablate", "", ""]


@pytest.mark.parametrize("name", ablate.__all__)
def test_every_name_is_there(name):
    assert getattr(ablate, name) is not None
    assert name in dir(ablate)


def test_every_error_that_ablate_raises_is_offered():
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.AblateError)
    }
    assert raised == {name for name in ablate.__all__ if name.endswith("Error")}
    assert ablate.StudyError is errors.StudyError


def test_type_checkers_are_told_the_same_names():
    tree = ast.parse(Path(ablate.__file__).read_text("utf-8"))
    told = next(node for node in tree.body if isinstance(node, ast.If))
    names = {alias.name for node in told.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    names |= {node.target.id for node in told.body if isinstance(node, ast.AnnAssign)}
    assert names == set(ablate.__all__)


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(AttributeError, match="'ablate' has no attribute 'load_studdy'"):
        _ = ablate.load_studdy
    with pytest.raises(ImportError, match="load_studdy"):
        exec("from ablate import load_studdy")


def test_rooms_can_be_imported_from_the_package():
    done = subprocess.run(
        [sys.executable, "-c", "from ablate import study, errors; print(study.__name__, errors.__name__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "ablate.study ablate.errors\n"
