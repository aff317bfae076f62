"""The look of the report: widths of windows, themes, long names, and what axe-core holds against it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from html_browser import Browser
from html_session import CALM, p95, session_of, small_measurements, timed
from results import change
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from pytest_perfbudget.core.calm_quantiles import CalmQuantiles
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.core.side_times import SideTimes
from pytest_perfbudget.report.formats.html import render
from pytest_perfbudget.report.formats.html.links import link_to

SLOW = "tests/orders/test_queries.py::test_lists_open_orders[10000]"
LOAD = "tests/test_load.py::test_gateway_under_load order"
SPANS = "tests/orders/test_queries.py::test_shows_a_page"
LONG = "x" * 200

OUTSIDE = """[...document.querySelectorAll("body *")].filter((one) => {
  const box = one.getBoundingClientRect();
  return !one.closest("thead") && box.width > 1 && box.right > document.documentElement.clientWidth + 1;
}).map((one) => one.outerHTML.slice(0, 200))"""
"""The elements that stick out of the window, also within a box that scrolls; a phone hides the heads of tables."""

COVERED = """[...document.querySelectorAll(".chart .label")].flatMap((label) => {
  const box = label.getBoundingClientRect();
  const ticks = [...label.closest(".chart").querySelectorAll(".tick")].filter((one) => {
    const other = one.getBoundingClientRect();
    return other.left < box.right && other.right > box.left && other.top < box.bottom - 1 && other.bottom > box.top + 1;
  });
  return ticks.map((one) => `${label.textContent} over ${one.textContent}`);
})"""
"""The labels of lines that stand over the texts of an axis."""

CROSSED = """[...document.querySelectorAll(".chart .label[y]")].flatMap((label) => {
  const box = label.getBBox();
  const lines = [...label.closest(".chart").querySelectorAll(".reference")].map((one) => one.y1.baseVal.value);
  const isInside = (y) => y > box.y + 2 && y < box.y + box.height - 2;
  return /^[0-9]+$/.test(label.textContent) ? [] : lines.filter(isInside).map((y) => `${label.textContent} over ${y}`);
})"""
"""The labels that stand over a line; the number of a line stands at its end."""

BELOW = """[...document.querySelectorAll(".chart")].map((chart) => [
  [...chart.querySelectorAll(".label")].map((one) => one.textContent).filter((one) => /^[0-9]+$/.test(one)),
  [...chart.querySelectorAll(".below")].map((one) => one.textContent.trim()),
])"""
"""The numbers at the ends of each chart's lines, and the labels below the chart."""

SHOWS_FACTS = """(() => {
  const shown = [...document.querySelectorAll(".about")].filter((one) => one.offsetHeight > 0);
  const failures = document.querySelector("#failures");
  return shown.map((one) => failures?.getBoundingClientRect().bottom <= one.getBoundingClientRect().top);
})()"""
"""For each place of the page that shows the facts about the session, whether it is below the failures."""


def lengthened(measurement: Measurement) -> Measurement:
    """Return a measurement whose names and places have 200 letters and no place to break a line."""
    return replace(
        measurement,
        nodeid=f"tests/{LONG}.py::test[{LONG}]{measurement.nodeid[-9:]}",
        component=LONG,
        budgets=[replace(one, source=LONG) for one in measurement.budgets],
        changes=[replace(one, source=LONG, against=LONG) for one in measurement.changes],
        profile=[one._replace(function=f"module:{LONG}") for one in measurement.profile],
        warnings=[LONG],
    )


def long_names() -> RunResult:
    found = session_of([lengthened(one) for one in small_measurements()[CALM:]])
    return replace(found, session=replace(found.session, branch=LONG, notes=[LONG], other_failed=[LONG]))


def opened(chromium: Browser, page: Path, fragment: str) -> None:
    chromium.open(page, fragment)
    chromium.run("document.querySelectorAll('details').forEach(one => one.open = true)")


