"""Reports in other languages: no message without a translation, no English left, and numbers that stay as they are."""

import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from language_cases import Message, catalog, formatted_calls, messages, names_in, renewed
from page_cases import Reader
from report_cases import degradation, grid, many, screening, stepped, stopped, whole, wounded
from rich.console import Console
from test_report_classes import with_classes
from test_report_tunings import tuned
from test_report_wording import guessed, ladder, late, left_out, retuned

from ablate.errors import UsageError
from ablate.report.comparisons import comparisons_of
from ablate.report.console import summary_table
from ablate.report.figures import gallery, style
from ablate.report.figures.overview import overview_figure
from ablate.report.html.page import render_page
from ablate.report.language import FILES, languages, say, say_number, speaking
from ablate.report.latex import compile_report, find_engines
from ablate.report.latex import render as render_latex
from ablate.report.markdown import render
from ablate.report.write import write_report
from ablate.told import told
from ablate.verdicts.analysis import Analysis, analyse
from ablate.verdicts.results import Results
from tests.browser import browser, chromium

OTHERS = languages()[1:]
PICTURES = {"overview": "overview", "factor dropout": "factor-01-dropout", "named": "named"}
STUDIES = (
    whole,
    wounded,
    stopped,
    stepped,
    degradation,
    grid,
    screening,
    tuned,
    guessed,
    ladder,
    late,
    left_out,
    retuned,
)
#: Three English words in a row.
SENTENCE = re.compile(r"[A-Za-z][a-z'’]+(?:[ ,]+[A-Za-z][a-z'’]*){2,}")
CHINESE = re.compile("[\u4e00-\u9fff]")


class Drawn(dict[str, str]):
    """All pictures that a report without a page may have."""

    def __contains__(self, name: object) -> bool:
        return name not in ("all curves", "classes")

    def __missing__(self, name: str) -> str:
        return "picture"


@cache
def analysed() -> Analysis:
    return analyse(whole())


@cache
def chinese_page() -> str:
    with speaking("zh"):
        return render_page(analyse(with_classes(whole())))


@pytest.fixture
def chinese() -> Iterator[None]:
    with speaking("zh"):
        yield


def translated(known: Catalog, message: Message) -> list[str]:
    found = known.get(message.text, context=message.context or None)
    assert found is not None, f"there is no entry for {message.text!r}: ABLATE_REGENERATE=1 makes one"
    return list(found.string) if isinstance(found.string, tuple | list) else [found.string or ""]


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_has_a_translation_and_every_translation_a_message(code: str) -> None:
    if os.environ.get("ABLATE_REGENERATE") == "1":
        text = renewed(code)
        (FILES / f"{code}.po").write_text(text, encoding="utf-8", newline="\n")
    known = {(one.context or "", one.id): "".join(one.string) for one in catalog(code) if one.id}
    assert set(known) == {(one.context, one.id) for one in messages()}, "ABLATE_REGENERATE=1 brings entries up to date"
    assert [message for (_, message), string in known.items() if not string] == []


@pytest.mark.parametrize("code", OTHERS)
def test_translations_show_values_that_there_are(code: str) -> None:
    known, wrong = catalog(code), {}
    for message, uses in messages().items():
        # what is only marked gets its values elsewhere
        given = frozenset.intersection(*(use.names or names_in(message.text) for use in uses))
        for text in translated(known, message):
            if not names_in(text) <= given:
                wrong[message.text] = names_in(text) - given
    assert wrong == {}


def test_no_message_is_put_together_before_it_is_looked_up() -> None:
    assert formatted_calls() == []


@pytest.mark.usefixtures("chinese")
def test_a_chinese_report_is_the_golden_one(golden: Callable[[str, str], str]) -> None:
    text = render(analyse(wounded()), PICTURES)
    assert text == golden("wounded-zh.md", text)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("make", STUDIES)
