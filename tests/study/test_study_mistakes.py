"""The messages for typical mistakes, word by word: `mistakes/NAME.toml` must be answered by `mistakes/NAME.txt`.

After a message was changed on purpose: `ABLATE_REGENERATE=1 pytest tests/study/test_study_mistakes.py`, then read them.
"""

import os
from pathlib import Path

import pytest

from ablate.errors import StudyError, UsageError
from ablate.study import Study, load_study, parse_study

FOLDER = Path(__file__).parent / "mistakes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_answered_with_place_reason_and_cure(name, monkeypatch):
    monkeypatch.chdir(FOLDER)
    with pytest.raises(StudyError) as caught:
        load_study(f"{name}.toml")
    answer = f"{caught.value}\n"
    expected = FOLDER / f"{name}.txt"
    if os.environ.get("ABLATE_REGENERATE"):
        expected.write_text(answer, "utf-8")
    assert answer == expected.read_text("utf-8")


def test_every_answer_has_its_mistake():
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == NAMES
    assert len(NAMES) >= 30


def test_problems_carry_their_place():
    with pytest.raises(StudyError) as caught:
        parse_study('name = "x"\n\n[baseline.data]\nname = "digits"\nbatch_size = 0\n', source="mine.toml")
    problem = next(problem for problem in caught.value.problems if "batch_size" in problem.message)
    assert (problem.source, problem.line, problem.column) == ("mine.toml", 5, 14)
    assert problem.text == "batch_size = 0"
    assert caught.value.exit_code == 3


def test_columns_count_characters_and_not_bytes():
    with pytest.raises(StudyError) as caught:
        parse_study('name = "x"\nbaseline = { data = { name = "digits" }, "größe" = 1, model = { nome = 1 } }\n')
    assert {(problem.line, problem.column) for problem in caught.value.problems} >= {(2, 42)}


def test_mistakes_of_the_baseline_are_not_repeated_for_each_level():
    text = (FOLDER / "level_does_not_fit.toml").read_text("utf-8").replace('"digits"', '"digit"')
    with pytest.raises(StudyError) as caught:
        parse_study(text)
    assert sum("digit" in problem.message for problem in caught.value.problems) == 1
    assert any("bacth" in problem.message for problem in caught.value.problems)


def test_a_study_written_in_python_is_told_the_path_of_its_mistakes():
    with pytest.raises(StudyError) as caught:
        Study.from_dict({"name": "x", "baseline": {"data": {"name": "digit"}}, "designs": [{"kind": "gird"}]})
    told = [str(problem) for problem in caught.value.problems]
    assert any(line.startswith("study: designs[0].kind: there is no design") for line in told)
    assert any(line.startswith("study: baseline.data.name: ") for line in told)


def test_control_characters_of_a_file_do_not_reach_the_terminal():
    with pytest.raises(StudyError) as caught:
        parse_study('name = "x\\u001b[31m"\n"\\u001b[2J" = 1\n')
    assert "\x1b" not in str(caught.value)


def test_a_missing_file_names_similar_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "digits_net.toml").write_text("")
    with pytest.raises(UsageError) as caught:
        load_study("studies/digit_net.toml")
    assert "studies/digit_net.toml" in caught.value.message
    assert "studies/digits_net.toml" in caught.value.cure
    with pytest.raises(UsageError) as caught:
        load_study("digits_net.toml")
    assert "studies/digits_net.toml" in caught.value.cure


def test_what_is_no_file_is_said(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        load_study(tmp_path)
    with pytest.raises(UsageError, match="not an ordinary file"):
        load_study("/dev/null")
    with pytest.raises(UsageError, match="no study file a\N{REPLACEMENT CHARACTER}b"):
        load_study("a\0b.toml")
