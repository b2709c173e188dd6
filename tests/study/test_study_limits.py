"""Files that are too large, too deep, or only look like text; and studies that would be too many jobs."""

import subprocess
import sys

import pytest

from ablate.errors import StudyError
from ablate.study import Study, load_study, parse_study
from ablate.study import source as source_module

BASE = {
    "name": "x",
    "baseline": {"data": {"name": "digits"}, "training": {"epochs": 2, "optimizer": {"name": "SGD", "lr": 0.1}}},
}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".".join("a" * 20_000) + " = 1", "nested 8 deep"),
        ("[" + ".".join("a" * 20_000) + "]", "nested 8 deep"),
        ("a = " + "[" * 100_000, "nested 8 deep"),
        ("a = " + "{ b = " * 50_000, "nested 8 deep"),
        ("a = [" + "[[[[[[[[1]]]]]]]]" + "]", "nested 8 deep"),
        ("a = " + "9" * 5_000, "256 characters"),
        ("a = 0x" + "f" * 5_000, "256 characters"),
        ("#" * (1 << 20) + "#", "1,048,576 bytes"),
        ("a = [" + "1, " * 60_000 + "]", "50,000 keys and values"),
        ("[a]\n" * 60_000, "50,000 keys and values"),
        ("[a.b.c.d.e]\nf.g.h = [[[1]]]", "nested 8 deep"),
    ],
)
def test_limits_are_checked_before_the_parser_sees_the_text(text, told):
    with pytest.raises(StudyError, match=told):
        parse_study(text)


def test_brackets_and_dots_in_texts_and_comments_do_not_count():
    title = "[[[[[[[[[[ a.b.c.d.e.f.g.h.i.j"
    study = parse_study(
        f'name = "x" # {title}\ntitle = "{title}"\n'
        "[baseline.data]\nname = 'digits'\n"
        '[baseline.training]\nepochs = 2\noptimizer.name = """SGD"""\noptimizer.lr = 0.1\n'
    )
    assert study.title == title


def test_bytes_that_are_no_text_are_placed(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b'name = "x"\ntitle = "gr\xfc\xdfe"\n')
    with pytest.raises(StudyError) as caught:
        load_study(path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 12)
    assert "UTF-8" in problem.message


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\n" * (source_module.MAX_BYTES + 1))
    with pytest.raises(StudyError, match="1,048,577"):
        load_study(path)


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    text = (
        '\ufeffname = "x"\r\n[baseline.data]\r\nname = "digits"\r\n'
        '[baseline.training]\r\nepochs = 2\r\noptimizer = { name = "SGD", lr = 0.1 }\r\n'
    )
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode())
    assert load_study(path).name == "x"
    path.write_bytes(text.replace("epochs = 2", "epochs = 0").encode())
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (5, 10)


@pytest.mark.parametrize("text", ["name = 'a\0b'", "name = 'x'\0", "\0", "name = '\x1b[0m'", "name = 'x'\rtitle = 'y'"])
def test_control_characters_are_refused(text):
    with pytest.raises(StudyError):
        parse_study(text)


@pytest.mark.parametrize("title", ["a\u202eb", "a\u2066b", "a\nb", "a\x00b", "a\u2028b", " "])
def test_texts_that_would_garble_a_table_are_refused(title):
    with pytest.raises(StudyError, match="title"):
        Study.from_dict({**BASE, "title": title})


@pytest.mark.parametrize("title", ["Tiefe ≠ Güte?", "ما الذي يحسن الشبكة؟", "残差连接有用吗？", "😀"])
def test_any_script_is_a_title(title):
    assert Study.from_dict({**BASE, "title": title}).title == title


@pytest.mark.parametrize("name", ["", "a/b", "../a", "-a", ".a", "a b", "a\n", "ä", "a" * 65])
def test_study_names_are_safe_as_file_names(name):
    with pytest.raises(StudyError, match="name"):
        Study.from_dict({**BASE, "name": name})


def test_values_that_no_recipe_can_hold_are_placed():
    text = (
        'name = "x"\n[baseline.data]\nname = "digits"\n[baseline.training]\nepochs = 2\n'
        'optimizer = { name = "SGD", lr = 0.1 }\nscheduler = { name = "MultiStepLR", milestones = 1979-05-27 }\n'
    )
    with pytest.raises(StudyError, match=r"study\.toml:7:50: a date or time has no place in a study"):
        parse_study(text)
    with pytest.raises(StudyError, match=r"baseline\.data: a set has no place"):
        Study.from_dict({**BASE, "baseline": {"data": {1, 2}}})


def test_a_mapping_that_holds_itself_is_refused():
    circle = {}
    circle["circle"] = circle
    with pytest.raises(StudyError, match="nested 8 deep"):
        Study.from_dict(circle)
    with pytest.raises(StudyError, match="256 digits"):
        Study.from_dict({**BASE, "max_jobs": 10**5000})


def test_combinations_are_counted_before_they_are_expanded():
    made = {
        f"f{index}": {"levels": {str(n): {"data.split_seed": 10 * index + n + 1} for n in range(9)}}
        for index in range(9)
    }
    with pytest.raises(StudyError) as caught:
        Study.from_dict({**BASE, "factors": made, "designs": [{"kind": "grid"}]})
    assert "1,000,000,000 variants with 3 seeds each, 3,000,000,000 jobs" in str(caught.value)
    assert "`max_jobs = 10,000`" in str(caught.value)


def test_a_product_that_is_too_long_to_print_is_still_refused():
    made = {f"f{index}": {"levels": {"a": {"data.split_seed": index + 1}}} for index in range(400)}
    with pytest.raises(StudyError, match=r"about 10\^120"):
        Study.from_dict({**BASE, "factors": made, "designs": [{"kind": "grid"}]})


def test_max_jobs_is_the_users_choice():
    document = {**BASE, "factors": {"f": {"path": "data.batch_size", "levels": [8, 16]}}, "max_jobs": 8}
    with pytest.raises(StudyError, match="9 jobs"):
        Study.from_dict(document)
    assert Study.from_dict({**document, "max_jobs": 9}).count() == 9


def test_looks_count_at_their_largest():
    with pytest.raises(StudyError, match="20 seeds each"):
        Study.from_dict({**BASE, "seeds": {"looks": [5, 20]}, "max_jobs": 10})


def test_a_study_needs_neither_torch_nor_pandas():
    code = (
        "import sys; from ablate.study import Study; "
        f"Study.from_dict({BASE!r}); "
        "print(*(m for m in ('torch', 'pandas', 'pydoe', 'scipy', 'tree_sitter') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