def test_no_english_sentence_is_left(make: Callable[[], Results]) -> None:
    given = make()
    text = re.sub("ablate (run|report) [^|`]*", "", render(analyse(given), Drawn()))
    for name in sorted(names_of(given), key=len, reverse=True):
        text = text.replace(name, "")
    assert SENTENCE.findall(text) == []
    assert len(CHINESE.findall(text)) > 500


def names_of(given: Results) -> set[str]:
    """What the study itself is called and calls things, and what runs said when they ended."""
    outline = given.outline
    found = {outline.title, *(one.name for one in outline.variants), *(run.error or "" for run in given.runs)}
    for one in outline.factors:
        found |= {one.label, *(level.label for level in one.levels)}
    return found - {""}


def test_a_page_says_its_language_and_no_english() -> None:
    page = Reader(chinese_page())
    (html,) = page.all("html")
    assert html.attributes["lang"] == "zh-CN"
    said = [one.said for one in page.elements if one.tag in ("p", "th", "td", "caption", "button", "summary", "label")]
    said += [one.attributes.get(name, "") for one in page.elements for name in ("aria-label", "title", "data-text")]
    names = names_of(whole())
    assert [text for text in said if SENTENCE.search(text) and not any(name in text for name in names)] == []


def test_numbers_and_names_are_the_same_in_every_language() -> None:
    given, analysis = whole(), analysed()
    with speaking("zh"):
        told_of = comparisons_of(analysis)
        text = render(analysis, PICTURES)
    assert told_of == comparisons_of(analysis)
    english = render(analysis, PICTURES)
    assert re.findall(r"[+−]\d+\.\d\d \\\[[^]]*\]", text) == re.findall(r"[+−]\d+\.\d\d \\\[[^]]*\]", english)
    for name in names_of(given):
        assert text.count(name) >= 1
    assert "| baseline（基线） | 5 | 79.73 ± 0.15 |" in text
    assert "ablate report shapes --markdown --lang zh" in text


@pytest.mark.parametrize("make", [wounded, late, screening])
def test_json_is_english_in_every_language(make: Callable[[], Results]) -> None:
    analysis = analyse(make())
    with speaking("zh"):
        render(analysis, {})  # what it keeps of the analysis is in no language
        written = json.dumps(comparisons_of(analysis), ensure_ascii=False)
    assert written == json.dumps(comparisons_of(analysis), ensure_ascii=False)
    assert not CHINESE.search(written)


def test_names_that_users_give_are_never_translated() -> None:
    given = many(2)
    named = [
        one.model_copy(update={"name": "worse"}) if place else one for place, one in enumerate(given.outline.variants)
    ]
    outline = given.outline.model_copy(update={"variants": tuple(named), "title": "variant {n}"})
    with speaking("zh"):
        text = render(analyse(replace(given, outline=outline)), PICTURES)
    assert text.startswith("# variant {n}\n")
    assert "| worse | " in text


def test_files_of_tables_have_the_same_names_in_every_language() -> None:
    with speaking("zh"):
        found = render_latex(analysed(), PICTURES)
    assert set(found.tables) == set(render_latex(analysed(), PICTURES).tables)
    assert r"\caption{全部变体}" in found.tables["all-variants.tex"]


def test_the_language_is_that_of_one_report_and_not_of_the_process() -> None:
    def word(code: str) -> str:
        with speaking(code):
            return say("baseline")

    with ThreadPoolExecutor(2) as threads, speaking("zh"):
        assert list(threads.map(word, ["en", "zh"] * 4)) == ["baseline", "基线"] * 4
        assert threads.submit(say, "baseline").result() == "baseline"
        assert say("baseline") == "基线"
    assert say("baseline") == "baseline"


@pytest.mark.usefixtures("chinese")
def test_what_a_language_lacks_is_said_in_english() -> None:
    assert say("a text that nobody translated") == "a text that nobody translated"
    assert say("{n} things that nobody translated", n=3) == "3 things that nobody translated"


