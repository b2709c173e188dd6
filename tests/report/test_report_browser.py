"""The page in a browser: a click sorts, a hover reads a value, and no script fails. Needs Chromium."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_cases import hostile, page_of, whole_page, wounded_page
from report_cases import degradation, many, whole
from scipy import stats

from ablate.report.figures import style
from ablate.statistics import band
from ablate.verdicts.results import Results
from tests.browser import Page, browser, chromium

pytestmark = pytest.mark.browser

#: Where the first chart is, and what it says.
CHART = "document.querySelector('figure.chart')"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all tests of this file."""
    if chromium() is None:
        pytest.skip("Chromium is not installed: `apt install chromium`")
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def opened(tab: Page, tmp_path: Path) -> Iterator[Page]:
    """The finished study's page; whatever a test does, no script may fail and nothing may be asked for."""
    file = tmp_path / "report.html"
    file.write_text(whole_page(), encoding="utf-8")
    tab.resize(1300, 900)
    tab.open(file.as_uri())
    tab.run("localStorage.clear(); theme.chosen = null; theme.apply()")
    yield tab
    assert tab.mistakes == []
    assert tab.requests == [file.as_uri()]


def show(tab: Page, text: str, folder: Path, **media: str) -> None:
    file = folder / "other.html"
    file.write_text(text, encoding="utf-8")
    tab.open(file.as_uri(), **media)


def drawn(tab: Page) -> tuple[float, float, float, float]:
    """Bring the first chart into view; left, top, width and height of its plotting area."""
    tab.run(f"{CHART}.scrollIntoView({{block: 'center'}})")
    tab.until(f"{CHART}.querySelector('.u-over')")
    found = tab.run(
        f"(() => {{ const at = {CHART}.querySelector('.u-over').getBoundingClientRect(); "
        "return [at.left, at.top, at.width, at.height]; })()"
    )
    return tuple(found)


def read(tab: Page) -> tuple[str, list[str]]:
    """What the chart says of the place below the mouse: the epoch, and a value for each curve."""
    said = tab.run(
        f"[{CHART}.querySelector('.where').textContent, "
        f"[...{CHART}.querySelectorAll('.legend .value')].map((one) => one.textContent)]"
    )
    return said[0], said[1]


def mean(given: Results, key: str, epoch: int) -> str:
    values = [row.val_accuracy for row in given.epochs if (row.variant_key, row.epoch) == (key, epoch)]
    return f"{100 * sum(values) / len(values):.2f} %"


def names(tab: Page, table: str) -> list[str]:
    return tab.run(f"[...{table}.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[0].textContent)")


def test_a_click_sorts_and_another_turns_the_order(opened: Page) -> None:
    opened.run(
        "window.all = [...document.querySelectorAll('table.data')]"
        ".find((one) => one.caption.textContent === 'All variants')"
    )
    before = names(opened, "all")
    opened.run("all.tHead.rows[0].cells[2].querySelector('button').click()")
    falling = names(opened, "all")
    assert falling[0] == "the widest"
    assert falling[-1] == "dropout=0.6"
    assert opened.run("all.tHead.rows[0].cells[2].getAttribute('aria-sort')") == "descending"
    opened.run("all.tHead.rows[0].cells[2].querySelector('button').click()")
    assert names(opened, "all") == falling[::-1]
    opened.run("all.tHead.rows[0].cells[0].querySelector('button').focus()")
    opened.press("Enter")
    assert names(opened, "all") == sorted(before)
    assert opened.run("all.querySelectorAll('[aria-sort]').length") == 1


def test_effects_are_sorted_by_their_size(opened: Page) -> None:
    table = "document.querySelector('#effects-1')"
    opened.run(f"[...{table}.querySelectorAll('button')].find((one) => one.textContent.startsWith('Δ')).click()")
    assert names(opened, table)[:2] == ["the widest", "dropout=0.3, optimizer=Adam"]
    assert names(opened, table)[-1] == "dropout=0.6"


def test_a_hover_reads_the_mean_over_seeds(opened: Page) -> None:
    left, top, width, height = drawn(opened)
    opened.point(left + 1, top + height / 2)
    opened.until(f"{CHART}.querySelector('.where').textContent.includes('Epoch')")
    where, values = read(opened)
    assert "Epoch 1," in where
    assert values[0] == mean(whole(), "b", 1)
    opened.point(left + width - 1, top + height / 2)
    opened.until(f"{CHART}.querySelector('.where').textContent.includes('Epoch 6')")
    assert read(opened)[1][1] == mean(whole(), "key of dropout=0.3", 6)


