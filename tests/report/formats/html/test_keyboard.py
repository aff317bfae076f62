"""The report without a mouse, and the state of the list in the address: reload, back, and a link from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from html_browser import Browser
from html_session import many
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pytest_perfbudget.report.formats.html import render
from pytest_perfbudget.report.formats.html.links import link_to

SLOW = "tests/orders/test_queries.py::test_lists_open_orders[10000]"
LOAD = "tests/test_load.py::test_gateway_under_load order"

FOCUSED = """(() => {
  const [one, style] = [document.activeElement, getComputedStyle(document.activeElement)];
  const box = one.getBoundingClientRect();
  return {
    name: one.id || (one.className && one.classList[0]) || one.tagName,
    part: one.closest("[id]:not(input, select)")?.id || "",
    isMarked: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
    isSeen: box.width > 1 && box.top >= -1 && box.bottom <= innerHeight + 1 && box.left >= -1,
    place: [...document.querySelectorAll("*")].indexOf(one),
  };
})()"""
"""The element that has the focus: its name, its part of the page, whether a reader sees it, and its place in the page."""


def press(shown: Browser, *keys: str) -> None:
    ActionChains(shown.driver).send_keys(*keys).perform()


def focus(shown: Browser, selector: str) -> None:
    shown.driver.execute_script("document.querySelector(arguments[0]).focus()", selector)


def state_of(shown: Browser) -> dict[str, object]:
    """Return what the page shows of its state."""
    return {
        "open": shown.texts("tr.open a.test"),
        "rows": shown.texts("tr.row a.test"),
        "pressed": shown.texts("#statuses [aria-pressed=true]"),
        "search": shown.run("document.getElementById('search').value"),
        "sort": shown.run("document.getElementById('sort').value"),
        "address": shown.run("location.hash"),
    }


class TestKeyboard:
    def test_each_stop_is_seen_and_marked_and_they_follow_the_page(self, shown: Browser) -> None:
        stops: list[dict[str, Any]] = []
        while not stops or (stops[-1]["part"] != "list" and len(stops) < 150):
            press(shown, Keys.TAB)
            stops.append(shown.run(FOCUSED))
        assert [one for one in stops if not (one["isMarked"] and one["isSeen"])] == []
        places = [one["place"] for one in stops]
        assert places == sorted(set(places))
        assert stops[0]["name"] == "skip"
        parts = list(dict.fromkeys(one["part"] for one in stops if one["part"] and "test=" not in one["part"]))
        assert parts == ["failures", "warnings", "components", "forest", "toolbar", "statuses", "list"]
        assert {"search", "sort"} <= {one["name"] for one in stops}

    def test_the_first_stop_leads_to_the_tests_and_keeps_the_filter(self, chromium: Browser, page: Path) -> None:
        chromium.look(1280)
        chromium.open(page, "#status=failing")
        press(chromium, Keys.TAB, Keys.ENTER)
        assert chromium.run("document.activeElement.id") == "tests"
        assert chromium.run("location.hash") == "#status=failing"
        press(chromium, Keys.TAB)
        assert chromium.run("document.activeElement.id") == "search"

    def test_enter_opens_notes_filters_and_a_sorted_column_which_keeps_the_focus(self, shown: Browser) -> None:
        assert shown.run("document.querySelector('#warnings details').open") is False
        focus(shown, "#warnings summary")
        press(shown, Keys.ENTER)
        assert shown.run("document.querySelector('#warnings details').open") is True
        focus(shown, "#statuses button")
        press(shown, Keys.SPACE)
        assert shown.texts("#statuses [aria-pressed=true]") == ["Failing 3"]
        focus(shown, "th.col-p50 button")
        press(shown, Keys.ENTER)
        assert shown.run("document.activeElement.innerText") == "p50"
        assert shown.run("location.hash") == "#status=failing&sort=time"

    def test_a_flame_graph_lets_the_focus_go_on(self, chromium: Browser, page: Path) -> None:
        chromium.look(1280)
        chromium.open(page, link_to(SLOW))
        chromium.wait("document.querySelector('.flame .frame')")
        focus(chromium, ".flame-box")
        press(chromium, Keys.ARROW_DOWN, Keys.TAB)
        assert chromium.run("document.activeElement.download").endswith(".base.speedscope.json")
        ActionChains(chromium.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        assert chromium.run("document.activeElement.className") == "flame-box"

    def test_more_changes_and_more_tests_keep_the_focus(self, chromium: Browser, tmp_path: Path) -> None:
        path = tmp_path / "many.html"
        path.write_text(render(many(120)), "utf-8")
        chromium.look(1280)
        chromium.open(path)
        for part, first, link in (("#forest", 20, "li a"), ("#list", 100, "tr.row a.test")):
            focus(chromium, f"{part} .more")
            press(chromium, Keys.ENTER)
            links = chromium.run("[...document.querySelectorAll(arguments[0])].length", f"{part} {link}")
            assert links > first
            at = "[...document.querySelectorAll(arguments[0])].indexOf(document.activeElement)"
            assert chromium.run(at, f"{part} {link}") == first


class TestState:
    def test_it_survives_a_reload(self, shown: Browser) -> None:
        shown.driver.find_element(By.CSS_SELECTOR, "#statuses button").click()
        focus(shown, "#search")
        press(shown, "orders")
        shown.wait("location.hash.includes('q=orders')")
        focus(shown, "th.col-test button")
        press(shown, Keys.ENTER)
        focus(shown, "tr.row a.test")
        press(shown, Keys.ENTER)
        before = state_of(shown)
        assert before["address"] == f"{link_to(SLOW)}&status=failing&sort=name&q=orders"
        assert before["open"] == before["rows"] == ["test_lists_open_orders[10000]"]
        shown.driver.refresh()
        shown.wait("document.documentElement.hasAttribute('data-ready')")
        assert state_of(shown) == before

    def test_back_and_forward_lead_through_the_tests_and_keep_the_filter(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, "#status=failing&sort=name")
        seen = [state_of(chromium)]
        for test in (SLOW, LOAD):
            focus(chromium, f"tr.row a.test[href='{link_to(test)}']")
            press(chromium, Keys.ENTER)  # a browser may skip steps that no key and no click made
            seen.append(state_of(chromium))
        assert [one["open"] for one in seen] == [
            [],
            ["test_lists_open_orders[10000]"],
            ["test_gateway_under_load order"],
        ]
        for step in (1, 0):
            chromium.driver.back()
            chromium.wait(f"location.hash === {seen[step]['address']!r}")
            chromium.wait(f"document.querySelectorAll('tr.open').length === {step}")
            assert state_of(chromium) == seen[step]
        assert chromium.run("document.activeElement.innerText") == "test_lists_open_orders[10000]"
        chromium.driver.forward()
        chromium.wait("document.querySelector('tr.open')")
        assert state_of(chromium) == seen[1]

    def test_an_address_that_is_typed_on_the_page_is_shown(self, shown: Browser) -> None:
        shown.run("location.hash = arguments[0]", f"{link_to(LOAD)}&sort=name")
        shown.wait("document.querySelector('tr.open')")
        assert state_of(shown)["open"] == ["test_gateway_under_load order"]
        assert state_of(shown)["sort"] == "name"
