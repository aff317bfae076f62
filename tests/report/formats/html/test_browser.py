"""The report in a browser: the list, filters, links, charts, and what a hostile name can do, which is nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from html_browser import Browser
from html_session import CALM, HOSTILE, QUERY, many, session_of, small, small_measurements
from results import budget, measurement
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.report.formats.html import render
from pytest_perfbudget.report.formats.html.links import link_to

SLOW = "tests/orders/test_queries.py::test_lists_open_orders[10000]"
LOAD = "tests/test_load.py::test_gateway_under_load order"
TITLES = "tr.row a.test"


def press(shown: Browser, selector: str, *keys: str) -> None:
    shown.driver.find_element(By.CSS_SELECTOR, selector).send_keys(*keys)


def search(shown: Browser, text: str) -> None:
    press(shown, "#search", text)
    shown.wait("document.getElementById('state').innerText.includes(' of ')")


class TestList:
    def test_every_measurement_has_a_row_the_failing_rows_first(self, shown: Browser) -> None:
        verdicts = shown.texts("tr.row .verdict")
        assert len(verdicts) == len(small_measurements()) == 25
        assert verdicts[:4] == ["exceeded", "exceeded", "regressed", "undecided"]
        assert shown.texts("#state") == ["25 measurements"]

    def test_a_filter_by_status_is_in_the_address(self, shown: Browser) -> None:
        shown.driver.find_element(By.CSS_SELECTOR, "#statuses button").click()
        assert shown.texts("tr.row .verdict") == ["exceeded", "exceeded", "regressed"]
        assert shown.run("location.hash") == "#status=failing"
        assert shown.texts("#statuses [aria-pressed=true]") == ["Failing 3"]
        shown.driver.find_element(By.CSS_SELECTOR, "#statuses button").click()
        assert len(shown.texts(TITLES)) == 25
        assert shown.run("location.hash") == ""

    def test_a_gate_that_only_warns_has_a_filter_for_what_would_fail(self, chromium: Browser, tmp_path: Path) -> None:
        page = tmp_path / "warned.html"
        page.write_text(render(small("warn")), "utf-8")
        chromium.open(page, "#status=failing")
        assert chromium.texts("#statuses [aria-pressed=true]") == chromium.texts(".shares li")[:1] == ["Would fail 3"]
        assert "1 would fail, 1 noted, 6 passing" in chromium.texts(".components .count")

    def test_an_address_with_filters_is_shown_as_it_was(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, "#status=failing,warning&sort=name&q=tests%2Fgateway")
        assert chromium.texts(TITLES) == ["test_renders_a_long_page", "test_searches"]
        assert chromium.run("document.getElementById('search').value") == "tests/gateway"
        assert chromium.run("document.getElementById('sort').value") == "name"
        assert chromium.texts("#statuses [aria-pressed=true]") == ["Failing 3", "Warning 3"]
        assert chromium.texts("#state") == ["2 of 25 measurements"]

    def test_a_search_finds_names_components_and_verdicts(self, shown: Browser) -> None:
        search(shown, "improved security")
        assert shown.texts(TITLES) == ["test_issues_a_token"]
        assert shown.run("location.hash") == "#q=improved%20security"

    def test_a_heading_sorts_the_rows(self, shown: Browser) -> None:
        shown.driver.find_element(By.CSS_SELECTOR, "th.col-p50 button").click()
        assert shown.texts("tr.row td.col-p50")[:2] == ["47 ms", "36.9 ms"]
        assert shown.run("document.querySelector('th.col-p50').ariaSort") == "descending"
        assert shown.run("location.hash") == "#sort=time"

    def test_a_bar_that_is_too_short_has_an_arrow(self, shown: Browser) -> None:
        found = "[...document.querySelectorAll('tr.row')].map(one => one.querySelectorAll('.beyond path').length)"
        assert shown.run(found)[:3] == [1, 0, 0]
        lines = "[...new Set([...document.querySelectorAll('.bar .limit')].map(one => one.getAttribute('x1')))]"
        assert shown.run(lines) == ["60.00%"]

    def test_a_long_list_is_shown_in_parts(self, chromium: Browser, tmp_path: Path) -> None:
        path = tmp_path / "many.html"
        path.write_text(render(many(150)), "utf-8")
        chromium.open(path)
        assert len(chromium.texts(TITLES)) == 100
        assert chromium.texts("#list button.more") == ["Show 50 more of 50"]
        chromium.driver.find_element(By.CSS_SELECTOR, "#list button.more").click()
        assert len(chromium.texts(TITLES)) == 150
        assert chromium.texts("#list button.more") == []


class TestDetails:
    def test_a_link_opens_its_test(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, link_to(SLOW))
        assert chromium.texts("tr.open a.test") == ["test_lists_open_orders[10000]"]
        assert chromium.run("document.activeElement.getAttribute('aria-expanded')") == "true"
        text = chromium.texts(".details")[0]
        for told in ("p95 61.1 ms exceeds its budget of 50 ms (122%)", "at most 50 ms", "+30 % .. +38 %", "61.2 MB"):
            assert told in text
        assert "orders.queries:load_customer" in chromium.texts(".grown")[0]
        assert "61%" in chromium.texts(".profile")[0]
        assert "baseline, commit 3f2a91c, 2026-11-20" in text

    def test_the_distribution_has_each_limit_as_a_line_with_its_source(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelector('.chart .curve')")
        labels = chromium.run("[...document.querySelectorAll('.chart .label')].map(one => one.textContent)")
        assert labels == [
            "baseline 35.1 ms · the typical call of the other side",
            "p95 limit 50 ms · perf_budget marker",
            "typical call + 5 %: 36.9 ms · pyproject.toml",
        ]
        chart = chromium.run("document.querySelector('.chart').getAttribute('aria-label')")
        assert chart == "Distribution: time of 720 rounds, from 42.3 ms to 122 ms"

    def test_a_load_has_its_numbers_its_course_and_its_errors(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, link_to(LOAD))
        text = chromium.texts(".details")[0]
        for told in ("244 rps successful", "72 (2.40 %)", "at least 100 rps", "component gateway in pyproject.toml"):
            assert told in text
        assert chromium.texts("figcaption") == [
            "Distribution latency of 3,000 requests",
            "Latency 11 ms to 30.7 ms median p95",
            "Rate 157 rps to 244 rps successful requests",
            "Errors 0 % to 12 % share of the requests",
            "Users 4 to 20 users at a time",
        ]
        chromium.wait("document.querySelectorAll('.chart .curve').length === 8")  # a gap divides two of six
        labels = chromium.run("[...document.querySelectorAll('.chart .label')].map(one => one.textContent)")
        assert "rps limit 100 rps · component gateway in pyproject.toml" in labels
        assert "error_rate limit 1 % · perf_load() in tests/test_load.py:14" in labels
        assert chromium.texts(".error p")[0] == "71 errors HTTPError: 503 Service Unavailable 4.20 s .. 9.80 s"

    def test_spans_are_a_tree_with_shares_that_add_up(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, link_to("tests/orders/test_queries.py::test_shows_a_page"))
        rows = chromium.texts("table.spans tbody tr")
        assert rows[0] == "page CPU 55%, waiting for an unknown cause 45% 86% 40% 12.7 ms"
        assert rows[1].startswith(f"{QUERY} limited 2 times, I/O or sleep 100%")
        assert rows[-1] == "outside all spans 14% 2.00 ms"
        own = [int(one.rstrip("%")) for one in chromium.texts("table.spans tbody td:nth-child(3)")]
        assert 98 <= sum(own) <= 102
        left = "[...document.querySelectorAll('.span-name')].map(one => parseFloat(getComputedStyle(one).paddingLeft))"
        outer, query, inner = chromium.run(left)[:3]
        assert outer < query < inner

    def test_a_flame_graph_has_the_function_that_became_slower_in_another_colour(
        self, chromium: Browser, page: Path
    ) -> None:
        chromium.look(1280)
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelector('.flame .hot-3')")
        assert len(chromium.driver.find_elements(By.CSS_SELECTOR, ".flame .frame")) == 6
        labels = chromium.run("[...document.querySelectorAll('.flame text')].map(one => one.textContent)")
        assert [one for one in labels if one[0] in "\u25b2\u25bc"] == ["\u25b2 orders.queries:load_customer"]
        assert chromium.texts(".legend-flame") == [
            "\u25b2 slower than on the other side, without the functions that it calls about as before \u25bc faster"
        ]
        files = chromium.run("[...document.querySelectorAll('a[download]')].map(one => one.getAttribute('href'))")
        assert [one.rpartition("78b30173")[2] for one in files] == [".base.speedscope.json", ".head.speedscope.json"]

    def test_the_keyboard_chooses_and_widens_a_frame(self, chromium: Browser, page: Path) -> None:
        chromium.look(1280)
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelector('.flame .hot-3')")
        press(chromium, ".flame-box", Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        assert chromium.texts(".flame-text") == [
            "orders.queries:load_customer: 68 ms, 76% of the call, 63 ms of its own, 58 ms more than on the other side"
        ]
        press(chromium, ".flame-box", Keys.ARROW_RIGHT, Keys.ENTER)
        assert chromium.texts(".flame-text")[0].startswith("json.decoder:decode: 12 ms")
        width = "Math.round(document.querySelector('.flame .chosen').getBBox().width)"
        assert chromium.run(width) > 1000
        press(chromium, ".flame-box", Keys.ESCAPE)
        assert chromium.run(width) < 300

    def test_a_component_has_its_health_and_its_apdex_with_a_glyph(self, shown: Browser) -> None:
        assert shown.texts(".components tbody tr")[0].startswith("gateway failing 59 0.99 error_rate 2.40 %")
        assert len(shown.driver.find_elements(By.CSS_SELECTOR, ".components td .icon.failing")) == 3
        facts = shown.texts(".about .facts div")
        assert facts[0].startswith("readiness not ready: 2 budgets exceeded")
        assert "health 59 of 100, Apdex 0.99" in facts

    def test_a_test_that_the_filter_hides_is_shown_by_its_link(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, f"{link_to(SLOW)}&status=passing")
        assert chromium.texts("tr.row a.test")[0] == "test_lists_open_orders[10000]"
        assert chromium.texts("#state") == ["17 of 25 measurements"]

    def test_an_unknown_test_is_named(self, chromium: Browser, page: Path) -> None:
        gone = f"tests/test_gone.py::test_gone[{'x' * 80}]"
        chromium.look(390)
        chromium.open(page, link_to(gone))
        assert chromium.texts("#state") == [f"25 measurements; this report has no {gone}"]
        assert chromium.run("document.documentElement.scrollWidth") <= 390

    def test_the_keyboard_opens_and_closes_a_test_and_back_closes_it_as_well(self, shown: Browser) -> None:
        press(shown, TITLES, Keys.ENTER)
        assert shown.run("location.hash") == link_to(LOAD)
        assert len(shown.texts(".details")) == 1
        press(shown, "tr.open a.test", Keys.ENTER)
        assert shown.texts(".details") == []
        press(shown, TITLES, Keys.ENTER)
        shown.driver.back()
        shown.wait("!document.querySelector('.details')")
        assert shown.run("location.hash") == ""

    def test_a_link_in_the_failures_opens_its_test(self, shown: Browser) -> None:
        shown.driver.find_element(By.CSS_SELECTOR, "#failures a.test").click()
        shown.wait("document.querySelector('tr.open')")
        assert shown.texts("tr.open a.test") == ["test_lists_open_orders[10000]"]


class TestSources:
    """The place of a limit, by which a reader finds what to change."""

    def test_a_phone_has_it_below_the_heading_of_a_chart(self, chromium: Browser, page: Path) -> None:
        chromium.look(390)
        chromium.open(page, link_to(SLOW))
        display = "getComputedStyle(document.querySelector('.limit-source')).display"
        assert chromium.texts(".limit-source")[0] == "p95 limit 50 ms · perf_budget marker"
        assert chromium.run(display) == "block"
        chromium.look(1280)
        assert chromium.run(display) == "none"

    def test_a_limit_without_a_number_has_it_beside_the_reason(self, chromium: Browser, tmp_path: Path) -> None:
        one = budget(BudgetVerdict.UNMEASURED, estimate=None, lower=None, upper=None, rounds=0, reason="never called")
        path = tmp_path / "unmeasured.html"
        path.write_text(render(session_of([measurement(one, nodeid="a.py::test")])), "utf-8")
        chromium.open(path, link_to("a.py::test"))
        assert chromium.texts(".budgets .source") == ["never called; p95_ms from perf_budget marker of a.py::test"]


class TestForest:
    def test_every_change_has_a_row_with_its_number(self, shown: Browser) -> None:
        assert shown.texts(".forest .number")[:4] == ["34.1x", "+34 %", "+12.4 %", "-51 %"]
        assert len(shown.texts(".forest li")) == 19
        label = "regressed: time +34 %, 95 % interval +30 % .. +38 %"
        assert shown.run("document.querySelectorAll('.interval-plot')[1].getAttribute('aria-label')") == label

    def test_a_change_beyond_the_scale_is_a_ring_that_a_phone_shows_whole(self, shown: Browser) -> None:
        shown.look(390)
        assert len(shown.driver.find_elements(By.CSS_SELECTOR, ".interval-plot .outside")) == 1
        assert shown.run("getComputedStyle(document.querySelector('.interval-plot')).overflow") == "visible"
        assert shown.run("document.querySelector('.outside').getBoundingClientRect().right") <= 390

    def test_a_filter_holds_for_the_changes_as_well(self, shown: Browser) -> None:
        search(shown, "signature")
        assert set(shown.texts(".forest a")) == {"test_verifies_a_token signature", "test_verifies_a_signature"}


class TestSafety:
    def test_no_name_message_or_query_becomes_markup(self, chromium: Browser, page: Path) -> None:
        hostile = f"tests/test_hostile.py::test_case[{HOSTILE}] {QUERY}"
        chromium.open(page, link_to(hostile))
        assert HOSTILE in chromium.texts("tr.open a.test")[0]
        assert QUERY in chromium.texts("tr.open a.test")[0]
        assert f"a doubt about {HOSTILE}" in chromium.texts(".details")[0]
        assert chromium.run("window.hacked === undefined")
        assert chromium.run("document.querySelectorAll('img').length") == 0
        assert chromium.run("document.scripts.length") == 2
        search(chromium, "hostile.py")
        assert len(chromium.texts(".details")) == 1

    def test_signs_that_cannot_be_seen_are_escaped_and_the_link_still_leads_to_the_test(
        self, chromium: Browser, tmp_path: Path
    ) -> None:
        name = "tests/a.py::test_a[\x1b[31m\u202e\U000e0001desrever\nline]"
        path = tmp_path / "signs.html"
        calm = small_measurements()[CALM]
        budgets = [replace(calm.budgets[0], span="\u202eyreuq")]
        path.write_text(render(session_of([replace(calm, nodeid=name, budgets=budgets)])), "utf-8")
        chromium.open(path, link_to(name))
        shown = r"test_a[\x1b[31m\u202e\U000e0001desrever\nline]"
        assert chromium.texts("tr.open a.test") == [shown]
        assert not set("\x1b\u202e\U000e0001") & set(chromium.run("document.body.textContent"))
        assert shown in chromium.run("document.querySelector('#forest').textContent")
        read_out = (
            "[...document.querySelectorAll('[aria-label], [title]')].map((one) => one.ariaLabel + one.title).join()"
        )
        assert r"\u202eyreuq" in chromium.run(read_out)
        assert not set("\x1b\u202e\U000e0001") & set(chromium.run(read_out))
        press(chromium, "#search", r"\u202e")
        chromium.wait("location.hash.includes('q=')")
        assert chromium.texts("#state") == ["1 measurement"]

    def test_the_policy_of_the_page_stops_a_script_that_gets_into_it(self, shown: Browser) -> None:
        shown.run("document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked = 3'}))")
        assert shown.run("window.hacked === undefined")
        assert any("Content Security Policy" in one for one in shown.complaints())

    def test_a_page_makes_no_request_and_the_console_stays_empty(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, f"{link_to(LOAD)}&sort=change")
        search(chromium, "load")
        assert chromium.complaints() == []
        requested = {one.partition("#")[0] for one in chromium.requests()}
        assert requested <= {page.as_uri(), "about:blank"}
        assert page.as_uri() in requested


class TestWithoutScripts:
    def test_the_verdict_and_the_failures_are_there(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, script=False)
        try:
            found = chromium.driver.find_element(By.TAG_NAME, "body").text
        finally:
            chromium.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        for told in (
            "Failed\n3 of 25 perf tests fail: 2 exceeded, 3 regressed.",
            "exceeded p95 61.1 ms exceeds its budget of 50 ms (122%)",
            "limit p95_ms=50 from perf_budget marker",
            "Make the code cheaper, or raise the limit",
            "Called more often:",
            "The list of tests and their charts need JavaScript.",
        ):
            assert told in found
