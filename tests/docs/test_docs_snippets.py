"""A page that shows what is not so, or what nobody executes, fails."""

import pytest

from tests.docs.snippets import Reader, sections

BASELINE = """\
# Page

<!-- study: whole; baseline -->
```toml
name = "x"

[baseline.data]
name = "digits"

[baseline.training]
epochs = 2
optimizer = { name = "SGD", lr = 0.1 }
```

"""
NORM = '[factors.norm]\npath = "model.norm"\nlevels = ["batch"]\n'


def fenced(language, text, comment=""):
    return f"{comment}\n```{language}\n{text}```\n\n"


FRAGMENT = fenced("toml", NORM, "2 variants\n\n<!-- study: fragment; file x.toml; 2 variants -->")
RIGHT = [
    FRAGMENT,
    FRAGMENT + fenced("text", "baseline\nnorm=batch\n", "<!-- text: variants -->"),
    FRAGMENT
    + fenced(
        "diff",
        '-levels = ["batch"]\n+levels = ["batch", "group"]\n',
        "3 variants\n\n<!-- diff: x.toml; 3 variants -->",
    ),
    FRAGMENT
    + fenced("python", "import ablate\n\nprint(ablate.load_study('x.toml').name)\n")
    + fenced("text", "x\n", "<!-- text: output -->"),
    fenced("sh", "# nothing is run\n"),
]
WRONG = [
    (fenced("toml", NORM), "nobody executes a block of 'toml'"),
    (fenced("", "norm=batch\n"), "nobody executes a block of ''"),
    (fenced("text", "norm=batch\n"), "nobody executes a block of 'text'"),
    (fenced("json", "{}\n"), "nobody executes a block of 'json'"),
    (" " + fenced("toml", NORM).lstrip(), "an indented block"),
    ("<!-- study: fragment -->\nwords\n" + fenced("toml", NORM), "right in front of a block"),
    ("<!-- studdy: fragment -->\n" + fenced("toml", NORM), "no kind of comment"),
    (fenced("toml", NORM, "<!-- study: fragment; 3 variants -->"), "2 variants, not 3"),
    (fenced("toml", NORM, "<!-- study: fragment; 2 variants -->"), "the text does not say `2 variants`"),
    (fenced("toml", NORM, "<!-- study: fragment; 2 varants -->"), "what is '2 varants'"),
    (fenced("toml", NORM.replace("batch", "bacth"), "<!-- study: fragment -->"), "did you mean 'batch'"),
    (fenced("toml", NORM, "<!-- study: mistake -->"), "this is no mistake"),
    (fenced("toml", NORM.replace("batch", "bacth"), "<!-- study: mistake -->"), "is not shown"),
    (FRAGMENT + fenced("text", "baseline\nnorm=group\n", "<!-- text: variants -->"), "it really is"),
    (FRAGMENT + fenced("diff", "-levels = [1]\n+levels = [2]\n", "<!-- diff: x.toml -->"), "has this 0 times"),
    (FRAGMENT + fenced("diff", "+levels = [2]\n", "<!-- diff: x.toml -->"), "where this is added"),
    (fenced("python", "print(1)\n"), "it printed"),
    (fenced("python", "print(1)\n") + fenced("text", "2\n", "<!-- text: output -->"), "it really is"),
    (fenced("python", "x = 1\n") + fenced("text", "2\n", "<!-- text: output -->"), "it printed ''"),
    (fenced("python", "assert False\n"), ""),
    (fenced("sh", "rm -r .\n"), "only `ablate` is run"),
    (fenced("sh", "ablate run x.toml\n"), "not cheap"),
    (fenced("sh", "ablate check x.toml\n"), "--no-data"),
    (fenced("console", "ablate schema\n"), "a console begins with"),
    (fenced("console", "$ ablate plan y.toml\n"), "ended with 2"),
    (fenced("console", "$ ablate schema --out s.json\nread s.json\n"), "it really is"),
]


def read(text, folder):
    page = folder / "page.md"
    page.write_text(BASELINE + text, "utf-8")
    reader = Reader(folder)
    for section in sections(page):
        reader.read(section)


@pytest.mark.parametrize("text", RIGHT)
def test_a_page_that_is_right_passes(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read(text, tmp_path)


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_page_that_is_wrong_fails(text, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError) as caught:
        read(text, tmp_path)
    assert told in str(caught.value)