class TestWidths:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_a_phone_shows_the_verdict_and_the_first_failure_without_scrolling(
        self, chromium: Browser, page: Path, theme: str
    ) -> None:
        chromium.look(360, theme)
        chromium.open(page)
        assert chromium.run("document.querySelector('.failure .headline').getBoundingClientRect().bottom") < 640
        assert chromium.run("scrollY") == 0

    def test_the_failures_come_before_the_facts_of_the_session(self, chromium: Browser, page: Path) -> None:
        chromium.open(page)
        for width in (360, 1280, 2560):
            chromium.look(width)
            assert chromium.run(SHOWS_FACTS) == [True]

    def test_a_session_without_failures_has_its_facts_in_the_head(self, chromium: Browser, tmp_path: Path) -> None:
        passed = tmp_path / "passed.html"
        passed.write_text(render(session_of(small_measurements()[:CALM], exit_status=0)), "utf-8")
        chromium.open(passed)
        for width in (360, 1280):
            chromium.look(width)
            assert chromium.run("document.querySelectorAll('.top > .about').length") == 1
            assert chromium.run(SHOWS_FACTS) == [False]

    def test_nothing_is_wider_than_the_window(self, chromium: Browser, page: Path) -> None:
        opened(chromium, page, link_to(SLOW))
        for width in (390, 1280, 2560, 3840):
            chromium.look(width)
            assert chromium.run("document.documentElement.scrollWidth") <= width
            assert chromium.run(OUTSIDE) == []

    @pytest.mark.parametrize(("theme", "colour"), [("light", "rgb(247, 248, 250)"), ("dark", "rgb(17, 21, 27)")])
    def test_a_theme_has_its_colours(self, shown: Browser, theme: str, colour: str) -> None:
        shown.look(1280, theme)
        assert shown.run("getComputedStyle(document.body).backgroundColor") == colour

    def test_a_wide_screen_is_used_with_two_columns_and_larger_texts(self, chromium: Browser, page: Path) -> None:
        chromium.look(3840)
        opened(chromium, page, link_to(SLOW))
        for part in (".about .facts", ".details", "#list table", "#forest", "#failures"):
            assert chromium.run("document.querySelector(arguments[0]).offsetWidth", part) > 0.9 * 3840
        left = "[...document.querySelectorAll(arguments[0])].map((one) => Math.round(one.getBoundingClientRect().left))"
        for columns in ("#failures .failure", ".details > .told, .details > section", ".charts > figure"):
            assert len(set(chromium.run(left, columns))) == 2
        size = "document.querySelector('.chart text').getBoundingClientRect().height"
        chromium.wait(f"{size} > 18")
        chromium.look(1280)
        chromium.wait(f"{size} < 18")
        assert len(set(chromium.run(left, ".details > .told, .details > section"))) == 1

    def test_a_click_on_a_wide_screen_widens_the_frame_below_the_pointer(self, chromium: Browser, page: Path) -> None:
        chromium.look(3840)
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelector('.flame .hot-3')")
        frame = chromium.driver.find_element(By.CSS_SELECTOR, ".flame .hot-3")
        ActionChains(chromium.driver).move_to_element(frame).click().perform()
        assert chromium.texts(".flame-text")[0].startswith("orders.queries:load_customer: 68 ms")
        assert chromium.run("document.querySelector('.flame .chosen').getBBox().x") == 0

    @pytest.mark.parametrize("width", [390, 1280])
    def test_no_name_is_too_long(self, chromium: Browser, tmp_path: Path, width: int) -> None:
        result, path = long_names(), tmp_path / "long.html"
        path.write_text(render(result), "utf-8")
        chromium.look(width)
        opened(chromium, path, link_to(result.measurements[0].id))
        chromium.wait("document.querySelectorAll('.chart .label').length === 3")
        assert chromium.run("document.documentElement.scrollWidth") <= width
        assert chromium.run(OUTSIDE) == []

    @pytest.mark.parametrize("test", [SLOW, LOAD])
    def test_a_phone_shows_every_limit_without_scrolling_aside(self, chromium: Browser, page: Path, test: str) -> None:
        chromium.look(390)
        opened(chromium, page, link_to(test))
        assert chromium.run(OUTSIDE) == []
        told = " ".join(chromium.texts(".details .stacked td, tr.open .col-measured, tr.open .col-limit"))
        limits = {SLOW: ["p95 61.1 ms", "50 ms", "at most 500 MB", "+5 %"], LOAD: ["error_rate 2.40 %", "1 %", "at least 100 rps"]}  # fmt: skip
        assert [one for one in limits[test] if one not in told] == []
        label = "getComputedStyle(document.querySelector('tr.open .col-limit'), '::before').content"
        assert "limit" in chromium.run(label)

    def test_a_wide_screen_has_no_labels_within_its_tables(self, shown: Browser) -> None:
        label = "getComputedStyle(document.querySelector('tr.row .col-limit'), '::before').content"
        assert shown.run(label) == "none"

    def test_a_limit_has_its_label_where_the_curve_is_not(self, chromium: Browser, page: Path) -> None:
        chromium.look(1280)
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelectorAll('.chart .label').length === 3")
        anchors = "[...document.querySelectorAll('.chart .label')].map(one => one.getAttribute('text-anchor'))"
        assert set(chromium.run(anchors)) == {None, "end"}

    @pytest.mark.parametrize("width", [390, 1280])
    def test_limits_near_each_other_have_numbers_and_their_labels_below(
        self, chromium: Browser, tmp_path: Path, width: int
    ) -> None:
        limits = [p95(ms, median_ms=46, metric=name) for name, ms in (("median", 46), ("p95", 47), ("p99", 48))]
        times = RoundTimes.of([46e6 * (1 + at / 3000) for at in range(300)])
        near = timed("a.py::test", 46, *limits, times=times)
        path = tmp_path / "near.html"
        path.write_text(render(session_of([near])), "utf-8")
        chromium.look(width)
        chromium.open(path, link_to(near.id))
        chromium.wait("document.querySelectorAll('.chart .curve').length === 2")
        (numbers, below), _ = chromium.run(BELOW)
        assert numbers == [str(at + 1) for at in range(len(below))]
        assert any(text.startswith(("1  p99 limit 48 ms", "1  p95 limit 47 ms")) for text in below)
        assert chromium.run(CROSSED) == []
        assert chromium.run(OUTSIDE) == []

    def test_limits_with_room_have_their_labels_beside_them(self, chromium: Browser, page: Path) -> None:
        chromium.look(1280)
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelectorAll('.chart .label').length === 3")
        assert chromium.run(BELOW) == [[[], []], [[], []]]

    def test_the_label_of_a_low_limit_does_not_cover_the_axis(self, chromium: Browser, tmp_path: Path) -> None:
        tail_ns = [1e5, 2e5, 3e5, 1e6, 4e6, 270e6]
        head_ns = [59e3, *(60e3 + 50 * at for at in range(190)), *tail_ns]
        usual_ns = (48e3, 52e3, 52.5e3, 53e3, 53.4e3, 53.8e3, 54.4e3, 55.2e3, 58e3, 62e3, 4e6, 20e6)
        sides = SideTimes.since_baseline(head_ns, CalmQuantiles(4_000, usual_ns), 1)
        slower = change(RegressionVerdict.REGRESSED, before=53.8e3, after=64e3, ratio=1.19, lower=1.1, upper=1.3)
        low = timed("a.py::test", 0.064, slower, times=RoundTimes.of(head_ns), side_times=sides)
        path = tmp_path / "low.html"
        path.write_text(render(session_of([low])), "utf-8")
        chromium.look(1280)
        chromium.open(path, link_to(low.id))
        chromium.wait("document.querySelectorAll('.chart .label').length === 3")
        assert chromium.run(COVERED) == []


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose gate only warns, without the tests about which there is nothing to say."""
    path = tmp_path_factory.mktemp("told") / "report.html"
    path.write_text(render(session_of(small_measurements()[CALM:], "warn")), "utf-8")
    return path


def unfolded(chromium: Browser, page: Path, test: str) -> None:
    """Open the details of a test, and everything within them."""
    opened(chromium, page, link_to(test))
    chromium.wait("document.querySelector('.details svg:is(.chart, .flame) :is(path, rect)')")
    chromium.run("document.querySelectorAll('.details details').forEach(one => one.open = true)")


class TestAccessibility:
    @pytest.mark.parametrize("test", [SLOW, LOAD, SPANS])
    def test_axe_finds_nothing_in_both_themes(self, chromium: Browser, told: Path, test: str) -> None:
        chromium.look(390, "dark")
        unfolded(chromium, told, test)
        assert chromium.run("!!document.querySelector('.flame .frame')") == (test == SLOW)
        part = "html" if test == SLOW else ".details"
        assert chromium.violations(part) == []
        chromium.look(1280, "light")
        assert chromium.violations(part, rule="color-contrast") == []

    def test_axe_finds_nothing_in_a_failed_session_on_a_wide_screen(self, chromium: Browser, page: Path) -> None:
        chromium.look(1280, "light")
        chromium.open(page)
        assert chromium.violations("header, #failures, #warnings, #components") == []
        chromium.look(3840, "dark")
        assert chromium.violations("header, #failures, #warnings", rule="color-contrast") == []

    def test_axe_finds_a_fault_and_a_faint_text(self, shown: Browser) -> None:
        shown.run("document.getElementById('search').parentElement.replaceWith(document.getElementById('search'))")
        shown.run("document.getElementById('search').removeAttribute('placeholder')")
        assert [rule for rule, _ in shown.violations("#tests", rule="label")] == ["label"]
        shown.run("document.styleSheets[0].insertRule('.lead { color: #ccc }')")
        assert [rule for rule, _ in shown.violations(".top", rule="color-contrast")] == ["color-contrast"]

    def test_each_colour_has_a_glyph_and_a_word_beside_it(self, shown: Browser) -> None:
        without = (
            "[...document.querySelectorAll('.verdict')].filter(one => !one.querySelector('svg') || !one.innerText)"
        )
        assert shown.run(f"{without}.length") == 0