def test_arrow_keys_read_too(opened: Page) -> None:
    drawn(opened)
    opened.run(f"{CHART}.querySelector('.plotting').focus()")
    for _ in range(3):
        opened.press("ArrowRight")
    opened.until(f"{CHART}.querySelector('.where').textContent.includes('Epoch 3')")
    opened.press("ArrowLeft")
    opened.until(f"{CHART}.querySelector('.where').textContent.includes('Epoch 2')")
    heard = opened.run(f"{CHART}.querySelector('[role=status]').textContent")
    assert heard.startswith(f"Epoch 2: 0 {mean(whole(), 'b', 2)}, 0.3 ")


def test_a_drag_zooms_and_a_button_shows_all_again(opened: Page) -> None:
    left, top, width, height = drawn(opened)
    opened.drag((left + width * 0.5, top + height * 0.5), (left + width * 0.95, top + height * 0.52))
    opened.point(left + 2, top + height / 2)
    opened.until(f"/Epoch [34]/.test({CHART}.querySelector('.where').textContent)")
    opened.run(
        f"[...{CHART}.querySelectorAll('.tools button')].find((one) => one.textContent === 'Whole view').click()"
    )
    opened.point(left + 1, top + height / 2 - 5)
    opened.until(f"{CHART}.querySelector('.where').textContent.includes('Epoch 1')")


def test_the_legend_switches_curves_off_and_on(opened: Page) -> None:
    drawn(opened)
    picture = f"{CHART}.querySelector('canvas').toDataURL()"
    before = opened.run(picture)
    button = f"{CHART}.querySelectorAll('.legend button')[1]"
    opened.run(f"{button}.focus()")
    opened.press("Enter")
    assert opened.run(f"{button}.ariaPressed") == "false"
    opened.until(f"{picture} !== {before!r}")
    opened.press("Enter")
    opened.run("document.activeElement.blur()")
    opened.until(f"{picture} === {before!r}")


def test_a_name_in_the_legend_lights_its_curves(opened: Page) -> None:
    drawn(opened)
    picture = f"{CHART}.querySelector('canvas').toDataURL()"
    before = opened.run(picture)
    opened.run(f"{CHART}.querySelectorAll('.legend button')[1].focus()")
    opened.until(f"{picture} !== {before!r}")
    opened.run("document.activeElement.blur()")
    opened.until(f"{picture} === {before!r}")


@pytest.mark.parametrize(
    "change",
    [
        "const one = tools.querySelector('input[type=range]'); one.value = 0.8; one.dispatchEvent(new Event('input'))",
        "tools.querySelectorAll('input[type=checkbox]')[0].click()",
        "tools.querySelectorAll('input[type=checkbox]')[1].click()",
        "const one = tools.querySelector('select'); one.value = 0; one.dispatchEvent(new Event('change'))",
    ],
    ids=["smoothing", "seeds", "log scale", "metric"],
)
def test_what_is_set_is_drawn(opened: Page, change: str) -> None:
    drawn(opened)
    picture = f"{CHART}.querySelector('canvas').toDataURL()"
    before = opened.run(picture)
    opened.run(f"(() => {{ const tools = {CHART}.querySelector('.tools'); {change}; }})()")
    opened.until(f"{picture} !== {before!r}")


def test_bands_and_limits_are_those_of_the_pictures(opened: Page) -> None:
    noise = np.random.default_rng(3)
    curves = noise.normal(size=(4, 6)).round(6)
    quantiles = [float(stats.t.ppf(0.975, freedom)) for freedom in (1, 2, 3)]
    found = opened.run(f"meanBand({{ t: {quantiles} }}, {curves.tolist()})")
    expected = band(curves)
    for name in ("mean", "low", "high"):
        assert found[name] == pytest.approx(getattr(expected, name).tolist())
    wild = [*curves.tolist(), [1e6] * 6]
    ends = opened.run(f"limits({wild})")
    assert (ends["low"], ends["high"]) == pytest.approx(style.limits([np.array(one) for one in wild]))
    assert ends["hidden"] == 1


def test_charts_of_one_section_share_axes_and_colours_as_the_pictures_do(tab: Page, tmp_path: Path) -> None:
    show(tab, page_of(degradation()), tmp_path)
    tab.run(
        "window.pair = [...document.querySelectorAll('figure.chart + figure.chart')].map((one) => one.parentNode)[0]"
        ".querySelectorAll('figure.chart'); pair[0].scrollIntoView()"
    )
    tab.until("[...pair].every((one) => one.querySelector('.legend button'))")
    lines = tab.run(
        "[...pair].map((one) => "
        "[...one.querySelectorAll('.legend button')].map((each) => "
        "[each.querySelector('bdi').textContent, each.querySelector('line').getAttribute('stroke')]))"
    )
    first, second = (dict(one) for one in lines)
    assert first.pop("8") == "#000000"
    assert first.items() <= second.items()
    near, far = [[1.0, 0.5], [0.9, 0.4]], [[3e6, 2e6], [2e6, 1e6]]
    for charts, percent in (([near, far], False), ([near, far], True), ([far], False), ([near, [[3.0, 0.1]]], False)):
        found = tab.run(f"commonLimits({charts}, {str(percent).lower()})")
        arrays = [[np.array(curve) for curve in chart] for chart in charts]
        assert (found["low"], found["high"]) == style.common_limits(arrays, percent=percent)
    assert tab.run(f"limits({far}, {{ low: 0, high: 2 }}).hidden") == 2
    assert tab.mistakes == []


