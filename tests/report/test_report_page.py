"""The page without a browser: it needs nothing from elsewhere, says what the other formats say, and is sound HTML."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from page_cases import ARABIC, EMOJI, HOSTILE, Reader, hostile, page_of, whole_page, wounded_page
from report_cases import degradation, many, results, shapes, stepped, variant, whole, wounded
from test_report_classes import with_classes

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.report.document import Pairs, compose
from ablate.report.table import Table
from ablate.report.write import write_report
from ablate.study.outline import OutlineDesign, StatisticsSettings
from ablate.verdicts.analysis import analyse


def test_the_page_asks_nothing_of_any_network() -> None:
    page = Reader(page_of(replace(stepped(), classes=with_classes(whole()).classes)))
    addresses = [
        address
        for one in page.elements
        for name in ("src", "href", "action", "data", "poster", "srcset")
        if (address := one.attributes.get(name)) is not None
    ]
    assert addresses
    assert [one for one in addresses if not one.startswith(("#", "data:image/"))] == []
    styles = "".join(one.said for one in page.all("style"))
    assert "@import" not in styles
    assert "url(" not in styles
    assert not page.all("link") + page.all("iframe") + page.all("object")


def test_the_policy_lets_through_what_the_page_holds_and_nothing_else() -> None:
    text = whole_page()
    policy = Reader(text).all("meta", http_equiv="Content-Security-Policy")[0].attributes["content"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for rule, tag in (("script-src", "script"), ("style-src", "style")):
        bodies = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in bodies]
        assert rules[rule].split() == [f"'sha256-{one}'" for one in hashes]
    page = Reader(text)
    assert [one.attributes for one in page.all("script") if one.attributes] == [
        {"type": "application/json", "id": "chart-data"}
    ]
    assert not [name for one in page.elements for name in one.attributes if name.startswith("on") or name == "style"]


def test_addresses_within_the_page_lead_somewhere() -> None:
    for text in (whole_page(), wounded_page(), page_of(degradation())):
        page = Reader(text)
        ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
        assert len(ids) == len(set(ids))
        for one in page.elements:
            for name in ("href", "aria-labelledby", "data-filters"):
                if (to := one.attributes.get(name)) is not None:
                    assert to.removeprefix("#") in ids


def test_headings_come_in_order_and_all_stand_in_the_contents() -> None:
    page = Reader(whole_page())
    assert page.all("html")[0].attributes["lang"] == "en"
    assert [one.said for one in page.all("h1")] == ["What improves a small network?"]
    assert not page.all("h3")
    titles = [one.said for one in page.all("h2")]
    sections = compose(analyse(whole()), ()).sections
    assert titles == ["Effects", *(section.title for section in sections), "Every run"]
    contents = page.all("ol")[0]
    assert contents.said == " ".join(titles)
    assert [one.tag for one in page.elements if one.tag in ("main", "nav", "footer")] == ["nav", "main", "footer"]


def test_the_page_says_what_every_other_format_says() -> None:
    given = wounded()
    said = Reader(page_of(given)).all("main")[0].said
    for section in compose(analyse(given), ()).sections:
        for block in section.blocks:
            if isinstance(block, Table):
                texts = [cell.text for row in block.rows for cell in row.cells]
                texts += [column.heading for column in block.columns]
            elif isinstance(block, Pairs):
                texts = [text for pair in block.pairs for text in pair]
            else:
                texts = [*getattr(block, "items", ()), getattr(block, "text", "")]
            for text in texts:
                assert " ".join(text.split()) in said


def test_tables_carry_what_they_are_sorted_by() -> None:
    page = Reader(whole_page())
    row = next(one for one in page.elements if one.tag == "tr" and one.said.startswith("dropout=0.6 5 76."))
    cells = page.elements[page.elements.index(row) + 1 :]
    mean = next(one for one in cells if "data-sort" in one.attributes and one.said.startswith("76."))
    assert 0.765 < float(mean.attributes["data-sort"]) < 0.775
    assert len(page.all("tr", class_="baseline")) >= 4
    assert all(one.attributes.get("scope") for one in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))


def test_verdicts_have_a_mark_and_a_word() -> None:
    page = Reader(whole_page())
    for word in ("better", "worse", "undecided"):
        found = page.all("span", class_=word)
        assert found
        assert all(one.said.startswith(word) for one in found)


def test_hostile_words_stay_words() -> None:
    text = page_of(hostile())
    page = Reader(text)
    said = " ".join(HOSTILE.split())
    assert page.all("h1")[0].said == f"{said} {ARABIC}"
    assert page.all("title")[0].said == f"{said} {ARABIC}"
    assert any(one.said == f"{said} {EMOJI}" for one in page.all("bdi"))
    assert [one.said for one in page.all("pre")][-1] == f"Traceback {said}"
    assert not [one for one in page.all("img") if one.attributes.get("src") == "x"]
    assert "window.hacked" not in "".join(one.said for one in page.all("script") if not one.attributes)
    data = page.all("script", id="chart-data")[0]
    assert json.loads("".join(data.text))["variants"][1]["name"] == f"{HOSTILE} {EMOJI}"
    entries = [json.loads(one.attributes["data-entries"]) for one in page.all("figure", class_="chart")]
    assert any(label == f"{HOSTILE} {EMOJI}" for chart in entries for label, _ in chart)


def test_the_same_rows_give_the_same_page() -> None:
    given = replace(degradation(), classes=with_classes(degradation()).classes)
    assert page_of(given) == page_of(given)
    assert page_of(replace(given, epochs=given.epochs[::-1])) == page_of(given)


def test_pictures_of_matplotlib_lie_in_the_page() -> None:
    pictures = Reader(page_of(degradation())).all("img")
    shown = {one.attributes["alt"]: one.attributes["src"] for one in pictures}
    assert {
        "Interaction: depth × residual connections",
        "Main effects: grid",
        "Generalisation gap of each variant",
    } <= set(shown)
    start = "data:image/svg+xml;base64,"
    drawn = shown["Interaction: depth × residual connections"]
    assert drawn.startswith(start)
    assert b"</svg>" in base64.b64decode(drawn.removeprefix(start))
    assert all(address.startswith("data:image/") for address in shown.values())


def test_every_run_is_there_with_what_became_of_it() -> None:
    given = replace(wounded(), changes={"b": (), "key of dropout=0.6": (("model.dropout", None, 0.6),)})
    page = Reader(page_of(given))
    panels = {one.said.partition(" ")[0]: one.said for one in page.all("details", class_="variant")}
    assert "The recipe is the baseline’s." in panels["baseline"]
    assert "model.dropout default 0.6" in panels["dropout=0.6"]
    assert "Seed 3, diverged: the loss became NaN in epoch 3" in panels["dropout=0.6"]
    assert "4 of 5 runs succeeded" in panels["optimizer=Adam"]
    assert "RuntimeError: shapes | differ" in panels["optimizer=Adam"]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.FAILED])
def test_a_study_without_a_result_has_a_page(state: JobState) -> None:
    given = whole()
    runs = tuple(replace(one, state=state, test_accuracy=None, epochs=0, attempt=0, error=None) for one in given.runs)
    page = Reader(page_of(replace(given, runs=runs, epochs=())))
    assert not page.all("script", id="chart-data")
    assert not page.all("figure", class_="chart")
    assert "No run has brought a value" in page.all("main")[0].said


def test_a_baseline_alone_has_its_curves() -> None:
    alone = shapes(factors=(), designs=(), variants=(variant("baseline", "b"),))
    page = Reader(page_of(results(alone, {})))
    assert "Effects" not in [one.said for one in page.all("h2")]
    assert len(page.all("figure", class_="chart")) == 1


def test_each_ladder_has_a_plot_of_its_steps() -> None:
    outline = shapes()
    ladder = OutlineDesign(name="ladder", kind="ladder", factors=("dropout", "optimizer"))
    steps = {"dropout=0.3", "dropout=0.3, optimizer=Adam"}
    variants = tuple(
        one.model_copy(update={"designs": ("ladder",)}) for one in outline.variants if one.name in steps | {"baseline"}
    )
    page = Reader(page_of(results(outline.model_copy(update={"designs": (ladder,), "variants": variants}), {})))
    assert page.all("h2")[0].said == "Ladder: ladder"
    assert len(page.all("table", id="effects-1")) == 1


def test_a_declared_margin_is_drawn() -> None:
    assert not Reader(whole_page()).all("rect", class_="margin")
    outline = shapes(statistics=StatisticsSettings(margin=0.01))
    assert len(Reader(page_of(results(outline, {}))).all("rect", class_="margin")) == len(outline.variants) - 1


def test_classes_show_the_baseline_beside_the_best() -> None:
    page = Reader(page_of(with_classes(whole())))
    matrices = page.all("figure", class_="confusion")
    assert [one.said.partition(" (")[0] for one in matrices] == ["baseline", "the widest"]
    cells = page.all("td", class_="wrong-class", title="cat taken for dog|wolf: 23")
    assert [one.said for one in cells] == ["46.0", "46.0"]
    assert len(page.all("figure", class_="bars")) == 1


def test_long_tables_have_a_filter_and_short_ones_none() -> None:
    inputs = Reader(page_of(many(12))).all("input")
    tables = {one.attributes["data-filters"] for one in inputs}
    assert len(tables) >= 1
    assert not Reader(page_of(results(shapes(variants=shapes().variants[:3]), {}))).all("input")


def test_a_folder_gets_one_file_and_keeps_its_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("kept", encoding="utf-8")
    assert write_report(whole(), tmp_path, ["html"]) == tmp_path / "report.html"
    write_report(whole(), tmp_path, ["html"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["notes.txt", "report.html", "report.json"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == whole_page()
    with pytest.raises(UsageError, match="--out DIR"):
        write_report(whole(), tmp_path / "notes.txt", ["html"])