def test_a_text_that_was_told_is_said_with_its_values_and_stays_english_for_all_others() -> None:
    why = told("reference: {why}", why=told("{n} of {planned} seeds failed", n=1, planned=5))
    assert why == "reference: 1 of 5 seeds failed"
    with speaking("zh"):
        assert say(deepcopy(why)) == "参照：5 个随机种子中有 1 个失败"
        assert say_number(1, "{n} run", "{n} runs") == "1 次运行"
        assert f"{why}" == "reference: 1 of 5 seeds failed"
    assert say(why) == why
    assert told("a {name} of somebody's") == "a {name} of somebody's"


def test_a_language_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no language 'xx'") as caught:
        write_report(whole(), tmp_path / "out", lang="xx")
    assert "Write one of: en, zh." in str(caught.value.cure)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("chinese")
def test_the_table_of_a_terminal_is_chinese() -> None:
    stream = StringIO()
    Console(file=stream, width=100).print(summary_table(wounded(), width=100))
    text = stream.getvalue()
    assert "测试准确率（%）" in text
    assert "显著更优" in text
    assert "better" not in text


def labels() -> set[str]:
    from matplotlib.text import Text

    with style.legible():
        figure = overview_figure(analysed())
    assert figure is not None
    return {text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)}


@pytest.mark.usefixtures("chinese")
def test_pictures_have_chinese_labels_where_a_font_has_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "wide_fonts", lambda: ["DejaVu Sans"])  # whatever is installed here
    assert {"测试准确率（%）", "显著更优", "基线"} <= labels()


def test_without_a_font_one_warning_is_given_and_pictures_keep_english_labels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(style, "WIDE_FONTS", ("No Such Font",))
    given: list[str] = []
    drawn: list[set[str]] = []
    monkeypatch.setattr(gallery, "draw", lambda *_, **__: drawn.append(labels()) or {})
    write_report(whole(), tmp_path, lang="zh", warn=given.append)
    (warning,) = given
    assert "no font with the letters of 'zh' is installed: pictures keep English labels" in warning
    assert {"test accuracy, %", "better", "baseline"} <= drawn[0]
    assert "显著更优" in (tmp_path / "report.md").read_text(encoding="utf-8")
    write_report(whole(), tmp_path, warn=given.append)
    assert len(given) == 1


@pytest.mark.latex
@pytest.mark.usefixtures("chinese")
def test_a_chinese_report_is_set_without_a_letter_missing(tmp_path: Path) -> None:
    found = render_latex(analyse(wounded()), {})
    (tmp_path / "tables").mkdir()
    for name, text in found.tables.items():
        (tmp_path / "tables" / name).write_text(text, encoding="utf-8")
    check = r"\tracinglostchars=3"  # a letter that the font lacks is an error
    text = found.report.replace(r"\begin{document}", rf"{check}\begin{{document}}")
    (tmp_path / "report.tex").write_text(text, encoding="utf-8")
    try:
        assert compile_report(tmp_path, find_engines()[:1]).startswith(b"%PDF")
    except UsageError as error:
        if "no LaTeX engine" in str(error) or "no font for" in str(error):
            pytest.skip("no xelatex, lualatex or font with Chinese letters: `apt install texlive-xetex fonts-noto-cjk`")
        raise
    assert r"\AblateLetters" not in text


@pytest.mark.browser
def test_the_page_speaks_chinese_in_a_browser(tmp_path: Path) -> None:
    if chromium() is None:
        pytest.skip("Chromium is not installed: `apt install chromium`")
    (tmp_path / "report.html").write_text(chinese_page(), encoding="utf-8")
    with browser(tmp_path / "profile") as tab:
        tab.open((tmp_path / "report.html").as_uri())
        tab.run("document.querySelector('figure.chart').scrollIntoView()")
        tab.until("document.querySelector('figure.chart .u-over')")
        assert tab.run("document.querySelector('button.theme').textContent") in ("深色模式", "浅色模式")
        assert tab.run("document.querySelector('.tools').textContent").startswith("显示")
        assert tab.run("document.querySelector('.where').textContent") == "拖动以放大，指向曲线以读数。"
        assert tab.mistakes == []