def test_a_mean_ends_with_the_first_seed_that_stopped(opened: Page) -> None:
    assert opened.run("meanBand({ t: [12.7] }, [[1, 2, 3], [3, 4, null]]).mean") == [2, 3]


def test_smoothing_leans_to_no_side(opened: Page) -> None:
    assert opened.run("smoothed([4, 1, null, 1], 0.5)") == pytest.approx([4, 2, None, 10 / 7])
    assert opened.run("smoothed([5, 5, 5], 0.9)") == pytest.approx([5, 5, 5])


def test_a_reader_chooses_among_all_variants(opened: Page) -> None:
    opened.run("window.chosen = document.querySelector('figure.chart[data-chosen]'); chosen.scrollIntoView()")
    opened.until("chosen.querySelector('canvas')")
    legend = "[...chosen.querySelectorAll('.legend bdi')].map((one) => one.textContent)"
    assert "the widest" in opened.run(legend)
    opened.run(
        "[...chosen.querySelectorAll('.chooser li')]"
        ".find((one) => one.textContent === 'the widest').querySelector('input').click()"
    )
    assert "the widest" not in opened.run(legend)


def test_a_name_leads_to_its_runs(opened: Page) -> None:
    opened.run(
        "[...document.querySelectorAll('#effects-1 a')].find((one) => one.textContent === 'optimizer=Adam').click()"
    )
    opened.until("document.querySelector('details.variant[open]')")
    assert opened.run("document.querySelector('details.variant[open] summary bdi').textContent") == "optimizer=Adam"


def test_a_filter_leaves_the_rows_that_have_all_words(tab: Page, tmp_path: Path) -> None:
    show(tab, page_of(many(12)), tmp_path)
    tab.run(
        "window.field = document.querySelector('input[data-filters]'); field.value = 'factor_1 high'; "
        "field.dispatchEvent(new Event('input'))"
    )
    left = names(tab, "document.getElementById(field.dataset.filters)")
    assert left
    assert all("factor_1" in name and "high" in name for name in left)
    assert tab.run("field.closest('.filter').querySelector('.found').textContent").startswith(f"{len(left)} of ")


def test_dark_is_as_the_system_has_it_or_as_the_reader_wants(opened: Page, tmp_path: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = opened.run(colour)
    opened.run("document.querySelector('button.theme').click()")
    dark = opened.run(colour)
    assert sum(map(int, dark[4:-1].split(", "))) < 150 < 600 < sum(map(int, light[4:-1].split(", ")))
    opened.run("document.querySelector('button.theme').click()")
    assert opened.run(colour) == light
    opened.run("localStorage.clear()")
    opened.open((tmp_path / "report.html").as_uri(), prefers_color_scheme="dark")
    assert opened.run(colour) == dark


def test_hostile_words_run_nothing(tab: Page, tmp_path: Path) -> None:
    show(tab, page_of(hostile()), tmp_path)
    drawn(tab)
    assert tab.run("window.hacked") is None
    assert tab.mistakes == []
    assert len(tab.requests) == 1
    assert "<script>" in tab.run(f"{CHART}.querySelector('.legend').textContent")


@pytest.mark.parametrize("width", [320, 700, 1300])
def test_nothing_is_wider_than_the_window(tab: Page, tmp_path: Path, width: int) -> None:
    tab.resize(width, 900)
    for text in (wounded_page(), page_of(hostile())):
        show(tab, text, tmp_path)
        drawn(tab)
        tab.run("document.querySelectorAll('section').forEach((one) => (one.style.contentVisibility = 'visible'))")
        assert tab.run("document.documentElement.scrollWidth") <= width


def test_paper_shows_everything(opened: Page) -> None:
    opened.run(
        "window.seen = null; addEventListener('beforeprint', () => { "
        "seen = ['details:not([open]):not(.chooser)', 'figure.chart canvas', 'figure.chart']"
        ".map((which) => document.querySelectorAll(which).length); })"
    )
    opened.call("Page.printToPDF")
    closed, canvases, charts = opened.run("seen")
    assert closed == 0
    assert canvases == charts > 0
    assert opened.run("document.querySelectorAll('details.variant[open]').length") == 0
